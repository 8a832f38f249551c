// SPDX-License-Identifier: BSL-1.0
// Foreign loops that a context is a guest of: as small as such a loop can be.
#pragma once

#include <gyre/io_context.hpp>
#include <gyre/waiting_thread.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>

#include <poll.h>

namespace gyre::testing {

inline time_ns now_ns() {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// poll()'s timeout until then, rounded up: -1 for ever.
inline int milliseconds_until(time_ns deadline) {
    if (deadline == no_deadline) {
        return -1;
    }
    const time_ns now = now_ns();
    if (deadline <= now) {
        return 0;
    }
    const time_ns left = (deadline - now + 999'999) / 1'000'000;
    return static_cast<int>(std::min<time_ns>(left, std::numeric_limits<int>::max()));
}

/// Watches the guest's handle, and keeps a timer for it.
class watching_host {
public:
    explicit watching_host(io_context& guest) : guest_(guest), handle_(guest.native_handle()) {}

    static bool can_have(io_context& guest) {
        std::error_code error;
        return guest.native_handle(error) != invalid_native_handle;
    }

    template <class Condition>
    void run_until(Condition over) {
        guest_.poll();
        while (!over()) {
            sleep();
            ++turns_;
            guest_.poll();
        }
    }

    /// Until the guest wants to be called.
    void sleep() {
        pollfd watched{handle_, POLLIN, 0};
        REQUIRE(::poll(&watched, 1, milliseconds_until(guest_.next_deadline())) >= 0);
    }

    /// Whether the guest's handle is readable.
    bool called() const {
        pollfd watched{handle_, POLLIN, 0};
        return ::poll(&watched, 1, 0) == 1;
    }

    std::size_t turns() const { return turns_; }

private:
    io_context& guest_;
    const native_handle_type handle_;
    std::size_t turns_ = 0;
};

/// Has a thread that waits for the guest.
class waited_for_host {
public:
    explicit waited_for_host(io_context& guest) : guest_(guest), waiter_(guest, ready_) {}

    template <class Condition>
    void run_until(Condition over) {
        while (!over()) {
            sleep();
            ++turns_;
            guest_.poll();
            waiter_.resume();
        }
    }

    void sleep() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return called_; });
        called_ = false;
    }

    std::size_t turns() const { return turns_; }

private:
    struct call {
        waited_for_host* self;
        void operator()() noexcept {
            const std::lock_guard lock(self->mutex_);
            self->called_ = true;
            self->changed_.notify_one();
        }
    };

    io_context& guest_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool called_ = false;
    std::size_t turns_ = 0;
    call ready_{this};
    waiting_thread waiter_;
};

}  // namespace gyre::testing
