// SPDX-License-Identifier: BSL-1.0
// The far part of the timer queue: deadlines that are not near yet, unsorted, in buckets as wide
// as they are far. Putting one in and taking it out is O(1).
//
// A bucket of level l is 2^(14 + 7 l) ns wide: 16 us, 2 ms, 268 ms, 34 s, 73 min, 6 days, 2 years.
// Each level has 256 of them, a circular window that moves with the horizon: the last nanosecond
// that is near. Widths grow by 2^7 only, so a window overlaps the next one twice: a bucket can be
// unpacked into narrower ones a whole width before it begins. The last level reaches the end of
// time.
//
// What holds:
// 1. Each bucket that is not empty begins after the horizon and, counted in its level's widths,
//    less than 256 after it: so its place in the window says which one it is.
// 2. A deadline is in the narrowest level that reaches it: so it is 2 widths or more away, or in
//    level 0; and what leaves a bucket less than one width away goes to a lower level.
// 3. The nodes in a bucket are not before its start. They may be behind its end: arming a node
//    anew for a later time leaves it where it is.
// 4. next_start(), next_work() and next_wake() are never too late. They may be too early after a
//    removal; then in_doubt() is true, and look() mends them.
#pragma once

#include "timer/timer_node.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace gyre::inline v0::detail {

class timer_buckets {
public:
    static constexpr unsigned level_count = 7;
    static constexpr unsigned slot_count = 256;

    static constexpr unsigned shift_of(unsigned level) noexcept { return 14 + 7 * level; }
    static constexpr time_ns width_of(unsigned level) noexcept {
        return time_ns{1} << shift_of(level);
    }

    /// All memory is taken here, 112 KiB, of which a page is first touched when a deadline is put
    /// there. A bucket of more than `crowd` nodes is crowded. Throws std::bad_alloc.
    timer_buckets(time_ns now, unsigned crowd);

    bool empty() const noexcept { return used_levels_ == 0; }

    /// Deadlines up to here don't belong into buckets.
    time_ns horizon() const noexcept { return horizon_; }
    /// Precondition: no bucket that begins at `now` or before holds a node.
    void advance(time_ns now) noexcept { horizon_ = std::max(horizon_, now | (width_of(0) - 1)); }

    /// Takes in a node whose deadline is behind the horizon. False, and nothing happened, if it is
    /// so near and its bucket so full that it had better be in the tree at once.
    bool add(timer_node& node) noexcept;
    void remove(timer_node& node) noexcept;
    /// A time that no deadline in the node's bucket is before: for a later one it may stay there.
    static time_ns earliest_beside(const timer_node& node) noexcept {
        return static_cast<const bucket*>(node.link_[home])->earliest;
    }

    /// The start of the first bucket; what is due before it may fire. no_deadline when empty.
    time_ns next_start() const noexcept { return next_start_; }
    /// When a bucket should be unpacked: when it begins, or one width earlier if it is crowded.
    time_ns next_work() const noexcept { return next_work_; }
    /// When the owner has to wake for the sake of a bucket: for the earliest deadline, or earlier
    /// to unpack one that is crowded.
    time_ns next_wake() const noexcept { return next_wake_; }
    bool in_doubt() const noexcept { return in_doubt_; }
    /// Looks at the first buckets of all levels.
    void look() noexcept;

    /// A bucket that should be unpacked.
    struct work {
        unsigned level;
        time_ns start;
        unsigned count;
        time_ns last() const noexcept { return start | (width_of(level) - 1); }
    };
    /// The earliest bucket, and of two that begin together the wider. Brings the horizon near.
    /// Precondition: not empty, not in doubt, next_work() <= now.
    work take_work(time_ns now) noexcept;
    /// Takes at most `most` nodes out of it and calls sink(node) for each, which may add() it. The
    /// nodes leave in the opposite of the order in which they came. Returns how many.
    template <class Sink>
    unsigned unpack(const work& which, unsigned most, Sink&& sink) noexcept;

    /// Takes out all.
    void clear() noexcept;

private:
    friend struct timer_queue_probe;

    // Unpacking nodes that are not in the cache is a chain of misses. Six chains that are walked
    // in turns let them overlap.
    static constexpr unsigned strand_count = 6;
    struct alignas(64) bucket {
        std::array<void*, strand_count> heads;
        time_ns earliest;  // not later than any deadline in it
        std::uint32_t count;
        std::uint32_t next_strand;
    };
    static_assert(sizeof(bucket) == 64);
    static constexpr std::align_val_t bucket_alignment{alignof(bucket)};
    struct free_storage {
        void operator()(bucket* b) const noexcept { ::operator delete(b, bucket_alignment); }
    };
    struct level_map {
        std::array<std::uint64_t, slot_count / 64> words{};
    };

    // What the links of a node in a bucket are. `pointer` is the address of what points to it: a
    // head, or the link `next` of another node.
    enum : unsigned { home, next, pointer };

    bucket& at(unsigned level, time_ns time) const noexcept {
        return storage_.get()[level * slot_count + slot_of(level, time)];
    }
    static unsigned slot_of(unsigned level, time_ns time) noexcept {
        return static_cast<unsigned>(time >> shift_of(level)) % slot_count;
    }
    bool used(unsigned level, unsigned slot) const noexcept {
        return (maps_[level].words[slot / 64] >> slot % 64 & 1) != 0;
    }
    unsigned level_for(time_ns deadline) const noexcept;
    time_ns first_start(unsigned level) const noexcept;
    bool crowded(unsigned level, unsigned slot) const noexcept {
        return used(level, slot) && storage_.get()[level * slot_count + slot].count > crowd_;
    }
    void open(unsigned level, time_ns deadline, bucket& b) noexcept;
    void close(bucket& b) noexcept;

    // A bucket that is not used is not initialised either, so that its page need not be there.
    std::unique_ptr<bucket, free_storage> storage_;
    std::array<level_map, level_count> maps_{};
    std::uint32_t used_levels_ = 0;
    bool in_doubt_ = false;
    unsigned start_level_ = 0;
    unsigned work_level_ = 0;
    time_ns next_start_ = no_deadline;
    time_ns next_work_ = no_deadline;
    time_ns next_wake_ = no_deadline;
    time_ns horizon_;
    const unsigned crowd_;
};

template <class Sink>
unsigned timer_buckets::unpack(const work& which, unsigned most, Sink&& sink) noexcept {
    bucket& b = at(which.level, which.start);
    const unsigned count = std::min(most, b.count);
    auto heads = b.heads;
    for (const void* head : heads) {
        __builtin_prefetch(head, 1);
    }
    unsigned strand = b.next_strand;
    for (unsigned left = count; left != 0; --left) {
        do {
            strand = (strand == 0 ? strand_count : strand) - 1;
        } while (heads[strand] == nullptr);
        auto& node = *static_cast<timer_node*>(heads[strand]);
        heads[strand] = node.link_[next];
        __builtin_prefetch(heads[strand], 1);
        sink(node);
    }
    b.count -= count;
    if (b.count == 0) {
        close(b);
        return count;
    }
    in_doubt_ = true;  // it may be crowded no longer
    b.next_strand = strand;
    b.heads = heads;
    for (void*& head : b.heads) {
        if (head != nullptr) {
            static_cast<timer_node*>(head)->link_[pointer] = &head;
        }
    }
    return count;
}

}  // namespace gyre::inline v0::detail
