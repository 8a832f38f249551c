// SPDX-License-Identifier: BSL-1.0
// Reads more than one read_some() gives.
#pragma once

#include <gyre/async_result.hpp>
#include <gyre/buffer.hpp>
#include <gyre/completion_condition.hpp>
#include <gyre/detail/composed_transfer.hpp>
#include <gyre/detail/throw_error.hpp>
#include <gyre/error.hpp>

#include <cstddef>
#include <utility>

namespace gyre::inline v0 {

/// Reads into the buffers, by as many calls of stream.read_some() as it takes, until the buffers
/// are full, the completion condition returns 0, or an error occurs; returns the bytes read.
///
/// `condition(error, bytes so far)` says how many bytes the next step may move at most.
/// Errors are those of a step, error::eof of a stream that ends before; the bytes that came before
/// are counted.
/// The form without an error_code throws system_error instead, and then nobody learns how many they
/// were. `stream` is anything with read_some().
template <class Stream, mutable_buffer_sequence Buffers, completion_condition Condition>
std::size_t read(Stream& stream, const Buffers& buffers, Condition condition, error_code& ec) {
    return detail::transfer<detail::read_direction>(stream, buffers, std::move(condition), ec);
}
template <class Stream, mutable_buffer_sequence Buffers>
std::size_t read(Stream& stream, const Buffers& buffers, error_code& ec) {
    return read(stream, buffers, transfer_all(), ec);
}
template <class Stream, mutable_buffer_sequence Buffers,
          completion_condition Condition = detail::transfer_all_condition>
std::size_t read(Stream& stream, const Buffers& buffers, Condition condition = {}) {
    error_code ec;
    const std::size_t bytes = read(stream, buffers, std::move(condition), ec);
    detail::throw_error(ec, "read");
    return bytes;
}

/// As read(), by stream.async_read_some(). Handler: void(error_code, std::size_t bytes).
///
/// The stream and the memory of the buffers must live until the handler is called; the sequence
/// itself is copied. No other read may be started on the stream meanwhile. The condition is called
/// in this function once, and then where the handler's executor says. A cancellation between two
/// steps ends the operation with error::operation_aborted and the bytes moved so far; only a step
/// that is on its way to a handler's executor of another context is not found by it.
/// Throws std::bad_alloc, and what copying the handler or calling the condition throws; nothing was
/// started then.
template <class Stream, mutable_buffer_sequence Buffers, completion_condition Condition,
          class Token>
auto async_read(Stream& stream, const Buffers& buffers, Condition condition, Token&& token) {
    return async_initiate<void(error_code, std::size_t)>(
        detail::initiate_transfer<detail::read_direction, Stream>{&stream},
        std::forward<Token>(token), buffers, std::move(condition));
}
template <class Stream, mutable_buffer_sequence Buffers, class Token>
auto async_read(Stream& stream, const Buffers& buffers, Token&& token) {
    return async_read(stream, buffers, transfer_all(), std::forward<Token>(token));
}

}  // namespace gyre::inline v0
