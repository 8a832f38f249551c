// SPDX-License-Identifier: BSL-1.0
// Loop, task, timer and watcher as in the other files of this folder, written once for the
// libraries that speak Asio's language: whoever includes it has included the library, named it
// `net`, and made context_of, which owns a `context`.
#pragma once

#include <chrono>
#include <utility>

#include <unistd.h>

namespace bench {

class loop : context_of {
public:
    explicit loop(const loop_options& options)
        : context_of(options), guard_(net::make_work_guard(context)) {}

    void run() {
        context.restart();
        context.run();
    }
    void stop() { context.stop(); }
    void update_time() {}

    using context_of::context;

private:
    decltype(net::make_work_guard(std::declval<net::io_context&>())) guard_;
};

template <class Function>
void hand_over(loop& to, Function function) {
    net::post(to.context, function);
}

template <class Function>
class task {
public:
    task(loop& where, Function function) : loop_(&where), function_(function) {}
    task(task&&) = delete;

    void post() {
        net::post(loop_->context, [this] { function_(); });
    }

private:
    loop* loop_;
    Function function_;
};

template <class Function>
class timer {
public:
    timer(loop& where, Function function) : timer_(where.context), function_(function) {}

    void after(std::chrono::nanoseconds time) {
        timer_.expires_after(time);
        wait();
    }
    void at(std::chrono::steady_clock::time_point time, std::chrono::steady_clock::time_point) {
        timer_.expires_at(time);
        wait();
    }
    void cancel() { timer_.cancel(); }

private:
    void wait() {
        timer_.async_wait([this](net::error_code error) {
            if (!error) {
                function_();
            }
        });
    }

    net::steady_timer timer_;
    Function function_;
};

template <class Function>
void arm_from_outside(loop&, timer<Function>& which, std::chrono::nanoseconds time) {
    which.after(time);
}

/// Owns its descriptor, of any kind: to these libraries it is a socket that was given to them.
template <class Function>
class watcher {
public:
    watcher(loop& where, int descriptor, Function function)
        : socket_(where.context), function_(function) {
        socket_.assign(net::ip::tcp::v4(), descriptor);
    }
    watcher(watcher&&) = delete;

    void start() {
        socket_.async_wait(net::ip::tcp::socket::wait_read, [this](net::error_code error) {
            if (!error) {
                function_();
                start();
            }
        });
    }

private:
    net::ip::tcp::socket socket_;
    Function function_;
};

}  // namespace bench
