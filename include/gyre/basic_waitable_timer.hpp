// SPDX-License-Identifier: BSL-1.0
// A timer over any clock.
#pragma once

#include <gyre/any_io_executor.hpp>
#include <gyre/async_result.hpp>
#include <gyre/clock.hpp>
#include <gyre/detail/time_conversion.hpp>
#include <gyre/detail/timer_object.hpp>
#include <gyre/error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

namespace gyre::inline v0 {

namespace detail {

// A clock that the loop does not wait by is converted when it is armed, and looked at again when
// that time has come and at least every minute, for it may be set.
inline constexpr time_ns foreign_clock_glance = 60'000'000'000;

template <class Clock>
time_ns glance_time(reactor& r, const typename Clock::time_point& expiry) {
    const time_ns now = fresh_now(r);
    const typename Clock::time_point clock_now = Clock::now();
    if (expiry <= clock_now) {
        return now;
    }
    // The difference may be more than the clock can hold: then it is far away.
    const long double far =
        std::chrono::duration_cast<std::chrono::duration<long double, std::nano>>(
            expiry.time_since_epoch())
            .count() -
        std::chrono::duration_cast<std::chrono::duration<long double, std::nano>>(
            clock_now.time_since_epoch())
            .count();
    return add_ns(now,
                  far >= foreign_clock_glance ? foreign_clock_glance : to_ns(expiry - clock_now));
}

// One look at the clock; waits again if the time has not come.
//
// The look is taken in the timer's context, so it names an executor of its own; only the end goes
// to the handler's.
template <class Clock, class Handler>
class clock_wait {
public:
    using executor_type = any_io_executor;
    using next_handler_type = Handler;

    template <class H>
    clock_wait(const executor_type& executor, const timer_place& place,
               const typename Clock::time_point& expiry, H&& handler)
        : executor_(executor),
          place_(place),
          generation_(generation_of(place.slot)),
          expiry_(expiry),
          handler_(std::forward<H>(handler)) {}

    executor_type get_executor() const noexcept { return executor_; }
    const Handler& next_handler() const noexcept { return handler_; }

    void operator()(const error_code& result) {
        if (result || Clock::now() >= expiry_) {
            std::move(handler_)(result);
            return;
        }
        const time_ns at = glance_time<Clock>(*place_.where, expiry_);
        const timer_place place = place_;
        const std::uint32_t generation = generation_;
        timer_wait_base* op = nullptr;
        try {
            op = make_timer_wait(place, std::move(*this));
        } catch (const std::bad_alloc&) {  // and nothing has been moved then
            std::move(handler_)(error::make_error_code(error::no_memory));
            return;
        }
        resume_timer_wait(*place.where, op, generation, at);
    }

private:
    executor_type executor_;
    timer_place place_;
    std::uint32_t generation_;
    typename Clock::time_point expiry_;
    Handler handler_;
};

}  // namespace detail

/// Waits until a time of `Clock` has come. steady_timer and system_timer are what most use.
///
/// A timer has one expiry time and any number of waits; setting the time cancels them. A wait never
/// ends early. Waits of one timer end in the order in which they were started, and so do timers
/// that expire at the same time, in the order in which they were armed.
///
/// **Cancellation** is exact: a wait that cancel(), expires_at() or expires_after() counted calls
/// its handler with error::operation_aborted, also if its time had come already and its handler was
/// about to be called. Called by a thread other than the one that runs the context, they return 0,
/// and the rule holds when that thread gets to it.
/// **Threads.** Different timers may be used by different threads; one timer by one at a time.
/// **Lifetime.** Must be destroyed before its context. Destroying it cancels its waits.
/// **Cost.** No allocation and no system call; setting a later time, and cancelling, is O(1).
template <class Clock>
class basic_waitable_timer {
public:
    using executor_type = any_io_executor;
    using clock_type = Clock;
    using duration = typename clock_type::duration;
    using time_point = typename clock_type::time_point;

    /// The time has come already until it is set.
    explicit basic_waitable_timer(const executor_type& executor) : object_(executor) {}
    basic_waitable_timer(const executor_type& executor, const time_point& expiry)
        : object_(executor), expiry_(expiry) {}
    basic_waitable_timer(const executor_type& executor, const duration& from_now)
        : object_(executor) {
        expires_after(from_now);
    }
    template <context_with_executor Context>
    explicit basic_waitable_timer(Context& context)
        : basic_waitable_timer(executor_type(context.get_executor())) {}
    template <context_with_executor Context>
    basic_waitable_timer(Context& context, const time_point& expiry)
        : basic_waitable_timer(executor_type(context.get_executor()), expiry) {}
    template <context_with_executor Context>
    basic_waitable_timer(Context& context, const duration& from_now)
        : basic_waitable_timer(executor_type(context.get_executor()), from_now) {}

    /// Takes over expiry time and waits. Assigning first cancels the waits of the target.
    basic_waitable_timer(basic_waitable_timer&& other) noexcept = default;
    basic_waitable_timer& operator=(basic_waitable_timer&& other) noexcept = default;

    executor_type get_executor() const noexcept { return object_.get_executor(); }

    /// The time that was set last, whether it has come or not.
    time_point expiry() const noexcept { return expiry_; }

    /// Cancels the waits and sets the expiry time; returns how many waits were cancelled.
    std::size_t expires_at(const time_point& expiry) {
        const std::size_t cancelled = object_.cancel();
        expiry_ = expiry;
        return cancelled;
    }

    /// As expires_at(), for a time from now; a time that the clock can't hold is the last one
    /// that it can.
    std::size_t expires_after(const duration& from_now) {
        const std::size_t cancelled = object_.cancel();
        const time_point now = clock_now();
        if (from_now > duration::zero() && now > (time_point::max)() - from_now) {
            expiry_ = (time_point::max)();
        } else if (from_now < duration::zero() && now < (time_point::min)() - from_now) {
            expiry_ = (time_point::min)();
        } else {
            expiry_ = now + from_now;
        }
        return cancelled;
    }

    /// Cancels all waits; returns how many.
    std::size_t cancel() { return object_.cancel(); }

    /// Cancels the oldest wait; returns how many. Throws std::bad_alloc if another thread runs the
    /// context and the message to it finds no memory; nothing is cancelled then.
    std::size_t cancel_one() { return object_.cancel_one(); }

    /// Blocks this thread until the time has come. Independent of asynchronous waits; there is no
    /// error that it could report.
    void wait() {
        while (clock_now() < expiry_) {
            detail::sleep_until(object_.where(), steady_expiry());
        }
    }
    void wait(error_code& ec) {
        ec.clear();
        wait();
    }

    /// Waits until the time has come. Handler: void(error_code): success, or
    /// error::operation_aborted; with a clock other than steady_clock also error::no_memory.
    /// Throws std::bad_alloc and what copying the handler throws; nothing was started then.
    template <class Token>
    auto async_wait(Token&& token) {
        return async_initiate<void(error_code)>(
            [this](auto&& handler) {
                using handler_type = std::decay_t<decltype(handler)>;
                const detail::timer_place place = object_.place();
                const time_ns at = steady_expiry();
                detail::timer_wait_base* op = nullptr;
                if constexpr (is_steady) {
                    op = detail::make_timer_wait(place, std::forward<decltype(handler)>(handler));
                } else {
                    op = detail::make_timer_wait(
                        place, detail::clock_wait<Clock, detail::completion_handler<handler_type>>(
                                   get_executor(), place, expiry_,
                                   detail::to_completion_handler<handler_type>(
                                       nullptr, std::forward<decltype(handler)>(handler))));
                }
                detail::start_timer_wait(*place.where, op, at);
            },
            std::forward<Token>(token));
    }

private:
    static constexpr bool is_steady = std::is_same_v<Clock, std::chrono::steady_clock>;

    time_point clock_now() const {
        if constexpr (is_steady) {
            return time_point(std::chrono::nanoseconds(detail::fresh_now(object_.where())));
        } else {
            return Clock::now();
        }
    }

    time_ns steady_expiry() const {
        if constexpr (is_steady) {
            return detail::to_ns(expiry_.time_since_epoch());
        } else {
            return detail::glance_time<Clock>(object_.where(), expiry_);
        }
    }

    detail::timer_object object_;
    time_point expiry_{};
};

}  // namespace gyre::inline v0
