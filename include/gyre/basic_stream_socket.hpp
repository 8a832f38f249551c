// SPDX-License-Identifier: BSL-1.0
// A socket that carries a stream of bytes.
#pragma once

#include <gyre/basic_socket.hpp>
#include <gyre/buffer.hpp>
#include <gyre/detail/buffer_array.hpp>
#include <gyre/detail/transfer.hpp>
#include <gyre/detail/whole_transfer.hpp>

#include <cstddef>
#include <utility>

namespace gyre::inline v0 {

/// A connection. See basic_socket for threads, lifetime and cancellation.
///
/// Reads and writes of one direction that are pending at the same time happen in the order in
/// which they were started. A read takes its bytes right before its handler is called; a write is
/// tried at once. The buffers' memory must stay valid until the handler is called.
template <class Protocol>
class basic_stream_socket : public basic_socket<Protocol> {
    using base = basic_socket<Protocol>;

public:
    using flags_type = socket_base::message_flags;

    using base::base;
    /// Pending operations go along; the other socket is closed and may be opened again.
    basic_stream_socket(basic_stream_socket&&) noexcept = default;
    basic_stream_socket& operator=(basic_stream_socket&&) noexcept = default;

    /// Reads what is there, at least one byte; blocks until something is. error::eof at the end of
    /// the stream, error::would_block instead of waiting if non_blocking() is on; else the system's
    /// errors, such as error::connection_reset. 0 bytes into empty buffers are a success.
    template <mutable_buffer_sequence Buffers>
    std::size_t read_some(const Buffers& buffers, error_code& ec) {
        return receive(buffers, 0, ec);
    }
    template <mutable_buffer_sequence Buffers>
    std::size_t read_some(const Buffers& buffers) {
        return receive(buffers, 0);
    }
    /// As read_some(), with flags.
    template <mutable_buffer_sequence Buffers>
    std::size_t receive(const Buffers& buffers, flags_type flags, error_code& ec) {
        detail::buffer_array<Buffers> array(buffers);
        std::size_t bytes = 0;
        ec = this->object_.receive(array.data(), array.count(), flags, bytes);
        return bytes;
    }
    template <mutable_buffer_sequence Buffers>
    std::size_t receive(const Buffers& buffers, flags_type flags = 0) {
        error_code ec;
        const std::size_t bytes = receive(buffers, flags, ec);
        detail::throw_error(ec, "read_some");
        return bytes;
    }

    /// Writes what the system takes, at least one byte; blocks until it takes something, or reports
    /// error::would_block if non_blocking() is on; else the system's errors, such as
    /// error::broken_pipe, and no SIGPIPE is raised. 0 bytes from empty buffers are a success.
    template <const_buffer_sequence Buffers>
    std::size_t write_some(const Buffers& buffers, error_code& ec) {
        return send(buffers, 0, ec);
    }
    template <const_buffer_sequence Buffers>
    std::size_t write_some(const Buffers& buffers) {
        return send(buffers, 0);
    }
    /// As write_some(), with flags.
    template <const_buffer_sequence Buffers>
    std::size_t send(const Buffers& buffers, flags_type flags, error_code& ec) {
        detail::buffer_array<Buffers> array(buffers);
        std::size_t bytes = 0;
        ec = this->object_.send(array.data(), array.count(), flags, bytes);
        return bytes;
    }
    template <const_buffer_sequence Buffers>
    std::size_t send(const Buffers& buffers, flags_type flags = 0) {
        error_code ec;
        const std::size_t bytes = send(buffers, flags, ec);
        detail::throw_error(ec, "write_some");
        return bytes;
    }

    /// As read_some(), without blocking. Handler: void(error_code, std::size_t bytes).
    /// Throws std::bad_alloc and what copying the handler throws; nothing was started then.
    template <mutable_buffer_sequence Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token) {
        return async_receive(buffers, 0, std::forward<Token>(token));
    }
    template <mutable_buffer_sequence Buffers, class Token>
    auto async_receive(const Buffers& buffers, Token&& token) {
        return async_receive(buffers, 0, std::forward<Token>(token));
    }
    template <mutable_buffer_sequence Buffers, class Token>
    auto async_receive(const Buffers& buffers, flags_type flags, Token&& token) {
        return async_initiate<void(error_code, std::size_t)>(
            transfer_initiation<detail::slot_kind::receive>{this}, std::forward<Token>(token),
            buffers, flags);
    }

    /// As write_some(), without blocking. Handler: void(error_code, std::size_t bytes).
    /// Throws std::bad_alloc and what copying the handler throws; nothing was started then.
    template <const_buffer_sequence Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token) {
        return async_send(buffers, 0, std::forward<Token>(token));
    }
    template <const_buffer_sequence Buffers, class Token>
    auto async_send(const Buffers& buffers, Token&& token) {
        return async_send(buffers, 0, std::forward<Token>(token));
    }
    template <const_buffer_sequence Buffers, class Token>
    auto async_send(const Buffers& buffers, flags_type flags, Token&& token) {
        return async_initiate<void(error_code, std::size_t)>(
            transfer_initiation<detail::slot_kind::send>{this}, std::forward<Token>(token), buffers,
            flags);
    }

private:
    template <detail::slot_kind Kind>
    struct transfer_initiation {
        basic_stream_socket* self;

        template <class Handler, class Buffers>
        void operator()(Handler&& handler, const Buffers& buffers, flags_type flags) const {
            detail::start_transfer<Kind, detail::extent::some>(
                self->object_, std::forward<Handler>(handler),
                detail::buffer_array<Buffers>(buffers), flags);
        }
    };
};

namespace detail {

template <class Protocol>
struct whole_transfer<basic_stream_socket<Protocol>> {
    static constexpr bool possible = true;

    template <slot_kind Kind, class Buffers, class Handler>
    static void start(basic_stream_socket<Protocol>& socket, const Buffers& buffers,
                      Handler&& handler) {
        start_transfer<Kind, extent::whole>(object_access::object(socket),
                                            std::forward<Handler>(handler),
                                            buffer_array<Buffers>(buffers), 0);
    }
};

}  // namespace detail

}  // namespace gyre::inline v0
