// SPDX-License-Identifier: BSL-1.0
// A context inside libuv's loop.
//
//     guest_of_libuv
//
// It shows what a host has to do: watch one handle, keep one timer. Both call poll(). All handlers,
// the guest's and the host's own, run in the thread of uv_run().

#include <gyre/io_context.hpp>

#include "guest_work.hpp"

#include <uv.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <iostream>

namespace {

class guest {
public:
    guest(uv_loop_t* loop, gyre::io_context& context) : context_(context) {
        uv_poll_init(loop, &watch_, context.native_handle());
        uv_timer_init(loop, &timer_);
        watch_.data = timer_.data = this;
        uv_poll_start(&watch_, UV_READABLE, [](uv_poll_t* h, int, int) { turn(h->data); });
        turn(this);
    }
    guest(const guest&) = delete;
    guest& operator=(const guest&) = delete;

    int turns() const { return turns_; }

private:
    static void turn(void* self) { static_cast<guest*>(self)->turn(); }

    void turn() {
        ++turns_;
        context_.poll();
        if (context_.stopped()) {  // uv_run() returns when it has nothing else
            uv_close(reinterpret_cast<uv_handle_t*>(&watch_), nullptr);
            uv_close(reinterpret_cast<uv_handle_t*>(&timer_), nullptr);
            return;
        }
        const gyre::time_ns next = context_.next_deadline();
        if (next == gyre::no_deadline) {
            uv_timer_stop(&timer_);
        } else {
            uv_update_time(timer_.loop);
            uv_timer_start(
                &timer_, [](uv_timer_t* h) { turn(h->data); }, milliseconds_until(next), 0);
        }
    }

    static std::uint64_t milliseconds_until(gyre::time_ns deadline) {
        const auto now = std::chrono::steady_clock::now().time_since_epoch();
        const gyre::time_ns now_ns = std::chrono::nanoseconds(now).count();
        return deadline <= now_ns ? 0
                                  : static_cast<std::uint64_t>((deadline - now_ns) / 1'000'000 + 1);
    }

    gyre::io_context& context_;
    uv_poll_t watch_;
    uv_timer_t timer_;
    int turns_ = 0;
};

}  // namespace

int main() {
    try {
        uv_loop_t loop;
        uv_loop_init(&loop);
        gyre::io_context context;
        const example::guest_work work(context);
        const guest inside(&loop, context);
        uv_run(&loop, UV_RUN_DEFAULT);
        uv_loop_close(&loop);
        std::cout << "turns: " << inside.turns() << '\n';
    } catch (const std::exception& e) {
        std::cerr << "guest_of_libuv: " << e.what() << '\n';
        return 1;
    }
}
