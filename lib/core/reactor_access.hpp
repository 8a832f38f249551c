// SPDX-License-Identifier: BSL-1.0
// How a function that any thread may call finds out whether it may touch the reactor.
#pragma once

#include "core/reactor.hpp"

namespace gyre::inline v0::detail {

/// The token for the length of a call: because this thread is inside run(), or because nobody
/// holds it. Otherwise direct() is false, and the call has to leave an errand. By default it does
/// not wait for the end of another call, either.
class reactor::access {
public:
    explicit access(reactor& r, bool (token::*take)() noexcept = &token::try_take) noexcept
        : reactor_(r), owner_(r.slab_.owned_here()), frame_{&r.slab_, nullptr, top_owner_frame} {
        if (!owner_ && (r.token_.*take)()) {
            taken_ = true;
            top_owner_frame = &frame_;
            if (!r.inbox_.empty() || !r.ring_.empty()) {
                r.apply_all();  // errands that were left before this call come first
            }
        }
    }
    access(const access&) = delete;
    access& operator=(const access&) = delete;
    ~access() {
        if (taken_) {
            top_owner_frame = frame_.outer;
            if (reactor_.hosted_) [[unlikely]] {
                reactor_.tell_host();
            }
            reactor_.token_.give_back();
        }
    }

    bool direct() const noexcept { return owner_ || taken_; }

private:
    reactor& reactor_;
    const bool owner_;
    bool taken_ = false;
    owner_frame frame_;
};

}  // namespace gyre::inline v0::detail
