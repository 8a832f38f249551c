// SPDX-License-Identifier: BSL-1.0
// The plain structures that timers can lie in, for the floor: a 4-ary heap that keeps its keys
// together, and a red-black tree. Both intrusive; neither keeps the order of equal deadlines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <boost/intrusive/set.hpp>

namespace bench {

inline constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

struct timer_node : boost::intrusive::set_base_hook<> {
    std::int64_t key = 0;       // where it lies in the store
    std::int64_t deadline = 0;  // when it is due: the same or later
    bool stored = false;
    std::size_t place = 0;  // in the heap
    void (*call)(timer_node&) = nullptr;
};

class heap_store {
public:
    std::int64_t earliest() const { return entries_.empty() ? never : entries_.front().key; }
    timer_node& first() { return *entries_.front().node; }

    void insert(timer_node& node) {
        entries_.emplace_back();
        rise(entries_.size() - 1, {node.key, &node});
    }

    void erase(timer_node& node) {
        const std::size_t hole = node.place;
        const entry last = entries_.back();
        entries_.pop_back();
        if (hole == entries_.size()) {
            return;
        }
        if (hole > 0 && last.key < entries_[(hole - 1) / 4].key) {
            rise(hole, last);
        } else {
            sink(hole, last);
        }
    }

private:
    struct entry {
        std::int64_t key;
        timer_node* node;
    };

    void put(std::size_t place, entry one) {
        entries_[place] = one;
        one.node->place = place;
    }

    void rise(std::size_t place, entry one) {
        while (place > 0) {
            const std::size_t parent = (place - 1) / 4;
            if (entries_[parent].key <= one.key) {
                break;
            }
            put(place, entries_[parent]);
            place = parent;
        }
        put(place, one);
    }

    void sink(std::size_t place, entry one) {
        const std::size_t size = entries_.size();
        for (;;) {
            const std::size_t child = 4 * place + 1;
            if (child >= size) {
                break;
            }
            std::size_t least = child;
            for (std::size_t i = child + 1; i < child + 4 && i < size; ++i) {
                if (entries_[i].key < entries_[least].key) {
                    least = i;
                }
            }
            if (one.key <= entries_[least].key) {
                break;
            }
            put(place, entries_[least]);
            place = least;
        }
        put(place, one);
    }

    std::vector<entry> entries_;
};

class tree_store {
public:
    std::int64_t earliest() const { return tree_.empty() ? never : tree_.begin()->key; }
    timer_node& first() { return *tree_.begin(); }
    void insert(timer_node& node) { tree_.insert(tree_.end(), node); }
    void erase(timer_node& node) { tree_.erase(tree_.iterator_to(node)); }

private:
    struct earlier {
        bool operator()(const timer_node& a, const timer_node& b) const { return a.key < b.key; }
    };

    boost::intrusive::multiset<timer_node, boost::intrusive::compare<earlier>,
                               boost::intrusive::constant_time_size<false>>
        tree_;
};

}  // namespace bench
