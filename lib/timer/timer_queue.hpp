// SPDX-License-Identifier: BSL-1.0
// Where a deadline lives until it is due: an intrusive red-black tree ordered by (deadline,
// sequence), so that equal deadlines fire in the order in which they were armed.
//
// Knows no clock, no handler and no lock: time is passed in, nodes belong to the caller.
#pragma once

#include <gyre/poller.hpp>

#include <boost/intrusive/set.hpp>

#include <cstdint>

namespace gyre::inline v0::detail {

/// A deadline. Embedded in whatever waits for it; must not move or die while armed().
class timer_node {
public:
    timer_node() = default;
    timer_node(const timer_node&) = delete;
    timer_node& operator=(const timer_node&) = delete;

    bool armed() const noexcept { return hook_.is_linked(); }
    /// The deadline it was last armed for.
    time_ns deadline() const noexcept { return wanted_.deadline; }

private:
    friend class timer_queue;

    struct key {
        time_ns deadline;
        std::uint64_t sequence;
    };
    using hook = boost::intrusive::set_member_hook<boost::intrusive::optimize_size<true>>;

    hook hook_;
    key placed_{};  // where it stands in the tree
    key wanted_{};  // where it belongs: placed_, or after it until the node is moved
};

/// Nodes in the order in which they are due. Not thread-safe. No member allocates or throws.
///
/// Arming a node anew for the same or a later time only stores that time, in O(1): the node is
/// moved when its old place comes up. All else is O(log n), and O(1) in front and at the end.
class timer_queue {
public:
    timer_queue() = default;
    timer_queue(const timer_queue&) = delete;
    timer_queue& operator=(const timer_queue&) = delete;
    ~timer_queue() { tree_.clear(); }

    bool empty() const noexcept { return tree_.empty(); }

    /// Arms the node, or arms it anew, for `deadline`; it takes its place behind nodes already
    /// armed for the same time. no_deadline is a legal deadline that next_deadline() never beats.
    void arm(timer_node& node, time_ns deadline) noexcept;

    /// Takes the node out; does nothing if it is not armed.
    void cancel(timer_node& node) noexcept;

    /// Not later than the earliest deadline; it may be earlier, because of a node that was armed
    /// anew for a later time, and then take_due() at that time returns null and improves it. Who
    /// sleeps by it wakes in vain at most once for each such node, however often it was armed.
    /// no_deadline when empty.
    time_ns next_deadline() const noexcept { return next_; }

    /// Takes out the earliest node whose deadline is not after `now`, null if there is none.
    /// Repeated calls return all of them in order of (deadline, sequence). A node armed for
    /// no_deadline is never due. One comparison when nothing is due.
    ///
    /// `moves_left` bounds the work: each node that is moved because it was armed anew for a later
    /// time takes one off (a million of them may come up at once). When it is 0 and such a node
    /// stands in front, the answer is null and next_deadline() <= now: nodes may be due, so ask
    /// again with a new budget, before sleeping. Null with next_deadline() > now means that none
    /// is. A node costs one move at most each time it is armed, so every budget but 0 gets on.
    timer_node* take_due(time_ns now, unsigned& moves_left) noexcept {
        return now < next_ ? nullptr : take_first(now, moves_left);
    }

private:
    struct by_key {
        bool operator()(const timer_node& a, const timer_node& b) const noexcept {
            return a.placed_.deadline != b.placed_.deadline
                       ? a.placed_.deadline < b.placed_.deadline
                       : a.placed_.sequence < b.placed_.sequence;
        }
    };
    using tree_type = boost::intrusive::multiset<
        timer_node, boost::intrusive::member_hook<timer_node, timer_node::hook, &timer_node::hook_>,
        boost::intrusive::compare<by_key>, boost::intrusive::constant_time_size<false>>;

    timer_node* take_first(time_ns now, unsigned& moves_left) noexcept;
    void insert(timer_node& node) noexcept;
    void remove(timer_node& node) noexcept;

    tree_type tree_;
    std::uint64_t last_sequence_ = 0;
    time_ns next_ = no_deadline;  // the first node's place, beside the tree so as not to touch it
};

}  // namespace gyre::inline v0::detail
