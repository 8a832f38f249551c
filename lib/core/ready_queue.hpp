// SPDX-License-Identifier: BSL-1.0
// Operations whose handlers can be called, and since when.
#pragma once

#include <gyre/detail/operation.hpp>

#include "platform/platform.hpp"

#include <cstddef>
#include <deque>
#include <exception>
#include <optional>

namespace gyre::inline v0::detail {

/// The times at which the operations of a ready list became ready, in the same order. Without
/// memory for one it forgets them: telemetry has a gap then, the loop goes on.
class ready_times {
public:
    /// As many operations are there already, and count as ready since now.
    ready_times(clock_ops& clock, std::size_t count) : clock_(clock) {
        times_.assign(count, clock.steady_now());
    }

    void push() noexcept {
        add([this] { times_.push_back(clock_.steady_now()); });
    }

    /// How long the oldest has been ready; 0 if that was forgotten.
    time_ns pop() noexcept {
        latest_known_ = unknown_ == 0;
        if (!latest_known_) {
            --unknown_;
            return 0;
        }
        latest_ = times_.front();
        times_.pop_front();
        return clock_.steady_now() - latest_;
    }

    /// The latest that was popped is the oldest again.
    void put_back() noexcept {
        if (latest_known_) {
            add([this] { times_.push_front(latest_); });
        } else {
            ++unknown_;
        }
    }

private:
    template <class F>
    void add(F f) noexcept {
        try {
            f();
        } catch (const std::exception&) {
            unknown_ += times_.size() + 1;
            times_.clear();
        }
    }

    clock_ops& clock_;
    std::deque<time_ns> times_;
    std::size_t unknown_ = 0;  // operations in front of those
    time_ns latest_ = 0;
    bool latest_known_ = false;
};

/// Belongs to the owner of the reactor.
class ready_queue {
public:
    bool empty() const noexcept { return list_.empty(); }
    void push(operation* op) noexcept {
        if (times_) [[unlikely]] {
            times_->push();
        }
        list_.push(op);
    }
    /// Precondition: not watched, and not empty.
    operation* pop() noexcept { return list_.pop(); }
    /// As pop(), watched or not.
    operation* pop_watched() noexcept {
        queued_ = times_ ? times_->pop() : 0;
        return list_.pop();
    }

    /// The latest that was popped is the oldest again: more of it is to be called.
    void put_back(operation* op) noexcept {
        if (times_) [[unlikely]] {
            times_->put_back();
        }
        list_.push_front(op);
    }

    /// How long the latest that was popped so had been ready.
    time_ns queued() const noexcept { return queued_; }

    /// From now on, or no longer. Throws std::bad_alloc; it is not watched then.
    void watch_by(clock_ops& clock) {
        std::size_t count = 0;
        list_.for_each([&count](operation&) { ++count; });
        times_.emplace(clock, count);
    }
    void watch_no_more() noexcept { times_.reset(); }

private:
    ready_list list_;
    std::optional<ready_times> times_;
    time_ns queued_ = 0;
};

}  // namespace gyre::inline v0::detail
