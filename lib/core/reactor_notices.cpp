// SPDX-License-Identifier: BSL-1.0
// The reactor's notices: waits that end when somebody else says so, a thread that finished a
// lookup or a signal handler.
#include <gyre/error.hpp>

#include "core/reactor.hpp"
#include "core/reactor_access.hpp"

#include <new>
#include <system_error>

namespace gyre::inline v0::detail {

// ---- calls -----------------------------------------------------------------------------------

notice* reactor::make_notice(notice_events& behind, std::uint32_t strand) {
    void* memory = slab_.acquire(slot_class(sizeof(notice)), slot_kind::notice);
    return ::new (memory) notice(behind, strand);
}

void reactor::start_wait(notice_wait_base* op) noexcept {
    notice& n = *op->notice_;
    op->round = n.cancel_round.load(std::memory_order_seq_cst);
    join_strand(op, n.strand);
    const access claim(*this);
    if (claim.direct()) {
        ++work_;
        add_wait(n, op);
    } else {
        n.arriving.fetch_add(1, std::memory_order_relaxed);
        leave(slot::of(op));
    }
}

std::size_t reactor::cancel_waits(notice* n) noexcept {
    const access claim(*this);
    if (claim.direct()) {
        settle(*n);
        return abort_waits(*n, n->cancel_round.load(std::memory_order_relaxed) + 1);
    }
    n->cancel_round.fetch_add(1, std::memory_order_seq_cst);
    tell(n);
    return 0;
}

void reactor::close_notice(notice* n) noexcept {
    const access claim(*this);
    if (claim.direct()) {
        settle(*n);
        release(*n);
        return;
    }
    n->cancel_round.fetch_add(1, std::memory_order_seq_cst);
    if (n->on_errand.announce(true)) {
        leave(slot::of(n));
    }
}

static_assert(std::atomic<std::uint8_t>::is_always_lock_free &&
              std::atomic<slot*>::is_always_lock_free && std::atomic<time_ns>::is_always_lock_free);

// Inside a signal handler this may interrupt any code of this file, in the owner's thread too. It
// is sound there as it is in another thread: it only does what is lock-free, and calls notify().
void reactor::tell(notice* n) noexcept {
    if (n->on_errand.announce()) {
        leave(slot::of(n));
    }
}

void reactor::end_wait(notice_wait_base* op, const std::error_code& error) noexcept {
    op->set_error(error);
    op->state = operation_state::ready;
    ready_.push(op);
}

// ---- the owner -------------------------------------------------------------------------------

void reactor::add_wait(notice& n, notice_wait_base* op) noexcept {
    op->state = operation_state::waiting;
    op->set_error({});
    n.waits.push(op);
    advance(n);
    watch_over(op);
}

// A wait that another thread left, and may have cancelled meanwhile.
void reactor::arrive(notice_wait_base* op) noexcept {
    notice& n = *op->notice_;
    ++work_;
    add_wait(n, op);
    if (op->linked() && n.cancel_round.load(std::memory_order_relaxed) != op->round) {
        abort_wait(n, op);
    }
    if (n.arriving.fetch_sub(1, std::memory_order_relaxed) == 1 && n.closed) {
        release(n);
    }
}

// A notice out of the inbox.
void reactor::apply(notice& n) noexcept {
    if (!n.on_errand.take()) {
        abort_waits(n, n.cancel_round.load(std::memory_order_seq_cst));
        advance(n);
    } else if (n.arriving.load(std::memory_order_relaxed) != 0) {
        n.closed = true;
    } else {
        release(n);
    }
}

// What others have left for this notice has to come before what its owner does to it; and what
// still lies in the inbox must not be freed.
void reactor::settle(const notice& n) noexcept {
    if (n.arriving.load(std::memory_order_relaxed) != 0 || n.on_errand.announced()) {
        apply_all();
    }
}

// The oldest wait has its turn, if there is something to be taken.
void reactor::advance(notice& n) noexcept {
    operation* oldest = n.waits.front();
    if (oldest != nullptr && oldest->state == operation_state::waiting && n.events.available()) {
        oldest->state = operation_state::ready;
        ready_.push(oldest);
    }
}

// Right before the handler is called.
bool reactor::take_notice(notice_wait_base* op) noexcept {
    notice& n = *op->notice_;
    if (!n.events.take(*op)) {
        op->state = operation_state::waiting;
        return false;
    }
    op->state = operation_state::finished;
    n.waits.remove(op);
    advance(n);
    return true;
}

void reactor::abort_wait(notice& n, operation* op, stop_reason reason) noexcept {
    n.events.aborted(*static_cast<notice_wait_base*>(op));
    const bool queued = op->state == operation_state::ready;  // keeps its place in the ready list
    op->state = operation_state::finished;
    op->set_error(error_of(reason));
    n.waits.remove(op);
    if (!queued) {
        ready_.push(op);
    }
    advance(n);
}

std::size_t reactor::abort_waits(notice& n, std::uint32_t round) noexcept {
    std::size_t count = 0;
    // Rounds only grow along the queue.
    for (operation* op = n.waits.front();
         op != nullptr && static_cast<std::int32_t>(round - op->round) > 0; op = n.waits.front()) {
        abort_wait(n, op);
        ++count;
    }
    return count;
}

// In the child of a fork no thread but this one is left, and no lookup will ever end.
void reactor::come_out_of_fork() {
    const access claim(*this);
    if (const std::error_code error = sources_.register_anew()) {
        throw std::system_error(error, "gyre: poller");
    }
    slab_.for_each_live([this](slot& s, slot_kind kind) {
        if (kind == slot_kind::notice) {
            auto& n = *static_cast<notice*>(s.object());
            if (n.events.forked()) {
                advance(n);  // it may have come in between
            } else {
                abort_waits(n, n.cancel_round.load(std::memory_order_relaxed) + 1);
            }
        }
    });
}

void reactor::release(notice& n) noexcept {
    abort_waits(n, n.cancel_round.load(std::memory_order_relaxed) + 1);
    n.events.gone();
    n.~notice();
    release_slot(&n);
}

}  // namespace gyre::inline v0::detail
