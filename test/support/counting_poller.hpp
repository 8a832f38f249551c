// SPDX-License-Identifier: BSL-1.0
// A poller that watches another one: counts its waits and wake-ups, tells when the loop is about to
// sleep, and fails when it is told to. Knows of pollers nothing but their public header.
#pragma once

#include <gyre/io_context_options.hpp>
#include <gyre/poller.hpp>

#include "support/hang_guard.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <new>
#include <system_error>

namespace gyre::testing {

/// What a counting poller saw and what it is to do. One at a time, for the contexts that are
/// constructed with its options() while it lives; it must outlive them.
class poller_watch {
public:
    poller_watch() { current_ = this; }
    poller_watch(const poller_watch&) = delete;
    poller_watch& operator=(const poller_watch&) = delete;
    ~poller_watch() { current_ = nullptr; }

    /// Options with a counting poller over the one that a context would have by itself.
    static io_context_options options() {
        static constexpr poller_factory factory{"counting", &make};
        io_context_options made;
        made.poller = &factory;
        return made;
    }

    /// Returns while the loop is inside a wait that may block; a hang_guard has to stand by.
    void await_sleep() const {
        await([this] { return asleep.load(); });
    }

    std::atomic<std::size_t> waits{0};                 ///< all that began
    std::atomic<std::size_t> sleeps{0};                ///< those that may block
    std::atomic<std::size_t> notifies{0};              ///< wake-ups
    std::atomic<bool> asleep{false};                   ///< inside a wait that may block
    std::atomic<time_ns> asked{immediately};           ///< the deadline of the last wait
    std::atomic<time_ns> deadline{immediately};        ///< of the last wait that may block
    std::atomic<int> failures{0};                      ///< so many waits fail from now on ...
    std::errc failure = std::errc::not_enough_memory;  ///< ... with this error

    /// Called by the waiting thread right before it begins a wait that may block.
    void (*before_sleep)(void* user) noexcept = nullptr;
    void* user = nullptr;

private:
    class counting_poller;
    static poller* make(std::error_code& error) noexcept;

    static inline poller_watch* current_ = nullptr;
};

class poller_watch::counting_poller final : public poller {
public:
    counting_poller(poller_watch& watch, poller* inner) noexcept : watch_(watch), inner_(inner) {}

    const char* name() const noexcept override { return "counting"; }
    poller_features features() const noexcept override { return inner_->features(); }
    std::error_code add(native_handle_type handle, std::uint64_t key,
                        interest want) noexcept override {
        return inner_->add(handle, key, want);
    }
    std::error_code modify(native_handle_type handle, std::uint64_t key,
                           interest want) noexcept override {
        return inner_->modify(handle, key, want);
    }
    std::error_code remove(native_handle_type handle, remove_reason why) noexcept override {
        return inner_->remove(handle, why);
    }
    std::error_code wait(event_buffer& events, time_ns deadline) noexcept override {
        ++watch_.waits;
        watch_.asked = deadline;
        if (watch_.failures > 0) {
            --watch_.failures;
            return std::make_error_code(watch_.failure);
        }
        if (deadline == immediately) {
            return inner_->wait(events, deadline);
        }
        watch_.deadline = deadline;
        if (watch_.before_sleep != nullptr) {
            watch_.before_sleep(watch_.user);
        }
        ++watch_.sleeps;
        watch_.asleep = true;
        const std::error_code error = inner_->wait(events, deadline);
        watch_.asleep = false;
        return error;
    }
    void notify() noexcept override {
        ++watch_.notifies;
        inner_->notify();
    }
    std::error_code reset() noexcept override { return inner_->reset(); }
    native_handle_type pollable_handle() noexcept override { return inner_->pollable_handle(); }

private:
    poller_watch& watch_;
    std::unique_ptr<poller> inner_;
};

inline poller* poller_watch::make(std::error_code& error) noexcept {
    poller* inner = default_poller()->make(error);
    if (inner == nullptr) {
        return nullptr;
    }
    auto* made = new (std::nothrow) counting_poller(*current_, inner);
    if (made == nullptr) {
        delete inner;
        error = std::make_error_code(std::errc::not_enough_memory);
    }
    return made;
}

}  // namespace gyre::testing
