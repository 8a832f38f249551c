// SPDX-License-Identifier: BSL-1.0
// The User Datagram Protocol: packets that arrive whole, or not at all, in any order.
#pragma once

#include <gyre/basic_datagram_socket.hpp>
#include <gyre/detail/config.hpp>
#include <gyre/ip/basic_endpoint.hpp>
#include <gyre/ip/v6_only.hpp>

namespace gyre::inline v0::ip {

/// In <gyre/ip/basic_resolver.hpp>, to be included by whoever looks up names.
template <class Protocol>
class basic_resolver;

/// UDP over IPv4 or IPv6, and the names of its types. A value; any thread.
class udp {
public:
    using endpoint = basic_endpoint<udp>;
    using socket = basic_datagram_socket<udp>;
    using resolver = basic_resolver<udp>;

    static udp v4() noexcept { return udp(4); }
    static udp v6() noexcept { return udp(6); }

    /// The numbers that the system's socket() takes.
    GYRE_API int family() const noexcept;
    GYRE_API int type() const noexcept;
    GYRE_API int protocol() const noexcept;

    /// A datagram of 0 bytes is no end.
    static constexpr bool is_stream = false;

    friend bool operator==(const udp&, const udp&) noexcept = default;

private:
    explicit udp(int version) noexcept : version_(version) {}

    int version_;
};

}  // namespace gyre::inline v0::ip
