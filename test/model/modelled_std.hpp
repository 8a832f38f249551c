// SPDX-License-Identifier: BSL-1.0
// Included in front of every source of the library for the model of its threads: gives it atomics
// and locks at which interleavings.hpp can let another thread come in. The sources themselves are
// the ones that are shipped, unchanged. (A name in namespace std is nobody's to add but the
// implementation's; this is a test, for the compilers that the project names.)
#pragma once

// Whatever of the standard library speaks of these names comes first, under its own.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <random>
#include <semaphore>
#include <shared_mutex>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <cstring>
#include <type_traits>
#include <utility>

#include "model/interleavings.hpp"

namespace gyre::testing::model {

template <class T>
class modelled_atomic {
public:
    static constexpr bool is_always_lock_free = std::atomic<T>::is_always_lock_free;

    constexpr modelled_atomic() noexcept : modelled_atomic(T()) {}
    // NOLINTNEXTLINE(google-explicit-constructor): as std::atomic
    constexpr modelled_atomic(T value) noexcept : value_(value) {
        if (!std::is_constant_evaluated()) {
            forget_stores(&value_);
        }
    }
    modelled_atomic(const modelled_atomic&) = delete;
    modelled_atomic& operator=(const modelled_atomic&) = delete;
    ~modelled_atomic() = default;

    bool is_lock_free() const noexcept { return true; }

    T load(std::memory_order = std::memory_order_seq_cst) const noexcept {
        point('l');
        const void* kept = kept_store(&value_);
        if (kept == nullptr) {
            return value_;
        }
        T value;
        std::memcpy(static_cast<void*>(&value), kept, sizeof value);
        return value;
    }
    void store(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
        point('s');
        if (keeps_store(order)) {
            keep_store(&value_, &value, sizeof value);
        } else {
            let_stores_go();
            value_ = value;
        }
    }
    T exchange(T value, std::memory_order = std::memory_order_seq_cst) noexcept {
        return change([value](T) { return value; });
    }
    bool compare_exchange_strong(T& expected, T desired,
                                 std::memory_order = std::memory_order_seq_cst,
                                 std::memory_order = std::memory_order_seq_cst) noexcept {
        point('x');
        let_stores_go();
        const bool same = std::memcmp(&value_, &expected, sizeof(T)) == 0;
        (same ? value_ : expected) = same ? desired : value_;
        return same;
    }
    bool compare_exchange_weak(T& expected, T desired,
                               std::memory_order success = std::memory_order_seq_cst,
                               std::memory_order failure = std::memory_order_seq_cst) noexcept {
        return compare_exchange_strong(expected, desired, success, failure);
    }
    T fetch_add(T by, std::memory_order = std::memory_order_seq_cst) noexcept {
        return change([by](T value) { return static_cast<T>(value + by); });
    }
    T fetch_sub(T by, std::memory_order = std::memory_order_seq_cst) noexcept {
        return change([by](T value) { return static_cast<T>(value - by); });
    }
    T fetch_or(T bits, std::memory_order = std::memory_order_seq_cst) noexcept {
        return change([bits](T value) { return static_cast<T>(value | bits); });
    }
    T fetch_and(T bits, std::memory_order = std::memory_order_seq_cst) noexcept {
        return change([bits](T value) { return static_cast<T>(value & bits); });
    }
    T operator++() noexcept { return fetch_add(1) + 1; }
    T operator--() noexcept { return fetch_sub(1) - 1; }
    T operator++(int) noexcept { return fetch_add(1); }
    T operator--(int) noexcept { return fetch_sub(1); }
    // NOLINTNEXTLINE(google-explicit-constructor): as std::atomic
    operator T() const noexcept { return load(); }
    T operator=(T value) noexcept {
        store(value);
        return value;
    }

private:
    template <class F>
    T change(F f) noexcept {
        point('x');
        let_stores_go();
        return std::exchange(value_, f(value_));
    }

    T value_;
};

class modelled_mutex {
public:
    constexpr modelled_mutex() noexcept = default;
    modelled_mutex(const modelled_mutex&) = delete;
    modelled_mutex& operator=(const modelled_mutex&) = delete;
    ~modelled_mutex() = default;

    void lock() {
        point('m');
        let_stores_go();
        if (held_) {
            sleep([this] { return !held_; }, no_deadline, false);
        }
        held_ = true;
    }
    void unlock() {
        let_stores_go();
        held_ = false;
    }

private:
    bool held_ = false;
};

class modelled_condition_variable {
public:
    void notify_one() noexcept {
        point('n');
        if (!waiting_.empty()) {
            *waiting_.front() = true;
            waiting_.pop_front();
        }
    }
    void notify_all() noexcept {
        point('n');
        for (bool* called : waiting_) {
            *called = true;
        }
        waiting_.clear();
    }
    void wait(std::unique_lock<modelled_mutex>& lock) { wait_for_call(lock, no_deadline); }
    template <class Predicate>
    void wait(std::unique_lock<modelled_mutex>& lock, Predicate until) {
        while (!until()) {
            wait(lock);
        }
    }
    std::cv_status wait_until(std::unique_lock<modelled_mutex>& lock,
                              const std::chrono::steady_clock::time_point& at) {
        return wait_for_call(lock, at.time_since_epoch().count()) ? std::cv_status::no_timeout
                                                                  : std::cv_status::timeout;
    }
    template <class Predicate>
    bool wait_until(std::unique_lock<modelled_mutex>& lock,
                    const std::chrono::steady_clock::time_point& at, Predicate until) {
        while (!until()) {
            if (wait_until(lock, at) == std::cv_status::timeout) {
                return until();
            }
        }
        return true;
    }
    template <class Predicate>
    bool wait_for(std::unique_lock<modelled_mutex>& lock, std::chrono::nanoseconds time,
                  Predicate until) {
        return wait_until(
            lock, std::chrono::steady_clock::time_point(time + std::chrono::nanoseconds(now())),
            until);
    }

private:
    bool wait_for_call(std::unique_lock<modelled_mutex>& lock, time_ns until) {
        bool called = false;
        waiting_.push_back(&called);
        lock.unlock();
        sleep([&called] { return called; }, until, true);
        lock.lock();
        std::erase(waiting_, &called);
        return called;
    }

    std::deque<bool*> waiting_;  // in the order of their coming
};

namespace modelled_this_thread {
inline void yield() noexcept { model::yield(); }
template <class Rep, class Period>
void sleep_for(const std::chrono::duration<Rep, Period>&) noexcept {
    model::yield();
}
}  // namespace modelled_this_thread

}  // namespace gyre::testing::model

namespace std {
using gyre::testing::model::modelled_atomic;
using gyre::testing::model::modelled_condition_variable;
using gyre::testing::model::modelled_mutex;
namespace modelled_this_thread = gyre::testing::model::modelled_this_thread;
}  // namespace std

#define atomic modelled_atomic
#define condition_variable modelled_condition_variable
#define mutex modelled_mutex
#define this_thread modelled_this_thread
