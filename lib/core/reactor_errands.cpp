// SPDX-License-Identifier: BSL-1.0
// What other threads, and the headers, ask of the reactor. With the token, or with the token free
// to be taken, a call acts at once; otherwise it leaves an errand in the inbox.
#include <gyre/detail/reactor_api.hpp>
#include <gyre/error.hpp>

#include "core/plain_post.hpp"
#include "core/reactor.hpp"
#include "core/reactor_access.hpp"

#include <new>
#include <utility>

namespace gyre::inline v0::detail {

// ---- submitted work --------------------------------------------------------------------------

void reactor::submit(operation* op) noexcept {
    if (slab_.owned_by_top()) [[likely]] {
        ++work_;
        ready_.push(op);
    } else {
        submit_from_outside(op);
    }
}

void reactor::submit_from_outside(operation* op) noexcept {
    const access claim(*this);
    if (claim.direct()) {
        ++work_;
        ready_.push(op);
    } else {
        posts_.close();
        leave(slot::of(op));
    }
}

void reactor::submit_copy(const operation_functions& functions, const void* function,
                          std::size_t size) {
    void* memory =
        slab_.owned_by_top() ? slab_.take_free(functions.size_class, slot_kind::post) : nullptr;
    if (memory == nullptr) {
        submit_copy_slowly(functions, function, size);
        return;
    }
    ++work_;
    ready_.push(make_post(memory, functions, function, size));
}

// With the token in hand the slot is the owner's, too: one claim for both.
void reactor::submit_copy_slowly(const operation_functions& functions, const void* function,
                                 std::size_t size) {
    const access claim(*this);
    if (!claim.direct() && size <= post_box::function_size_max) {
        posts_.push(inbox_, slab_, functions, function, size);
        wake();
        return;
    }
    void* memory = slab_.acquire(functions.size_class, slot_kind::post);
    operation* op = make_post(memory, functions, function, size);
    if (claim.direct()) {
        ++work_;
        ready_.push(op);
    } else {
        posts_.close();
        leave(slot::of(op));
    }
}

void reactor::complete(operation* op, const std::error_code& error) noexcept {
    op->state = operation_state::finished;
    op->set_error(error);
    submit(op);
}

void reactor::work_started() noexcept {
    const access claim(*this);
    if (claim.direct()) {
        ++work_;
    } else {
        foreign_work_.fetch_add(1, std::memory_order_seq_cst);
    }
}

void reactor::work_finished() noexcept {
    const access claim(*this);
    if (claim.direct()) {
        --work_;
        return;
    }
    const std::int64_t left = foreign_work_.fetch_sub(1, std::memory_order_seq_cst) - 1;
    // An owner that has missed this looked at our count before, and said even before that that it
    // would sleep: this thread reads it, and with it how much work of its own it had.
    if (next_wake_.load(std::memory_order_seq_cst) != awake &&
        work_asleep_.load(std::memory_order_relaxed) + left == 0) {
        wake();
    }
}

// ---- the inbox -------------------------------------------------------------------------------

// Makes the loop turn if it would sleep until `at` or longer. The exchange lets one producer of
// many write to the notifier.
void reactor::wake_before(time_ns at) noexcept {
    const time_ns wakes_at = next_wake_.load(std::memory_order_seq_cst);
    if (at < wakes_at && next_wake_.exchange(awake, std::memory_order_seq_cst) != awake) {
        poller_->notify();
    }
}

void reactor::apply_inbox() noexcept {
    for (std::size_t n = 0; n != options_.inbox_per_turn; ++n) {
        slot* s = inbox_.pop();
        if (s == nullptr) {
            return;
        }
        apply(s);
    }
}

void reactor::apply_all() noexcept {
    inbox_.take_all([this](slot* s) { apply(s); });
    apply_ring();
}

// A runner, before it lets go of the token.
void reactor::apply_told() noexcept {
    apply_all();
    if (hosted_) {
        tell_host();
    }
}

void reactor::apply(slot* s) noexcept {
    switch (s->kind) {
    case slot_kind::source: {
        auto& at = *static_cast<source*>(s->object());
        if (at.on_errand.take()) {
            sources_.close(at);
        } else {
            sources_.cancel(at, at.cancel_round.load(std::memory_order_seq_cst));
            sources_.retry_ended(at);
        }
        break;
    }
    case slot_kind::deadline: {
        auto& at = *static_cast<deadline*>(s->object());
        if (at.on_errand.take()) {
            release(at);
        } else {
            apply_latest(at);
        }
        break;
    }
    case slot_kind::timer_wait: {  // resume_timer_wait()
        auto* op = static_cast<timer_wait_base*>(s->object());
        go_on_waiting(op, op->resumed_generation(), op->resumed_until_);
        break;
    }
    case slot_kind::posts: {
        auto* batch = static_cast<post_batch*>(s->object());
        posts_.close(*batch);
        work_ += static_cast<std::int64_t>(batch->size());
        ready_.push(batch);
        break;
    }
    case slot_kind::notice: apply(*static_cast<notice*>(s->object())); break;
    case slot_kind::resolve:
    case slot_kind::signal_wait: arrive(static_cast<notice_wait_base*>(s->object())); break;
    case slot_kind::command: static_cast<operation*>(s->object())->call(); break;
    case slot_kind::guard: release(*static_cast<guard*>(s->object())); break;
    case slot_kind::destroy:
        ++work_;
        doomed_.push(static_cast<operation*>(s->object()));
        break;
    default: {
        auto* op = static_cast<operation*>(s->object());
        ++work_;
        if (op->state == operation_state::fresh) {
            sources_.start_arrived(static_cast<io_operation*>(op));
            watch_over(op);
        } else {
            ready_.push(op);
        }
    }
    }
}

// ---- sources ---------------------------------------------------------------------------------

void reactor::start_io(io_operation* op) noexcept {
    op->round = op->source_->cancel_round.load(std::memory_order_seq_cst);
    join_strand(op, op->source_->strand);
    if (slab_.owned_by_top()) [[likely]] {
        start_io_here(op);
    } else {
        start_io_from_outside(op);
    }
}

inline void reactor::start_io_here(io_operation* op) noexcept {
    settle(*op->source_);
    ++work_;
    sources_.start(op);
    watch_over(op);
}

void reactor::start_io_from_outside(io_operation* op) noexcept {
    const access claim(*this);
    if (claim.direct()) {
        start_io_here(op);
    } else {
        op->source_->arriving.fetch_add(1, std::memory_order_relaxed);
        leave(slot::of(op));
    }
}

std::size_t reactor::cancel_io(source* s) noexcept {
    const access claim(*this);
    if (claim.direct()) {
        settle(*s);
        return sources_.cancel(*s, s->cancel_round.load(std::memory_order_relaxed) + 1);
    }
    s->cancel_round.fetch_add(1, std::memory_order_seq_cst);
    if (s->on_errand.announce()) {
        leave(slot::of(s));
    }
    return 0;
}

void reactor::note_shutdown(source* s, bool receive, bool send) noexcept {
    if (!has(poller_->features(), poller_features::no_local_shutdown)) {
        return;
    }
    const unsigned ended =
        (receive ? source_marks::receive_ended : 0U) | (send ? source_marks::send_ended : 0U);
    s->marks.set(static_cast<std::uint8_t>(ended), true);
    const access claim(*this);
    if (claim.direct()) {
        settle(*s);
        sources_.retry_ended(*s);
    } else if (s->on_errand.announce()) {
        leave(slot::of(s));
    }
}

// What is closed, or given away, is so at once unless a thread runs the loop, which may be about to
// leave it for good.
std::error_code reactor::close_source(source* s) noexcept {
    const access claim(*this, &token::take_unless_run);
    if (claim.direct()) {
        settle(*s);
        return sources_.remove(*s, true);
    }
    s->cancel_round.fetch_add(1, std::memory_order_seq_cst);
    if (s->on_errand.announce(true)) {
        leave(slot::of(s));
        const access runner_is_gone(*this, &token::take_or_tell);
    }
    return {};
}

std::error_code reactor::release_source(source* s) noexcept {
    const access claim(*this, &token::take_unless_run);
    if (!claim.direct()) {
        return error::make_error_code(error::try_again);
    }
    settle(*s);
    return sources_.remove(*s, false);
}

// ---- single operations -----------------------------------------------------------------------

operation_id id_of(const operation* op) noexcept {
    return {const_cast<operation*>(op), generation_of(*slot::of(op))};
}

void reactor::cancel_operation(const operation_id& id) {
    const access claim(*this);
    if (!claim.direct()) {
        leave_command([this, id] { cancel_operation(id); });
        return;
    }
    if (generation_of(*slot::of(id.op)) != id.generation) {
        return;  // over
    }
    if (id.op->state == operation_state::fresh) {
        apply_all();  // another thread started it: it is on its way
    }
    abort_operation(id.op, stop_reason::cancelled);
}

// False if it is too late, or too early: its initiating function has not returned yet.
bool reactor::abort_operation(operation* op, stop_reason reason) noexcept {
    if (op->state == operation_state::fresh || op->kind() == slot_kind::post) {
        return false;
    }
    if (waits_for_notice(op->kind())) {
        const bool waits = op->linked();
        if (waits) {
            abort_wait(*static_cast<notice_wait_base*>(op)->notice_, op, reason);
        }
        return waits;
    }
    if (op->kind() != slot_kind::timer_wait) {
        return sources_.cancel(static_cast<io_operation*>(op), reason);
    }
    const bool waits = op->linked();
    if (waits) {
        abort_wait(*static_cast<timer_wait_base*>(op)->deadline_, op, reason);
    }
    return waits;
}

// ---- what headers call -----------------------------------------------------------------------

void* acquire_slot(reactor* where, unsigned size_class, slot_kind kind) {
    return where->memory().acquire(size_class, kind);
}
void count_spill(reactor* where) noexcept { where->memory().count_spill(); }
time_ns fresh_now(reactor& r) noexcept { return r.fresh_now(); }
void hold_work(reactor& r) noexcept { r.work_started(); }
void drop_work(reactor& r) noexcept { r.work_finished(); }
void sleep_until(reactor& r, time_ns at) noexcept {
    static_cast<void>(r.world().wait_one(invalid_native_handle, interest::none, at));
}

deadline* make_deadline(reactor& r, std::uint32_t strand) {
    void* memory = r.memory().acquire(slot_class(sizeof(deadline)), slot_kind::deadline);
    auto* made = ::new (memory) deadline;
    made->strand = strand;
    return made;
}
void free_deadline(reactor& r, deadline* d) noexcept { r.free_deadline(d); }
void start_timer_wait(reactor& r, timer_wait_base* op, time_ns at) noexcept {
    r.start_timer_wait(op, at);
}
std::uint32_t generation_of(const deadline* d) noexcept { return generation_of(*slot::of(d)); }
void resume_timer_wait(reactor& r, timer_wait_base* op, std::uint32_t generation,
                       time_ns at) noexcept {
    r.resume_timer_wait(op, generation, at);
}
std::size_t cancel_timer(reactor& r, deadline* d, std::uint32_t round) noexcept {
    return r.cancel_timer(d, round);
}
std::size_t cancel_one_wait(reactor& r, deadline* d) { return r.cancel_one_wait(d); }

// Any thread makes sources, while the owner may walk over all there are.
source* make_source(reactor& r, native_handle_type handle, bool stream, std::uint32_t strand) {
    void* memory = r.memory().acquire(slot_class(sizeof(source)), slot_kind::command);
    auto* made = ::new (memory) source(handle, stream, r.world().threads().fork_count(), strand);
    slab::publish(made, slot_kind::source);
    return made;
}
native_handle_type handle_of(const source* s) noexcept { return s->handle; }
native_handle_type hand_out(source* s) noexcept {
    s->marks.set(source_marks::handed_out, true);
    return s->handle;
}
bool is_stream(const source* s) noexcept { return s->is(source::stream); }
bool is_connected(const source* s) noexcept { return s->marks.is(source_marks::connected); }
void set_connected(source* s) noexcept { s->marks.set(source_marks::connected, true); }
bool user_non_blocking(const source* s) noexcept { return s->marks.is(source_marks::non_blocking); }
void set_user_non_blocking(source* s, bool on) noexcept {
    s->marks.set(source_marks::non_blocking, on);
}

void start_io(reactor& r, io_operation* op) noexcept { r.start_io(op); }
void complete_io(reactor& r, operation* op, const std::error_code& error,
                 std::uint32_t strand) noexcept {
    r.join_strand(op, strand);
    r.complete(op, error);
}
std::size_t cancel_io(reactor& r, source* s) noexcept { return r.cancel_io(s); }
std::error_code close_source(reactor& r, source* s) noexcept { return r.close_source(s); }
std::error_code release_source(reactor& r, source* s) noexcept { return r.release_source(s); }
void cancel_operation(reactor& r, const operation_id& id) { r.cancel_operation(id); }

}  // namespace gyre::inline v0::detail
