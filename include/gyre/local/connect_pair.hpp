// SPDX-License-Identifier: BSL-1.0
// Two sockets that are connected with each other.
#pragma once

#include <gyre/basic_socket.hpp>
#include <gyre/detail/throw_error.hpp>
#include <gyre/error.hpp>

namespace gyre::inline v0::local {

/// Opens two closed sockets of a local protocol, connected with each other; they have no names, and
/// may belong to different contexts. error::already_open if one is open, error::no_descriptors,
/// error::no_memory; those that were closed stay so.
template <class Socket>
void connect_pair(Socket& first, Socket& second, error_code& ec) {
    using protocol = typename Socket::protocol_type;
    const protocol p;
    ec = gyre::detail::connect_pair(p.family(), p.type(), p.protocol(), protocol::is_stream,
                                    gyre::detail::object_access::object(first),
                                    gyre::detail::object_access::object(second));
}
template <class Socket>
void connect_pair(Socket& first, Socket& second) {
    error_code ec;
    connect_pair(first, second, ec);
    gyre::detail::throw_error(ec, "connect_pair");
}

}  // namespace gyre::inline v0::local
