// SPDX-License-Identifier: BSL-1.0
// A thread that turns the loop, or is about to.
#pragma once

#include "core/reactor.hpp"

namespace gyre::inline v0::detail {

/// A thread inside run() or poll(): holds the token, except while it gave it up for the length of
/// a handler because others are idle.
class reactor::running : private owner_frame {
public:
    running(reactor& r, time_ns until) : reactor_(r), nested_(r.slab_.owned_here()), until_(until) {
        runs = &r;
        outer = top_owner_frame;
        if (nested_) {
            owned = &r.slab_;
        } else {
            retake();
        }
        top_owner_frame = this;
        if (holding() && r.hosted_) [[unlikely]] {
            r.wake_up_hosted();
        }
        if (r.options_.timer_slack != 0) {
            slack_before_ = r.world_.threads().set_timer_slack(r.options_.timer_slack);
        }
    }
    running(const running&) = delete;
    running& operator=(const running&) = delete;
    ~running() {
        if (slack_before_ != 0) {
            reactor_.world_.threads().set_timer_slack(slack_before_);
        }
        if (holding() && !nested_) {
            if (reactor_.hosted_) [[unlikely]] {
                reactor_.fall_asleep(host_knows_);
            }
            let_go();
        }
        top_owner_frame = outer;
    }

    bool nested() const noexcept { return nested_; }
    bool holding() const noexcept { return owned != nullptr; }

    /// The innermost call of run() or poll() of `r` that this thread is in; null if there is none.
    static running* here(const reactor& r) noexcept {
        for (const owner_frame* f = top_owner_frame; f != nullptr; f = f->outer) {
            if (f->runs == &r) {
                return const_cast<running*>(static_cast<const running*>(f));
            }
        }
        return nullptr;
    }

    /// When the host of the context is going to call poll() by itself.
    void host_knows(time_ns deadline) noexcept { host_knows_ = deadline; }

    /// To be destroyed, but not before the handler that this thread is in has returned.
    void destroy_after_handler(operation* op) noexcept { doomed_.push(op); }

    /// A handler that ran without the token is over, and so is its work.
    [[gnu::noinline]] void handler_returned() noexcept {
        while (!doomed_.empty()) {
            reactor_.leave(slot::of(doomed_.pop()));
        }
        reactor_.work_finished();
    }

    /// Lets another runner go on with the turn while this thread runs a handler.
    [[gnu::noinline]] void pass() noexcept {
        if (!nested_) {
            let_go();
            owned = nullptr;
        }
    }

    /// Waits in line for the token; false if the context was stopped or the time is up.
    [[gnu::noinline]] bool retake() {
        if (reactor_.token_.take(until_)) {
            owned = &reactor_.slab_;
        }
        return holding();
    }

private:
    void let_go() noexcept {
        while (!reactor_.token_.give_up()) {
            reactor_.apply_told();
        }
    }

    reactor& reactor_;
    const bool nested_;
    const time_ns until_;
    time_ns host_knows_ = no_deadline;
    ready_list doomed_;
    std::uint64_t slack_before_ = 0;
};

}  // namespace gyre::inline v0::detail
