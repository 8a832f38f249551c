// SPDX-License-Identifier: BSL-1.0
// std::latch by a mutex: that of libstdc++ 12 loses wake-ups on systems without a futex.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace gyre::testing {

class latch {
public:
    explicit latch(std::ptrdiff_t expected) : left_(expected) {}
    latch(const latch&) = delete;
    latch& operator=(const latch&) = delete;

    void count_down() {
        const std::lock_guard lock(mutex_);
        if (--left_ == 0) {
            open_.notify_all();
        }
    }
    void wait() {
        std::unique_lock lock(mutex_);
        open_.wait(lock, [this] { return left_ == 0; });
    }
    void arrive_and_wait() {
        count_down();
        wait();
    }

private:
    std::mutex mutex_;
    std::condition_variable open_;
    std::ptrdiff_t left_;
};

}  // namespace gyre::testing
