// SPDX-License-Identifier: BSL-1.0
//
// Transfers in steps between any source and any target: what read_at(), write_at() and the reads
// into dynamic buffers share. See composed_transfer.hpp for streams and plain buffers.

#pragma once

#include <gyre/completion_condition.hpp>
#include <gyre/detail/composed_transfer.hpp>
#include <gyre/detail/dynamic_access.hpp>
#include <gyre/detail/stop_reason.hpp>
#include <gyre/detail/success.hpp>
#include <gyre/error.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace gyre::inline v0::detail {

/// What an operation that takes plain and dynamic buffers alike is given. `Buffer` is what a plain
/// sequence has to consist of.
template <class B, class Buffer>
concept buffer_argument =
    dynamic_buffer_argument<B> || buffer_sequence<std::remove_cvref_t<B>, Buffer>;

// ---- sources: one step, after `moved` bytes --------------------------------------------------

template <class Stream>
struct from_stream {
    Stream* stream;

    template <class Buffers>
    std::size_t some(std::size_t, const Buffers& buffers, error_code& ec) const {
        return stream->read_some(buffers, ec);
    }
    template <class Buffers, class Handler>
    void async_some(std::size_t, const Buffers& buffers, Handler&& handler) const {
        stream->async_read_some(buffers, std::forward<Handler>(handler));
    }
};

template <class Device>
struct from_device {
    Device* device;
    std::uint64_t offset;

    template <class Buffers>
    std::size_t some(std::size_t moved, const Buffers& buffers, error_code& ec) const {
        return device->read_some_at(offset + moved, buffers, ec);
    }
    template <class Buffers, class Handler>
    void async_some(std::size_t moved, const Buffers& buffers, Handler&& handler) const {
        device->async_read_some_at(offset + moved, buffers, std::forward<Handler>(handler));
    }
};

template <class Device>
struct to_device {
    Device* device;
    std::uint64_t offset;

    template <class Buffers>
    std::size_t some(std::size_t moved, const Buffers& buffers, error_code& ec) const {
        return device->write_some_at(offset + moved, buffers, ec);
    }
    template <class Buffers, class Handler>
    void async_some(std::size_t moved, const Buffers& buffers, Handler&& handler) const {
        device->async_write_some_at(offset + moved, buffers, std::forward<Handler>(handler));
    }
};

// ---- targets: consuming_buffers, and this with the same interface ----------------------------

/// A dynamic buffer that is read into.
template <class B>
class growing_target {
public:
    explicit growing_target(dynamic_access<B>&& buffer) : buffer_(std::move(buffer)) {}

    auto prepare(std::size_t max_bytes) { return buffer_.prepare(max_bytes); }
    auto guard_prepared() const { return buffer_.guard_prepared(); }
    void consume(std::size_t n) {
        buffer_.commit(n);
        moved_ += n;
    }
    bool empty() const noexcept { return buffer_.space() == 0; }
    std::size_t total_size() const noexcept { return moved_ + buffer_.space(); }
    std::size_t total_consumed() const noexcept { return moved_; }

private:
    dynamic_access<B> buffer_;
    std::size_t moved_ = 0;
};

struct no_guard {
    void keep() noexcept {}
};

template <class Target>
auto guard_prepared(const Target& target) {
    if constexpr (requires { target.guard_prepared(); }) {
        return target.guard_prepared();
    } else {
        return no_guard();
    }
}

// ---- the transfers ---------------------------------------------------------------------------

template <class Source, class Target, class Condition>
std::size_t transfer_stepwise(const Source& source, Target target, Condition condition,
                              error_code& ec) {
    ec.clear();
    while (!target.empty()) {
        const std::size_t most =
            adapt_condition_result(condition(std::as_const(ec), target.total_consumed()));
        if (most == 0) {
            break;
        }
        const auto buffers = target.prepare(most);
        auto guard = guard_prepared(target);
        const std::size_t n = source.some(target.total_consumed(), buffers, ec);
        guard.keep();
        target.consume(n);
        if (n == 0 || ec) {
            break;
        }
    }
    return target.total_consumed();
}

/// One asynchronous transfer; itself the handler of each of its steps.
template <class Source, class Target, class Condition, class Handler>
class stepwise_transfer {
public:
    using next_handler_type = Handler;

    template <class H>
    stepwise_transfer(const Source& source, Target&& target, Condition condition, H&& handler)
        : source_(source),
          target_(std::move(target)),
          condition_(std::move(condition)),
          handler_(std::forward<H>(handler)) {}

    const Handler& next_handler() const noexcept { return handler_; }

    /// The first step; it also serves to complete a transfer of nothing.
    void start() { step(most()); }

    void operator()(const error_code& ec, std::size_t bytes) {
        target_.consume(bytes);
        if (stopped_ != stop_reason::none) {
            std::move(handler_)(error_of(stopped_), target_.total_consumed());
            return;
        }
        const bool over = ec || bytes == 0 || target_.empty();
        if (const std::size_t n = over ? 0 : most()) {
            step(n);
        } else {
            std::move(handler_)(ec, target_.total_consumed());
        }
    }

    /// Whether there will be another step after one with this result. A condition of the user is
    /// not asked, for it might count its calls.
    bool goes_on(const error_code& ec, std::size_t bytes) const noexcept {
        const std::size_t moved = target_.total_consumed() + bytes;
        if (ec || bytes == 0 || moved >= target_.total_size()) {
            return false;
        }
        if constexpr (is_own_condition<Condition>) {
            return condition_(ec, moved) != 0;
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
        return adapt_condition_result(condition_(none, target_.total_consumed()));
    }

    void step(std::size_t most) {
        const Source source = source_;
        const std::size_t moved = target_.total_consumed();
        const auto buffers = target_.prepare(most);
        auto guard = guard_prepared(target_);
        source.async_some(moved, buffers, std::move(*this));
        guard.keep();
    }

    Source source_;
    Target target_;
    Condition condition_;
    Handler handler_;
    stop_reason stopped_ = stop_reason::none;
};

/// What is given to async_initiate().
template <class Source>
struct initiate_stepwise {
    Source source;

    template <class Handler, const_buffer_sequence Buffers, class Condition>
    void operator()(Handler&& handler, const Buffers& buffers, Condition condition) const {
        start(std::forward<Handler>(handler), consuming_buffers<Buffers>(buffers),
              std::move(condition));
    }
    template <class Handler, class B, class Condition>
    void operator()(Handler&& handler, dynamic_access<B> buffer, Condition condition) const {
        start(std::forward<Handler>(handler), growing_target<B>(std::move(buffer)),
              std::move(condition));
    }

private:
    template <class Handler, class Target, class Condition>
    void start(Handler&& handler, Target&& target, Condition&& condition) const {
        stepwise_transfer<Source, Target, Condition, std::decay_t<Handler>>(
            source, std::move(target), std::move(condition), std::forward<Handler>(handler))
            .start();
    }
};

/// The handler of a write from a dynamic buffer: removes what was written.
template <class B, class Handler>
class consuming_handler {
public:
    using next_handler_type = Handler;

    template <class H>
    consuming_handler(dynamic_access<B>&& buffer, H&& handler)
        : buffer_(std::move(buffer)), handler_(std::forward<H>(handler)) {}

    const Handler& next_handler() const noexcept { return handler_; }

    void operator()(const error_code& ec, std::size_t bytes) {
        buffer_.consume(bytes);
        std::move(handler_)(ec, bytes);
    }

private:
    dynamic_access<B> buffer_;
    Handler handler_;
};

/// What is given to async_initiate() for such a write. `Write` initiates it for plain buffers.
template <class Write>
struct initiate_consuming {
    Write write;

    template <class Handler, class B, class Condition>
    void operator()(Handler&& handler, dynamic_access<B> buffer, Condition condition) const {
        const auto readable = buffer.data();
        write(consuming_handler<B, std::decay_t<Handler>>(std::move(buffer),
                                                          std::forward<Handler>(handler)),
              readable, std::move(condition));
    }
};

}  // namespace gyre::inline v0::detail
