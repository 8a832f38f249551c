// SPDX-License-Identifier: BSL-1.0
// A timer over the wall clock: for dates. Follows the clock when it is set.
#pragma once

#include <gyre/basic_waitable_timer.hpp>

#include <chrono>

namespace gyre::inline v0 {

/// See basic_waitable_timer.
using system_timer = basic_waitable_timer<std::chrono::system_clock>;

}  // namespace gyre::inline v0
