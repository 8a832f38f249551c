// SPDX-License-Identifier: BSL-1.0
// A world whose clock the test moves: waiting for a deadline moves it there at once. Everything
// but clock and poller is the system's.
#pragma once

#include "support/native_world.hpp"

#include <atomic>
#include <cstddef>

namespace gyre::testing {

class manual_world final : public native_world, private detail::clock_ops {
public:
    explicit manual_world(time_ns start = 1'000'000'000'000) : now_(start) {}

    time_ns now() const { return now_.load(); }
    void advance(time_ns by) { now_.fetch_add(by); }
    /// Calls of wait() that were allowed to sleep.
    std::size_t sleeps() const { return sleeps_.load(); }

    detail::clock_ops& clock() noexcept override { return *this; }

    poller* make_poller(const poller_factory*, std::error_code&) noexcept override {
        return new clock_poller(*this);
    }

    std::error_code wait_one(native_handle_type, interest, time_ns deadline) noexcept override {
        sleep_until(deadline);
        return std::make_error_code(std::errc::timed_out);
    }

private:
    /// Reports nothing; its waits end at once, at the deadline.
    class clock_poller final : public poller {
    public:
        explicit clock_poller(manual_world& world) : world_(world) {}
        const char* name() const noexcept override { return "clock"; }
        poller_features features() const noexcept override { return poller_features::none; }
        std::error_code add(native_handle_type, std::uint64_t, interest) noexcept override {
            return {};
        }
        std::error_code modify(native_handle_type, std::uint64_t, interest) noexcept override {
            return {};
        }
        std::error_code remove(native_handle_type, remove_reason) noexcept override { return {}; }
        std::error_code reset() noexcept override { return {}; }
        std::error_code wait(event_buffer&, time_ns deadline) noexcept override {
            if (deadline != immediately && !notified_.exchange(false)) {
                if (deadline == no_deadline) {
                    notified_.wait(false);
                    notified_ = false;
                } else {
                    world_.sleep_until(deadline);
                }
            }
            return {};
        }
        void notify() noexcept override {
            notified_ = true;
            notified_.notify_one();
        }

    private:
        manual_world& world_;
        std::atomic<bool> notified_{false};
    };

    void sleep_until(time_ns at) {
        sleeps_.fetch_add(1);
        time_ns before = now_.load();
        while (before < at && !now_.compare_exchange_weak(before, at)) {}
    }

    time_ns steady_now() noexcept override { return now(); }
    time_ns system_now() noexcept override { return now(); }

    std::atomic<time_ns> now_;
    std::atomic<std::size_t> sleeps_{0};
};

}  // namespace gyre::testing
