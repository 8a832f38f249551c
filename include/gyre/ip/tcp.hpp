// SPDX-License-Identifier: BSL-1.0
// The Transmission Control Protocol: connections that carry bytes in order.
#pragma once

#include <gyre/basic_socket_acceptor.hpp>
#include <gyre/basic_stream_socket.hpp>
#include <gyre/detail/config.hpp>
#include <gyre/detail/socket_option.hpp>
#include <gyre/ip/basic_endpoint.hpp>
#include <gyre/ip/v6_only.hpp>

namespace gyre::inline v0::ip {

/// In <gyre/ip/basic_resolver.hpp>, to be included by whoever looks up names.
template <class Protocol>
class basic_resolver;

/// TCP over IPv4 or IPv6, and the names of its types. A value; any thread.
class tcp {
public:
    using endpoint = basic_endpoint<tcp>;
    using socket = basic_stream_socket<tcp>;
    using acceptor = basic_socket_acceptor<tcp>;
    using resolver = basic_resolver<tcp>;

    /// Sends small pieces at once instead of collecting them (switches off Nagle's algorithm).
    using no_delay = gyre::detail::boolean_option<gyre::detail::option_name::no_delay>;

    static tcp v4() noexcept { return tcp(4); }
    static tcp v6() noexcept { return tcp(6); }

    /// The numbers that the system's socket() takes.
    GYRE_API int family() const noexcept;
    GYRE_API int type() const noexcept;
    GYRE_API int protocol() const noexcept;

    /// 0 bytes received are the end.
    static constexpr bool is_stream = true;

    friend bool operator==(const tcp&, const tcp&) noexcept = default;

private:
    explicit tcp(int version) noexcept : version_(version) {}

    int version_;
};

}  // namespace gyre::inline v0::ip
