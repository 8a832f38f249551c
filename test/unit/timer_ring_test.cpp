// SPDX-License-Identifier: BSL-1.0
//
// Changes of timers that come by the ring, in another order than they were made, against
// std::multimap: what the owner does with them, played by one thread so that each interleaving can
// be repeated.

#include "timer/op_ring.hpp"

#include "support/catch.hpp"
#include "support/timer_model.hpp"

#include "timer/timer_queue.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <random>

using gyre::no_deadline;
using gyre::time_ns;
using gyre::detail::op_ring;
using gyre::detail::timer_node;
using gyre::detail::timer_op;
using gyre::detail::timer_queue;
using gyre::testing::any_moves;
using gyre::testing::take_from_both;
using gyre::testing::taking;
using gyre::testing::timer_model;

namespace {

// Timers whose changes come by ring from a foreign thread, played by one thread so that each
// interleaving is repeatable: the producer's side, the owner's side, and what should come of it.
class ring_walk {
public:
    ring_walk(std::uint32_t seed, std::size_t capacity, bool equal_deadlines)
        : random_(seed), ring_(capacity), equal_deadlines_(equal_deadlines) {}

    bool step() {
        timer& one = timers_[pick(timers_.size())];
        switch (pick(16)) {
        case 0: return turn();
        case 1:
        case 2: apply_some(pick(8)); break;
        case 3:  // The owner's own changes pass those that are on their way, in time but not in
                 // rank.
            if (!equal_deadlines_) {
                apply(change(one, new_deadline(one)));
            }
            break;
        case 4:
        case 5: foreign(one, no_deadline); break;
        default: foreign(one, new_deadline(one));
        }
        return true;
    }

    // Everything arrives, time passes, and what is due comes out as the model says.
    bool turn() {
        bool const spill_first = pick(2) == 0;
        if (spill_first) {
            apply_spill();
        }
        apply_some(std::numeric_limits<std::size_t>::max());
        if (!ring_.empty()) {
            return false;
        }
        apply_spill();
        if (queue_.next_deadline() > expected_.earliest()) {
            return false;
        }
        now_ += static_cast<time_ns>(pick(64)) * unit();
        for (taking t{true, true, false, 0}; t.took;) {
            t = take_from_both(queue_, expected_, now_, any_moves);
            if (!t.agrees || t.ran_out) {
                return false;
            }
            fired_ += t.took ? 1 : 0;
        }
        return queue_.empty() == expected_.empty();
    }

    std::size_t fired() const { return fired_; }
    std::size_t spilled() const { return spilled_; }
    std::size_t ignored() const { return ignored_; }

private:
    struct timer {
        timer_node node;
        std::uint32_t arm = 0xffff'ff00U;  // wraps soon
        std::uint32_t applied = arm;
        std::optional<time_ns> queued;  // in spill_, with the last deadline stored there
    };

    std::size_t pick(std::size_t n) {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
    }

    // Without equal deadlines each timer has its own last digits.
    time_ns unit() const { return time_ns{1} << (equal_deadlines_ ? 16 : 20); }
    time_ns new_deadline(timer const& one) {
        auto const which = equal_deadlines_ ? 0 : &one - timers_.data();
        return now_ / unit() * unit() + static_cast<time_ns>(pick(256)) * unit() + which;
    }

    timer_op change(timer& one, time_ns deadline) {
        if (deadline == no_deadline) {
            expected_.cancel(&one.node);
        } else {
            expected_.arm(&one.node, deadline);
        }
        return {&one, 0, ++one.arm, deadline};
    }

    void foreign(timer& one, time_ns deadline) {
        timer_op const op = change(one, deadline);
        if (one.queued) {
            one.queued = deadline;
        } else if (ring_.push(op) == op_ring::push_result::full) {
            one.queued = deadline;
            spill_.push_back(&one);
            ++spilled_;
        }
    }

    void apply(timer_op const& op) {
        timer& one = *static_cast<timer*>(op.slot);
        if (static_cast<std::int32_t>(op.arm - one.applied) <= 0) {
            ++ignored_;
            return;
        }
        one.applied = op.arm;
        if (op.deadline == no_deadline) {
            queue_.cancel(one.node);
        } else {
            queue_.arm(one.node, op.deadline);
        }
    }

    void apply_some(std::size_t most) {
        timer_op op;
        for (; most != 0 && ring_.pop(op); --most) {
            apply(op);
        }
    }

    void apply_spill() {
        for (; !spill_.empty(); spill_.pop_front()) {
            timer& one = *spill_.front();
            apply({&one, 0, one.arm, *one.queued});
            one.queued.reset();
        }
    }

    std::mt19937 random_;
    std::array<timer, 200> timers_;
    timer_queue queue_;
    op_ring ring_;
    std::deque<timer*> spill_;
    timer_model expected_;
    bool equal_deadlines_;
    time_ns now_ = 0;
    std::size_t fired_ = 0;
    std::size_t spilled_ = 0;
    std::size_t ignored_ = 0;
};

}  // namespace

TEST_CASE("timer_queue: a million changes through a ring fire the nodes that std::multimap says") {
    for (std::uint32_t const seed : {3U, 20263U}) {
        ring_walk small(seed, 7, false);
        ring_walk large(seed, 1000, true);
        for (int i = 0; i != 500'000; ++i) {
            if (!small.step()) {
                FAIL("ring of 7, seed " << seed << ": differs at step " << i);
            }
            if (!large.step()) {
                FAIL("ring of 1000, seed " << seed << ": differs at step " << i);
            }
        }
        INFO("seed " << seed);
        CHECK(small.turn());
        CHECK(large.turn());
        CHECK(small.fired() > 10'000);
        CHECK(large.fired() > 10'000);
        CHECK(small.spilled() > 10'000);
        CHECK(large.spilled() == 0);
        CHECK(small.ignored() > 1'000);
    }
}
