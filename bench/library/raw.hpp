// SPDX-License-Identifier: BSL-1.0
// The floor: what the work costs with epoll, plain queues and a plain timer store, in a loop that
// can do no more than these programs ask. Built once for each store (BENCH_STORE).
#pragma once

#include "library/options.hpp"
#include "support/jobs.hpp"
#include "support/timer_stores.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#ifndef BENCH_STORE
#define BENCH_STORE heap_store
#endif

namespace bench {

class loop {
public:
    explicit loop(const loop_options& options)
        : epoll_(::epoll_create1(EPOLL_CLOEXEC)), event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
        set_timer_slack(options);
        watch(event_, nullptr);
    }

    void run() {
        for (stopped_ = false; !stopped_;) {
            drain();
            call_timers();
            for (int budget = 64; budget > 0 && !jobs_.empty() && !stopped_; --budget) {
                jobs_.pop()();
            }
            if (!stopped_) {
                wait();
            }
        }
    }
    void stop() { stopped_ = true; }
    void update_time() {}

    void push(job added) { jobs_.push(added); }

    void hand_over(job added) {
        // Whoever found it empty has told the loop, and tells it for those who come after.
        if (!foreign_.push(added)) {
            return;
        }
        has_foreign_.store(true);
        if (asleep_.load() && asleep_.exchange(false)) {
            const std::uint64_t one = 1;
            [[maybe_unused]] const auto size = ::write(event_, &one, sizeof one);
        }
    }

    void watch(int descriptor, job* ready) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = ready;
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event);
    }

    static std::int64_t now() {
        std::timespec t{};
        ::clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1'000'000'000 + t.tv_nsec;
    }

    // A later deadline is only noted; the node is moved when its old one comes up.
    void arm(timer_node& node, std::int64_t deadline) {
        node.deadline = deadline;
        if (node.stored) {
            if (deadline >= node.key) {
                return;
            }
            timers_.erase(node);
        }
        node.key = deadline;
        node.stored = true;
        timers_.insert(node);
    }
    void disarm(timer_node& node) {
        if (node.stored) {
            node.stored = false;
            timers_.erase(node);
        }
    }

private:
    void drain() {
        if (has_foreign_.load(std::memory_order_relaxed) && has_foreign_.exchange(false)) {
            foreign_.drain([](job& one) { one(); });
        }
    }

    void call_timers() {
        if (timers_.earliest() == never) {
            return;
        }
        const std::int64_t time = now();
        for (int budget = 256; budget > 0 && timers_.earliest() <= time && !stopped_; --budget) {
            timer_node& node = timers_.first();
            timers_.erase(node);
            if (node.deadline > time) {
                node.key = node.deadline;
                timers_.insert(node);
                continue;
            }
            node.stored = false;
            node.call(node);
        }
    }

    void wait() {
        epoll_event events[256];
        std::int64_t left = 0;
        if (jobs_.empty()) {
            asleep_.store(true);
            if (!has_foreign_.load()) {
                left = timers_.earliest() == never
                           ? never
                           : std::max<std::int64_t>(timers_.earliest() - now(), 0);
            }
        }
        const int count = wait_for(events, left);
        asleep_.store(false, std::memory_order_relaxed);
        for (int i = 0; i < count; ++i) {
            if (const auto* const ready = static_cast<job*>(events[i].data.ptr)) {
                (*ready)();
            } else {
                std::uint64_t value = 0;
                [[maybe_unused]] const auto size = ::read(event_, &value, sizeof value);
            }
        }
    }

    // valgrind 3.19 does not know epoll_pwait2: there the time is rounded up to milliseconds.
    int wait_for(epoll_event* events, std::int64_t left) {
        if (has_pwait2_) {
            const std::timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
            const int count =
                ::epoll_pwait2(epoll_, events, 256, left == never ? nullptr : &timeout, nullptr);
            if (count >= 0 || errno != ENOSYS) {
                return count;
            }
            has_pwait2_ = false;
        }
        const std::int64_t ms = left == never ? -1 : (left + 999'999) / 1'000'000;
        return ::epoll_wait(epoll_, events, 256, static_cast<int>(ms));
    }

    int epoll_;
    int event_;
    bool has_pwait2_ = true;
    bool stopped_ = false;
    job_ring jobs_;
    BENCH_STORE timers_;
    locked_queue<job> foreign_;
    std::atomic<bool> has_foreign_ = false;
    std::atomic<bool> asleep_ = false;
};

template <class Function>
void hand_over(loop& to, Function function) {
    to.hand_over(carried_job(function));
}

template <class Function>
class task {
public:
    task(loop& where, Function function) : loop_(&where), function_(function) {}
    task(task&&) = delete;

    void post() { loop_->push(job_of(function_)); }

private:
    loop* loop_;
    Function function_;
};

template <class Function>
class timer : timer_node {
public:
    timer(loop& where, Function function) : loop_(&where), function_(function) {
        call = [](timer_node& node) { static_cast<timer&>(node).function_(); };
    }
    timer(timer&&) = delete;

    void after(std::chrono::nanoseconds time) { loop_->arm(*this, loop::now() + time.count()); }
    void at(std::chrono::steady_clock::time_point time, std::chrono::steady_clock::time_point) {
        loop_->arm(*this, time.time_since_epoch().count());
    }
    void cancel() { loop_->disarm(*this); }

    std::chrono::nanoseconds wanted{};  // see arm_by_hand.hpp

private:
    loop* loop_;
    Function function_;
};

template <class Function>
class watcher {
public:
    watcher(loop& where, int descriptor, Function function)
        : loop_(&where), descriptor_(descriptor), function_(function), job_(job_of(function_)) {}
    watcher(watcher&&) = delete;

    void start() { loop_->watch(descriptor_, &job_); }

private:
    loop* loop_;
    int descriptor_;
    Function function_;
    job job_;
};

}  // namespace bench

#include "library/arm_by_hand.hpp"
