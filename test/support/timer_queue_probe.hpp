// SPDX-License-Identifier: BSL-1.0
// Looks into the queue of deadlines: whether all is where it should be, and where a node is.
#pragma once

#include "timer/timer_queue.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

namespace gyre::inline v0::detail {

struct timer_queue_probe {
    using buckets = timer_buckets;

    /// Its bucket, the queue if it is in the tree, null if it is not armed.
    static const void* home_of(const timer_queue& queue, const timer_node& node) {
        if (node.place_ == timer_node::in_bucket) {
            return node.link_[buckets::home];
        }
        return node.armed() ? &queue : nullptr;
    }
    static bool in_bucket(const timer_node& node) { return node.place_ == timer_node::in_bucket; }

    /// The memory of a level's buckets.
    static std::span<unsigned char> memory_of(timer_queue& queue, unsigned level) {
        constexpr std::size_t bytes = buckets::slot_count * sizeof(buckets::bucket);
        auto* all = reinterpret_cast<unsigned char*>(queue.buckets_.storage_.get());
        return {all + level * bytes, bytes};
    }

    /// What does not hold of what the headers say; null if all does.
    static const char* broken(const timer_queue& queue, std::size_t nodes) {
        outlook seen;
        const char* what = broken_tree(queue.tree_, seen.nodes);
        const buckets& b = queue.buckets_;
        for (unsigned level = 0; level != buckets::level_count && what == nullptr; ++level) {
            bool any = false;
            for (unsigned slot = 0; slot != buckets::slot_count && what == nullptr; ++slot) {
                if (b.used(level, slot)) {
                    any = true;
                    what = broken_bucket(b, level, slot, seen);
                }
            }
            if (what == nullptr && any != ((b.used_levels_ >> level & 1) != 0)) {
                what = "the map of levels is wrong";
            }
        }
        if (what == nullptr) {
            what = broken_outlook(b, seen);
        }
        return what != nullptr || seen.nodes == nodes ? what : "a node is lost";
    }

private:
    struct outlook {
        std::size_t nodes = 0;
        time_ns start = no_deadline;     // of the first bucket
        time_ns work = no_deadline;      // when one should be unpacked
        time_ns opening = no_deadline;   // when one that is crowded should be
        time_ns earliest = no_deadline;  // deadline
    };

    static const char* broken_tree(const timer_tree& tree, std::size_t& nodes) {
        using algorithms = timer_tree::algorithms;
        const timer_node* before = nullptr;
        const timer_node* end = &tree.header_;
        for (const timer_node* n = algorithms::begin_node(end); n != end;
             n = algorithms::next_node(const_cast<timer_node*>(n))) {
            if (n->place_ != timer_node::in_tree) {
                return "a node in the tree does not know it";
            }
            if (before != nullptr && !timer_tree::before(*before, *n)) {
                return "the tree is out of order";
            }
            before = n;
            ++nodes;
        }
        const time_ns first = tree.empty() ? no_deadline : tree.first().deadline_;
        return first == tree.earliest() ? nullptr : "the first of the tree is not known";
    }

    static const char* broken_bucket(const buckets& all, unsigned level, unsigned slot,
                                     outlook& seen) {
        const time_ns base = all.horizon_ >> buckets::shift_of(level);
        const auto ahead = (slot - static_cast<unsigned>(base)) % buckets::slot_count;
        if (ahead == 0) {
            return "a bucket is not beyond the horizon";
        }
        const time_ns begin = (base + ahead) << buckets::shift_of(level);
        const buckets::bucket& b = all.storage_.get()[level * buckets::slot_count + slot];
        std::size_t count = 0;
        for (const void* const& head : b.heads) {
            const void* pointer = &head;
            for (const void* link = head; link != nullptr; ++count) {
                const auto& n = *static_cast<const timer_node*>(link);
                if (n.place_ != timer_node::in_bucket || n.link_[buckets::home] != &b ||
                    n.link_[buckets::pointer] != pointer) {
                    return "a node in a bucket does not know where it is";
                }
                if (n.deadline_ < b.earliest || b.earliest < begin) {
                    return "a deadline is before its bucket";
                }
                seen.earliest = std::min(seen.earliest, n.deadline_);
                pointer = &n.link_[buckets::next];
                link = n.link_[buckets::next];
            }
        }
        const bool crowded = b.count > all.crowd_;
        if (count != b.count || count == 0) {
            return "a bucket has lost count";
        }
        if (crowded && level == 0) {
            return "a narrowest bucket is crowded";
        }
        const time_ns opening = begin - buckets::width_of(level);
        seen.start = std::min(seen.start, begin);
        seen.work = std::min(seen.work, crowded ? opening : begin);
        seen.opening = crowded ? std::min(seen.opening, opening) : seen.opening;
        seen.nodes += count;
        return nullptr;
    }

    static const char* broken_outlook(const buckets& b, const outlook& seen) {
        if (b.next_start() > seen.start || b.next_wake_ > seen.earliest) {
            return "a bucket would be missed";
        }
        const bool right = b.next_start() == seen.start && b.next_work() == seen.work &&
                           b.next_wake_ <= seen.opening;
        return b.in_doubt() || right ? nullptr : "a bucket is not seen";
    }
};

}  // namespace gyre::inline v0::detail
