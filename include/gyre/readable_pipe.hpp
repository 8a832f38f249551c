// SPDX-License-Identifier: BSL-1.0
// The end of a pipe that is read.
#pragma once

#include <gyre/buffer.hpp>
#include <gyre/detail/descriptor_transfer.hpp>
#include <gyre/posix/descriptor.hpp>

#include <cstddef>
#include <utility>

namespace gyre::inline v0 {

/// The reading end of a pipe, for read() and its kin. error::eof when all writing ends are closed.
/// See posix::descriptor for all the rest, and connect_pipe() for making one.
class readable_pipe : public posix::descriptor {
public:
    using posix::descriptor::descriptor;
    readable_pipe(readable_pipe&&) noexcept = default;
    readable_pipe& operator=(readable_pipe&&) noexcept = default;

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
};

}  // namespace gyre::inline v0
