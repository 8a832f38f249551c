// SPDX-License-Identifier: BSL-1.0
// Where a deadline lives until it is due: near ones in a tree, in the order in which they fire, far
// ones unsorted in buckets, from which they are moved towards the tree as they come near.
//
// Knows no clock, no handler and no lock: time is passed in, nodes belong to the caller.
#pragma once

#include <gyre/poller.hpp>

#include "timer/timer_buckets.hpp"
#include "timer/timer_node.hpp"
#include "timer/timer_tree.hpp"

#include <algorithm>

namespace gyre::inline v0::detail {

/// Where the queue changes its ways: the tests make it do so early.
struct timer_queue_limits {
    /// So few nodes of a bucket go to the tree at once, without passing through narrower buckets.
    unsigned few = 32;
    /// A bucket with more than so many is unpacked before it begins, and the owner is woken for it.
    unsigned crowd = 256;
};

/// Nodes in the order in which they are due. Not thread-safe. Only the constructor allocates and
/// throws.
///
/// Arming and cancelling are O(1) for a deadline that is far, at any number of nodes, and O(log n)
/// in a tree of few nodes for one that is near. Arming a node anew for the same or a later time
/// only stores that time, if it is far.
class timer_queue {
public:
    /// The clock at about that time is what "far" is measured from, until take_due() is called.
    /// Throws std::bad_alloc.
    explicit timer_queue(time_ns now = 0, const timer_queue_limits& limits = {})
        : buckets_(now, limits.crowd), few_(limits.few) {}
    timer_queue(const timer_queue&) = delete;
    timer_queue& operator=(const timer_queue&) = delete;
    /// Leaves the nodes unarmed.
    ~timer_queue();

    bool empty() const noexcept { return tree_.empty() && buckets_.empty(); }

    /// Arms the node, or arms it anew, for `deadline`; it takes its place behind nodes already
    /// armed for the same time. no_deadline is a legal deadline that next_deadline() never beats.
    void arm(timer_node& node, time_ns deadline) noexcept {
        if (node.place_ == timer_node::in_bucket &&
            deadline >= timer_buckets::earliest_beside(node)) [[likely]] {
            // It may stay where it is: that is not too late, and when the bucket is unpacked it is
            // moved to where it belongs.
            node.deadline_ = deadline;
            node.sequence_ = ++last_sequence_;
        } else {
            move(node, deadline);
        }
    }

    /// Takes the node out; does nothing if it is not armed.
    void cancel(timer_node& node) noexcept;

    /// Not later than the earliest deadline; no_deadline when empty. It may be earlier, and then
    /// take_due() at that time returns null and improves it: because of a node that has been
    /// cancelled or armed anew for a later time, at most once for each such node, or because there
    /// are many nodes to be moved.
    time_ns next_deadline() noexcept {
        if (buckets_.in_doubt()) {
            buckets_.look();
        }
        return std::min(tree_.earliest(), buckets_.next_wake());
    }

    /// Takes out the earliest node whose deadline is not after `now`, null if there is none.
    /// Repeated calls return all of them in order of (deadline, sequence). A node armed for
    /// no_deadline is never due. A few comparisons when nothing is due.
    ///
    /// `moves_left` bounds the work: each node that is moved out of a bucket takes one off (a
    /// million of them may come near at once). Null with moves left means that none is due, and
    /// next_deadline() > now. Null with 0 left means that more nodes have to be moved first: ask
    /// again with a new budget, before sleeping (next_deadline() <= now if any may be due). A node
    /// costs level_count moves at most each time it is armed, so every budget but 0 gets on.
    timer_node* take_due(time_ns now, unsigned& moves_left) noexcept {
        return has_work(now) ? take_first(now, moves_left) : nullptr;
    }

    /// Whether there is anything for take_due() to do: false when nothing is due, and then it need
    /// not be called at that time.
    bool has_work(time_ns now) noexcept {
        if (now < tree_.earliest() && now < buckets_.next_work() && !buckets_.in_doubt())
            [[likely]] {
            buckets_.advance(now);
            return false;
        }
        return true;
    }

    /// Whether take_due() left nodes behind that may be due, for want of moves or of calls. False
    /// if there are only moves to be made ahead of time, which can wait for the next turn.
    bool may_be_due(time_ns now) noexcept {
        if (buckets_.in_doubt()) {
            buckets_.look();
        }
        return tree_.earliest() <= now || buckets_.next_start() <= now;
    }

private:
    friend struct timer_queue_probe;

    void move(timer_node& node, time_ns deadline) noexcept;
    timer_node* take_first(time_ns now, unsigned& moves_left) noexcept;
    void place(timer_node& node) noexcept;
    void unpack(time_ns now, unsigned& moves_left) noexcept;

    timer_tree tree_;
    timer_buckets buckets_;
    std::uint64_t last_sequence_ = 0;
    const unsigned few_;
};

}  // namespace gyre::inline v0::detail
