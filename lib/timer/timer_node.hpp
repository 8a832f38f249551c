// SPDX-License-Identifier: BSL-1.0
// A deadline as the timer queue sees it: 40 bytes, embedded in whatever waits for it.
#pragma once

#include <gyre/poller.hpp>

#include <cstdint>

namespace gyre::inline v0::detail {

/// A deadline. Must not move or die while armed().
class timer_node {
public:
    timer_node() = default;
    timer_node(const timer_node&) = delete;
    timer_node& operator=(const timer_node&) = delete;

    bool armed() const noexcept { return place_ != nowhere; }
    /// The deadline it was last armed for.
    time_ns deadline() const noexcept { return deadline_; }

private:
    friend class timer_queue;
    friend class timer_tree;
    friend class timer_buckets;
    friend struct timer_queue_probe;  // the tests'

    enum : std::uint64_t { nowhere, in_tree, in_bucket };

    // A node is never in tree and bucket at once, so its links serve either.
    void* link_[3];  // in the tree: parent, left, right; in a bucket: see timer_buckets
    time_ns deadline_ = 0;
    // The order among equal deadlines: a new number each time it is armed. Enough for 70 years of
    // a billion a second.
    std::uint64_t sequence_ : 61 = 0;
    std::uint64_t place_ : 2 = nowhere;
    std::uint64_t red_ : 1 = 0;  // in the tree
};
static_assert(sizeof(timer_node) == 40 || sizeof(void*) != 8);

}  // namespace gyre::inline v0::detail
