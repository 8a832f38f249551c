// SPDX-License-Identifier: BSL-1.0
// A timer without its clock: what all basic_waitable_timer types share.
#pragma once

#include <gyre/any_io_executor.hpp>
#include <gyre/detail/config.hpp>
#include <gyre/detail/initiate.hpp>
#include <gyre/detail/reactor_api.hpp>

#include <cstddef>
#include <cstdint>
#include <system_error>
#include <utility>

namespace gyre::inline v0::detail {

/// Where a timer's waits are: enough to go on waiting when the timer itself was moved.
struct timer_place {
    reactor* where;
    deadline* slot;
    std::uint32_t round;
};

/// Makes a wait for a timer's place.
template <class Handler>
auto* make_timer_wait(const timer_place& place, Handler&& handler) {
    auto* op =
        make_operation<timer_wait_base>(*place.where, std::forward<Handler>(handler), place.slot);
    op->round = place.round;
    return op;
}

class timer_object {
public:
    explicit timer_object(const any_io_executor& executor)
        : executor_(executor), reactor_(&reactor_of(executor)) {}
    /// The other one keeps its executor and has no waits.
    timer_object(timer_object&& other) noexcept
        // NOLINTNEXTLINE(performance-move-constructor-init): the other one keeps its executor
        : executor_(other.executor_),
          reactor_(other.reactor_),
          deadline_(std::exchange(other.deadline_, nullptr)),
          round_(other.round_),
          may_wait_(std::exchange(other.may_wait_, false)) {}
    timer_object& operator=(timer_object&& other) noexcept {
        if (this != &other) {
            free();
            executor_ = other.executor_;
            reactor_ = other.reactor_;
            deadline_ = std::exchange(other.deadline_, nullptr);
            round_ = other.round_;
            may_wait_ = std::exchange(other.may_wait_, false);
        }
        return *this;
    }
    ~timer_object() { free(); }

    const any_io_executor& get_executor() const noexcept { return executor_; }
    reactor& where() const noexcept { return *reactor_; }

    std::size_t cancel() noexcept {
        if (!may_wait_) {
            return 0;
        }
        may_wait_ = false;
        return cancel_timer(*reactor_, deadline_, ++round_);
    }

    std::size_t cancel_one() { return may_wait_ ? cancel_one_wait(*reactor_, deadline_) : 0; }

    /// The place to add a wait to.
    timer_place place() {
        if (deadline_ == nullptr) {
            deadline_ = make_deadline(*reactor_, strand_of(executor_));
        }
        may_wait_ = true;
        return {reactor_, deadline_, round_};
    }

private:
    void free() noexcept {
        if (deadline_ != nullptr) {
            free_deadline(*reactor_, deadline_);
            deadline_ = nullptr;
        }
    }

    any_io_executor executor_;
    reactor* reactor_;
    deadline* deadline_ = nullptr;  // taken at the first wait
    std::uint32_t round_ = 0;       // the arm number: raised by whatever ends earlier waits
    bool may_wait_ = false;         // a wait was started in this round
};

}  // namespace gyre::inline v0::detail
