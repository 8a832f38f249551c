// SPDX-License-Identifier: BSL-1.0
// A timer over the monotonic clock: for timeouts and intervals.
#pragma once

#include <gyre/basic_waitable_timer.hpp>

#include <chrono>

namespace gyre::inline v0 {

/// See basic_waitable_timer.
using steady_timer = basic_waitable_timer<std::chrono::steady_clock>;

}  // namespace gyre::inline v0
