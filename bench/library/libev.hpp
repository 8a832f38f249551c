// SPDX-License-Identifier: BSL-1.0
// libev: a function is posted in the loop's thread by ev_feed_event(), which calls the latest first
// and before the loop looks at its descriptors again; between threads by a mutex and an ev_async.
// Its timers count seconds, as a double, from the time that the loop read last.
#pragma once

#include "library/options.hpp"
#include "support/jobs.hpp"

#include <chrono>

#include <ev.h>

namespace bench {

class loop {
public:
    explicit loop(const loop_options& options) : ev(ev_loop_new(EVBACKEND_EPOLL)) {
        set_timer_slack(options);
        ev_async_init(&async_, [](struct ev_loop*, ev_async* watcher, int) {
            static_cast<loop*>(watcher->data)->foreign_.drain([](job& one) { one(); });
        });
        async_.data = this;
        ev_async_start(ev, &async_);
    }

    void run() {
        ev_now_update(ev);
        ev_run(ev, 0);
    }
    void stop() { ev_break(ev, EVBREAK_ONE); }
    void update_time() { ev_now_update(ev); }

    void hand_over(job added) {
        if (foreign_.push(added)) {
            ev_async_send(ev, &async_);
        }
    }

    struct ev_loop* ev;

private:
    ev_async async_;
    locked_queue<job> foreign_;
};

template <class Function>
void hand_over(loop& to, Function function) {
    to.hand_over(carried_job(function));
}

template <class Function>
class task {
public:
    task(loop& where, Function function) : loop_(&where), function_(function) {
        // Never started, only fed.
        ev_idle_init(&watcher_, [](struct ev_loop*, ev_idle* watcher, int) {
            static_cast<task*>(watcher->data)->function_();
        });
        watcher_.data = this;
    }
    task(task&&) = delete;

    void post() { ev_feed_event(loop_->ev, &watcher_, EV_IDLE); }

private:
    loop* loop_;
    ev_idle watcher_;
    Function function_;
};

template <class Function>
class timer {
public:
    timer(loop& where, Function function) : loop_(&where), function_(function) {
        ev_init(&timer_, [](struct ev_loop*, ev_timer* watcher, int) {
            auto* const self = static_cast<timer*>(watcher->data);
            ev_timer_stop(self->loop_->ev, watcher);
            self->function_();
        });
        timer_.data = this;
    }
    timer(timer&&) = delete;

    // ev_timer_again() starts, moves, and takes a repeat of zero for "stop".
    void after(std::chrono::nanoseconds time) {
        if (time.count() <= 0) {
            ev_timer_set(&timer_, 0., 0.);
            ev_timer_start(loop_->ev, &timer_);
            return;
        }
        timer_.repeat = std::chrono::duration<double>(time).count();
        ev_timer_again(loop_->ev, &timer_);
    }
    void at(std::chrono::steady_clock::time_point time, std::chrono::steady_clock::time_point now) {
        after(time - now);
    }
    void cancel() { ev_timer_stop(loop_->ev, &timer_); }

    std::chrono::nanoseconds wanted{};  // see arm_by_hand.hpp

private:
    loop* loop_;
    ev_timer timer_;
    Function function_;
};

template <class Function>
class watcher {
public:
    watcher(loop& where, int descriptor, Function function) : loop_(&where), function_(function) {
        ev_io_init(
            &io_,
            [](struct ev_loop*, ev_io* io, int) { static_cast<watcher*>(io->data)->function_(); },
            descriptor, EV_READ);
        io_.data = this;
    }
    watcher(watcher&&) = delete;

    void start() { ev_io_start(loop_->ev, &io_); }

private:
    loop* loop_;
    ev_io io_;
    Function function_;
};

}  // namespace bench

#include "library/arm_by_hand.hpp"
