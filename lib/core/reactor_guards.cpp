// SPDX-License-Identifier: BSL-1.0
// Deadlines of operations: armed when the owner takes an operation over, given back when its
// handler is called.
#include <gyre/detail/guard.hpp>
#include <gyre/detail/time_conversion.hpp>

#include "core/reactor.hpp"
#include "core/reactor_access.hpp"

#include <algorithm>
#include <new>

namespace gyre::inline v0::detail {

// The operation was just started, and may have been finished by that.
void reactor::watch_over(operation* op) noexcept {
    if (!op->is_guarded()) {
        return;
    }
    const guard_holder& holder = op->guard();
    guard* g = holder.slot();
    if (g == nullptr || holder.where() != this) {
        return;  // a step of a composed operation that has begun in another context
    }
    g->number = slab_.number_of(op);
    g->generation = generation_of(*slot::of(op));
    if (g->expired != 0 || holder.at() <= latest_) {
        expire(*g);
    } else if (!g->armed() && holder.at() != no_deadline) {
        timers_.arm(*g, holder.at());
    }
}

// Between two steps there is nothing to end: the next one will be, as soon as it is started.
void reactor::expire(guard& g) noexcept {
    g.expired = 1;
    slot* s = slab_.at(g.number);
    if (generation_of(*s) == g.generation) {
        abort_operation(static_cast<operation*>(s->object()), stop_reason::timed_out);
    }
}

void reactor::free_guard(guard* g) noexcept {
    const access claim(*this);
    if (claim.direct()) {
        release(*g);
    } else {
        leave(slot::of(g));
    }
}

void reactor::release(guard& g) noexcept {
    timers_.cancel(g);
    g.~guard();
    release_slot(&g);
}

// ---- what headers call -----------------------------------------------------------------------

void guard_holder::prepare(reactor& r) {
    if (where_ == nullptr) {
        slot_ = make_guard(r);
        where_ = &r;
        if (after_ != no_deadline) {
            const time_ns now = r.turn_now();
            at_ = std::min(at_, add_ns(now, after_));
            at_ = at_ > now ? at_ : immediately;
        }
    }
}

guard* make_guard(reactor& r) {
    return ::new (r.memory().acquire(slot_class(sizeof(guard)), slot_kind::guard)) guard;
}
void free_guard(reactor& r, guard* g) noexcept { r.free_guard(g); }

}  // namespace gyre::inline v0::detail
