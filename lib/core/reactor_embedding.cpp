// SPDX-License-Identifier: BSL-1.0
// The reactor as the guest of a foreign loop, its host: that one watches the poller's handle, keeps
// a timer for the guest's next deadline, and calls poll(). Between two calls the guest sleeps, and
// makes the handle readable when it needs the host earlier than the host knows.
#include <gyre/error.hpp>

#include "core/reactor.hpp"
#include "core/reactor_running.hpp"

namespace gyre::inline v0::detail {

native_handle_type reactor::host_handle(std::error_code& error) {
    const running self(*this, immediately);
    const bool can = has(poller_->features(), poller_features::pollable);
    if (!self.holding() || !can) {
        error = error::make_error_code(can ? error::try_again : error::operation_not_supported);
        return invalid_native_handle;
    }
    const native_handle_type handle = poller_->pollable_handle();
    if (handle == invalid_native_handle) {
        error = error::make_error_code(error::no_descriptors);
        return invalid_native_handle;
    }
    hosted_ = true;
    error.clear();
    return handle;
}

// Another thread that runs the context looks after it: then there is nothing to do for the host.
time_ns reactor::next_deadline() {
    running self(*this, immediately);
    if (!self.holding()) {
        return no_deadline;
    }
    const time_ns next = earliest_need();
    self.host_knows(next);
    return next;
}

void reactor::set_deadline_hook(const deadline_hook& hook) {
    const running self(*this, immediately);
    deadline_hook_ = hook;
}

// A stopped context needs nobody before restart(); one that has run out of work is to be stopped.
time_ns reactor::earliest_need() noexcept {
    if (stopped()) {
        return no_deadline;
    }
    if (!ready_.empty() || !doomed_.empty() || !inbox_.empty() || !ring_.empty() || !has_work()) {
        return immediately;
    }
    return timers_.next_deadline();
}

// ---- the holder of the token -----------------------------------------------------------------

void reactor::wake_up_hosted() noexcept {
    next_wake_.store(awake, std::memory_order_relaxed);
    host_knows_ = immediately;
}

// An errand that was left before next_wake_ said that this thread sleeps has woken nobody: its
// producer stored it and then looked, this thread stores and then looks.
void reactor::fall_asleep(time_ns host_knows) noexcept {
    host_knows_ = host_knows;
    next_wake_.store(host_knows, std::memory_order_seq_cst);
    if (host_knows != immediately && (!inbox_.empty() || !ring_.empty())) {
        poller_->notify();
    }
}

// At the end of a call that found nobody in poll().
void reactor::tell_host() noexcept {
    const time_ns need = earliest_need();
    if (need >= host_knows_) {
        return;
    }
    host_knows_ = need;
    if (need != immediately && deadline_hook_.changed != nullptr) {
        deadline_hook_.changed(deadline_hook_.user, need);
    } else {
        poller_->notify();
    }
}

}  // namespace gyre::inline v0::detail
