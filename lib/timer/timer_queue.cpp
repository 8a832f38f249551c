// SPDX-License-Identifier: BSL-1.0
// The tree of deadlines. Knows no clock, no handler and no lock.

#include "timer/timer_queue.hpp"

namespace gyre::inline v0::detail {

void timer_queue::arm(timer_node& node, time_ns deadline) noexcept {
    node.wanted_ = {deadline, ++last_sequence_};
    if (node.armed()) {
        // A place that is too early does no harm: the node comes up there before any node that
        // belongs between the two, and is moved then. Only a place that is too late would.
        if (deadline >= node.placed_.deadline) {
            return;
        }
        remove(node);
    }
    insert(node);
}

void timer_queue::cancel(timer_node& node) noexcept {
    if (node.armed()) {
        remove(node);
    }
}

timer_node* timer_queue::take_first(time_ns now, unsigned& moves_left) noexcept {
    while (next_ <= now && next_ != no_deadline) {
        timer_node& first = *tree_.begin();
        // Sequences are never used twice, so an equal one says that the whole key is.
        bool const in_place = first.placed_.sequence == first.wanted_.sequence;
        if (!in_place && moves_left == 0) {
            return nullptr;
        }
        remove(first);
        if (in_place) {
            return &first;
        }
        --moves_left;
        insert(first);
    }
    return nullptr;
}

void timer_queue::insert(timer_node& node) noexcept {
    node.placed_ = node.wanted_;
    if (node.placed_.deadline < next_) {
        tree_.push_front(node);
        next_ = node.placed_.deadline;
    } else {
        // One comparison with the last node before the search: timeouts of one length, the
        // commonest kind, arrive in order.
        tree_.insert(tree_.end(), node);
    }
}

void timer_queue::remove(timer_node& node) noexcept {
    auto const position = tree_.iterator_to(node);
    bool const was_first = position == tree_.begin();
    tree_.erase(position);
    if (was_first) {
        next_ = tree_.empty() ? no_deadline : tree_.begin()->placed_.deadline;
    }
}

}  // namespace gyre::inline v0::detail
