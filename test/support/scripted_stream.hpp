// SPDX-License-Identifier: BSL-1.0
// A stream that moves as many bytes a step as the test says, reads a text, writes into another, and
// fails where the test says: for the composed operations. Knows no socket.
//
// And a device with random access that does the same at offsets of one memory.
#pragma once

#include <gyre/any_io_executor.hpp>
#include <gyre/associated_executor.hpp>
#include <gyre/buffer.hpp>
#include <gyre/detail/handler_operation.hpp>
#include <gyre/error.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gyre::testing {

/// So many bytes, no two neighbours alike.
inline std::string sample(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>('a' + (i * 7 + i / 26) % 26);
    }
    return text;
}

/// What a script says about one direction.
class script {
public:
    static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

    /// No step moves more bytes than that.
    void step(std::size_t most) { most_ = most; }
    /// No step goes across one of these places.
    void cut(std::vector<std::size_t> places) { cuts_ = std::move(places); }
    /// Every step fails with this error once so many bytes were moved in its direction.
    void fail(error_code error, std::size_t after) {
        error_ = error;
        fail_after_ = after;
    }

    std::size_t steps() const { return steps_; }
    std::size_t largest_request() const { return largest_request_; }

    /// Begins a step; false if it fails.
    bool begin(std::size_t requested, std::size_t moved, error_code& ec) {
        ++steps_;
        largest_request_ = std::max(largest_request_, requested);
        ec = moved >= fail_after_ ? error_ : error_code();
        return !ec;
    }
    /// How many bytes the step may move.
    std::size_t room(std::size_t moved) const {
        std::size_t room = std::min(most_, fail_after_ - moved);
        for (const std::size_t place : cuts_) {
            if (place > moved) {
                room = std::min(room, place - moved);
            }
        }
        return room;
    }

private:
    std::vector<std::size_t> cuts_;
    std::size_t most_ = unlimited;
    std::size_t fail_after_ = unlimited;
    error_code error_;
    std::size_t steps_ = 0;
    std::size_t largest_request_ = 0;
};

/// All ways to cut `size` bytes into pieces: calls f(places) 2^(size-1) times.
template <class F>
void for_each_split(std::size_t size, F f) {
    const std::size_t places = size == 0 ? 0 : size - 1;
    for (std::size_t mask = 0; mask != std::size_t{1} << places; ++mask) {
        std::vector<std::size_t> cuts;
        for (std::size_t i = 0; i != places; ++i) {
            if ((mask >> i & 1) != 0) {
                cuts.push_back(i + 1);
            }
        }
        f(cuts);
    }
}

/// Completes steps in the loop, as a socket does.
class step_completer {
public:
    explicit step_completer(any_io_executor executor) : executor_(executor) {}

    /// Cancels a step that is done and whose handler has not been called yet, as a socket does: the
    /// composed operation ends if it would go on.
    void cancel() { ++*cancelled_; }

    template <class Handler>
    void complete(error_code ec, std::size_t n, Handler&& handler) {
        // The associations are those of the composed operation's handler.
        const auto where = get_associated_executor(handler, executor_);
        post(where, [ec, n, cancelled = cancelled_, before = *cancelled_,
                     h = std::forward<Handler>(handler)]() mutable {
            if constexpr (detail::composed_step<std::decay_t<Handler>>) {
                if (*cancelled != before && h.goes_on(ec, n)) {
                    h.stop(detail::stop_reason::cancelled);
                }
            }
            std::move(h)(ec, n);
        });
    }

private:
    any_io_executor executor_;
    std::shared_ptr<int> cancelled_ = std::make_shared<int>(0);
};

class scripted_stream : public script {
public:
    using executor_type = any_io_executor;

    explicit scripted_stream(io_context& context, std::string text = {})
        : executor_(context.get_executor()), completer_(executor_), text_(std::move(text)) {}

    executor_type get_executor() const noexcept { return executor_; }
    void cancel() { completer_.cancel(); }

    const std::string& written() const { return written_; }
    std::size_t read_so_far() const { return position_; }

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
        completer_.complete(ec, n, std::forward<Handler>(handler));
    }
    template <class Buffers, class Handler>
    void async_write_some(const Buffers& buffers, Handler&& handler) {
        error_code ec;
        const std::size_t n = write_some(buffers, ec);
        completer_.complete(ec, n, std::forward<Handler>(handler));
    }

private:
    any_io_executor executor_;
    step_completer completer_;
    std::string text_;
    std::string written_;
    std::size_t position_ = 0;
};

/// Memory of a fixed size, or one that grows when it is written behind its end. The script counts
/// in offsets.
class scripted_device : public script {
public:
    using executor_type = any_io_executor;

    explicit scripted_device(io_context& context, std::string memory = {})
        : executor_(context.get_executor()), completer_(executor_), memory_(std::move(memory)) {}

    executor_type get_executor() const noexcept { return executor_; }
    void cancel() { completer_.cancel(); }

    const std::string& memory() const { return memory_; }

    template <class Buffers>
    std::size_t read_some_at(std::uint64_t offset, const Buffers& buffers, error_code& ec) {
        const auto at = static_cast<std::size_t>(offset);
        if (!begin(buffer_size(buffers), at, ec)) {
            return 0;
        }
        if (at >= memory_.size() && buffer_size(buffers) != 0) {
            ec = error::eof;
            return 0;
        }
        const std::string_view rest =
            std::string_view(memory_).substr(std::min(at, memory_.size()));
        return buffer_copy(buffers, buffer(rest), room(at));
    }

    template <class Buffers>
    std::size_t write_some_at(std::uint64_t offset, const Buffers& buffers, error_code& ec) {
        const auto at = static_cast<std::size_t>(offset);
        if (!begin(buffer_size(buffers), at, ec)) {
            return 0;
        }
        const std::size_t n = std::min(buffer_size(buffers), room(at));
        memory_.resize(std::max(memory_.size(), at + n), '-');
        return buffer_copy(buffer(memory_) + at, buffers, n);
    }

    template <class Buffers, class Handler>
    void async_read_some_at(std::uint64_t offset, const Buffers& buffers, Handler&& handler) {
        error_code ec;
        const std::size_t n = read_some_at(offset, buffers, ec);
        completer_.complete(ec, n, std::forward<Handler>(handler));
    }
    template <class Buffers, class Handler>
    void async_write_some_at(std::uint64_t offset, const Buffers& buffers, Handler&& handler) {
        error_code ec;
        const std::size_t n = write_some_at(offset, buffers, ec);
        completer_.complete(ec, n, std::forward<Handler>(handler));
    }

private:
    any_io_executor executor_;
    step_completer completer_;
    std::string memory_;
};

}  // namespace gyre::testing
