// SPDX-License-Identifier: BSL-1.0
// Connections within this host that carry packets in order.
#pragma once

#include <gyre/basic_seq_packet_socket.hpp>
#include <gyre/basic_socket_acceptor.hpp>
#include <gyre/detail/config.hpp>
#include <gyre/local/basic_endpoint.hpp>

namespace gyre::inline v0::local {

/// Packets over connections between processes of this host, and the names of its types. A value;
/// any thread.
class seq_packet_protocol {
public:
    using endpoint = basic_endpoint<seq_packet_protocol>;
    using socket = basic_seq_packet_socket<seq_packet_protocol>;
    using acceptor = basic_socket_acceptor<seq_packet_protocol>;

    /// The numbers that the system's socket() takes.
    GYRE_API int family() const noexcept;
    GYRE_API int type() const noexcept;
    int protocol() const noexcept { return 0; }

    /// 0 bytes received are the end.
    static constexpr bool is_stream = true;

    friend bool operator==(const seq_packet_protocol&,
                           const seq_packet_protocol&) noexcept = default;
};

}  // namespace gyre::inline v0::local
