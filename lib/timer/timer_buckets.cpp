// SPDX-License-Identifier: BSL-1.0
// Which bucket a deadline goes to, and which bucket is next.
#include "timer/timer_buckets.hpp"

namespace gyre::inline v0::detail {
namespace {

constexpr unsigned step = timer_buckets::shift_of(1) - timer_buckets::shift_of(0);
static_assert(timer_buckets::slot_count == 2U << step, "a window overlaps the next one twice");
static_assert(timer_buckets::shift_of(timer_buckets::level_count - 1) + 8 == 64);

}  // namespace

timer_buckets::timer_buckets(time_ns now, unsigned crowd)
    : storage_(static_cast<bucket*>(
          ::operator new(sizeof(bucket) * slot_count * level_count, bucket_alignment))),
      horizon_(std::max<time_ns>(now, 0) | (width_of(0) - 1)),
      crowd_(crowd) {}

// The narrowest level whose window holds the deadline.
unsigned timer_buckets::level_for(time_ns deadline) const noexcept {
    // By distance; counted from the edge of the width that the horizon is in, it may be one width
    // more, and 256 are too far.
    const auto distance =
        static_cast<std::uint64_t>(deadline) - static_cast<std::uint64_t>(horizon_);
    const auto bits = std::max<unsigned>(std::bit_width(distance), shift_of(0) + 2);
    const unsigned level = (bits - shift_of(0) - 2) / step;
    const time_ns apart = (deadline >> shift_of(level)) - (horizon_ >> shift_of(level));
    return apart < slot_count ? level : level + 1;
}

bool timer_buckets::add(timer_node& node) noexcept {
    const time_ns deadline = node.deadline_;
    const unsigned level = level_for(deadline);
    bucket& b = at(level, deadline);
    if (!used(level, slot_of(level, deadline))) {
        open(level, deadline, b);
    } else if (b.count >= crowd_) {
        if (level == 0) {
            return false;
        }
        in_doubt_ = in_doubt_ || b.count == crowd_;
    }
    b.earliest = std::min(b.earliest, deadline);
    next_wake_ = std::min(next_wake_, deadline);
    ++b.count;

    void*& head = b.heads[b.next_strand];
    b.next_strand = b.next_strand == strand_count - 1 ? 0 : b.next_strand + 1;
    node.place_ = timer_node::in_bucket;
    node.link_[home] = &b;
    node.link_[next] = head;
    node.link_[pointer] = &head;
    if (head != nullptr) {
        static_cast<timer_node*>(head)->link_[pointer] = &node.link_[next];
    }
    head = &node;
    return true;
}

void timer_buckets::remove(timer_node& node) noexcept {
    bucket& b = *static_cast<bucket*>(node.link_[home]);
    *static_cast<void**>(node.link_[pointer]) = node.link_[next];
    if (node.link_[next] != nullptr) {
        static_cast<timer_node*>(node.link_[next])->link_[pointer] = node.link_[pointer];
    }
    node.place_ = timer_node::nowhere;
    if (--b.count == 0) {
        close(b);
    } else if (b.count == crowd_) {
        in_doubt_ = true;
    }
}

void timer_buckets::open(unsigned level, time_ns deadline, bucket& b) noexcept {
    ::new (&b) bucket{{}, no_deadline, 0, 0};
    const unsigned slot = slot_of(level, deadline);
    maps_[level].words[slot / 64] |= std::uint64_t{1} << slot % 64;
    used_levels_ |= 1U << level;

    const time_ns start = deadline & -width_of(level);
    if (start < next_start_ || (start == next_start_ && level > start_level_)) {
        next_start_ = start;
        start_level_ = level;
    }
    if (start < next_work_) {
        next_work_ = start;
        work_level_ = level;
    }
}

void timer_buckets::close(bucket& b) noexcept {
    const auto index = static_cast<unsigned>(&b - storage_.get());
    const unsigned level = index / slot_count;
    auto& words = maps_[level].words;
    words[index % slot_count / 64] &= ~(std::uint64_t{1} << index % 64);
    if ((words[0] | words[1] | words[2] | words[3]) == 0) {
        used_levels_ &= ~(1U << level);
    }
    in_doubt_ = true;
}

// Where the first bucket of the level begins. Precondition: there is one.
time_ns timer_buckets::first_start(unsigned level) const noexcept {
    const auto& words = maps_[level].words;
    const time_ns index = (horizon_ >> shift_of(level)) + 1;  // where it may be at the earliest
    const auto slot = static_cast<unsigned>(index) % slot_count;
    const auto bits = words[slot / 64] >> slot % 64;
    if (bits != 0) {
        return (index + std::countr_zero(bits)) << shift_of(level);
    }
    unsigned ahead = 64 - slot % 64;
    while (words[(slot + ahead) % slot_count / 64] == 0) {
        ahead += 64;
    }
    ahead += std::countr_zero(words[(slot + ahead) % slot_count / 64]);
    return (index + ahead) << shift_of(level);
}

void timer_buckets::look() noexcept {
    in_doubt_ = false;
    next_start_ = next_work_ = next_wake_ = no_deadline;
    for (std::uint32_t left = used_levels_; left != 0; left &= left - 1) {
        const auto level = static_cast<unsigned>(std::countr_zero(left));
        const time_ns start = first_start(level);
        const unsigned slot = slot_of(level, start);
        const bool early = crowded(level, slot);
        const time_ns work = early ? start - width_of(level) : start;
        if (start <= next_start_) {  // of two that begin together the wider, which comes later
            next_start_ = start;
            start_level_ = level;
        }
        if (work < next_work_) {
            next_work_ = work;
            work_level_ = level;
        }
        // The next bucket, if it is crowded, wants to be unpacked when this one begins.
        const bool next_early = crowded(level, (slot + 1) % slot_count);
        const time_ns wake = early || next_early ? work : at(level, start).earliest;
        next_wake_ = std::min(next_wake_, wake);
    }
}

timer_buckets::work timer_buckets::take_work(time_ns now) noexcept {
    work found{start_level_, next_start_, 0};
    if (next_start_ <= now) {
        horizon_ = std::max(horizon_, next_start_ - 1);
    } else {
        advance(now);
        found.level = work_level_;
        found.start = next_work_ + width_of(work_level_);
    }
    found.count = at(found.level, found.start).count;
    return found;
}

void timer_buckets::clear() noexcept {
    while (!empty()) {
        look();
        unpack({start_level_, next_start_, 0}, ~0U,
               [](timer_node& node) { node.place_ = timer_node::nowhere; });
    }
}

}  // namespace gyre::inline v0::detail
