// SPDX-License-Identifier: BSL-1.0
// What the tests of signal sets share: signals that every system has, what a handler was given, and
// a listener that never stops.
#pragma once

#include <gyre/error.hpp>
#include <gyre/io_context.hpp>
#include <gyre/signal_set.hpp>

#include <csignal>
#include <cstddef>
#include <system_error>
#include <vector>

namespace gyre::testing {

#if defined(_WIN32)
inline constexpr int signal_a = SIGINT;
inline constexpr int signal_b = SIGTERM;
inline constexpr int signal_c = SIGBREAK;
#else
inline constexpr int signal_a = SIGUSR1;
inline constexpr int signal_b = SIGUSR2;
inline constexpr int signal_c = SIGCONT;
#endif

/// What a handler was given, and how often it was called.
struct signal_result {
    int calls = 0;
    error_code error = std::make_error_code(std::errc::not_connected);
    int number = -1;

    auto handler() {
        return [this](error_code e, int n) {
            ++calls;
            error = e;
            number = n;
        };
    }
    bool is(int n) const { return calls == 1 && !error && number == n; }
    bool was_aborted() const {
        return calls == 1 && error == error::operation_aborted && number == 0;
    }
};

/// Waits again and again, and writes down what comes.
struct signal_recorder {
    explicit signal_recorder(signal_set& s) : set(s) { wait(); }
    void wait() {
        set.async_wait([this](error_code e, int n) {
            if (!e) {
                numbers.push_back(n);
                wait();
            }
        });
    }
    signal_set& set;
    std::vector<int> numbers;
};

inline void raise_times(int number, int times) {
    for (int i = 0; i < times; ++i) {
        std::raise(number);
    }
}

/// Whether the system does with a signal what it does by itself.
#if defined(_WIN32)
inline bool is_default(int number) {
    void (*const found)(int) = std::signal(number, SIG_DFL);
    std::signal(number, found);
    return found == SIG_DFL;
}
#else
inline bool is_default(int number) {
    struct sigaction now {};
    return ::sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_DFL;
}
#endif

}  // namespace gyre::testing
