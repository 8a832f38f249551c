// SPDX-License-Identifier: BSL-1.0
// A stream that moves as many bytes a step as the test says, reads a text, writes into another, and
// fails where the test says: for the composed operations. Knows no socket.
#pragma once

#include <gyre/any_io_executor.hpp>
#include <gyre/associated_executor.hpp>
#include <gyre/buffer.hpp>
#include <gyre/error.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace gyre::testing {

/// So many bytes, no two neighbours alike.
inline std::string sample(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>('a' + (i * 7 + i / 26) % 26);
    }
    return text;
}

class scripted_stream {
public:
    using executor_type = any_io_executor;

    explicit scripted_stream(io_context& context, std::string text = {})
        : executor_(context.get_executor()), text_(std::move(text)) {}

    executor_type get_executor() const noexcept { return executor_; }

    /// No step moves more bytes than that.
    void step(std::size_t most) { most_ = most; }
    /// Every step fails with this error once so many bytes were moved in its direction.
    void fail(error_code error, std::size_t after) {
        error_ = error;
        fail_after_ = after;
    }

    const std::string& written() const { return written_; }
    std::size_t read_so_far() const { return position_; }
    std::size_t steps() const { return steps_; }
    std::size_t largest_request() const { return largest_request_; }

    template <class Buffers>
    std::size_t read_some(const Buffers& buffers, error_code& ec) {
        if (!begin(buffer_size(buffers), position_, ec)) {
            return 0;
        }
        if (position_ == text_.size() && buffer_size(buffers) != 0) {
            ec = error::eof;
            return 0;
        }
        const std::string_view rest = std::string_view(text_).substr(position_);
        const std::size_t n = buffer_copy(buffers, buffer(rest), room(position_));
        position_ += n;
        return n;
    }

    template <class Buffers>
    std::size_t write_some(const Buffers& buffers, error_code& ec) {
        if (!begin(buffer_size(buffers), written_.size(), ec)) {
            return 0;
        }
        std::string piece(buffer_size(buffers), '\0');
        piece.resize(buffer_copy(buffer(piece), buffers, room(written_.size())));
        written_ += piece;
        return piece.size();
    }

    template <class Buffers, class Handler>
    void async_read_some(const Buffers& buffers, Handler&& handler) {
        error_code ec;
        const std::size_t n = read_some(buffers, ec);
        complete(ec, n, std::forward<Handler>(handler));
    }
    template <class Buffers, class Handler>
    void async_write_some(const Buffers& buffers, Handler&& handler) {
        error_code ec;
        const std::size_t n = write_some(buffers, ec);
        complete(ec, n, std::forward<Handler>(handler));
    }

private:
    template <class Handler>
    void complete(error_code ec, std::size_t n, Handler&& handler) {
        // The associations are those of the composed operation's handler.
        const auto where = get_associated_executor(handler, executor_);
        post(where, [ec, n, h = std::forward<Handler>(handler)]() mutable { std::move(h)(ec, n); });
    }

    bool begin(std::size_t requested, std::size_t moved, error_code& ec) {
        ++steps_;
        largest_request_ = requested > largest_request_ ? requested : largest_request_;
        ec = moved >= fail_after_ ? error_ : error_code();
        return !ec;
    }
    std::size_t room(std::size_t moved) const {
        return most_ < fail_after_ - moved ? most_ : fail_after_ - moved;
    }

    any_io_executor executor_;
    std::string text_;
    std::string written_;
    std::size_t position_ = 0;
    std::size_t steps_ = 0;
    std::size_t largest_request_ = 0;
    std::size_t most_ = std::numeric_limits<std::size_t>::max();
    error_code error_;
    std::size_t fail_after_ = std::numeric_limits<std::size_t>::max();
};

}  // namespace gyre::testing
