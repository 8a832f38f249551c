// SPDX-License-Identifier: BSL-1.0
// When deadlines are moved from the buckets to the tree, and from the tree to their owner.

#include "timer/timer_queue.hpp"

namespace gyre::inline v0::detail {

timer_queue::~timer_queue() {
    while (!tree_.empty()) {
        tree_.erase(tree_.first());
    }
    buckets_.clear();
}

void timer_queue::move(timer_node& node, time_ns deadline) noexcept {
    cancel(node);
    node.deadline_ = deadline;
    node.sequence_ = ++last_sequence_;
    place(node);
}

void timer_queue::cancel(timer_node& node) noexcept {
    if (node.place_ == timer_node::in_bucket) {
        buckets_.remove(node);
    } else if (node.place_ == timer_node::in_tree) {
        tree_.erase(node);
    }
}

void timer_queue::place(timer_node& node) noexcept {
    if (node.deadline_ <= buckets_.horizon() || !buckets_.add(node)) {
        tree_.insert(node);
    }
}

timer_node* timer_queue::take_first(time_ns now, unsigned& moves_left) noexcept {
    for (;;) {
        // Not at the very start of a bucket: there may be an equal deadline in it that was armed
        // earlier.
        if (tree_.earliest() <= now && tree_.earliest() < buckets_.next_start()) {
            timer_node& first = tree_.first();
            tree_.erase(first);
            return &first;
        }
        if (buckets_.in_doubt()) {
            buckets_.look();
        } else if (buckets_.empty() || now < buckets_.next_work()) {
            buckets_.advance(now);
            return nullptr;
        } else if (moves_left == 0) {
            return nullptr;
        } else {
            unpack(now, moves_left);
        }
    }
}

void timer_queue::unpack(time_ns now, unsigned& moves_left) noexcept {
    const timer_buckets::work work = buckets_.take_work(now);
    const time_ns near = work.level == 0 || work.count <= few_ ? work.last() : immediately;
    moves_left -= buckets_.unpack(work, moves_left, [&](timer_node& node) {
        if (node.deadline_ <= near) {
            tree_.insert(node);
        } else {
            place(node);
        }
    });
}

}  // namespace gyre::inline v0::detail
