// SPDX-License-Identifier: BSL-1.0
// What all sockets have in common: names of options, flags and kinds of waits.
#pragma once

#include <gyre/detail/config.hpp>
#include <gyre/detail/io_control.hpp>
#include <gyre/detail/socket_option.hpp>
#include <gyre/wait_base.hpp>

namespace gyre::inline v0 {

/// A base of sockets and acceptors that only gives them names; not to be used by itself.
class socket_base : public wait_base {
public:
    /// Which side shutdown() ends.
    enum shutdown_type { shutdown_receive = 0, shutdown_send = 1, shutdown_both = 2 };

    /// Flags of a single transfer, to be combined by |; the values are the system's.
    using message_flags = int;
    /// In this order: leave the bytes where they are; urgent data (TCP); as do_not_route; the end
    /// of a record; a datagram was longer than the buffers.
    GYRE_API static const message_flags message_peek;
    GYRE_API static const message_flags message_out_of_band;
    GYRE_API static const message_flags message_do_not_route;
    GYRE_API static const message_flags message_end_of_record;
    GYRE_API static const message_flags message_truncate;

    /// The longest queue of connections that a listener can have.
    GYRE_API static const int max_listen_connections;

    /// For io_control(): how many bytes can be read without waiting.
    using bytes_readable = detail::bytes_readable_command;

    /// \name Options
    /// For set_option() and get_option(); which sockets have them, and from when on, is the
    /// system's business. Sizes are in bytes.
    /// @{

    /// Datagrams may be sent to broadcast addresses.
    using broadcast = detail::boolean_option<detail::option_name::broadcast>;
    /// The system notes what the socket does.
    using debug = detail::boolean_option<detail::option_name::debug>;
    /// Sends to hosts on directly connected networks only.
    using do_not_route = detail::boolean_option<detail::option_name::do_not_route>;
    /// An idle connection is tried from time to time, and reset if the peer does not answer.
    using keep_alive = detail::boolean_option<detail::option_name::keep_alive>;
    /// What close() does with data that has not been sent yet.
    using linger = detail::linger_option;
    /// Out-of-band data comes in between the other bytes.
    using out_of_band_inline = detail::boolean_option<detail::option_name::out_of_band_inline>;
    /// Linux gives twice of what is asked for, and says so.
    using receive_buffer_size = detail::integer_option<detail::option_name::receive_buffer_size>;
    /// A socket is readable from so many bytes on.
    using receive_low_watermark =
        detail::integer_option<detail::option_name::receive_low_watermark>;
    /// Binds to a port that connections of an earlier socket still linger on.
    using reuse_address = detail::boolean_option<detail::option_name::reuse_address>;
    /// Several listeners on one port, among which the system spreads connections (Linux 3.9).
    using reuse_port = detail::boolean_option<detail::option_name::reuse_port>;
    /// As receive_buffer_size.
    using send_buffer_size = detail::integer_option<detail::option_name::send_buffer_size>;
    /// A socket is writable from room for so many bytes on; Linux lets nobody change it.
    using send_low_watermark = detail::integer_option<detail::option_name::send_low_watermark>;

    /// @}

protected:
    ~socket_base() = default;
};

}  // namespace gyre::inline v0
