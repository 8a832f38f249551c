// SPDX-License-Identifier: BSL-1.0
// Reads and writes a descriptor.
#pragma once

#include <gyre/buffer.hpp>
#include <gyre/detail/descriptor_transfer.hpp>
#include <gyre/posix/descriptor.hpp>

#include <cstddef>
#include <utility>

namespace gyre::inline v0::posix {

/// A descriptor that carries a stream of bytes: a terminal, a pipe, a device, a file. For read(),
/// write() and their kin. See descriptor for all the rest.
///
/// Reads and writes of one direction that are pending at the same time happen in the order in which
/// they were started. A read takes its bytes right before its handler is called; a write is tried
/// at once.
class stream_descriptor : public descriptor {
public:
    using descriptor::descriptor;
    stream_descriptor(stream_descriptor&&) noexcept = default;
    stream_descriptor& operator=(stream_descriptor&&) noexcept = default;

    /// Reads what is there, at least one byte; blocks until something is. error::eof at the end,
    /// error::would_block instead of waiting if non_blocking() is on. 0 bytes into empty buffers
    /// are a success.
    template <mutable_buffer_sequence Buffers>
    std::size_t read_some(const Buffers& buffers, error_code& ec) {
        return gyre::detail::read_some(object_, buffers, ec);
    }
    template <mutable_buffer_sequence Buffers>
    std::size_t read_some(const Buffers& buffers) {
        error_code ec;
        const std::size_t bytes = read_some(buffers, ec);
        gyre::detail::throw_error(ec, "read_some");
        return bytes;
    }
    /// As read_some(), without blocking. Handler: void(error_code, std::size_t bytes). The buffers'
    /// memory must stay valid until it is called. Throws std::bad_alloc and what copying the
    /// handler throws; nothing was started then.
    template <mutable_buffer_sequence Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token) {
        return gyre::detail::async_descriptor<gyre::detail::slot_kind::read>(
            object_, buffers, std::forward<Token>(token));
    }

    /// Writes what the system takes, at least one byte; blocks until it takes something, or reports
    /// error::would_block if non_blocking() is on; else the system's errors, such as
    /// error::broken_pipe, and no SIGPIPE is raised. 0 bytes from empty buffers are a success.
    template <const_buffer_sequence Buffers>
    std::size_t write_some(const Buffers& buffers, error_code& ec) {
        return gyre::detail::write_some(object_, buffers, ec);
    }
    template <const_buffer_sequence Buffers>
    std::size_t write_some(const Buffers& buffers) {
        error_code ec;
        const std::size_t bytes = write_some(buffers, ec);
        gyre::detail::throw_error(ec, "write_some");
        return bytes;
    }
    /// As write_some(), without blocking: tried at once. Handler: void(error_code, std::size_t
    /// bytes). The buffers' memory must stay valid until it is called. Throws std::bad_alloc and
    /// what copying the handler throws; nothing was started then.
    template <const_buffer_sequence Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token) {
        return gyre::detail::async_descriptor<gyre::detail::slot_kind::write>(
            object_, buffers, std::forward<Token>(token));
    }
};

}  // namespace gyre::inline v0::posix
