// SPDX-License-Identifier: BSL-1.0
// What tests of signals have to know of the tools they run under.
#pragma once

#include <chrono>
#include <thread>

namespace gyre::testing {

/// ThreadSanitizer holds signals that other threads or processes sent back until the program makes
/// a system call that it knows, which epoll_pwait2() is none of, and makes one of several.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool signals_are_held_back = true;
#elif defined(__has_feature)
inline constexpr bool signals_are_held_back = __has_feature(thread_sanitizer);
#else
inline constexpr bool signals_are_held_back = false;
#endif

/// Lets other threads run, and signals come, until the condition holds; a hang_guard has to stand
/// by.
template <class Condition>
void await_signal(Condition condition) {
    while (!condition()) {
        std::this_thread::sleep_for(
            std::chrono::microseconds(20));  // nothing else lets signals come
    }
}

}  // namespace gyre::testing
