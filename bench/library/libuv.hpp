// SPDX-License-Identifier: BSL-1.0
// libuv: it has no queue of functions, so a vector and an idle handle stand for it in the loop's
// thread, a mutex and an async handle between threads. Its timers count milliseconds from the time
// that the loop read last. Loops and handles live until the program ends.
#pragma once

#include "library/options.hpp"
#include "support/jobs.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include <uv.h>

namespace bench {

class loop {
public:
    explicit loop(const loop_options& options) {
        set_timer_slack(options);
        uv_loop_init(&uv);
        uv_idle_init(&uv, &idle_);
        idle_.data = this;
        uv_async_init(&uv, &async_, [](uv_async_t* handle) {
            static_cast<loop*>(handle->data)->foreign_.drain([](job& one) { one(); });
        });
        async_.data = this;
    }

    void run() {
        uv_update_time(&uv);
        uv_run(&uv, UV_RUN_DEFAULT);
    }
    void stop() { uv_stop(&uv); }
    void update_time() { uv_update_time(&uv); }

    void push(job added) {
        if (jobs_.empty()) {
            uv_idle_start(&idle_, run_jobs);
        }
        jobs_.push(added);
    }
    void hand_over(job added) {
        if (foreign_.push(added)) {
            uv_async_send(&async_);
        }
    }

    uv_loop_t uv;

private:
    // What is posted meanwhile waits for the next iteration.
    static void run_jobs(uv_idle_t* handle) {
        auto* const self = static_cast<loop*>(handle->data);
        for (std::size_t count = self->jobs_.size(); count > 0; --count) {
            self->jobs_.pop()();
        }
        if (self->jobs_.empty()) {
            uv_idle_stop(handle);
        }
    }

    uv_idle_t idle_;
    uv_async_t async_;
    job_ring jobs_;
    locked_queue<job> foreign_;
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
class timer {
public:
    timer(loop& where, Function function) : function_(function) {
        uv_timer_init(&where.uv, &timer_);
        timer_.data = this;
    }
    timer(timer&&) = delete;

    void after(std::chrono::nanoseconds time) {
        const auto count = std::chrono::ceil<std::chrono::milliseconds>(time).count();
        uv_timer_start(
            &timer_, [](uv_timer_t* handle) { static_cast<timer*>(handle->data)->function_(); },
            static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0)), 0);
    }
    void at(std::chrono::steady_clock::time_point time, std::chrono::steady_clock::time_point now) {
        after(time - now);
    }
    void cancel() { uv_timer_stop(&timer_); }

    std::chrono::nanoseconds wanted{};  // see arm_by_hand.hpp

private:
    uv_timer_t timer_;
    Function function_;
};

template <class Function>
class watcher {
public:
    watcher(loop& where, int descriptor, Function function) : function_(function) {
        uv_poll_init(&where.uv, &poll_, descriptor);
        poll_.data = this;
    }
    watcher(watcher&&) = delete;

    void start() {
        uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* handle, int, int) {
            static_cast<watcher*>(handle->data)->function_();
        });
    }

private:
    uv_poll_t poll_;
    Function function_;
};

}  // namespace bench

#include "library/arm_by_hand.hpp"
