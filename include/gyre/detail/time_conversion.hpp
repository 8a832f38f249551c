// SPDX-License-Identifier: BSL-1.0
// Durations of any unit as the loop's nanoseconds, saturating at both ends. Takes whatever looks
// like a std::chrono::duration, so that <chrono> need not be included by who has no use for it.
#pragma once

#include <gyre/poller.hpp>

#include <concepts>
#include <limits>

namespace gyre::inline v0::detail {

template <class T>
concept duration_like = requires(const T& t) {
    typename T::rep;
    T::period::num;
    T::period::den;
    t.count();
};

template <class T>
concept time_point_like = duration_like<typename T::duration> && requires(const T& t) {
    t.time_since_epoch();
};

/// Rounded up: a deadline must never come early.
template <duration_like Duration>
constexpr time_ns to_ns(const Duration& d) noexcept {
    using limits = std::numeric_limits<time_ns>;
    using period = typename Duration::period;
    constexpr time_ns second = 1'000'000'000;
    if constexpr (period::num == 1 && period::den == second &&
                  std::same_as<typename Duration::rep, time_ns>) {
        return d.count();
    } else {
        // Holds every integer of 64 bits; below, it only decides about saturation.
        const long double exact = static_cast<long double>(d.count()) *
                                  static_cast<long double>(period::num) * second /
                                  static_cast<long double>(period::den);
        if (!(exact < static_cast<long double>(limits::max()))) {
            return limits::max();
        }
        if (exact <= static_cast<long double>(limits::min())) {
            return limits::min();
        }
        if constexpr (std::integral<typename Duration::rep> && second % period::den == 0) {
            return static_cast<time_ns>(d.count()) * (second / period::den) * period::num;
        } else {
            const auto whole = static_cast<time_ns>(exact);
            return static_cast<long double>(whole) < exact ? whole + 1 : whole;
        }
    }
}

/// The sum, or the end of the range that it passed.
constexpr time_ns add_ns(time_ns at, time_ns d) noexcept {
    time_ns sum = 0;
    if (!__builtin_add_overflow(at, d, &sum)) {
        return sum;
    }
    return d < 0 ? std::numeric_limits<time_ns>::min() : std::numeric_limits<time_ns>::max();
}

/// From one time to another.
constexpr time_ns distance_ns(time_ns from, time_ns to) noexcept {
    time_ns distance = 0;
    if (!__builtin_sub_overflow(to, from, &distance)) {
        return distance;
    }
    return to < from ? std::numeric_limits<time_ns>::min() : std::numeric_limits<time_ns>::max();
}

/// Names the loop's clock; complete where <gyre/clock.hpp> is included.
struct loop_clock;

}  // namespace gyre::inline v0::detail
