// SPDX-License-Identifier: BSL-1.0
// Ends the program when a test case hangs, so that the case is known by name.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <thread>

namespace gyre::testing {

/// How long something that must happen may take, and a whole case. Under Wine each wait is a call
/// of another process.
#if defined(_WIN32)
inline constexpr std::chrono::seconds patience{120};
#else
inline constexpr std::chrono::seconds patience{20};
#endif

/// Aborts the program if it lives longer than that.
class hang_guard {
public:
    explicit hang_guard(std::chrono::seconds limit = patience)
        : thread_([this, limit] { watch(limit); }) {}
    hang_guard(const hang_guard&) = delete;
    hang_guard& operator=(const hang_guard&) = delete;
    ~hang_guard() {
        {
            const std::lock_guard lock(mutex_);
            over_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }

private:
    void watch(std::chrono::seconds limit) {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, limit, [this] { return over_; })) {
            std::fputs("the test case hangs\n", stderr);
            std::abort();
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    bool over_ = false;
    std::thread thread_;
};

/// Whether the long form of stress tests was asked for.
inline bool full_stress() {
    const char* wish = std::getenv("GYRE_STRESS");
    return wish != nullptr && std::string_view(wish) == "full";
}

/// Lets other threads run until the condition holds; a hang_guard has to stand by.
template <class Condition>
void await(Condition condition) {
    while (!condition()) {
        std::this_thread::yield();
    }
}

/// Keeps this thread busy, as a slow handler does.
inline void spin_until(std::chrono::steady_clock::time_point end) {
    while (std::chrono::steady_clock::now() < end) {}
}
inline void spin_for(std::chrono::nanoseconds time) {
    spin_until(std::chrono::steady_clock::now() + time);
}

}  // namespace gyre::testing
