// SPDX-License-Identifier: BSL-1.0
// Durations and time points of any unit as the loop's nanoseconds, saturating at both ends.
#pragma once

#include <gyre/poller.hpp>

#include <chrono>
#include <limits>

namespace gyre::inline v0::detail {

/// Rounded up: a deadline must never come early.
template <class Rep, class Period>
constexpr time_ns to_ns(const std::chrono::duration<Rep, Period>& d) noexcept {
    using limits = std::numeric_limits<time_ns>;
    using ns = std::chrono::duration<time_ns, std::nano>;
    // long double holds every integer of 64 bits; the comparison only decides about saturation.
    const auto approximate =
        std::chrono::duration_cast<std::chrono::duration<long double, std::nano>>(d).count();
    if (!(approximate < static_cast<long double>(limits::max()))) {
        return limits::max();
    }
    if (approximate <= static_cast<long double>(limits::min())) {
        return limits::min();
    }
    return std::chrono::ceil<ns>(d).count();
}

constexpr time_ns to_ns(const std::chrono::nanoseconds& d) noexcept { return d.count(); }

/// The sum, or the end of the range that it passed.
constexpr time_ns add_ns(time_ns at, time_ns d) noexcept {
    time_ns sum = 0;
    if (!__builtin_add_overflow(at, d, &sum)) {
        return sum;
    }
    return d < 0 ? std::numeric_limits<time_ns>::min() : std::numeric_limits<time_ns>::max();
}

}  // namespace gyre::inline v0::detail
