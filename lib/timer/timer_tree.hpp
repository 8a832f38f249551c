// SPDX-License-Identifier: BSL-1.0
// The near part of the timer queue: a red-black tree, by Boost.Intrusive's algorithms, ordered by
// (deadline, sequence), so that equal deadlines come out in the order in which they were armed.
#pragma once

#include "timer/timer_node.hpp"

#include <boost/intrusive/rbtree_algorithms.hpp>

namespace gyre::inline v0::detail {

class timer_tree {
public:
    timer_tree() noexcept { algorithms::init_header(&header_); }
    timer_tree(const timer_tree&) = delete;
    timer_tree& operator=(const timer_tree&) = delete;

    bool empty() const noexcept { return algorithms::unique(&header_); }
    /// no_deadline when empty.
    time_ns earliest() const noexcept { return earliest_; }
    /// Precondition: not empty.
    timer_node& first() const noexcept { return *algorithms::begin_node(&header_); }

    void insert(timer_node& node) noexcept {
        node.place_ = timer_node::in_tree;
        if (node.deadline_ < earliest_) {
            earliest_ = node.deadline_;
            algorithms::push_front(&header_, &node);
        } else if (timer_node* last = links::get_right(&header_);
                   !empty() && !before(node, *last)) {
            // Timeouts of one length arrive in order, and leave their buckets in order.
            algorithms::push_back(&header_, &node);
        } else {
            algorithms::insert_equal_upper_bound(
                &header_, &node,
                [](const timer_node* a, const timer_node* b) { return before(*a, *b); });
        }
    }

    void erase(timer_node& node) noexcept {
        node.place_ = timer_node::nowhere;
        const bool was_first = &first() == &node;
        algorithms::erase(&header_, &node);
        if (was_first) {
            earliest_ = empty() ? no_deadline : first().deadline_;
        }
    }

private:
    friend struct timer_queue_probe;

    struct links {
        using node = timer_node;
        using node_ptr = timer_node*;
        using const_node_ptr = const timer_node*;
        using color = bool;

        static node_ptr get_parent(const_node_ptr n) { return get(n, 0); }
        static node_ptr get_left(const_node_ptr n) { return get(n, 1); }
        static node_ptr get_right(const_node_ptr n) { return get(n, 2); }
        static void set_parent(node_ptr n, node_ptr to) { n->link_[0] = to; }
        static void set_left(node_ptr n, node_ptr to) { n->link_[1] = to; }
        static void set_right(node_ptr n, node_ptr to) { n->link_[2] = to; }
        static color get_color(const_node_ptr n) { return n->red_ != 0; }
        static void set_color(node_ptr n, color c) { n->red_ = c ? 1 : 0; }
        static color black() { return false; }
        static color red() { return true; }

    private:
        static node_ptr get(const_node_ptr n, int i) { return static_cast<node_ptr>(n->link_[i]); }
    };
    using algorithms = boost::intrusive::rbtree_algorithms<links>;

    static bool before(const timer_node& a, const timer_node& b) noexcept {
        return a.deadline_ != b.deadline_ ? a.deadline_ < b.deadline_ : a.sequence_ < b.sequence_;
    }

    timer_node header_;
    time_ns earliest_ = no_deadline;  // beside the tree, so as not to touch a node
};

}  // namespace gyre::inline v0::detail
