// SPDX-License-Identifier: BSL-1.0
// Reading and writing in steps: what read(), write() and their asynchronous forms share.
#pragma once

#include <gyre/buffer.hpp>
#include <gyre/completion_condition.hpp>
#include <gyre/detail/consuming_buffers.hpp>
#include <gyre/detail/slot.hpp>
#include <gyre/detail/stop_reason.hpp>
#include <gyre/detail/success.hpp>
#include <gyre/detail/whole_transfer.hpp>
#include <gyre/error.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace gyre::inline v0::detail {

struct read_direction {
    static constexpr slot_kind kind = slot_kind::receive;

    template <class Stream, class Buffers>
    static std::size_t some(Stream& stream, const Buffers& buffers, error_code& ec) {
        return stream.read_some(buffers, ec);
    }
    template <class Stream, class Buffers, class Handler>
    static void async_some(Stream& stream, const Buffers& buffers, Handler&& handler) {
        stream.async_read_some(buffers, std::forward<Handler>(handler));
    }
};

struct write_direction {
    static constexpr slot_kind kind = slot_kind::send;

    template <class Stream, class Buffers>
    static std::size_t some(Stream& stream, const Buffers& buffers, error_code& ec) {
        return stream.write_some(buffers, ec);
    }
    template <class Stream, class Buffers, class Handler>
    static void async_some(Stream& stream, const Buffers& buffers, Handler&& handler) {
        stream.async_write_some(buffers, std::forward<Handler>(handler));
    }
};

/// The conditions of this library are functions of their arguments alone: they may be asked twice.
template <class Condition>
inline constexpr bool is_own_condition = std::is_same_v<Condition, transfer_all_condition> ||
                                         std::is_same_v<Condition, transfer_at_least_condition> ||
                                         std::is_same_v<Condition, transfer_exactly_condition>;

template <class Direction, class Stream, class Buffers, class Condition>
std::size_t transfer(Stream& stream, const Buffers& buffers, Condition condition, error_code& ec) {
    consuming_buffers<Buffers> rest(buffers);
    ec.clear();
    while (!rest.empty()) {
        const std::size_t most =
            adapt_condition_result(condition(std::as_const(ec), rest.total_consumed()));
        if (most == 0) {
            return rest.total_consumed();
        }
        const std::size_t n = Direction::some(stream, rest.prepare(most), ec);
        rest.consume(n);
        if (n == 0 || ec) {
            break;
        }
    }
    return rest.total_consumed();
}

/// One asynchronous transfer; itself the handler of each of its steps.
template <class Direction, class Stream, class Buffers, class Condition, class Handler>
class transfer_step {
public:
    using next_handler_type = Handler;

    template <class H>
    transfer_step(Stream& stream, const Buffers& buffers, Condition condition, H&& handler)
        : stream_(&stream),
          rest_(buffers),
          condition_(std::move(condition)),
          handler_(std::forward<H>(handler)) {}

    const Handler& next_handler() const noexcept { return handler_; }

    /// The first step; it also serves to complete a transfer of nothing.
    void start() { step(most()); }

    void operator()(const error_code& ec, std::size_t bytes) {
        rest_.consume(bytes);
        if (stopped_ != stop_reason::none) {
            std::move(handler_)(error_of(stopped_), rest_.total_consumed());
            return;
        }
        const bool over = ec || bytes == 0 || rest_.empty();
        if (const std::size_t n = over ? 0 : most()) {
            step(n);
        } else {
            std::move(handler_)(ec, rest_.total_consumed());
        }
    }

    /// Whether there will be another step after one with this result. A condition of the user is
    /// not asked, for it might count its calls.
    bool goes_on(const error_code& ec, std::size_t bytes) const noexcept {
        if (ec || bytes == 0 || rest_.total_consumed() + bytes >= rest_.total_size()) {
            return false;
        }
        if constexpr (is_own_condition<Condition>) {
            return condition_(ec, rest_.total_consumed() + bytes) != 0;
        } else {
            return true;
        }
    }

    /// It was ended between two steps, when nothing was pending.
    void stop(stop_reason reason) noexcept { stopped_ = reason; }

private:
    // What the condition allows of the next step. An error ends the operation without asking.
    std::size_t most() {
        const error_code none = success();
        return adapt_condition_result(condition_(none, rest_.total_consumed()));
    }

    void step(std::size_t most) {
        Stream& stream = *stream_;
        const auto buffers = rest_.prepare(most);
        Direction::async_some(stream, buffers, std::move(*this));
    }

    Stream* stream_;
    consuming_buffers<Buffers> rest_;
    Condition condition_;
    Handler handler_;
    stop_reason stopped_ = stop_reason::none;
};

template <class Direction, class Stream>
struct initiate_transfer {
    Stream* stream;

    template <class Handler, class Buffers, class Condition>
    void operator()(Handler&& handler, const Buffers& buffers, Condition condition) const {
        if constexpr (whole_transfer<Stream>::possible && holds_all<Buffers> &&
                      std::is_same_v<Condition, transfer_all_condition>) {
            whole_transfer<Stream>::template start<Direction::kind>(*stream, buffers,
                                                                    std::forward<Handler>(handler));
        } else {
            transfer_step<Direction, Stream, Buffers, Condition, std::decay_t<Handler>>(
                *stream, buffers, std::move(condition), std::forward<Handler>(handler))
                .start();
        }
    }
};

}  // namespace gyre::inline v0::detail
