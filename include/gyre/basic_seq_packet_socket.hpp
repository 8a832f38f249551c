// SPDX-License-Identifier: BSL-1.0
// A socket that carries packets in order over a connection.
#pragma once

#include <gyre/basic_socket.hpp>
#include <gyre/buffer.hpp>
#include <gyre/detail/buffer_array.hpp>
#include <gyre/detail/message_operation.hpp>
#include <gyre/detail/transfer.hpp>

#include <cstddef>
#include <utility>

namespace gyre::inline v0 {

/// A connection of packets, each of which arrives whole. See basic_socket for threads, lifetime and
/// cancellation; a cancelled receive takes no packet.
///
/// A packet that is longer than the buffers is cut; the rest of it is lost, and the flags say so.
/// Packets of 0 bytes can't be told from the end of the connection: sending one does nothing, and
/// receiving one reports error::eof. Buffers have the limits of basic_datagram_socket.
template <class Protocol>
class basic_seq_packet_socket : public basic_socket<Protocol> {
    using base = basic_socket<Protocol>;

public:
    using flags_type = socket_base::message_flags;

    using base::base;
    /// Pending operations go along; the other socket is closed and may be opened again.
    basic_seq_packet_socket(basic_seq_packet_socket&&) noexcept = default;
    basic_seq_packet_socket& operator=(basic_seq_packet_socket&&) noexcept = default;

    /// Receives a packet; blocks until there is one, or reports error::would_block if
    /// non_blocking() is on. `out_flags` is what the system says of it, such as
    /// socket_base::message_end_of_record; untouched on failure. error::eof at the end.
    template <mutable_buffer_sequence Buffers>
    std::size_t receive(const Buffers& buffers, flags_type in_flags, flags_type& out_flags,
                        error_code& ec) {
        detail::buffer_array<Buffers> array(buffers);
        std::size_t no_address = 0;
        std::size_t bytes = 0;
        ec = this->object_.receive_from(array.data(), array.count(), in_flags, nullptr, no_address,
                                        bytes);
        if (!ec) {
            out_flags = in_flags;
        }
        return bytes;
    }
    template <mutable_buffer_sequence Buffers>
    std::size_t receive(const Buffers& buffers, flags_type in_flags, flags_type& out_flags) {
        error_code ec;
        const std::size_t bytes = receive(buffers, in_flags, out_flags, ec);
        detail::throw_error(ec, "receive");
        return bytes;
    }
    template <mutable_buffer_sequence Buffers>
    std::size_t receive(const Buffers& buffers, flags_type& out_flags) {
        return receive(buffers, 0, out_flags);
    }

    /// Sends a packet; blocks until there is room for it, or reports error::would_block if
    /// non_blocking() is on. error::message_size if it is too long or has too many buffers.
    template <const_buffer_sequence Buffers>
    std::size_t send(const Buffers& buffers, flags_type flags, error_code& ec) {
        detail::buffer_array<Buffers> array(buffers);
        std::size_t bytes = 0;
        ec = array.complete() ? this->object_.send(array.data(), array.count(), flags, bytes)
                              : error::make_error_code(error::message_size);
        return bytes;
    }
    template <const_buffer_sequence Buffers>
    std::size_t send(const Buffers& buffers, flags_type flags = 0) {
        error_code ec;
        const std::size_t bytes = send(buffers, flags, ec);
        detail::throw_error(ec, "send");
        return bytes;
    }

    /// As receive(), without blocking; `out_flags` has to live until the handler is called.
    /// Handler: void(error_code, std::size_t bytes). This and the ones below throw std::bad_alloc
    /// and what copying the handler throws; nothing was started then.
    template <mutable_buffer_sequence Buffers, class Token>
    auto async_receive(const Buffers& buffers, flags_type& out_flags, Token&& token) {
        return async_receive(buffers, 0, out_flags, std::forward<Token>(token));
    }
    template <mutable_buffer_sequence Buffers, class Token>
    auto async_receive(const Buffers& buffers, flags_type in_flags, flags_type& out_flags,
                       Token&& token) {
        return async_initiate<void(error_code, std::size_t)>(
            [this](auto&& handler, const Buffers& b, flags_type f, flags_type* out) {
                const detail::buffer_array<Buffers> array(b);
                using operation_base =
                    detail::receive_flags_operation<detail::buffer_capacity<Buffers>>;
                this->object_.start(detail::make_operation<operation_base>(
                    this->object_.where(), std::forward<decltype(handler)>(handler),
                    this->object_.get_source(), array.data(), array.count(), f, out));
            },
            std::forward<Token>(token), buffers, in_flags, &out_flags);
    }

    /// As send(), without blocking: tried at once. Handler: void(error_code, std::size_t bytes).
    template <const_buffer_sequence Buffers, class Token>
    auto async_send(const Buffers& buffers, Token&& token) {
        return async_send(buffers, 0, std::forward<Token>(token));
    }
    template <const_buffer_sequence Buffers, class Token>
    auto async_send(const Buffers& buffers, flags_type flags, Token&& token) {
        return async_initiate<void(error_code, std::size_t)>(
            [this](auto&& handler, const Buffers& b, flags_type f) {
                detail::start_message(this->object_, std::forward<decltype(handler)>(handler),
                                      detail::buffer_array<Buffers>(b), f);
            },
            std::forward<Token>(token), buffers, flags);
    }
};

}  // namespace gyre::inline v0
