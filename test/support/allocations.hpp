// SPDX-License-Identifier: BSL-1.0
// How often this program takes memory: every call of malloc and its relatives, which operator new
// ends in, is counted, and chosen ones fail. Under a sanitizer, whose malloc must not be replaced,
// the operators alone.
#pragma once

#include <atomic>
#include <cstddef>
#include <limits>

namespace gyre::testing {

/// Calls since the program began.
extern std::atomic<std::size_t> allocations;

/// Whether malloc is counted, or the operators alone.
extern const bool malloc_is_counted;

/// How many allocations of this thread succeed until one fails.
inline constexpr long never_fails = std::numeric_limits<long>::max();
extern constinit thread_local long allocations_until_failure;

}  // namespace gyre::testing
