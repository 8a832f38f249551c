// SPDX-License-Identifier: BSL-1.0
// A poller that counts what the loop asks of another one about registrations. Knows of pollers
// nothing but their public header.
#pragma once

#include <gyre/io_context_options.hpp>
#include <gyre/poller.hpp>

#include <cstddef>
#include <memory>
#include <new>

namespace gyre::testing {

/// Counts the calls of the contexts that are constructed with its options() while it lives, by one
/// thread; must outlive them.
class poller_calls {
public:
    poller_calls() { current_ = this; }
    poller_calls(const poller_calls&) = delete;
    poller_calls& operator=(const poller_calls&) = delete;
    ~poller_calls() { current_ = nullptr; }

    static io_context_options options() {
        static constexpr poller_factory factory{"calls", &make};
        io_context_options made;
        made.poller = &factory;
        return made;
    }

    std::size_t adds = 0;
    std::size_t modifies = 0;
    std::size_t removes = 0;
    std::size_t waits = 0;
    std::size_t events = 0;
    bool one_shot = false;
    bool deaf = false;  ///< reports nothing, and says that it can't tell of shutdown()

    std::size_t registrations() const { return adds + modifies + removes; }

private:
    class counter;
    static poller* make(std::error_code& error) noexcept;

    static inline poller_calls* current_ = nullptr;
};

class poller_calls::counter final : public poller {
public:
    counter(poller_calls& calls, poller* inner) noexcept : calls_(calls), inner_(inner) {
        calls_.one_shot = has(inner->features(), poller_features::one_shot);
    }

    const char* name() const noexcept override { return "calls"; }
    poller_features features() const noexcept override {
        return inner_->features() |
               (calls_.deaf ? poller_features::no_local_shutdown : poller_features::none);
    }
    std::error_code add(native_handle_type handle, std::uint64_t key,
                        interest want) noexcept override {
        ++calls_.adds;
        return inner_->add(handle, key, want);
    }
    std::error_code modify(native_handle_type handle, std::uint64_t key,
                           interest want) noexcept override {
        ++calls_.modifies;
        return inner_->modify(handle, key, want);
    }
    std::error_code remove(native_handle_type handle, remove_reason why) noexcept override {
        ++calls_.removes;
        return inner_->remove(handle, why);
    }
    std::error_code wait(event_buffer& events, time_ns deadline) noexcept override {
        ++calls_.waits;
        const event_buffer before = events;
        const std::error_code error = inner_->wait(events, deadline);
        calls_.events += events.size() - before.size();
        if (calls_.deaf) {
            events = before;
        }
        return error;
    }
    void notify() noexcept override { inner_->notify(); }
    std::error_code reset() noexcept override { return inner_->reset(); }
    native_handle_type pollable_handle() noexcept override { return inner_->pollable_handle(); }

private:
    poller_calls& calls_;
    std::unique_ptr<poller> inner_;
};

inline poller* poller_calls::make(std::error_code& error) noexcept {
    poller* inner = default_poller()->make(error);
    if (inner == nullptr) {
        return nullptr;
    }
    auto* made = new (std::nothrow) counter(*current_, inner);
    if (made == nullptr) {
        delete inner;
        error = std::make_error_code(std::errc::not_enough_memory);
    }
    return made;
}

}  // namespace gyre::testing
