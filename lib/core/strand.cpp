// SPDX-License-Identifier: BSL-1.0
// Strands: whose turn it is.
#include "core/strand.hpp"

#include "slab/slab.hpp"

#include <new>
#include <utility>

namespace gyre::inline v0::detail {
namespace {

// The turns that this thread has, innermost first.
constinit thread_local const strand_frame* top_frame = nullptr;

void begin(strand_frame& frame, strand_state& strand) noexcept {
    frame = {&strand, top_frame};
    top_frame = &frame;
}

strand_state& state_of(execution_context& context) noexcept {
    return static_cast<strand_state&>(context);
}

}  // namespace

strand_turn::strand_turn(strand_state& strand, bool referred) noexcept : referred_(referred) {
    begin(frame_, strand);
}

strand_turn::~strand_turn() {
    strand_state& strand = *frame_.strand;
    leave_strand(frame_);
    if (referred_) {
        strand.release();
    }
}

// ---- life ------------------------------------------------------------------------------------

strand_state::strand_state(const any_io_executor& inner) noexcept : inner_(inner), runner_(*this) {
    static_assert(alignof(runner) <= alignof(slot));  // so that it is right behind its slot
    header_.kind = slot_kind::strand;
    header_.origin = slot_origin::heap;
}

strand_state* strand_state::make(const any_io_executor& inner) {
    void* memory =
        acquire_slot(inner.context().slots(), slot_class(sizeof(strand_state)), slot_kind::strand);
    return ::new (memory) strand_state(inner);
}

void strand_state::die() noexcept {
    this->~strand_state();
    release_slot(this);
}

// ---- turns -----------------------------------------------------------------------------------

// While it is busy the strand has a reference to itself: its last executor may be gone.
bool strand_state::try_enter() noexcept {
    const std::lock_guard lock(mutex_);
    if (busy_) {
        return false;
    }
    busy_ = true;
    retain();
    return true;
}

void strand_state::leave() noexcept {
    bool more = false;
    {
        const std::lock_guard lock(mutex_);
        more = busy_ = !waiting_.empty();
    }
    if (more) {
        inner_.context().submit(&runner_);
    } else {
        release();
    }
}

void strand_state::submit(operation* op) noexcept {
    work_started();
    bool idle = false;
    {
        const std::lock_guard lock(mutex_);
        waiting_.push(op);
        idle = !std::exchange(busy_, true);
        if (idle) {
            retain();
        }
    }
    if (idle) {
        inner_.context().submit(&runner_);
    }
}

operation* strand_state::take_oldest() noexcept {
    const std::lock_guard lock(mutex_);
    return waiting_.empty() ? nullptr : waiting_.pop();
}

bool strand_state::running_in_this_thread() const noexcept {
    const strand_frame* f = top_frame;
    while (f != nullptr && f->strand != this) {
        f = f->outer;
    }
    return f != nullptr;
}

// ---- the runner ------------------------------------------------------------------------------

constexpr operation_functions strand_state::runner::functions{
    &call_oldest, &destroy_waiting, nullptr, nullptr, "strand", slot_kind::strand, 0, false};

strand_state::runner::runner(strand_state& s) noexcept
    : operation(functions, operation_state::finished), strand(s) {}

void strand_state::runner::call_oldest(operation* op, free_slots*) {
    struct work_done {
        ~work_done() { strand.work_finished(); }
        strand_state& strand;
    };
    strand_state& s = static_cast<runner*>(op)->strand;
    operation* oldest = s.take_oldest();
    const strand_turn turn(s, oldest->strand != 0);
    const work_done done{s};
    oldest->call();
}

// Handlers that are destroyed may submit others.
void strand_state::runner::destroy_waiting(operation* op) {
    strand_state& s = static_cast<runner*>(op)->strand;
    while (operation* oldest = s.take_oldest()) {
        const bool referred = oldest->strand != 0;
        oldest->destroy();
        s.work_finished();
        if (referred) {
            s.release();
        }
    }
    s.leave();
}

operation* strand_state::behind(operation* op) noexcept {
    strand_state& s = static_cast<runner*>(op)->strand;
    const std::lock_guard lock(s.mutex_);
    return s.waiting_.front();
}

// ---- what headers call -----------------------------------------------------------------------

execution_context* make_strand_over(const any_io_executor& inner) {
    return strand_state::make(inner);
}
void retain_strand(execution_context& strand) noexcept { state_of(strand).retain(); }
void release_strand(execution_context& strand) noexcept { state_of(strand).release(); }
const any_io_executor& inner_of_strand(const execution_context& strand) noexcept {
    return static_cast<const strand_state&>(strand).inner();
}

bool enter_strand(execution_context& strand, strand_frame& frame) noexcept {
    strand_state& s = state_of(strand);
    if (s.running_in_this_thread()) {
        return true;
    }
    const bool entered = s.inner().running_in_this_thread() && s.try_enter();
    if (entered) {
        begin(frame, s);
    }
    return entered;
}

void leave_strand(strand_frame& frame) noexcept {
    top_frame = frame.outer;
    frame.strand->leave();
}

std::uint32_t number_of_strand(execution_context& strand) noexcept {
    strand_state& s = state_of(strand);
    return s.slots()->number_of(&s) + 1;
}

}  // namespace gyre::inline v0::detail
