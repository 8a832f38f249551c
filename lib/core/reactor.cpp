// SPDX-License-Identifier: BSL-1.0
// The turn of the loop and the threads that turn it. Timers are in reactor_timers.cpp, errands of
// other threads and the functions that headers call in reactor_errands.cpp.
#include "core/reactor.hpp"

#include "core/reactor_access.hpp"
#include "core/reactor_running.hpp"

#include <algorithm>
#include <array>
#include <system_error>

namespace gyre::inline v0::detail {
namespace {

constexpr std::size_t handlers_per_look = 16;  // at the clock

std::unique_ptr<poller> make_poller(platform& world, const io_context_options& options) {
    std::error_code error;
    std::unique_ptr<poller> made(world.make_poller(options.poller, error));
    if (made == nullptr) {
        throw std::system_error(error, "gyre: poller");
    }
    return made;
}

void prefetch(const timer_node& node) noexcept {
    if (slot::of(&node)->kind != slot_kind::deadline) {
        return;
    }
    const auto& d = static_cast<const deadline&>(node);
    __builtin_prefetch(&d.applied, 1);
    if (!d.waits.empty()) {
        const operation* op = d.waits.back();  // usually the only one
        __builtin_prefetch(op, 1);
        __builtin_prefetch(op + 1);
    }
}

}  // namespace

reactor::reactor(platform& world, const io_context_options& options)
    : slab_(options.slab_bytes_max),
      world_(world),
      clock_(world.clock()),
      options_(options),
      poller_(make_poller(world, options)),
      sources_(world, *poller_, slab_, ready_, *this, options),
      timers_(world.clock().steady_now()),
      event_storage_(std::max<std::size_t>(options.events_per_wait, 1)),
      ring_(options.ring_capacity) {}

reactor::~reactor() { static_cast<void>(destroy_pending()); }

// A call that goes on with a turn of an earlier call: hours may have passed.
void reactor::read_clock_again() noexcept {
    if (slab_.owned_here() && turn_open_) {
        now_ = latest_ = clock_.steady_now();
        turn_end_ = now_ + options_.time_per_turn;
    }
}

void reactor::stop() noexcept {
    attention_.stop();
    wake();
    token_.wake_all();
}

void reactor::destroy_later(operation* op) noexcept {
    if (running* self = running::here(*this); self != nullptr && !self->holding()) {
        self->destroy_after_handler(op);  // another thread may end the turn before this handler
        return;
    }
    const access claim(*this);
    if (claim.direct()) {
        ++work_;
        doomed_.push(op);
    } else {
        leave(slot::of(op));
    }
}

bool reactor::running_in_this_thread() const noexcept { return running::here(*this) != nullptr; }

// ---- a turn: docs/loop.md --------------------------------------------------------------------

// As find_ready(), in a thread that runs no handler: destroys nothing of the user's, either.
void reactor::wait_ready(const std::atomic<bool>& given_up) {
    running self(*this, no_deadline);
    do {
        if (stopped() || given_up || (!self.holding() && !self.retake()) || !doomed_.empty() ||
            (turn_open_ && !ready_.empty())) {
            return;
        }
    } while (next_turn(self, no_deadline));
}

// Turns the loop until the ready list has an operation that may be run now. False if there will be
// none, or none by `until`.
inline bool reactor::find_ready(running& self, time_ns until) {
    if (until != no_deadline && until != immediately && fresh_now() >= until) [[unlikely]] {
        return false;
    }
    do {
        if (stopped() || (!self.holding() && !self.retake())) [[unlikely]] {
            return false;
        }
        if (turn_open_ && !ready_.empty() && may_run()) {  // 3
            return true;
        }
    } while (next_turn(self, until));
    return false;
}

// Ends the turn, waits, and begins the next one. False if there is nothing more to do, or not by
// `until`.
inline bool reactor::next_turn(running& self, time_ns until) {
    const bool waits = turn_open_;
    if (waits) {
        end_turn(self);
        const bool hooked = !hooks_.empty();
        if (hooked) [[unlikely]] {
            hooks_.call(turn_hook::end_of_turn);
        }
        if (idle()) [[unlikely]] {
            stop();
            return false;
        }
        if (hooked) [[unlikely]] {
            hooks_.call(turn_hook::before_wait);
        }
        wait(until);
        if (hooked) [[unlikely]] {
            hooks_.call(turn_hook::after_wait);
        }
    }
    begin_turn();
    const bool nothing =
        ready_.empty() && (doomed_.empty() || self.nested()) && !timers_.may_be_due(now_);
    return !(waits && nothing && now_ >= until);
}

inline void reactor::begin_turn() noexcept {
    if (!inbox_.empty()) {  // 1
        apply_inbox();
    }
    if (!ring_.empty()) {
        apply_ring();
    }
    slab_.return_shared();
    now_ = latest_ = clock_.steady_now();  // 2
    if (timers_.has_work(now_)) {
        take_due_timers();
    }
    handlers_left_ = std::max(options_.handlers_per_turn, 2 * fetched_);
    grant_handlers();
    turn_end_ = now_ + options_.time_per_turn;
    sources_.begin_turn();
    turn_open_ = true;
}

// Fewer if timers of earlier turns are still ready: nothing else shall have to stand behind a
// million of them. But some always, lest timers that are set for a time that has come keep out the
// others.
//
// In batches: of a million timers none is in the cache, and while the later ones of a batch are
// taken, what the earlier ones need is on its way.
void reactor::take_due_timers() noexcept {
    std::array<timer_node*, 16> batch;
    const std::size_t limit = options_.timers_per_turn;
    std::size_t left =
        std::max(limit - std::min(limit, timers_ready_), std::min(limit, batch.size()));
    unsigned moves = timer_moves_per_turn;
    while (left != 0) {
        const std::size_t most = std::min(left, batch.size());
        std::size_t taken = 0;
        for (; taken != most; ++taken) {
            timer_node* node = timers_.take_due(now_, moves);
            if (node == nullptr) {
                break;
            }
            batch[taken] = node;
            prefetch(*node);
        }
        std::for_each_n(batch.begin(), taken, [this](timer_node* node) { fire(*node); });
        left = taken == most ? left - taken : 0;
    }
}

// Whether the budget of this turn allows another handler.
inline bool reactor::may_run() noexcept {
    if (until_look_ == 0) {
        latest_ = clock_.steady_now();
        if (handlers_left_ == 0 || latest_ >= turn_end_) {
            return false;
        }
        grant_handlers();
    }
    return true;
}

// As many as may run before the clock is looked at.
inline void reactor::grant_handlers() noexcept {
    until_look_ = static_cast<std::uint32_t>(std::min(handlers_left_, handlers_per_look));
    handlers_left_ -= until_look_;
}

// Performs what is left to be done of the operation, and takes it out of its object's queue. False
// if it was not ready after all.
inline bool reactor::prepare(operation* op) noexcept {
    if (op->state == operation_state::finished) {
        return true;
    }
    if (op->kind() == slot_kind::receive) [[likely]] {
        return sources_.receive(static_cast<transfer_operation*>(op));
    }
    return prepare_other(op);
}

bool reactor::prepare_other(operation* op) noexcept {
    if (op->kind() == slot_kind::posts) {
        batch_ = static_cast<post_batch*>(op);
        return false;
    }
    if (op->kind() == slot_kind::timer_wait) {
        static_cast<timer_wait_base*>(op)->deadline_->waits.remove(op);
        --timers_ready_;
        op->set_error({});
    } else if (op->kind() == slot_kind::io_wait) {
        return sources_.end_wait(static_cast<io_operation*>(op));
    } else if (waits_for_notice(op->kind())) {
        return take_notice(static_cast<notice_wait_base*>(op));
    } else if (op->state == operation_state::ready) {
        return sources_.perform(static_cast<io_operation*>(op));
    } else {
        sources_.unlink(static_cast<io_operation*>(op));
    }
    op->state = operation_state::finished;
    return true;
}

// An operation of a strand that is busy waits there, with its result.
bool reactor::enter_strand(operation* op) noexcept {
    strand_state& strand = strand_at(op->strand);
    const bool entered = strand.try_enter();
    if (!entered) {
        strand.submit(op);
    }
    return entered;
}

void reactor::call_in_strand(operation* op, free_slots* owned) {
    const strand_turn turn(strand_at(op->strand), true);
    op->call(owned);
}

namespace {

struct work_done {
    ~work_done() { --work; }  // also if the handler throws
    std::int64_t& work;
};

}  // namespace

// The oldest function of the batch that prepare() has found.
operation* reactor::copy_next(posted_copy& into) noexcept {
    post_batch* batch = std::exchange(batch_, nullptr);
    operation* op = batch->pop(into, slab_.number_of(batch));
    if (batch->empty()) {
        release_slot(batch);
    } else {
        ready_.put_back(batch);
    }
    return op;
}

bool reactor::run_copy() {
    posted_copy copy;
    operation* op = copy_next(copy);
    const work_done done{work_};
    op->call();
    return true;
}

// Runs the oldest ready operation. False if it was not ready after all.
inline bool reactor::run_next() {
    operation* op = ready_.pop();
    --until_look_;
    if (!prepare(op)) [[unlikely]] {
        return batch_ != nullptr && run_copy();
    }
    const work_done done{work_};
    if (op->strand != 0) [[unlikely]] {
        const bool entered = enter_strand(op);
        if (entered) {
            call_in_strand(op, slab_.owned_slots());
        }
        return entered;
    }
    op->call(slab_.owned_slots());
    return true;
}

// As run_next(), when somebody watches, or has nothing to do and could go on with the turn.
bool reactor::run_watched(running& self) {
    struct watch {
        ~watch() {
            if (hook.after != nullptr) {
                hook.after(hook.user, info);
            }
        }
        const dispatch_hook hook;
        const dispatch_info info;
    };
    struct handler_done {
        ~handler_done() {
            if (self.holding()) {
                --r.work_;
            } else {
                self.handler_returned();
            }
        }
        reactor& r;
        running& self;
    };
    operation* op = ready_.pop_watched();
    --until_look_;
    posted_copy copy;
    if (!prepare(op)) {
        if (batch_ == nullptr) {
            return false;
        }
        op = copy_next(copy);
    }
    if (op->strand != 0 && !enter_strand(op)) {
        --work_;
        return false;
    }
    const watch observed{hook_, attention_.watched() ? describe(op) : dispatch_info()};
    if (observed.hook.before != nullptr) {
        observed.hook.before(observed.hook.user, observed.info);
    }
    if (attention_.has_waiters() && (!ready_.empty() || !inbox_.empty())) {
        self.pass();
    }
    const handler_done done{*this, self};
    free_slots* owned = self.holding() ? slab_.owned_slots() : nullptr;
    if (op->strand != 0) {
        call_in_strand(op, owned);
    } else {
        op->call(owned);
    }
    return true;
}

// 4: objects that handlers of this turn may have in hand, but none after it. A call nested in a
// handler leaves them to the outer one.
inline void reactor::end_turn(const running& self) noexcept {
    while (!doomed_.empty() && !self.nested())
        [[unlikely]] {
            doomed_.pop()->call();
            --work_;
        }
}

// Nothing to run, nothing to wait for and no errand.
bool reactor::idle() const noexcept {
    return ready_.empty() && !has_work() && inbox_.empty() && ring_.empty();
}

// 5 and 6
inline void reactor::wait(time_ns until) {
    const bool all_called = ready_.empty();
    time_ns deadline = immediately;
    if (all_called) {
        deadline = std::min(timers_.next_deadline(), until);
        if (deadline <= latest_) {
            deadline = immediately;
        }
    }
    if (deadline != immediately) {
        work_asleep_.store(work_, std::memory_order_relaxed);
        next_wake_.store(deadline, std::memory_order_seq_cst);
        if (!inbox_.empty() || !ring_.empty() || stopped() || !has_work()) {
            deadline = immediately;
        }
    } else if (!sources_.watching() && !hosted_) {
        fetched_ = 0;
        return;  // nothing could be reported
    }
    event_buffer events(event_storage_);
    const std::error_code error = poller_->wait(events, deadline);
    // Relaxed: who still reads that the owner sleeps writes to the notifier in vain.
    next_wake_.store(awake, std::memory_order_relaxed);
    if (error) {
        turn_open_ = false;
        until_look_ = 0;
        throw std::system_error(error, "gyre: wait");
    }
    fetched_ = events.size();
    sources_.dispatch(events, all_called);
}

std::size_t reactor::run(time_ns until, bool one) {
    running self(*this, until);
    read_clock_again();
    const bool looks_up = one || (until != no_deadline && until != immediately);
    std::size_t count = 0;
    while (find_ready(self, until)) {
        if (looks_up || attention_.wanted()) [[unlikely]] {
            count += run_watched(self) ? 1 : 0;
            if (one && count != 0) {
                break;
            }
            continue;
        }
        do {
            count += run_next() ? 1 : 0;
        } while (!ready_.empty() && (until_look_ != 0 || may_run()) && !attention_.wanted());
    }
    return count;
}

// ---- the end ---------------------------------------------------------------------------------

// Destroying a handler destroys its captures, which may cancel, close and even post: so again
// until nothing is left.
bool reactor::destroy_pending() noexcept {
    const access claim(*this);
    bool any = false;
    for (bool found = true; found;) {
        found = false;
        while (slot* s = inbox_.pop()) {
            apply(s);
        }
        apply_ring();
        while (!ready_.empty()) {
            operation* op = ready_.pop_watched();
            if (op->kind() == slot_kind::timer_wait && op->linked()) {
                static_cast<timer_wait_base*>(op)->deadline_->waits.remove(op);
                --timers_ready_;
            } else if (waits_for_notice(op->kind()) && op->linked()) {
                static_cast<notice_wait_base*>(op)->notice_->waits.remove(op);
            } else if (is_io(op->kind())) {
                sources_.unlink(static_cast<io_operation*>(op));
            }
            const std::uint32_t strand = op->strand;
            op->destroy();
            if (strand != 0) {
                strand_at(strand).release();
            }
            found = true;
        }
        while (!doomed_.empty()) {
            doomed_.pop()->destroy();
            found = true;
        }
        slab_.for_each_live([&](slot& s, slot_kind kind) {
            // Whatever still waits is aborted into the ready list, for the next round.
            if (kind == slot_kind::source) {
                auto& at = *static_cast<source*>(s.object());
                sources_.cancel(at, at.cancel_round.load(std::memory_order_relaxed) + 1);
            } else if (kind == slot_kind::deadline) {
                auto& at = *static_cast<deadline*>(s.object());
                abort_waits(at, at.applied + 1);
                timers_.cancel(at);
            } else if (kind == slot_kind::notice) {
                auto& at = *static_cast<notice*>(s.object());
                abort_waits(at, at.cancel_round.load(std::memory_order_relaxed) + 1);
            }
        });
        found = found || !ready_.empty() || !doomed_.empty() || !inbox_.empty();
        any = any || found;
    }
    return any;
}

}  // namespace gyre::inline v0::detail
