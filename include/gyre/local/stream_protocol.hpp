// SPDX-License-Identifier: BSL-1.0
// Connections within this host that carry bytes in order.
#pragma once

#include <gyre/basic_socket_acceptor.hpp>
#include <gyre/basic_stream_socket.hpp>
#include <gyre/detail/config.hpp>
#include <gyre/local/basic_endpoint.hpp>

namespace gyre::inline v0::local {

/// Streams between processes of this host, and the names of its types. A value; any thread.
class stream_protocol {
public:
    using endpoint = basic_endpoint<stream_protocol>;
    using socket = basic_stream_socket<stream_protocol>;
    using acceptor = basic_socket_acceptor<stream_protocol>;

    /// The numbers that the system's socket() takes.
    GYRE_API int family() const noexcept;
    GYRE_API int type() const noexcept;
    int protocol() const noexcept { return 0; }

    /// 0 bytes received are the end.
    static constexpr bool is_stream = true;

    friend bool operator==(const stream_protocol&, const stream_protocol&) noexcept = default;
};

}  // namespace gyre::inline v0::local
