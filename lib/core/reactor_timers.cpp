// SPDX-License-Identifier: BSL-1.0
// The reactor's timers: waits for deadlines, and how changes by other threads reach them.
#include <gyre/error.hpp>

#include "core/reactor.hpp"
#include "core/reactor_access.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

namespace gyre::inline v0::detail {
namespace {

// Arm numbers wrap around; they are never far apart.
bool older(std::uint32_t a, std::uint32_t b) noexcept {
    return static_cast<std::int32_t>(a - b) < 0;
}

void prefetch(const timer_op& op) noexcept {
    const auto* d = static_cast<const deadline*>(op.slot);
    __builtin_prefetch(slot::of(d), 1);
    __builtin_prefetch(&d->arrivals, 1);
}

}  // namespace

// ---- calls -----------------------------------------------------------------------------------

void reactor::start_timer_wait(timer_wait_base* op, time_ns at) noexcept {
    join_strand(op, op->deadline_->strand);
    if (slab_.owned_by_top()) [[likely]] {
        start_wait_here(op, at);
    } else {
        start_wait_from_outside(op, at);
    }
}

inline void reactor::start_wait_here(timer_wait_base* op, time_ns at) noexcept {
    deadline& d = *op->deadline_;
    take_arrivals(d);
    d.applied = op->round;
    add_wait(d, op);
    arm(d, at);
}

void reactor::start_wait_from_outside(timer_wait_base* op, time_ns at) noexcept {
    deadline& d = *op->deadline_;
    const access claim(*this);
    if (claim.direct()) {
        start_wait_here(op, at);
        return;
    }
    const std::uint32_t round = op->round;  // once it is among the arrivals it is the owner's
    slot* s = slot::of(op);
    slot* head = d.arrivals.load(std::memory_order_relaxed);
    do {
        s->link = head;
    } while (!d.arrivals.compare_exchange_weak(head, s, std::memory_order_release,
                                               std::memory_order_relaxed));
    hand_over(d, round, at);
}

void reactor::resume_timer_wait(timer_wait_base* op, std::uint32_t generation,
                                time_ns at) noexcept {
    const access claim(*this);
    if (claim.direct()) {
        go_on_waiting(op, generation, at);
        return;
    }
    op->set_resumed_generation(generation);
    op->resumed_until_ = at;
    leave(slot::of(op));
}

std::size_t reactor::cancel_timer(deadline* d, std::uint32_t round) noexcept {
    return slab_.owned_by_top() ? cancel_here(*d, round) : cancel_from_outside(*d, round);
}

inline std::size_t reactor::cancel_here(deadline& d, std::uint32_t round) noexcept {
    take_arrivals(d);
    d.applied = round;
    return abort_waits(d, round);
}

std::size_t reactor::cancel_from_outside(deadline& d, std::uint32_t round) noexcept {
    const access claim(*this);
    if (claim.direct()) {
        return cancel_here(d, round);
    }
    hand_over(d, round, no_deadline);
    wake();  // handlers are to be told
    return 0;
}

std::size_t reactor::cancel_one_wait(deadline* d) {
    const access claim(*this);
    if (!claim.direct()) {
        const std::uint32_t generation = generation_of(*slot::of(d));
        leave_command([this, d, generation] {
            if (generation_of(*slot::of(d)) == generation) {
                cancel_one_wait(d);
            }
        });
        return 0;
    }
    take_arrivals(*d);
    operation* oldest = d->waits.front();
    if (oldest == nullptr) {
        return 0;
    }
    abort_wait(*d, oldest);
    return 1;
}

void reactor::free_deadline(deadline* d) noexcept {
    const access claim(*this);
    if (claim.direct()) {
        settle(*d);
        release(*d);
    } else if (d->on_errand.announce(true)) {
        leave(slot::of(d));
    }
}

// ---- other threads ---------------------------------------------------------------------------

// The thread that changes a timer tells the owner. By the ring if there is room; else the
// deadline itself goes to the inbox, and until the owner takes it out a change only stores.
void reactor::hand_over(deadline& d, std::uint32_t round, time_ns at) noexcept {
    if (!d.on_errand.announced()) {
        const timer_op op{&d, generation_of(*slot::of(&d)), round, at};
        switch (ring_.push(op)) {
        case op_ring::push_result::pushed: wake_before(at); return;
        case op_ring::push_result::pushed_half_full: wake(); return;
        case op_ring::push_result::full: break;
        }
    }
    d.changing.store(round, std::memory_order_seq_cst);
    d.wanted.store(at, std::memory_order_seq_cst);
    d.changed.store(round, std::memory_order_seq_cst);
    if (d.on_errand.announce()) {
        leave(slot::of(&d));
    }
}

// In batches: what a change is about was last written by another processor, and comes while the
// others of its batch do.
void reactor::apply_ring() noexcept {
    std::array<timer_op, 16> batch;
    for (std::size_t left = ring_.capacity(); left != 0;) {
        const std::size_t wanted = std::min(left, batch.size());
        const std::size_t taken = ring_.pop(batch.data(), wanted);
        std::for_each_n(batch.begin(), taken, [](const timer_op& op) { prefetch(op); });
        std::for_each_n(batch.begin(), taken, [this](const timer_op& op) { apply(op); });
        left = taken == wanted ? left - taken : 0;
    }
}

void reactor::apply(const timer_op& op) noexcept {
    if (generation_of(*slot::of(op.slot)) == op.generation) {
        apply_change(*static_cast<deadline*>(op.slot), op.arm, op.deadline);
    }
}

// A deadline out of the inbox: its latest change.
void reactor::apply_latest(deadline& d) noexcept {
    const std::uint32_t round = d.changed.load(std::memory_order_seq_cst);
    const time_ns at = d.wanted.load(std::memory_order_seq_cst);
    if (d.changing.load(std::memory_order_seq_cst) == round) {
        apply_change(d, round, at);
    }
}

void reactor::apply_change(deadline& d, std::uint32_t round, time_ns at) noexcept {
    take_arrivals(d);
    if (older(round, d.applied)) {
        return;
    }
    d.applied = round;
    abort_waits(d, round);
    if (at != no_deadline && !d.waits.empty()) {
        arm(d, at);
    }
}

// The waits that other threads started, oldest first.
void reactor::apply_arrivals(deadline& d) noexcept {
    slot* oldest = nullptr;
    for (slot* s = d.arrivals.exchange(nullptr, std::memory_order_acquire); s != nullptr;) {
        slot* older_one = s->link;
        s->link = oldest;
        oldest = s;
        s = older_one;
    }
    while (oldest != nullptr) {
        auto* op = static_cast<timer_wait_base*>(oldest->object());
        oldest = oldest->link;
        add_wait(d, op);
        if (older(op->round, d.applied)) {
            abort_wait(d, op);  // cancelled before it got here
        }
    }
}

// ---- the owner -------------------------------------------------------------------------------

void reactor::add_wait(deadline& d, timer_wait_base* op) noexcept {
    ++work_;
    op->state = operation_state::waiting;
    d.waits.push(op);
    watch_over(op);
}

// An already due deadline makes no trip through the queue, let alone through the kernel, unless
// others are due in front of it.
void reactor::arm(deadline& d, time_ns at) noexcept {
    const bool same_round = d.armed_round == d.applied;
    d.armed_round = d.applied;
    if (at <= latest_ && at < timers_.next_deadline()) {
        timers_.cancel(d);
        fire(d);
    } else if (!same_round || !d.armed() || d.stale || d.timer_node::deadline() != at) {
        d.stale = false;
        timers_.arm(d, at);
    }  // else another wait for the same time: it ends with those before it
}

void reactor::fire(timer_node& node) noexcept {
    switch (slot::of(&node)->kind) {
    case slot_kind::guard: expire(static_cast<guard&>(node)); break;
    case slot_kind::pause: end_pause(static_cast<accept_pause&>(node)); break;
    default: fire(static_cast<deadline&>(node));
    }
}

void reactor::fire(deadline& d) noexcept {
    for (operation* op = d.waits.front(); op != nullptr; op = d.waits.after(op)) {
        if (op->state == operation_state::waiting && op->round == d.armed_round) {
            op->state = operation_state::ready;
            ready_.push(op);
            ++timers_ready_;
        }
    }
}

void reactor::go_on_waiting(timer_wait_base* op, std::uint32_t generation, time_ns at) noexcept {
    deadline& d = *op->deadline_;
    if (generation_of(*slot::of(&d)) != generation) {
        ++work_;
        op->state = operation_state::finished;
        op->set_error(error::make_error_code(error::operation_aborted));
        ready_.push(op);
        return;
    }
    take_arrivals(d);
    // A change that ends this round may be on its way, with a wait of its own ahead of it.
    const bool over = older(op->round, d.applied) ||
                      (!d.waits.empty() && older(op->round, d.waits.back()->round));
    add_wait(d, op);
    if (over) {
        abort_wait(d, op);
    } else {
        arm(d, at);
    }
}

void reactor::abort_wait(deadline& d, operation* op, stop_reason reason) noexcept {
    const bool queued = op->state == operation_state::ready;  // keeps its place in the ready list
    op->state = operation_state::finished;
    op->set_error(error_of(reason));
    d.waits.remove(op);
    d.stale = d.waits.empty();
    if (queued) {
        --timers_ready_;
    } else {
        ready_.push(op);
    }
}

std::size_t reactor::abort_waits(deadline& d, std::uint32_t round) noexcept {
    std::size_t count = 0;
    while (operation* op = d.waits.front()) {
        if (!older(op->round, round)) {
            return count;  // rounds only grow along the queue
        }
        abort_wait(d, op);
        ++count;
    }
    // The node stays in the queue: set again for a later time, as a timeout is all the time, it
    // need not be moved. Otherwise the loop wakes once in vain.
    return count;
}

void reactor::release(deadline& d) noexcept {
    take_arrivals(d);
    while (operation* op = d.waits.front()) {
        abort_wait(d, op);
    }
    timers_.cancel(d);
    d.~deadline();
    release_slot(&d);
}

// A listener that ran out of descriptors or memory is left alone for a while: retrying at once
// would only spin, and its handler has been told.
void reactor::pause(source& s) noexcept {
    accept_pause* p = nullptr;
    try {
        p = ::new (slab_.acquire(slot_class(sizeof(accept_pause)), slot_kind::pause)) accept_pause;
    } catch (const std::bad_alloc&) {
        s.clear(source::paused);  // without memory for the pause there is none
        return;
    }
    p->listener = &s;
    p->next = std::exchange(pauses_, p);
    timers_.arm(*p, fresh_now() + options_.accept_pause);
}

void reactor::forget_pause(source& s) noexcept {
    accept_pause** at = &pauses_;
    while ((*at)->listener != &s) {
        at = &(*at)->next;
    }
    accept_pause* p = *at;
    *at = p->next;
    timers_.cancel(*p);
    p->~accept_pause();
    release_slot(p);
}

void reactor::end_pause(accept_pause& p) noexcept {
    source& s = *p.listener;
    forget_pause(s);
    sources_.resume(s);
}

time_ns reactor::fresh_now() noexcept {
    const time_ns now = clock_.steady_now();
    if (slab_.owned_here()) {
        latest_ = now;
    }
    return now;
}

time_ns reactor::turn_now() noexcept {
    return slab_.owned_here() && turn_open_ ? now_ : fresh_now();
}

}  // namespace gyre::inline v0::detail
