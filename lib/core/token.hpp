// SPDX-License-Identifier: BSL-1.0
// The right to touch a reactor: a try-lock, for which threads in run() may also wait in line.
#pragma once

#include <gyre/poller.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace gyre::inline v0::detail {

class token {
public:
    /// For the length of a call. acquire pairs with give_up(): what the last holder did to the
    /// reactor is visible.
    bool try_take() noexcept { return try_as(holder::call); }

    /// A thread in run(): sleeps until it has the token, or until `stopped` turns true and
    /// wake_all() is called, or until the deadline. True if it has it. With `immediately` it does
    /// not wait for another thread in run(), but for the end of a call.
    bool take(const std::atomic<bool>& stopped, time_ns until) {
        if (try_as(holder::runner)) {
            return true;
        }
        if (until == immediately && held_.load(std::memory_order_relaxed) == holder::runner) {
            return false;
        }
        std::unique_lock lock(mutex_);
        // Announce first, look afterwards; give_up() frees first and looks afterwards. With both
        // pairs sequentially consistent, one of the two sees the other.
        waiting_.fetch_add(1, std::memory_order_seq_cst);
        bool taken = false;
        while (!(taken = try_as(holder::runner)) && !stopped.load(std::memory_order_seq_cst) &&
               wait(lock, until)) {}
        if (waiting_.fetch_sub(1, std::memory_order_seq_cst) != 1 && !taken) {
            freed_.notify_one();  // the wake-up of a give_up() may have come here, too late
        }
        return taken;
    }

    void give_up() noexcept {
        const bool was_call = held_.load(std::memory_order_relaxed) == holder::call;
        held_.store(holder::nobody, std::memory_order_seq_cst);
        if (waiting_.load(std::memory_order_seq_cst) != 0) {
            const std::lock_guard lock(mutex_);  // not between a waiter's look and its sleep
            if (was_call) {
                freed_.notify_all();  // one that waits for the end of calls only may be among them
            } else {
                freed_.notify_one();
            }
        }
    }

    /// The holder: whether another thread in run() has nothing to do.
    bool wanted() const noexcept { return waiting_.load(std::memory_order_relaxed) != 0; }

    void wake_all() noexcept {
        const std::lock_guard lock(mutex_);
        freed_.notify_all();
    }

private:
    enum class holder : unsigned char { nobody, call, runner };

    bool try_as(holder who) noexcept {
        holder nobody = holder::nobody;
        return held_.load(std::memory_order_relaxed) == nobody &&
               held_.compare_exchange_strong(nobody, who, std::memory_order_seq_cst);
    }

    // False when the time to wait is over.
    bool wait(std::unique_lock<std::mutex>& lock, time_ns until) {
        if (until == immediately) {
            if (held_.load(std::memory_order_seq_cst) == holder::runner) {
                return false;
            }
            freed_.wait(lock, [this] { return held_.load() != holder::call; });
            return true;
        }
        if (until == no_deadline) {
            freed_.wait(lock);
            return true;
        }
        using clock = std::chrono::steady_clock;
        const clock::time_point at{std::chrono::nanoseconds(until)};
        return freed_.wait_until(lock, at) == std::cv_status::no_timeout;
    }

    std::atomic<holder> held_{holder::nobody};
    std::atomic<unsigned> waiting_{0};
    std::mutex mutex_;
    std::condition_variable freed_;
};

}  // namespace gyre::inline v0::detail
