// SPDX-License-Identifier: BSL-1.0
// Carries changes of timers from threads that do not own the reactor to the one that does.
// Knows no timer and wakes nobody: it says when the owner should be woken.
#pragma once

#include <gyre/poller.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace gyre::inline v0::detail {

/// One change of one timer. Trivially copyable: it travels through a lock-free ring.
struct timer_op {
    void* slot;                ///< where the deadline lives; never freed while the ring lives
    std::uint32_t generation;  ///< of the slot when the change was made
    std::uint32_t arm;         ///< the timer's arm number after the change: older ones are ignored
    time_ns deadline;          ///< no_deadline: nothing to arm, only the change itself
};

/// A bounded multi-producer ring with one consumer: the operations come out in the order in which
/// they went in, so those of one thread in the order of its calls. Construction and destruction
/// are nobody else's time.
class op_ring {
public:
    /// Throws std::bad_alloc. 1 <= capacity <= 65534. All memory is taken here, 64 bytes a place.
    explicit op_ring(std::size_t capacity);
    op_ring(const op_ring&) = delete;
    op_ring& operator=(const op_ring&) = delete;
    ~op_ring();

    enum class push_result {
        pushed,
        pushed_half_full,  ///< pushed, and the ring holds at least half its capacity: wake the
                           ///< owner
        full,              ///< not pushed: the ring holds its capacity
    };

    /// Any thread. Lock-free, never blocks, never spins on a full ring. Half full is reported by
    /// each push that finds it so, not only by the first: who wakes makes one wake-up of many.
    /// It is reported in time: of pushes that overlap, the last to return knows of all the others.
    push_result push(const timer_op& op) noexcept;

    /// Only the owner: takes as many as there are, but not more than `most`, and returns how many.
    /// None only if the ring is empty; not none if empty() was false.
    std::size_t pop(timer_op* ops, std::size_t most) noexcept;
    /// False if there was none.
    bool pop(timer_op& op) noexcept { return pop(&op, 1) == 1; }

    /// The owner's last look before it sleeps; an estimate to any other thread.
    ///
    /// Going to sleep without a lost wake-up: the owner stores with seq_cst that it sleeps, and
    /// then sleeps only if empty(). A producer loads that with seq_cst after push() returned, and
    /// wakes the owner if it sleeps for too long. Then either empty() is false, or the producer
    /// knows. A push that has not returned may count as not there yet, since its producer is still
    /// to look: an owner need not spin because a producer was preempted half-way.
    bool empty() const noexcept;

    std::size_t capacity() const noexcept { return capacity_; }

private:
    struct queue;
    std::size_t capacity_;
    std::unique_ptr<queue>
        queue_;  // apart, so that what all threads write shares no line with this
};

}  // namespace gyre::inline v0::detail
