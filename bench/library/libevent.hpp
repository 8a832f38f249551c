// SPDX-License-Identifier: BSL-1.0
// libevent: a function is posted in the loop's thread by event_active(); between threads by a mutex
// and one event that is made active. Its locks are switched on only where other threads take part.
#pragma once

#include "library/options.hpp"
#include "support/jobs.hpp"

#include <algorithm>
#include <chrono>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>

namespace bench {

class loop {
public:
    explicit loop(const loop_options& options) {
        set_timer_slack(options);
        if (options.other_threads) {
            evthread_use_pthreads();
        }
        event_config* const config = event_config_new();
        if (options.exact_timers) {
            event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
        }
        base = event_base_new_with_config(config);
        event_config_free(config);
        event_assign(
            &drain_, base, -1, 0,
            [](evutil_socket_t, short, void* self) {
                static_cast<loop*>(self)->foreign_.drain([](job& one) { one(); });
            },
            this);
    }

    void run() { event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY); }
    void stop() { event_base_loopbreak(base); }
    void update_time() {}

    void hand_over(job added) {
        if (foreign_.push(added)) {
            event_active(&drain_, EV_TIMEOUT, 0);
        }
    }

    event_base* base;

private:
    event drain_;
    locked_queue<job> foreign_;
};

template <class Function>
void hand_over(loop& to, Function function) {
    to.hand_over(carried_job(function));
}

template <class Function>
class task {
public:
    task(loop& where, Function function) : function_(function) {
        event_assign(
            &event_, where.base, -1, 0,
            [](evutil_socket_t, short, void* self) { static_cast<task*>(self)->function_(); },
            this);
    }
    task(task&&) = delete;

    void post() { event_active(&event_, EV_TIMEOUT, 0); }

private:
    event event_;
    Function function_;
};

template <class Function>
class timer {
public:
    timer(loop& where, Function function) : function_(function) {
        evtimer_assign(
            &event_, where.base,
            [](evutil_socket_t, short, void* self) { static_cast<timer*>(self)->function_(); },
            this);
    }
    timer(timer&&) = delete;

    void after(std::chrono::nanoseconds time) {
        const auto count =
            std::max<std::int64_t>(std::chrono::ceil<std::chrono::microseconds>(time).count(), 0);
        timeval interval{};
        interval.tv_sec = count / 1'000'000;
        interval.tv_usec = count % 1'000'000;
        evtimer_add(&event_, &interval);
    }
    void at(std::chrono::steady_clock::time_point time, std::chrono::steady_clock::time_point now) {
        after(time - now);
    }
    void cancel() { evtimer_del(&event_); }

private:
    event event_;
    Function function_;
};

// Its locks are for this.
template <class Function>
void arm_from_outside(loop&, timer<Function>& which, std::chrono::nanoseconds time) {
    which.after(time);
}

template <class Function>
class watcher {
public:
    watcher(loop& where, int descriptor, Function function) : function_(function) {
        event_assign(
            &event_, where.base, descriptor, EV_READ | EV_PERSIST,
            [](evutil_socket_t, short, void* self) { static_cast<watcher*>(self)->function_(); },
            this);
    }
    watcher(watcher&&) = delete;

    void start() { event_add(&event_, nullptr); }

private:
    event event_;
    Function function_;
};

}  // namespace bench
