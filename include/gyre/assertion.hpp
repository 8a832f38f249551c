// SPDX-License-Identifier: BSL-1.0
// What happens when a precondition of a public function does not hold.
#pragma once

#include <gyre/detail/config.hpp>

namespace gyre::inline v0 {

/// Called with the broken condition and its place when a cheap check of a public precondition
/// fails. It may throw or not return; if it returns, the program is aborted.
using assertion_handler = void (*)(const char* condition, const char* file, int line);

/// Replaces the handler of this process and returns the one before. The first one writes a line
/// to standard error. Null restores it. Thread-safe.
GYRE_API assertion_handler set_assertion_handler(assertion_handler handler) noexcept;

namespace detail {
GYRE_API void assertion_failed(const char* condition, const char* file, int line);
}  // namespace detail

}  // namespace gyre::inline v0

/// Always on: used where the check costs next to nothing. Changes no layout.
#define GYRE_ASSERT(condition)                                                                     \
    (static_cast<bool>(condition)                                                                  \
         ? void(0)                                                                                 \
         : ::gyre::detail::assertion_failed(#condition, __FILE__, __LINE__))
