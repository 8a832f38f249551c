// SPDX-License-Identifier: BSL-1.0
// The source table: what is done with an operation until its handler can be called.
#include "core/source_table.hpp"

#include <gyre/error.hpp>

namespace gyre::inline v0::detail {
namespace {

constexpr std::array<interest, 3> direction_of_queue{interest::read, interest::write,
                                                     interest::except};

constexpr std::array<std::uint8_t, 3> end_of_queue{source_marks::receive_ended,
                                                   source_marks::send_ended, 0};

constexpr bool reports(readiness what, unsigned queue) noexcept {
    constexpr std::array<readiness, 3> wakes{readiness::readable, readiness::writable,
                                             readiness::priority | readiness::error |
                                                 readiness::hangup};
    return any(what & wakes[queue]);
}

}  // namespace

source_table::source_table(platform& world, poller& p, slab& memory, ready_queue& ready,
                           source_events& events, const io_context_options& options) noexcept
    : world_(world),
      sockets_(world.sockets()),
      poller_(p),
      slab_(memory),
      ready_(ready),
      events_(events),
      system_(&std::system_category()),
      one_shot_(has(p.features(), poller_features::one_shot) ? source::one_shot : 0),
      accept_batch_(options.accept_batch) {}

// ---- starting --------------------------------------------------------------------------------

void source_table::start(io_operation* op) noexcept {
    switch (op->kind()) {
    case slot_kind::send:
    case slot_kind::send_to:
    case slot_kind::send_many:
    case slot_kind::write: start_send(static_cast<transfer_operation*>(op)); break;
    case slot_kind::io_wait: start_wait(op); break;
    default: start_other(op);
    }
}

transfer_operation* source_table::queue_receive(transfer_operation* op) noexcept {
    source& s = *op->source_;
    const bool alone = s.queues[op->queue].empty();
    s.queues[op->queue].push(op);
    op->state = operation_state::waiting;
    if (alone) {  // else its turn comes when those before it are done
        try_next(op);
    }
    return op;
}

// Usually the poller is watching already.
void source_table::start_wait(io_operation* op) noexcept {
    source& s = *op->source_;
    if (!s.queues[op->queue].empty() || !any(s.armed & direction_of_queue[op->queue])) {
        start_other(op);
        return;
    }
    s.queues[op->queue].push(op);
    op->state = operation_state::waiting;
}

void source_table::start_other(io_operation* op) noexcept {
    source& s = *op->source_;
    const bool alone = s.queues[op->queue].empty();
    s.queues[op->queue].push(op);
    op->state = operation_state::waiting;
    if (op->kind() == slot_kind::connect) {
        s.set(source::connecting);
        s.note_drained(static_cast<unsigned>(io_queue::read));
    }
    if (alone) {  // else its turn comes when those before it are done
        try_next(op);
    }
}

// A write is tried now, so that its handler can be called without waiting for the poller.
transfer_operation* source_table::start_send(transfer_operation* op) noexcept {
    constexpr auto write = static_cast<unsigned>(io_queue::write);
    source& s = *op->source_;
    const bool try_it = s.queues[write].empty() && !s.is_drained(write);
    if (!try_it || !move_bytes<io_queue::write>(op, s)) [[unlikely]] {
        return queue_send(op);
    }
    op->state = operation_state::finished;
    if (op->goes_on()) [[unlikely]] {
        op->state = operation_state::stepping;
        s.queues[source::steps].push(op);
    }
    ready_.push(op);
    return op;
}

// A write that can't be tried, or for which there was no room.
transfer_operation* source_table::queue_send(transfer_operation* op) noexcept {
    operation_queue& queue = op->source_->queues[op->queue];
    const bool alone = queue.empty();
    queue.push(op);
    op->state = operation_state::waiting;
    if (alone) {
        wait_for(op);
    }
    return op;
}

void source_table::start_arrived(io_operation* op) noexcept {
    source& s = *op->source_;
    if (s.cancel_round.load(std::memory_order_relaxed) == op->round) {
        start(op);
    } else {
        finish(op, error::make_error_code(error::operation_aborted));
        ready_.push(op);
    }
    if (s.arriving.fetch_sub(1, std::memory_order_relaxed) == 1 && s.is(source::closed)) {
        static_cast<void>(remove(s, true));
    }
}

// ---- whose turn it is ------------------------------------------------------------------------

// The first operation of its queue: is it tried before its handler is called, or waited for?
void source_table::try_next(io_operation* op) noexcept {
    const source& s = *op->source_;
    if (s.is_drained(op->queue) || s.is(source::paused | source::connecting) ||
        (op->kind() == slot_kind::io_wait && !s.marks.is(end_of_queue[op->queue]))) {
        wait_for(op);
    } else {
        make_ready(op);
    }
}

void source_table::wait_for(io_operation* op) noexcept {
    op->state = operation_state::waiting;
    source& s = *op->source_;
    const slot_kind kind = op->kind();
    if ((s.is(source::paused) && kind == slot_kind::accept) ||
        (s.is(source::connecting) && kind != slot_kind::connect)) {
        return;
    }
    if (const std::error_code e = arm(s, direction_of_queue[op->queue])) {
        finish(op, e);
        ready_.push(op);
        advance(s, op->queue);
    }
}

// After an operation left the front of a queue: the next one has its turn.
void source_table::advance_waiting(source& s, unsigned queue) noexcept {
    operation* next = s.first(queue);
    if (next != nullptr && next->state == operation_state::waiting) {
        try_next(static_cast<io_operation*>(next));
    }
}

// The poller refused: each operation tries its system call, and if that would block, waiting
// again tells it why it can't.
void source_table::retry_waiting(source& s) noexcept {
    for (unsigned q = 0; q != s.queues.size(); ++q) {
        operation* op = s.first(q);
        if (op != nullptr && op->state == operation_state::waiting) {
            make_ready(op);
        }
    }
}

void source_table::retry_ended(source& s) noexcept {
    for (unsigned q = 0; q != s.queues.size(); ++q) {
        if (s.marks.is(end_of_queue[q])) {
            s.note_ready(q);
            if (any(s.armed & direction_of_queue[q])) {
                disarm(s, direction_of_queue[q]);
            }
            advance_waiting(s, q);
        }
    }
}

// ---- cancellation and the end ----------------------------------------------------------------

void source_table::abort(io_operation* op, stop_reason reason) noexcept {
    const bool queued = op->state == operation_state::ready;  // keeps its place in the ready list
    finish(op, error_of(reason));
    if (!queued) {
        ready_.push(op);
    }
    if (op->kind() == slot_kind::connect) {
        connect_over(*op->source_);
    }
}

bool source_table::cancel(io_operation* op, stop_reason reason) noexcept {
    if (op->state == operation_state::waiting || op->state == operation_state::ready) {
        abort(op, reason);
        advance(*op->source_, op->queue);
        return true;
    }
    if (op->stop_after == stop_reason::none && op->goes_on()) {
        op->stop_after = reason;
        return true;
    }
    return false;
}

// True if it counts: one between two steps is ended once.
bool source_table::cancel_in_queue(operation* op) noexcept {
    if (op->state != operation_state::stepping) {
        abort(static_cast<io_operation*>(op), stop_reason::cancelled);
        return true;
    }
    if (op->stop_after != stop_reason::none) {
        return false;
    }
    op->stop_after = stop_reason::cancelled;
    return true;
}

std::size_t source_table::cancel(source& s, std::uint32_t round) noexcept {
    const auto older = [round](const operation* op) {
        return static_cast<std::int32_t>(round - op->round) > 0;
    };
    std::size_t count = 0;
    for (unsigned q = 0; q != s.queues.size(); ++q) {
        operation_queue& queue = s.queues[q];
        for (operation* op = queue.front(); op != nullptr;) {
            operation* next = queue.after(op);
            if (older(op)) {
                count += cancel_in_queue(op) ? 1 : 0;
            }
            op = next;
        }
        advance(s, q);
    }
    return count;
}

// An operation that another thread started before it closed the source may still be on its way.
void source_table::close(source& s) noexcept {
    if (s.arriving.load(std::memory_order_relaxed) == 0) {
        static_cast<void>(remove(s, true));
    } else {
        s.set(source::closed);
    }
}

std::error_code source_table::remove(source& s, bool close_handle) noexcept {
    cancel(s, s.cancel_round.load(std::memory_order_relaxed) + 1);
    operation_queue& steps = s.queues[source::steps];
    while (operation* op = steps.front()) {  // these complete without their source
        steps.remove(op);
        op->state = operation_state::finished;
    }
    if (s.is(source::paused)) {
        events_.forget_pause(s);
    }
    if (s.is(source::registered)) {
        // Nobody else can hold the description open if the handle never left this object and the
        // process has not forked since.
        const bool last = close_handle && !s.marks.is(source_marks::handed_out) &&
                          s.fork_count == world_.threads().fork_count();
        // The handle may be gone already, closed by somebody else: nothing is left to do then.
        static_cast<void>(
            poller_.remove(s.handle, last ? remove_reason::closing : remove_reason::releasing));
        --registered_;
    }
    const std::error_code result = close_handle ? sockets_.close(s.handle) : std::error_code();
    s.~source();
    release_slot(&s);
    return result;
}

// ---- registration ----------------------------------------------------------------------------

std::uint64_t source_table::key_of(const source& s) const noexcept {
    return std::uint64_t{slab_.number_of(&s)} << 32 | generation_of(*slot::of(&s));
}

std::error_code source_table::arm(source& s, interest direction) noexcept {
    if ((s.armed & direction) == direction) {
        return {};
    }
    const interest want = s.armed | direction;
    const bool known = s.is(source::registered);
    const std::error_code e =
        known ? poller_.modify(s.handle, key_of(s), want) : poller_.add(s.handle, key_of(s), want);
    if (e == std::errc::operation_not_permitted) {
        return error::make_error_code(error::operation_not_supported);  // a regular file
    }
    if (!e) {
        registered_ += known ? 0 : 1;
        s.set(source::registered | one_shot_);
        s.armed = want;
    }
    return e;
}

void source_table::disarm(source& s, interest directions) noexcept {
    const interest left = s.armed & ~directions;
    if (any(left)) {
        static_cast<void>(poller_.modify(s.handle, key_of(s), left));
    } else {
        // A hang-up can't be masked: out of the set, until somebody waits again.
        static_cast<void>(poller_.remove(s.handle, remove_reason::releasing));
        s.clear(source::registered);
        --registered_;
    }
    s.armed = left;
}

void source_table::on_event(source& s, readiness what, bool all_called) noexcept {
    if (one_shot_ != 0) {
        s.armed = interest::none;
    }
    interest unwanted = interest::none;
    interest still_waiting = interest::none;
    for (unsigned q = 0; q != s.queues.size(); ++q) {
        operation* op = s.first(q);
        const bool waits = op != nullptr &&
                           !(s.is(source::paused) && op->kind() == slot_kind::accept) &&
                           !(s.is(source::connecting) && op->kind() != slot_kind::connect);
        const bool sleeping = waits && op->state == operation_state::waiting;
        if (!reports(what, q)) {
            still_waiting = sleeping ? still_waiting | direction_of_queue[q] : still_waiting;
            continue;
        }
        s.note_ready(q);
        if (!waits) {
            unwanted = unwanted | direction_of_queue[q];
        } else if (sleeping) {
            make_ready(op);
        }
    }
    if (one_shot_ != 0) {
        if (any(still_waiting) && arm(s, still_waiting)) {
            retry_waiting(s);
        }
    } else if (any(s.armed & unwanted) && all_called) {
        disarm(s, unwanted);
    }
}

// An event of a source that is gone: a description that outlived its handle, because somebody
// else holds it open, is reported for ever and can't be deleted. Then the set is built anew.
void source_table::on_stale_event(std::uint64_t key) noexcept {
    if (key != stale_key_) {
        stale_key_ = key;
        stale_reports_ = 0;
    }
    if (++stale_reports_ == stale_reports_max) {
        stale_reports_ = 0;
        static_cast<void>(register_anew());
    }
}

std::error_code source_table::register_anew() noexcept {
    if (const std::error_code error = poller_.reset()) {
        return error;
    }
    slab_.for_each_live([this](slot& at, slot_kind kind) {
        if (kind == slot_kind::source) {
            auto& s = *static_cast<source*>(at.object());
            if (!s.is(source::registered)) {
                return;
            }
            if (!any(s.armed) || poller_.add(s.handle, key_of(s), s.armed)) {
                s.clear(source::registered);
                s.armed = interest::none;
                --registered_;
                retry_waiting(s);
            }
        }
    });
    return {};
}

void source_table::resume(source& s) noexcept {
    s.clear(source::paused);
    advance(s, static_cast<unsigned>(io_queue::read));
}

}  // namespace gyre::inline v0::detail
