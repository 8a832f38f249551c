// SPDX-License-Identifier: BSL-1.0
// Two timers count together, in a program whose loop runs in several threads.
//
//     timer_strand
//
// It shows a blocking wait, handlers that are bound to a strand, so that what they share needs no
// lock, and several threads in run(). The same program in one thread would need no strand.

#include <gyre/bind_executor.hpp>
#include <gyre/io_context.hpp>
#include <gyre/steady_timer.hpp>
#include <gyre/strand.hpp>

#include <chrono>
#include <iostream>
#include <thread>

using namespace std::chrono_literals;

namespace {

class counter {
public:
    explicit counter(gyre::io_context& context)
        : strand_(gyre::make_strand(context)), first_(context, 10ms), second_(context, 10ms) {
        wait(first_, "first");
        wait(second_, "second");
    }

    int count() const { return count_; }

private:
    void wait(gyre::steady_timer& timer, const char* name) {
        timer.async_wait(gyre::bind_executor(strand_, [this, &timer, name](gyre::error_code) {
            if (count_ == 10) {
                return;
            }
            std::cout << name << ' ' << ++count_ << '\n';
            timer.expires_at(timer.expiry() + 10ms);
            wait(timer, name);
        }));
    }

    gyre::strand<> strand_;
    gyre::steady_timer first_;
    gyre::steady_timer second_;
    int count_ = 0;
};

}  // namespace

int main() {
    gyre::io_context context;
    gyre::steady_timer pause(context, 10ms);
    pause.wait();

    const counter counting(context);
    std::thread other([&context] { context.run(); });
    context.run();
    other.join();
    std::cout << "counted to " << counting.count() << '\n';
}
