// SPDX-License-Identifier: BSL-1.0
// The right to touch a reactor: a try-lock, for which threads in run() may also wait in line.
#pragma once

#include <gyre/poller.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

namespace gyre::inline v0::detail {

/// What makes the thread that runs handlers look up from them: one word, so that looking is one
/// comparison for each handler.
class attention {
public:
    bool wanted() const noexcept { return word_.load(std::memory_order_relaxed) != 0; }

    /// seq_cst: who stops and then looks whether the loop sleeps must not miss one that goes to
    /// sleep and then looks whether it is stopped.
    void stop() noexcept { word_.fetch_or(stop_bit, std::memory_order_seq_cst); }
    void restart() noexcept { word_.fetch_and(~stop_bit, std::memory_order_seq_cst); }
    bool stopped() const noexcept {
        return (word_.load(std::memory_order_seq_cst) & stop_bit) != 0;
    }

    /// The owner: whether a dispatch hook is set.
    void watch(bool on) noexcept {
        on ? word_.fetch_or(watch_bit, std::memory_order_relaxed)
           : word_.fetch_and(~watch_bit, std::memory_order_relaxed);
    }
    bool watched() const noexcept {
        return (word_.load(std::memory_order_relaxed) & watch_bit) != 0;
    }

    /// Threads in run() that wait for the token.
    void add_waiter() noexcept { word_.fetch_add(waiter, std::memory_order_seq_cst); }
    /// True if others are left.
    bool remove_waiter() noexcept {
        return word_.fetch_sub(waiter, std::memory_order_seq_cst) >= 2 * waiter;
    }
    bool has_waiters() const noexcept { return word_.load(std::memory_order_seq_cst) >= waiter; }
    /// As has_waiters(), for who may miss one that has just come.
    bool expects_waiters() const noexcept {
        return word_.load(std::memory_order_relaxed) >= waiter;
    }

private:
    static constexpr std::uint32_t stop_bit = 1;
    static constexpr std::uint32_t watch_bit = 2;
    static constexpr std::uint32_t waiter = 4;  // and above: how many
    std::atomic<std::uint32_t> word_{0};
};

class token {
public:
    explicit token(attention& look) noexcept : attention_(look) {}

    /// For the length of a call, which runs no user code; give_back() ends it. It makes way for
    /// threads that wait. acquire pairs with the end of a hold: what the last holder did to the
    /// reactor is visible.
    bool try_take() noexcept {
        return held_.load(std::memory_order_relaxed) == nobody && !attention_.expects_waiters() &&
               try_as(call);
    }

    /// As try_take(), but waits for the end of another call. False while a thread is in run().
    bool take_unless_run() noexcept {
        return take_as_call([](state) { return true; });
    }

    /// After leaving something that must not wait for a turn of the loop, which may be the last
    /// one. As take_unless_run(); if that fails, the runner is told before it lets go. release
    /// pairs with that: it sees what was left.
    bool take_or_tell() noexcept {
        return take_as_call([this](state runs) {
            return held_.compare_exchange_weak(runs, runner | told, std::memory_order_release,
                                               std::memory_order_relaxed);
        });
    }

    /// The end of a call. It tells nobody, and so is a plain store: nobody sleeps for a call.
    void give_back() noexcept { held_.store(nobody, std::memory_order_release); }

    /// A thread in run(): sleeps until it has the token, or until the context is stopped and
    /// wake_all() is called, or until the deadline. True if it has it. With `immediately` it does
    /// not wait for another thread in run(), but for the end of a call.
    bool take(time_ns until) {
        if (try_as(runner)) {
            return true;
        }
        if (until == immediately && held_by_runner()) {
            return false;
        }
        // Announce first, look afterwards; give_up() frees first and looks afterwards. With both
        // pairs sequentially consistent, one of the two sees the other.
        attention_.add_waiter();
        const bool taken = wait(until);
        if (attention_.remove_waiter() && !taken) {
            const std::lock_guard lock(mutex_);
            freed_.notify_one();  // the wake-up of a give_up() may have come here, too late
        }
        return taken;
    }

    /// The end of what take() began. False if the runner was told: it holds the token still, and
    /// has to look before it tries again.
    bool give_up() noexcept {
        state seen = runner;
        if (!held_.compare_exchange_strong(seen, nobody, std::memory_order_seq_cst)) {
            held_.exchange(runner, std::memory_order_acquire);  // sees what was left until now
            return false;
        }
        if (attention_.has_waiters()) {
            const std::lock_guard lock(mutex_);  // not between a waiter's look and its sleep
            freed_.notify_one();
        }
        return true;
    }

    void wake_all() noexcept {
        const std::lock_guard lock(mutex_);
        freed_.notify_all();
    }

private:
    using state = unsigned char;
    static constexpr state nobody = 0;
    static constexpr state call = 1;
    static constexpr state runner = 2;
    static constexpr state told = 4;  // beside runner

    bool try_as(state who) noexcept {
        state free = nobody;
        return held_.load(std::memory_order_relaxed) == free &&
               held_.compare_exchange_strong(free, who, std::memory_order_seq_cst);
    }

    // Calls give_way(state) while a runner has it, until that returns true.
    template <class F>
    bool take_as_call(F give_way) noexcept {
        for (int looks = 0; !try_as(call);) {
            const state seen = held_.load(std::memory_order_seq_cst);
            if ((seen & runner) != 0) {
                if (give_way(seen)) {
                    return false;
                }
            } else if (seen == call) {
                let_a_call_end(looks);
            }
        }
        return true;
    }

    bool held_by_runner() const noexcept {
        return (held_.load(std::memory_order_seq_cst) & runner) != 0;
    }

    bool wait(time_ns until) {
        int looks = 0;
        for (bool in_time = true; !try_as(runner);) {
            if (attention_.stopped() || !in_time) {
                return false;
            }
            if (!held_by_runner()) {
                let_a_call_end(looks);
            } else if (until == immediately) {
                return false;
            } else {
                in_time = sleep(until);
            }
        }
        return true;
    }

    // A call is over in less time than a sleep takes; but its thread may have been interrupted,
    // and may be one to which this thread, of a higher priority, yields in vain.
    static void let_a_call_end(int& looks) {
        if (looks < 64) {
            ++looks;
            std::this_thread::yield();
        } else {
            std::this_thread::sleep_for(std::chrono::microseconds(50));
        }
    }

    // While a runner has the token. False when the time is over.
    bool sleep(time_ns until) {
        std::unique_lock lock(mutex_);
        if (attention_.stopped() || !held_by_runner()) {
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

    attention& attention_;
    std::atomic<state> held_{nobody};
    std::mutex mutex_;
    std::condition_variable freed_;
};

}  // namespace gyre::inline v0::detail
