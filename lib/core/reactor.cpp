// SPDX-License-Identifier: BSL-1.0
// The turn of the loop and the threads that turn it. Timers are in reactor_timers.cpp, errands of
// other threads and the functions that headers call in reactor_errands.cpp.
#include "core/reactor.hpp"

#include "core/reactor_access.hpp"

#include <algorithm>
#include <system_error>

namespace gyre::inline v0::detail {
namespace {

std::unique_ptr<poller> make_poller(platform& world, const io_context_options& options) {
    std::error_code error;
    std::unique_ptr<poller> made(world.make_poller(options.poller, error));
    if (made == nullptr) {
        throw std::system_error(error, "gyre: poller");
    }
    return made;
}

}  // namespace

// ---- a thread in run() -----------------------------------------------------------------------

/// A thread inside run() or poll(): holds the token, except while it gave it up for the length of
/// a handler because others are idle.
class reactor::running : private owner_frame {
public:
    running(reactor& r, time_ns until) : reactor_(r), nested_(r.slab_.owned_here()), until_(until) {
        runs = &r;
        outer = top_owner_frame;
        if (nested_) {
            owned = &r.slab_;
        } else {
            retake();
        }
        top_owner_frame = this;
        if (r.options_.timer_slack != 0) {
            slack_before_ = r.world_.threads().set_timer_slack(r.options_.timer_slack);
        }
    }
    running(const running&) = delete;
    running& operator=(const running&) = delete;
    ~running() {
        if (slack_before_ != 0) {
            reactor_.world_.threads().set_timer_slack(slack_before_);
        }
        top_owner_frame = outer;
        if (holding() && !nested_) {
            reactor_.token_.give_up();
        }
    }

    bool nested() const noexcept { return nested_; }
    bool holding() const noexcept { return owned != nullptr; }

    /// The innermost call of run() or poll() of `r` that this thread is in; null if there is none.
    static running* here(const reactor& r) noexcept {
        for (owner_frame* f = top_owner_frame; f != nullptr; f = f->outer) {
            if (f->runs == &r) {
                return static_cast<running*>(f);
            }
        }
        return nullptr;
    }

    /// To be destroyed, but not before the handler that this thread is in has returned.
    void destroy_after_handler(operation* op) noexcept { doomed_.push(op); }

    /// A handler that ran without the token is over, and so is its work.
    [[gnu::noinline]] void handler_returned() noexcept {
        while (!doomed_.empty()) {
            reactor_.leave(slot::of(doomed_.pop()));
        }
        reactor_.work_finished();
    }

    /// Lets another runner go on with the turn while this thread runs a handler.
    [[gnu::noinline]] void pass() noexcept {
        if (!nested_) {
            owned = nullptr;
            reactor_.token_.give_up();
        }
    }

    /// Waits in line for the token; false if the context was stopped or the time is up.
    [[gnu::noinline]] bool retake() {
        if (reactor_.token_.take(reactor_.stopped_, until_)) {
            owned = &reactor_.slab_;
        }
        return holding();
    }

private:
    reactor& reactor_;
    const bool nested_;
    const time_ns until_;
    ready_list doomed_;
    std::uint64_t slack_before_ = 0;
};

/// Around the call of a handler: its operation counts as work until it has returned or thrown.
class reactor::handler_call {
public:
    handler_call(reactor& r, running& self) noexcept : reactor_(r), self_(self) {}
    handler_call(const handler_call&) = delete;
    handler_call& operator=(const handler_call&) = delete;
    ~handler_call() {
        if (self_.holding()) [[likely]] {
            --reactor_.work_;
        } else {
            self_.handler_returned();
        }
    }

private:
    reactor& reactor_;
    running& self_;
};

reactor::reactor(platform& world, const io_context_options& options)
    : world_(world),
      options_(options),
      poller_(make_poller(world, options)),
      slab_(options.slab_bytes_max),
      sources_(world, *poller_, slab_, ready_, *this, options),
      event_storage_(std::max<std::size_t>(options.events_per_wait, 1)),
      ring_(options.ring_capacity) {}

reactor::~reactor() { destroy_pending(); }

// A call that goes on with a turn of an earlier call: hours may have passed.
void reactor::read_clock_again() noexcept {
    if (slab_.owned_here() && turn_open_) {
        now_ = latest_ = world_.clock().steady_now();
        turn_end_ = now_ + options_.time_per_turn;
    }
}

void reactor::stop() noexcept {
    stopped_.store(true, std::memory_order_seq_cst);
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

// Goes on with the turn until one handler was run.
inline bool reactor::step(running& self, time_ns until) {
    if (until != no_deadline && until != immediately && fresh_now() >= until) {
        return false;
    }
    for (;;) {
        if (stopped() || (!self.holding() && !self.retake())) {
            return false;
        }
        if (turn_open_ && !ready_.empty() && may_run()) [[likely]] {  // 3
            if (run_next(self)) [[likely]] {
                return true;
            }
        } else if (!next_turn(self, until)) {
            return false;
        }
    }
}

// Ends the turn, waits, and begins the next one. False if there is nothing more to do, or not by
// `until`.
bool reactor::next_turn(running& self, time_ns until) {
    if (!turn_open_) {
        begin_turn();
        return true;
    }
    end_turn(self);
    if (idle()) {
        stop();
        return false;
    }
    wait(until);
    begin_turn();
    const bool nothing = ready_.empty() && (doomed_.empty() || self.nested());
    return !(nothing && now_ >= until);
}

void reactor::begin_turn() noexcept {
    apply_inbox();  // 1
    apply_ring();
    slab_.return_shared();
    now_ = latest_ = world_.clock().steady_now();  // 2
    take_due_timers();
    handlers_left_ = options_.handlers_per_turn;
    turn_end_ = now_ + options_.time_per_turn;
    sources_.begin_turn();
    turn_open_ = true;
}

void reactor::take_due_timers() noexcept {
    auto moves = static_cast<unsigned>(options_.timers_per_turn) + 1;
    for (std::size_t n = 0; n != options_.timers_per_turn; ++n) {
        timer_node* node = timers_.take_due(now_, moves);
        if (node == nullptr) {
            return;
        }
        fire(*static_cast<deadline*>(node));
    }
}

// Whether the budget of this turn allows another handler.
bool reactor::may_run() noexcept {
    if (handlers_left_ == 0) {
        return false;
    }
    if (--handlers_left_ % 16 == 0) {
        look_at_clock();
    }
    return true;
}

void reactor::look_at_clock() noexcept {
    latest_ = world_.clock().steady_now();
    if (latest_ >= turn_end_) {
        handlers_left_ = 0;
    }
}

// Performs the oldest ready operation and calls its handler. False if it was not ready after all.
inline bool reactor::run_next(running& self) {
    operation* op = ready_.pop();
    const slot_kind kind = op->kind();
    if (kind == slot_kind::receive) {
        auto* io = static_cast<io_operation*>(op);
        if (op->state == operation_state::ready && !sources_.receive(io)) [[unlikely]] {
            return false;
        }
    } else if (kind == slot_kind::send && op->state == operation_state::finished) {
        sources_.unlink(static_cast<io_operation*>(op));
    } else if (op->linked() && !prepare(op)) [[unlikely]] {
        return false;
    }
    if (hooked_ || token_.wanted()) [[unlikely]] {
        run_observed_handler(self, op);
    } else {
        run_handler(self, op);
    }
    return true;
}

// Performs what is left to be done, and takes the operation out of its object's queue.
bool reactor::prepare(operation* op) noexcept {
    if (op->kind() == slot_kind::timer_wait) {
        static_cast<timer_wait_base*>(op)->deadline_->waits.remove(op);
        return true;
    }
    if (waits_for_notice(op->kind())) {
        return take_notice(static_cast<notice_wait_base*>(op));
    }
    auto* io = static_cast<io_operation*>(op);
    if (op->state == operation_state::ready && !sources_.perform(io)) {
        return false;
    }
    sources_.unlink(io);
    return true;
}

inline void reactor::run_handler(running& self, operation* op) {
    const handler_call call(*this, self);
    op->call();
}

// Somebody watches, or has nothing to do.
void reactor::run_observed_handler(running& self, operation* op) {
    struct watch {
        ~watch() {
            if (hook.after != nullptr) {
                hook.after(hook.user, info);
            }
        }
        const dispatch_hook hook;
        const dispatch_info info;
    };
    const watch observed{hook_, hooked_ ? describe(op) : dispatch_info()};
    if (observed.hook.before != nullptr) {
        observed.hook.before(observed.hook.user, observed.info);
    }
    if (token_.wanted() && !ready_.empty()) {
        self.pass();
    }
    run_handler(self, op);
}

// 4: objects that handlers of this turn may have in hand, but none after it. A call nested in a
// handler leaves them to the outer one.
void reactor::end_turn(const running& self) noexcept {
    while (!self.nested() && !doomed_.empty()) {
        doomed_.pop()->call();
        --work_;
    }
}

// Nothing to run, nothing to wait for and no errand.
bool reactor::idle() const noexcept {
    return ready_.empty() && !has_work() && inbox_.empty() && ring_.empty();
}

// 5 and 6
void reactor::wait(time_ns until) {
    const bool all_called = ready_.empty();
    time_ns deadline = immediately;
    if (all_called) {
        deadline = std::min(timers_.next_deadline(), until);
        if (deadline <= latest_) {
            deadline = immediately;
        }
    }
    if (deadline != immediately) {
        work_asleep_.store(work_, std::memory_order_seq_cst);
        next_wake_.store(deadline, std::memory_order_seq_cst);
        if (!inbox_.empty() || !ring_.empty() || stopped() || !has_work()) {
            deadline = immediately;
        }
    } else if (!sources_.watching()) {
        return;  // nothing could be reported
    }
    event_buffer events(event_storage_);
    const std::error_code error = poller_->wait(events, deadline);
    next_wake_.store(awake, std::memory_order_seq_cst);
    if (error) {
        turn_open_ = false;
        throw std::system_error(error, "gyre: wait");
    }
    sources_.dispatch(events, all_called);
}

dispatch_info reactor::describe(operation* op) noexcept {
    dispatch_info info{};
    info.kind = op->kind();
    info.id = std::uint64_t{slab_.number_of(op)} << 32 | id_of(op).generation;
    info.error = op->error();
    info.bytes = op->bytes;
    info.handler = op->handler_name();
    info.queued_ns = op->queued_ns != 0 ? world_.clock().steady_now() - op->queued_ns : 0;
    if (info.kind == slot_kind::timer_wait) {
        info.object = static_cast<timer_wait_base*>(op)->deadline_;
    } else if (waits_for_notice(info.kind)) {
        info.object = static_cast<notice_wait_base*>(op)->notice_;
    } else if (info.kind != slot_kind::post) {
        info.object = static_cast<io_operation*>(op)->source_;
    }
    return info;
}

void reactor::set_dispatch_hook(const dispatch_hook& hook) noexcept {
    hook_ = hook;
    hooked_ = hook.before != nullptr || hook.after != nullptr;
    ready_.watch_by(hooked_ ? &world_.clock() : nullptr);
}

std::size_t reactor::run(time_ns until) {
    running self(*this, until);
    read_clock_again();
    std::size_t count = 0;
    while (step(self, until)) {
        ++count;
    }
    return count;
}

bool reactor::run_one(time_ns until) {
    running self(*this, until);
    read_clock_again();
    return step(self, until);
}

// ---- the end ---------------------------------------------------------------------------------

// Destroying a handler destroys its captures, which may cancel, close and even post: so again
// until nothing is left.
void reactor::destroy_pending() noexcept {
    const access claim(*this);
    for (bool found = true; found;) {
        found = false;
        while (slot* s = inbox_.pop()) {
            apply(s);
        }
        apply_ring();
        while (!ready_.empty()) {
            operation* op = ready_.pop();
            if (op->kind() == slot_kind::timer_wait && op->linked()) {
                static_cast<timer_wait_base*>(op)->deadline_->waits.remove(op);
            } else if (waits_for_notice(op->kind()) && op->linked()) {
                static_cast<notice_wait_base*>(op)->notice_->waits.remove(op);
            } else if (is_io(op->kind())) {
                sources_.unlink(static_cast<io_operation*>(op));
            }
            op->destroy();
            found = true;
        }
        while (!doomed_.empty()) {
            doomed_.pop()->destroy();
            found = true;
        }
        slab_.for_each_live([&](slot& s) {
            // Whatever still waits is aborted into the ready list, for the next round.
            if (s.kind == slot_kind::source) {
                auto& at = *static_cast<source*>(s.object());
                sources_.cancel(at, at.cancel_round.load(std::memory_order_relaxed) + 1);
            } else if (s.kind == slot_kind::deadline) {
                auto& at = *static_cast<deadline*>(s.object());
                abort_waits(at, at.applied + 1);
                timers_.cancel(at);
            } else if (s.kind == slot_kind::notice) {
                auto& at = *static_cast<notice*>(s.object());
                abort_waits(at, at.cancel_round.load(std::memory_order_relaxed) + 1);
            }
        });
        found = found || !ready_.empty() || !doomed_.empty() || !inbox_.empty();
    }
}

}  // namespace gyre::inline v0::detail
