// SPDX-License-Identifier: BSL-1.0
// The ring of timer operations, over Boost.Lockfree. Knows no timer and wakes nobody.

#include "timer/op_ring.hpp"

#include <boost/lockfree/queue.hpp>

#include <atomic>
#include <cassert>
#include <type_traits>

namespace gyre::inline v0::detail {

static_assert(std::is_trivially_copyable_v<timer_op>);

struct op_ring::queue {
    explicit queue(std::size_t capacity) : ops(capacity) {}

    // Fixed-sized: an array of capacity + 1 nodes, one of which is always the queue's dummy, and
    // push fails when none is free. That makes the capacity exact without our counting.
    boost::lockfree::queue<timer_op, boost::lockfree::fixed_sized<true>> ops;

    // Pushes that were completed, less pops. Raised after the operation is in the queue, so it may
    // be behind it, and below zero when the owner was quicker; it is exact when all have returned.
    //
    // Why the owner may sleep on empty(). A producer does: link the operation; add to count; load
    // the owner's state. The owner does: store its state; load count; look at the links. Count and
    // state are seq_cst, so there is one order of those four.
    // - The owner's load of count comes after the producer's add: it reads from that add, or from
    //   one of the read-modify-writes that follow it, and so synchronises with the producer: its
    //   link is visible, and empty() is false unless the operation was taken already.
    // - It comes before the add: then the owner's store comes before the producer's load, which
    //   therefore sees that the owner sleeps.
    // The value of count plays no part in this. Would empty() be count == 0, with count raised
    // before the link, an owner would spin while a producer is preempted between the two, for ever
    // if its priority keeps the producer from running; with count raised after it, the operation of
    // one producer, taken early, would hide that of another.
    alignas(64) std::atomic<std::ptrdiff_t> count{0};
};

op_ring::op_ring(std::size_t capacity)
    : capacity_(capacity), queue_(std::make_unique<queue>(capacity)) {
    assert(capacity >= 1 && capacity <= 65534);
}

op_ring::~op_ring() = default;

op_ring::push_result op_ring::push(const timer_op& op) noexcept {
    if (!queue_->ops.bounded_push(op)) {
        return push_result::full;
    }
    std::ptrdiff_t const held = queue_->count.fetch_add(1, std::memory_order_seq_cst) + 1;
    return held * 2 >= static_cast<std::ptrdiff_t>(capacity_) ? push_result::pushed_half_full
                                                              : push_result::pushed;
}

std::size_t op_ring::pop(timer_op* ops, std::size_t most) noexcept {
    std::size_t taken = 0;
    while (taken != most && queue_->ops.pop(ops[taken])) {
        ++taken;
    }
    if (taken != 0) {
        // Relaxed: it carries nothing to a producer. A read-modify-write it must be, lest it end
        // the release sequences that empty() reads from.
        queue_->count.fetch_sub(static_cast<std::ptrdiff_t>(taken), std::memory_order_relaxed);
    }
    return taken;
}

bool op_ring::empty() const noexcept {
    // For what the load orders, not for its value.
    static_cast<void>(queue_->count.load(std::memory_order_seq_cst));
    // Compares first and last node. A push moves the last node before it returns, or finds that
    // somebody has.
    return queue_->ops.empty();
}

}  // namespace gyre::inline v0::detail
