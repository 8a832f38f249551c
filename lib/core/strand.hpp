// SPDX-License-Identifier: BSL-1.0
// One handler at a time, whatever thread runs it.
#pragma once

#include <gyre/any_io_executor.hpp>
#include <gyre/detail/operation.hpp>
#include <gyre/execution_context.hpp>

#include <atomic>
#include <cstdint>
#include <mutex>

namespace gyre::inline v0::detail {

/// What stands behind the executors of a strand: an execution context that gives the operations of
/// another one their turns. Lives in a slot of that one; its references are counted.
///
/// What is submitted waits here. In its place goes an operation of the strand's own, the runner: it
/// calls the oldest one, and is submitted again if there are more. An operation of an I/O object is
/// in the reactor's hands: it enters the strand right before it is called, and is submitted here,
/// with its result, only if somebody else has the turn.
class strand_state final : public execution_context {
public:
    /// With one reference. Throws std::bad_alloc.
    static strand_state* make(const any_io_executor& inner);

    void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    // acq_rel: what all others did to the strand happens before it is destroyed.
    void release() noexcept {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            die();
        }
    }

    const any_io_executor& inner() const noexcept { return inner_; }

    void submit(operation* op) noexcept override;
    void work_started() noexcept override { inner_.on_work_started(); }
    void work_finished() noexcept override { inner_.on_work_finished(); }
    bool running_in_this_thread() const noexcept override;
    slab* slots() noexcept override { return inner_.context().slots(); }
    reactor* waiting() noexcept override { return inner_.context().waiting(); }

    /// False if something else has the turn. leave() ends it.
    bool try_enter() noexcept;
    void leave() noexcept;

    /// What a runner is going to call.
    static operation* behind(operation* op) noexcept;

private:
    class runner final : public operation {
    public:
        explicit runner(strand_state& s) noexcept;
        strand_state& strand;

    private:
        static void call_oldest(operation* op, free_slots*);
        static void destroy_waiting(operation* op);
        static const operation_functions functions;
    };

    explicit strand_state(const any_io_executor& inner) noexcept;
    ~strand_state() = default;

    void die() noexcept;
    operation* take_oldest() noexcept;

    const any_io_executor inner_;
    std::atomic<std::uint32_t> references_{1};
    bool busy_ = false;  // something has the turn, or the runner is on its way to give it
    std::mutex mutex_;   // guards busy_ and waiting_
    ready_list waiting_;
    slot header_{};  // of the operation behind it
    runner runner_;
};

/// Ends the turn that somebody took; this thread has it meanwhile.
class strand_turn {
public:
    /// `referred`: the operation that is called has a reference to the strand.
    strand_turn(strand_state& strand, bool referred) noexcept;
    strand_turn(const strand_turn&) = delete;
    strand_turn& operator=(const strand_turn&) = delete;
    ~strand_turn();

private:
    strand_frame frame_;
    const bool referred_;
};

}  // namespace gyre::inline v0::detail
