// SPDX-License-Identifier: BSL-1.0
// The loop: one thread at a time, the one that holds the token, turns it. docs/loop.md numbers the
// steps of a turn; reactor.cpp has them in the same order.
#pragma once

#include <gyre/detail/handler_operation.hpp>
#include <gyre/detail/operation.hpp>
#include <gyre/detail/reactor_api.hpp>
#include <gyre/dispatch_hook.hpp>
#include <gyre/io_context_options.hpp>
#include <gyre/poller.hpp>

#include "core/deadline.hpp"
#include "core/inbox.hpp"
#include "core/notice.hpp"
#include "core/source_table.hpp"
#include "core/token.hpp"
#include "platform/platform.hpp"
#include "slab/slab.hpp"
#include "timer/op_ring.hpp"
#include "timer/timer_queue.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace gyre::inline v0::detail {

/// The library's own errand to the owner.
class command_base : public operation {
public:
    static constexpr slot_kind kind_in_slot = slot_kind::command;
    explicit command_base(function f) noexcept : operation(f) {}

    post_base::outcome take() noexcept { return {}; }

protected:
    ~command_base() = default;
};

class reactor final : private source_events {
public:
    /// Throws std::system_error if the system gives no poller, std::bad_alloc.
    reactor(platform& world, const io_context_options& options);
    ~reactor();

    // ---- running: any thread -------------------------------------------------------------------

    /// Runs at most one handler; waits for it until the deadline. False if none was run.
    bool run_one(time_ns until);
    /// Runs handlers until there is no work, stop() or the deadline; returns how many.
    std::size_t run(time_ns until);
    void stop() noexcept;
    bool stopped() const noexcept { return stopped_.load(std::memory_order_seq_cst); }
    void restart() noexcept { stopped_.store(false, std::memory_order_seq_cst); }
    bool running_in_this_thread() const noexcept;
    /// Destroys pending handlers uncalled, and what their captures own, until nothing is left.
    void destroy_pending() noexcept;

    // ---- errands: any thread -------------------------------------------------------------------

    void submit(operation* op) noexcept;
    void destroy_later(operation* op) noexcept;
    void work_started() noexcept;
    void work_finished() noexcept;

    void complete(operation* op, const std::error_code& error) noexcept;
    void start_io(io_operation* op) noexcept;
    std::size_t cancel_io(source* s) noexcept;
    std::error_code close_source(source* s) noexcept;
    std::error_code release_source(source* s) noexcept;
    void cancel_operation(const operation_id& id);

    void start_timer_wait(timer_wait_base* op, time_ns at) noexcept;
    std::size_t cancel_timer(deadline* d, std::uint32_t round) noexcept;
    std::size_t cancel_one_wait(deadline* d);
    void free_deadline(deadline* d) noexcept;

    /// Takes a notice slot. Throws std::bad_alloc.
    notice* make_notice(notice_events& behind);
    void start_wait(notice_wait_base* op) noexcept;
    std::size_t cancel_waits(notice* n) noexcept;
    /// Aborts the waits and gives the slot back, here or in the owner's next turn.
    void close_notice(notice* n) noexcept;
    /// Something has come: the owner will look. Also inside a signal handler.
    void tell(notice* n) noexcept;
    /// Has the owner call it.
    void command(command_base* c) noexcept { leave(slot::of(c)); }
    /// The owner: ends a wait that was neither ended nor aborted.
    void end_wait(notice_wait_base* op, const std::error_code& error) noexcept;

    // ---- facts ---------------------------------------------------------------------------------

    slab& memory() noexcept { return slab_; }
    platform& world() noexcept { return world_; }
    const char* poller_name() const noexcept { return poller_->name(); }
    /// The clock, read afresh; a reading in the owner's thread counts for what is due.
    time_ns fresh_now() noexcept;
    /// The time of this turn for the owner, a fresh reading for others.
    time_ns turn_now() noexcept;
    void set_dispatch_hook(const dispatch_hook& hook) noexcept;

private:
    class access;
    class running;
    class handler_call;

    static constexpr time_ns awake = immediately;  // no deadline is earlier: nobody has to wake

    // Apart from their callers, whose usual way then needs fewer registers to be saved.
    [[gnu::noinline]] void submit_from_outside(operation* op) noexcept;
    [[gnu::noinline]] void start_from_outside(io_operation* op) noexcept;

    // A turn of the loop, in order.
    void read_clock_again() noexcept;
    [[gnu::always_inline]] bool step(running& self, time_ns until);
    void begin_turn() noexcept;
    void apply_inbox() noexcept;
    void apply(slot* s) noexcept;
    void apply_ring() noexcept;
    void apply_all() noexcept;
    void take_errands(const source& s) noexcept;
    void take_due_timers() noexcept;
    bool may_run() noexcept;
    [[gnu::noinline]] void look_at_clock() noexcept;
    [[gnu::always_inline]] bool run_next(running& self);
    bool prepare(operation* op) noexcept;
    [[gnu::noinline]] void run_observed_handler(running& self, operation* op);
    [[gnu::always_inline]] void run_handler(running& self, operation* op);
    [[gnu::noinline]] bool next_turn(running& self, time_ns until);
    void end_turn(const running& self) noexcept;
    void wait(time_ns until);

    bool idle() const noexcept;
    bool has_work() const noexcept {
        return work_ + foreign_work_.load(std::memory_order_seq_cst) != 0;
    }
    void wake_before(time_ns at) noexcept;
    void wake() noexcept { wake_before(awake + 1); }
    void leave(slot* errand) noexcept {
        inbox_.push(errand);
        wake();
    }
    /// Has the owner call f(), which is not user code. Throws std::bad_alloc.
    template <class F>
    void leave_command(F f) {
        leave(slot::of(handler_operation<command_base, F>::make(&slab_, std::move(f))));
    }

    // source_events
    void pause(source& s) noexcept override;
    void forget_pause(source& s) noexcept override;

    // Timers.
    void apply_change(deadline& d, std::uint32_t round, time_ns at) noexcept;
    void apply_latest(deadline& d) noexcept;
    void take_arrivals(deadline& d) noexcept;
    void add_wait(deadline& d, timer_wait_base* op) noexcept;
    void arm(deadline& d, time_ns at) noexcept;
    void fire(deadline& d) noexcept;
    std::size_t abort_waits(deadline& d, std::uint32_t round) noexcept;
    void abort_wait(deadline& d, operation* op) noexcept;
    void hand_over(deadline& d, std::uint32_t round, time_ns at) noexcept;
    void release(deadline& d) noexcept;

    // Notices.
    void add_wait(notice& n, notice_wait_base* op) noexcept;
    void arrive(notice_wait_base* op) noexcept;
    void apply(notice& n) noexcept;
    void take_errands(const notice& n) noexcept;
    void advance(notice& n) noexcept;
    bool take_notice(notice_wait_base* op) noexcept;
    void abort_wait(notice& n, operation* op) noexcept;
    std::size_t abort_waits(notice& n, std::uint32_t round) noexcept;
    void release(notice& n) noexcept;

    void abort_operation(const operation_id& id) noexcept;
    dispatch_info describe(operation* op) noexcept;

    platform& world_;
    const io_context_options options_;
    const std::unique_ptr<poller> poller_;

    // ---- the owner's ---------------------------------------------------------------------------
    slab slab_;
    ready_queue ready_;
    source_table sources_;
    timer_queue timers_;
    ready_list doomed_;  // to be destroyed at the end of the turn
    std::vector<poll_event> event_storage_;
    std::int64_t work_ = 0;
    // The state of the turn lives here, so that run_one() can stop after a handler and a nested
    // poll() can go on with it.
    bool turn_open_ = false;
    std::size_t handlers_left_ = 0;
    time_ns turn_end_ = 0;
    time_ns now_ = 0;     // of this turn
    time_ns latest_ = 0;  // the latest reading of the clock
    dispatch_hook hook_;
    bool hooked_ = false;

    // ---- shared with other threads -------------------------------------------------------------
    token token_;
    inbox inbox_;
    op_ring ring_;
    std::atomic<std::int64_t> foreign_work_{0};
    std::atomic<bool> stopped_{false};
    // When the sleeping owner will wake by itself; `awake` while it does not sleep. The owner
    // stores it and then looks for errands; a producer leaves an errand and then looks at it. All
    // four are sequentially consistent, so at least one sees what the other did.
    std::atomic<time_ns> next_wake_{awake};
    // The owner's count of work while it sleeps: who brings the sum with foreign_work_ to 0 wakes.
    std::atomic<std::int64_t> work_asleep_{0};
};

}  // namespace gyre::inline v0::detail
