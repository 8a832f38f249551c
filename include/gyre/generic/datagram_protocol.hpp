// SPDX-License-Identifier: BSL-1.0
// Datagrams of any protocol that the system knows.
#pragma once

#include <gyre/basic_datagram_socket.hpp>
#include <gyre/detail/config.hpp>
#include <gyre/generic/basic_endpoint.hpp>

#include <type_traits>

namespace gyre::inline v0::generic {

/// Datagrams of whatever family. A value; any thread.
class datagram_protocol {
public:
    using endpoint = basic_endpoint<datagram_protocol>;
    using socket = basic_datagram_socket<datagram_protocol>;

    /// By the system's numbers.
    datagram_protocol(int family, int protocol) noexcept : family_(family), protocol_(protocol) {}
    /// Of a known protocol of the same kind.
    template <class Protocol>
        requires(!std::is_same_v<Protocol, datagram_protocol> && Protocol::is_stream == false)
    datagram_protocol(const Protocol& other)
    noexcept : datagram_protocol(other.family(), other.protocol()) {}

    /// The numbers that the system's socket() takes.
    int family() const noexcept { return family_; }
    GYRE_API int type() const noexcept;
    int protocol() const noexcept { return protocol_; }

    /// A datagram of 0 bytes is no end.
    static constexpr bool is_stream = false;

    friend bool operator==(const datagram_protocol&, const datagram_protocol&) noexcept = default;

private:
    int family_;
    int protocol_;
};

}  // namespace gyre::inline v0::generic
