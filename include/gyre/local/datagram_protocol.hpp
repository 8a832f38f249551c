// SPDX-License-Identifier: BSL-1.0
// Packets within this host.
#pragma once

#include <gyre/basic_datagram_socket.hpp>
#include <gyre/detail/config.hpp>
#include <gyre/local/basic_endpoint.hpp>

namespace gyre::inline v0::local {

/// Datagrams between processes of this host, which arrive, and in order, and the names of its
/// types. A value; any thread.
class datagram_protocol {
public:
    using endpoint = basic_endpoint<datagram_protocol>;
    using socket = basic_datagram_socket<datagram_protocol>;

    /// The numbers that the system's socket() takes.
    GYRE_API int family() const noexcept;
    GYRE_API int type() const noexcept;
    int protocol() const noexcept { return 0; }

    /// A datagram of 0 bytes is no end.
    static constexpr bool is_stream = false;

    friend bool operator==(const datagram_protocol&, const datagram_protocol&) noexcept = default;
};

}  // namespace gyre::inline v0::local
