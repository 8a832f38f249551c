// SPDX-License-Identifier: BSL-1.0
// Three ways to use a timer: once, again and again without drift, and called off.

#include <gyre/io_context.hpp>
#include <gyre/steady_timer.hpp>

#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

namespace {

// Each expiry is reckoned from the one before, not from the time at which the handler got to run:
// however late a tick is, the next one is not.
void tick(gyre::steady_timer& timer, int left) {
    timer.async_wait([&timer, left](gyre::error_code error) {
        if (error) {
            return;
        }
        std::cout << "tick\n";
        if (left > 1) {
            timer.expires_at(timer.expiry() + 20ms);
            tick(timer, left - 1);
        }
    });
}

}  // namespace

int main() {
    gyre::io_context context;

    gyre::steady_timer repeating(context, 20ms);
    tick(repeating, 3);

    gyre::steady_timer patient(context, 1h);
    patient.async_wait(
        [](gyre::error_code error) { std::cout << "patient: " << error.message() << '\n'; });

    gyre::steady_timer once(context, 100ms);
    once.async_wait([&patient](gyre::error_code) {
        std::cout << "once: time is up; waits called off: " << patient.cancel() << '\n';
    });

    context.run();  // returns when no wait is left
}
