// SPDX-License-Identifier: BSL-1.0
// Turn hooks: an intrusive list, and the walks over it.
#include <gyre/turn_hook.hpp>

#include <gyre/io_context.hpp>

#include "core/reactor.hpp"

namespace gyre::inline v0 {

turn_hook::turn_hook(io_context& context, point when, function* called, void* user) noexcept
    : reactor_(*context.waiting()), when_(when), function_(called), user_(user) {
    reactor_.hooks().add(*this);
}

turn_hook::~turn_hook() { reactor_.hooks().remove(*this); }

namespace detail {

void turn_hook_list::add(turn_hook& hook) noexcept {
    hook.previous_ = last_;
    (last_ != nullptr ? last_->next_ : first_) = &hook;
    last_ = &hook;
}

void turn_hook_list::remove(turn_hook& hook) noexcept {
    for (walk* w = walks_; w != nullptr; w = w->outer) {
        if (w->next == &hook) {
            w->next = hook.next_;
        }
    }
    (hook.previous_ != nullptr ? hook.previous_->next_ : first_) = hook.next_;
    (hook.next_ != nullptr ? hook.next_->previous_ : last_) = hook.previous_;
}

void turn_hook_list::call(turn_hook::point when) noexcept {
    walk here{first_, walks_};
    walks_ = &here;
    while (turn_hook* hook = here.next) {
        here.next = hook->next_;
        if (hook->when_ == when) {
            hook->function_(hook->user_);
        }
    }
    walks_ = here.outer;
}

}  // namespace detail
}  // namespace gyre::inline v0
