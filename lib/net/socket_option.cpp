// SPDX-License-Identifier: BSL-1.0
// The numbers of options and flags in the headers of the system.
#include <gyre/detail/socket_option.hpp>
#include <gyre/socket_base.hpp>

#include "platform/socket_headers.hpp"

#include <cstddef>

namespace gyre::inline v0 {

static_assert(sizeof(::linger) == sizeof(detail::linger_value) &&
              offsetof(::linger, l_linger) == offsetof(detail::linger_value, seconds));

namespace {

// What Winsock lacks: the end of a record; the wish for the length of a datagram that is cut, which
// is a result there; ports that listeners share.
#if defined(_WIN32)
constexpr int end_of_record = 0;
constexpr int truncate = 0;
constexpr detail::option_number reuse_port{-1, -1};
#else
constexpr int end_of_record = MSG_EOR;
constexpr int truncate = MSG_TRUNC;
constexpr detail::option_number reuse_port{SOL_SOCKET, SO_REUSEPORT};
#endif

}  // namespace

const socket_base::message_flags socket_base::message_peek = MSG_PEEK;
const socket_base::message_flags socket_base::message_out_of_band = MSG_OOB;
const socket_base::message_flags socket_base::message_do_not_route = MSG_DONTROUTE;
const socket_base::message_flags socket_base::message_end_of_record = end_of_record;
const socket_base::message_flags socket_base::message_truncate = truncate;
const int socket_base::max_listen_connections = SOMAXCONN;

int detail::bytes_readable_command::name() const noexcept { return static_cast<int>(FIONREAD); }

detail::option_number detail::number_of(option_name name) noexcept {
    switch (name) {
    case option_name::broadcast: return {SOL_SOCKET, SO_BROADCAST};
    case option_name::debug: return {SOL_SOCKET, SO_DEBUG};
    case option_name::do_not_route: return {SOL_SOCKET, SO_DONTROUTE};
    case option_name::keep_alive: return {SOL_SOCKET, SO_KEEPALIVE};
    case option_name::linger: return {SOL_SOCKET, SO_LINGER};
    case option_name::no_delay: return {IPPROTO_TCP, TCP_NODELAY};
    case option_name::out_of_band_inline: return {SOL_SOCKET, SO_OOBINLINE};
    case option_name::receive_buffer_size: return {SOL_SOCKET, SO_RCVBUF};
    case option_name::receive_low_watermark: return {SOL_SOCKET, SO_RCVLOWAT};
    case option_name::reuse_address: return {SOL_SOCKET, SO_REUSEADDR};
    case option_name::reuse_port: return reuse_port;
    case option_name::send_buffer_size: return {SOL_SOCKET, SO_SNDBUF};
    case option_name::send_low_watermark: return {SOL_SOCKET, SO_SNDLOWAT};
    case option_name::v6_only: return {IPPROTO_IPV6, IPV6_V6ONLY};
    }
    return {-1, -1};
}

}  // namespace gyre::inline v0
