// SPDX-License-Identifier: BSL-1.0
// The loop: one thread at a time, the one that holds the token, turns it. docs/loop.md numbers the
// steps of a turn; reactor.cpp has them in the same order.
#pragma once

#include <gyre/deadline_hook.hpp>
#include <gyre/detail/handler_operation.hpp>
#include <gyre/detail/operation.hpp>
#include <gyre/detail/reactor_api.hpp>
#include <gyre/dispatch_hook.hpp>
#include <gyre/io_context_options.hpp>
#include <gyre/poller.hpp>

#include "core/accept_pause.hpp"
#include "core/deadline.hpp"
#include "core/guard.hpp"
#include "core/inbox.hpp"
#include "core/notice.hpp"
#include "core/post_batch.hpp"
#include "core/source_table.hpp"
#include "core/strand.hpp"
#include "core/token.hpp"
#include "core/turn_hook_list.hpp"
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
class command_base final : public operation {
public:
    static constexpr slot_kind kind_in_slot = slot_kind::command;
    explicit command_base(const functions& f) noexcept : operation(f, operation_state::finished) {}

    post_base::outcome take() noexcept { return {}; }
};

class reactor final : private source_events {
public:
    /// Throws std::system_error if the system gives no poller, std::bad_alloc.
    reactor(platform& world, const io_context_options& options);
    ~reactor();

    // ---- running: any thread -------------------------------------------------------------------

    /// Runs handlers, or just one, until there is no work, stop() or the deadline; returns how
    /// many.
    std::size_t run(time_ns until, bool one);
    void stop() noexcept;
    bool stopped() const noexcept { return attention_.stopped(); }
    void restart() noexcept { attention_.restart(); }
    bool running_in_this_thread() const noexcept;
    /// In the child, before anything else. Throws std::system_error if there is no poller for it.
    void come_out_of_fork();
    /// Destroys pending handlers uncalled, and what their captures own, until nothing is left.
    /// False if there was nothing.
    bool destroy_pending() noexcept;

    // ---- in a foreign loop ---------------------------------------------------------------------

    /// invalid_native_handle with an error if the poller has none.
    native_handle_type host_handle(std::error_code& error);
    time_ns next_deadline();
    void set_deadline_hook(const deadline_hook& hook);
    /// Turns the loop until a handler could be called, the context is stopped or this thread gives
    /// up; calls none.
    void wait_ready(const std::atomic<bool>& given_up);
    /// Makes a thread in wait_ready() look whether it gives up.
    void interrupt() noexcept { poller_->notify(); }
    turn_hook_list& hooks() noexcept { return hooks_; }

    // ---- errands: any thread -------------------------------------------------------------------

    void submit(operation* op) noexcept;
    /// Throws std::bad_alloc.
    void submit_copy(const operation_functions& functions, const void* function, std::size_t size);
    void destroy_later(operation* op) noexcept;
    void work_started() noexcept;
    void work_finished() noexcept;

    void complete(operation* op, const std::error_code& error) noexcept;
    /// Has the operation called in that strand, if it is any.
    void join_strand(operation* op, std::uint32_t strand) noexcept {
        if (strand != 0) [[unlikely]] {
            op->strand = strand;
            strand_at(strand).retain();
        }
    }
    void start_io(io_operation* op) noexcept;
    /// Makes a transfer of one buffer, and starts it if this thread is the owner and there is a
    /// source and something to transfer. Throws std::bad_alloc.
    template <class Operation>
    Operation* begin(source* s, const operation_functions& f, void* data, std::size_t size,
                     int flags);
    std::size_t cancel_io(source* s) noexcept;
    std::error_code close_source(source* s) noexcept;
    std::error_code release_source(source* s) noexcept;
    /// After shutdown() of the directions that are named.
    void note_shutdown(source* s, bool receive, bool send) noexcept;
    void cancel_operation(const operation_id& id);
    void free_guard(guard* g) noexcept;

    void start_timer_wait(timer_wait_base* op, time_ns at) noexcept;
    void resume_timer_wait(timer_wait_base* op, std::uint32_t generation, time_ns at) noexcept;
    std::size_t cancel_timer(deadline* d, std::uint32_t round) noexcept;
    std::size_t cancel_one_wait(deadline* d);
    void free_deadline(deadline* d) noexcept;

    /// Takes a notice slot. Throws std::bad_alloc.
    notice* make_notice(notice_events& behind, std::uint32_t strand);
    void start_wait(notice_wait_base* op) noexcept;
    std::size_t cancel_waits(notice* n) noexcept;
    /// Aborts the waits and gives the slot back, here or in the owner's next turn.
    void close_notice(notice* n) noexcept;
    /// Something has come: the owner will look. Also inside a signal handler.
    void tell(notice* n) noexcept;
    /// Has the owner call it.
    void command(operation* c) noexcept { leave(slot::of(c)); }
    /// The owner: ends a wait that was neither ended nor aborted.
    void end_wait(notice_wait_base* op, const std::error_code& error) noexcept;

    // ---- facts ---------------------------------------------------------------------------------

    slab& memory() noexcept { return slab_; }
    platform& world() noexcept { return world_; }
    /// Operations, posts and work guards; while nobody runs it.
    std::int64_t outstanding_work() noexcept {
        return work_ + foreign_work_.load(std::memory_order_relaxed);
    }
    const char* poller_name() const noexcept { return poller_->name(); }
    /// The clock, read afresh; a reading in the owner's thread counts for what is due.
    time_ns fresh_now() noexcept;
    /// The time of this turn for the owner, a fresh reading for others.
    time_ns turn_now() noexcept;
    void set_dispatch_hook(const dispatch_hook& hook);

private:
    class access;
    class running;
    class handler_call;

    static constexpr time_ns awake = immediately;  // no deadline is earlier: nobody has to wake
    // Timers that one turn moves towards the tree; the rest waits for the next turn.
    static constexpr unsigned timer_moves_per_turn = 256;

    // Apart from their callers, whose usual way then needs fewer registers to be saved.
    [[gnu::noinline]] void submit_from_outside(operation* op) noexcept;
    [[gnu::noinline]] void submit_copy_slowly(const operation_functions& functions,
                                              const void* function, std::size_t size);
    template <class Operation>
    [[gnu::noinline]] Operation* make_transfer(source* s, const operation_functions& f, void* data,
                                               std::size_t size, int flags);
    void start_io_here(io_operation* op) noexcept;
    [[gnu::noinline]] void start_io_from_outside(io_operation* op) noexcept;
    [[gnu::noinline]] void start_wait_from_outside(timer_wait_base* op, time_ns at) noexcept;
    [[gnu::noinline]] std::size_t cancel_from_outside(deadline& d, std::uint32_t round) noexcept;

    // A turn of the loop, in order.
    void read_clock_again() noexcept;
    bool find_ready(running& self, time_ns until);
    bool next_turn(running& self, time_ns until);
    void begin_turn() noexcept;
    [[gnu::noinline]] void apply_inbox() noexcept;
    void apply(slot* s) noexcept;
    [[gnu::noinline]] void apply_ring() noexcept;
    void apply(const timer_op& op) noexcept;
    [[gnu::noinline]] void apply_all() noexcept;
    [[gnu::noinline]] void apply_told() noexcept;
    // What another thread asked of the object before comes first; nor may a slot be freed that the
    // inbox holds. Relaxed: whoever may use the object now has met that thread since.
    void settle(const source& s) noexcept {
        if (s.arriving.load(std::memory_order_relaxed) != 0 || s.on_errand.announced())
            [[unlikely]] {
            apply_all();
        }
    }
    void settle(const deadline& d) noexcept {
        if (d.on_errand.announced()) [[unlikely]] {
            apply_all();
        }
    }
    void settle(const notice& n) noexcept;
    [[gnu::noinline]] void take_due_timers() noexcept;
    bool may_run() noexcept;
    void grant_handlers() noexcept;
    bool prepare(operation* op) noexcept;
    [[gnu::noinline]] bool prepare_other(operation* op) noexcept;
    strand_state& strand_at(std::uint32_t number) noexcept {
        return *static_cast<strand_state*>(slab_.at(number - 1)->object());
    }
    [[gnu::noinline]] bool enter_strand(operation* op) noexcept;
    [[gnu::noinline]] void call_in_strand(operation* op, free_slots* owned);
    bool run_next();
    [[gnu::noinline]] bool run_copy();
    operation* copy_next(posted_copy& into) noexcept;
    [[gnu::noinline]] bool run_watched(running& self);
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

    // A host that calls poll().
    time_ns earliest_need() noexcept;
    [[gnu::noinline]] void wake_up_hosted() noexcept;
    [[gnu::noinline]] void fall_asleep(time_ns host_knows) noexcept;
    [[gnu::noinline]] void tell_host() noexcept;

    // source_events
    void pause(source& s) noexcept override;
    void forget_pause(source& s) noexcept override;
    void end_pause(accept_pause& p) noexcept;

    // Timers.
    void go_on_waiting(timer_wait_base* op, std::uint32_t generation, time_ns at) noexcept;
    void apply_change(deadline& d, std::uint32_t round, time_ns at) noexcept;
    void apply_latest(deadline& d) noexcept;
    void take_arrivals(deadline& d) noexcept {
        if (d.arrivals.load(std::memory_order_relaxed) != nullptr) [[unlikely]] {
            apply_arrivals(d);
        }
    }
    [[gnu::noinline]] void apply_arrivals(deadline& d) noexcept;
    void start_wait_here(timer_wait_base* op, time_ns at) noexcept;
    std::size_t cancel_here(deadline& d, std::uint32_t round) noexcept;
    void add_wait(deadline& d, timer_wait_base* op) noexcept;
    void arm(deadline& d, time_ns at) noexcept;
    void fire(timer_node& node) noexcept;
    void fire(deadline& d) noexcept;
    std::size_t abort_waits(deadline& d, std::uint32_t round) noexcept;
    void abort_wait(deadline& d, operation* op,
                    stop_reason reason = stop_reason::cancelled) noexcept;
    void hand_over(deadline& d, std::uint32_t round, time_ns at) noexcept;
    void release(deadline& d) noexcept;
    bool abort_operation(operation* op, stop_reason reason) noexcept;
    void watch_over(operation* op) noexcept;
    void expire(guard& g) noexcept;
    void release(guard& g) noexcept;

    // Notices.
    void add_wait(notice& n, notice_wait_base* op) noexcept;
    void arrive(notice_wait_base* op) noexcept;
    void apply(notice& n) noexcept;
    void advance(notice& n) noexcept;
    bool take_notice(notice_wait_base* op) noexcept;
    void abort_wait(notice& n, operation* op, stop_reason reason = stop_reason::cancelled) noexcept;
    std::size_t abort_waits(notice& n, std::uint32_t round) noexcept;
    void release(notice& n) noexcept;
    dispatch_info describe(operation* op) noexcept;

    // ---- the owner's; what every handler needs first -------------------------------------------
    attention attention_;
    std::uint32_t until_look_ = 0;  // handlers before the clock is looked at again
    std::int64_t work_ = 0;
    ready_queue ready_;
    slab slab_;

    platform& world_;
    clock_ops& clock_;
    const io_context_options options_;
    const std::unique_ptr<poller> poller_;
    source_table sources_;
    timer_queue timers_;
    accept_pause* pauses_ = nullptr;
    post_batch* batch_ = nullptr;   // found by prepare(), not to be called itself
    std::size_t timers_ready_ = 0;  // waits in ready_ that may still be cancelled
    ready_list doomed_;             // to be destroyed at the end of the turn
    std::vector<poll_event> event_storage_;
    // The state of the turn lives here, so that run_one() can stop after a handler and a nested
    // poll() can go on with it.
    bool turn_open_ = false;
    std::size_t handlers_left_ = 0;  // in this turn, beside until_look_
    std::size_t fetched_ = 0;        // events of the latest wait
    time_ns turn_end_ = 0;
    time_ns now_ = 0;     // of this turn
    time_ns latest_ = 0;  // the latest reading of the clock
    dispatch_hook hook_;
    turn_hook_list hooks_;
    bool hosted_ = false;  // somebody else's loop watches the poller
    // When the host is going to call poll() by itself; `immediately` while it is told or polls.
    time_ns host_knows_ = no_deadline;
    deadline_hook deadline_hook_;

    // ---- shared with other threads -------------------------------------------------------------
    token token_{attention_};
    inbox inbox_;
    post_box posts_;
    op_ring ring_;
    std::atomic<std::int64_t> foreign_work_{0};
    // When the sleeping owner will wake by itself; `awake` while it does not sleep. The owner
    // stores it and then looks for errands; a producer leaves an errand and then looks at it. All
    // four are sequentially consistent, so at least one sees what the other did.
    std::atomic<time_ns> next_wake_{awake};
    // The owner's count of work while it sleeps: who brings the sum with foreign_work_ to 0 wakes.
    // Published by next_wake_, which is stored after it and loaded before it.
    std::atomic<std::int64_t> work_asleep_{0};
};

template <class Operation>
inline Operation* reactor::begin(source* s, const operation_functions& f, void* data,
                                 std::size_t size, int flags) {
    if (!slab_.owned_by_top() || s == nullptr || size == 0 || s->strand != 0 ||
        s->arriving.load(std::memory_order_relaxed) != 0) [[unlikely]] {
        return make_transfer<Operation>(s, f, data, size, flags);
    }
    void* at = slab_.take_free(f.size_class, Operation::kind_in_slot);
    if (at == nullptr) [[unlikely]] {
        return make_transfer<Operation>(s, f, data, size, flags);
    }
    auto* op = ::new (at) Operation(f, s, data, size, flags);
    op->round = s->cancel_round.load(std::memory_order_seq_cst);
    ++work_;
    if constexpr (Operation::kind_in_slot == slot_kind::receive) {
        return static_cast<Operation*>(sources_.start_receive(op));
    } else {
        return static_cast<Operation*>(sources_.start_send(op));
    }
}

// Fresh: whoever asked for it starts it.
template <class Operation>
Operation* reactor::make_transfer(source* s, const operation_functions& f, void* data,
                                  std::size_t size, int flags) {
    const io_buffer buffer{data, size};
    return ::new (slab_.acquire(f.size_class, Operation::kind_in_slot))
        Operation(f, s, &buffer, size != 0 ? 1 : 0, flags);
}

}  // namespace gyre::inline v0::detail
