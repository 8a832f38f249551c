// SPDX-License-Identifier: BSL-1.0
// What all sockets have in common: names of options, flags and kinds of waits.
#pragma once

#include <gyre/detail/config.hpp>
#include <gyre/detail/socket_option.hpp>

namespace gyre::inline v0 {

/// A base of sockets and acceptors that only gives them names.
class socket_base {
public:
    /// Which side shutdown() ends.
    enum shutdown_type { shutdown_receive = 0, shutdown_send = 1, shutdown_both = 2 };

    /// What wait() and async_wait() wait for.
    enum wait_type {
        wait_read,   ///< data, the end of the stream, or a connection to accept
        wait_write,  ///< room in the send buffer
        wait_error,  ///< out-of-band data, an error or a hang-up
    };

    /// Flags of a single transfer; the values are the system's.
    using message_flags = int;
    GYRE_API static const message_flags message_peek;
    GYRE_API static const message_flags message_out_of_band;
    GYRE_API static const message_flags message_do_not_route;
    GYRE_API static const message_flags message_end_of_record;

    /// The longest queue of connections that a listener can have.
    GYRE_API static const int max_listen_connections;

    using broadcast = detail::boolean_option<detail::option_name::broadcast>;
    using debug = detail::boolean_option<detail::option_name::debug>;
    using do_not_route = detail::boolean_option<detail::option_name::do_not_route>;
    using keep_alive = detail::boolean_option<detail::option_name::keep_alive>;
    using linger = detail::linger_option;
    using out_of_band_inline = detail::boolean_option<detail::option_name::out_of_band_inline>;
    using receive_buffer_size = detail::integer_option<detail::option_name::receive_buffer_size>;
    using receive_low_watermark =
        detail::integer_option<detail::option_name::receive_low_watermark>;
    using reuse_address = detail::boolean_option<detail::option_name::reuse_address>;
    /// Several listeners on one port, among which the system spreads connections (Linux 3.9).
    using reuse_port = detail::boolean_option<detail::option_name::reuse_port>;
    using send_buffer_size = detail::integer_option<detail::option_name::send_buffer_size>;
    using send_low_watermark = detail::integer_option<detail::option_name::send_low_watermark>;

protected:
    ~socket_base() = default;
};

}  // namespace gyre::inline v0
