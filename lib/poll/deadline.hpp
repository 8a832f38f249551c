// SPDX-License-Identifier: BSL-1.0
// From the absolute deadlines of wait() to the relative timeouts that POSIX systems take. Nothing
// here ever makes a timeout shorter than what is left.
#pragma once

#include <gyre/poller.hpp>

#include <chrono>
#include <climits>
#include <ctime>

namespace gyre::inline v0::detail {

/// Nanoseconds until the deadline: 0 once it has passed, no_deadline if it never comes.
inline time_ns time_left(time_ns deadline) noexcept {
    if (deadline == no_deadline || deadline == immediately) {
        return deadline == immediately ? 0 : no_deadline;
    }
    using std::chrono::nanoseconds;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const time_ns now_ns = std::chrono::duration_cast<nanoseconds>(now).count();
    return deadline > now_ns ? deadline - now_ns : 0;
}

/// For calls that take a timespec; "for ever" is a null pointer there and not expressed by this.
inline ::timespec to_timespec(time_ns left) noexcept {
    constexpr time_ns second = 1'000'000'000;
    ::timespec result{};
    result.tv_sec = static_cast<decltype(result.tv_sec)>(left / second);
    result.tv_nsec = static_cast<long>(left % second);
    return result;
}

/// For calls that take milliseconds: rounded up, as much as an int holds (the caller looks at the
/// clock again and waits on), -1 for ever.
inline int to_milliseconds(time_ns left) noexcept {
    if (left == no_deadline) {
        return -1;
    }
    constexpr time_ns millisecond = 1'000'000;
    const time_ns rounded = left / millisecond + (left % millisecond != 0 ? 1 : 0);
    return rounded < INT_MAX ? static_cast<int>(rounded) : INT_MAX;
}

}  // namespace gyre::inline v0::detail
