// SPDX-License-Identifier: BSL-1.0
// The clock of the loop in the terms of <chrono>. Apart from io_context.hpp, because a program
// that only waits for sockets should not pay for compiling <chrono>.
#pragma once

#include <gyre/poller.hpp>

#include <chrono>

namespace gyre::inline v0::detail {

/// What io_context::now() returns its time by.
struct loop_clock {
    using time_point = std::chrono::steady_clock::time_point;

    static constexpr time_point at(time_ns t) noexcept {
        return time_point(std::chrono::nanoseconds(t));
    }
};

}  // namespace gyre::inline v0::detail
