// SPDX-License-Identifier: BSL-1.0
// The end of a pipe that is written.
#pragma once

#include <gyre/buffer.hpp>
#include <gyre/detail/descriptor_transfer.hpp>
#include <gyre/posix/descriptor.hpp>

#include <cstddef>
#include <utility>

namespace gyre::inline v0 {

/// The writing end of a pipe, for write() and its kin. error::broken_pipe when all reading ends are
/// closed. See posix::descriptor for all the rest, and connect_pipe() for making one.
class writable_pipe : public posix::descriptor {
public:
    using posix::descriptor::descriptor;
    writable_pipe(writable_pipe&&) noexcept = default;
    writable_pipe& operator=(writable_pipe&&) noexcept = default;

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

}  // namespace gyre::inline v0
