// SPDX-License-Identifier: BSL-1.0
//
// The queue of deadlines against std::multimap, by random walks: near and far deadlines, equal
// ones, edges of buckets, little steps and big jumps of the clock, generous limits and tiny ones.
// Time is a number that the test moves.

#include "timer/timer_queue.hpp"

#include "support/catch.hpp"
#include "support/timer_model.hpp"
#include "support/timer_queue_probe.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

using gyre::immediately;
using gyre::no_deadline;
using gyre::time_ns;
using gyre::detail::timer_buckets;
using gyre::detail::timer_node;
using gyre::detail::timer_queue;
using gyre::detail::timer_queue_limits;
using gyre::detail::timer_queue_probe;
using gyre::testing::any_moves;
using gyre::testing::take_from_both;
using gyre::testing::taking;
using gyre::testing::timer_model;

namespace {

struct shape {
    const char* name;
    std::size_t nodes;
    int distance_bits;  // a deadline is up to 2^n ns from now, each n as likely as the others
    int step_bits;      // and so is a step of the clock
    int grain_bits;     // deadlines are multiples of 2^n: the more, the more of them are equal
};

class random_walk {
public:
    random_walk(std::uint32_t seed, shape how, const timer_queue_limits& limits)
        : random_(seed), how_(how), nodes_(how.nodes), queue_(start, limits) {}

    // False at the first difference.
    bool step() {
        timer_node& node = nodes_[pick(nodes_.size())];
        switch (pick(8)) {
        case 0:
        case 1:
        case 2: arm(node, from_now(distance(how_.distance_bits))); break;
        case 3: arm(node, later(node.deadline(), distance(how_.distance_bits - 2))); break;
        case 4: arm(node, later(node.deadline(), -distance(how_.distance_bits - 2))); break;
        case 5: arm(node, edge()); break;
        case 6:
            queue_.cancel(node);
            model_.cancel(&node);
            break;
        default:
            now_ += distance(how_.step_bits);
            unsigned moved = 0;
            return take_all(static_cast<unsigned>(pick(4)), moved) && agrees(node);
        }
        return agrees(node);
    }

    /// Whether each thing is where it should be.
    const char* broken() const { return timer_queue_probe::broken(queue_, model_.size()); }

    // Sleeps by next_deadline() until nothing is left. False if a wake does nothing at all, or if
    // there are more of them than nodes could need.
    bool run_dry() {
        for (timer_node& node : nodes_) {
            if (node.armed() && node.deadline() == no_deadline) {
                queue_.cancel(node);
                model_.cancel(&node);
            }
        }
        std::size_t wakes_left = (timer_buckets::level_count + 1) * model_.size();
        while (!queue_.empty()) {
            now_ = std::max(now_, queue_.next_deadline());
            const std::size_t fired = fired_;
            unsigned moved = 0;
            if (!take_all(any_moves, moved) || queue_.next_deadline() <= now_ ||
                (fired == fired_ && moved == 0) || wakes_left-- == 0) {
                return false;
            }
        }
        return model_.empty() && queue_.next_deadline() == no_deadline;
    }

    std::size_t fired() const { return fired_; }
    std::size_t moved() const { return moved_; }
    std::size_t ran_out() const { return ran_out_; }

private:
    static constexpr time_ns start = 1'000'000'000'000;

    std::size_t pick(std::size_t n) {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
    }
    time_ns distance(int bits) {
        const auto b = static_cast<int>(pick(static_cast<std::size_t>(std::max(bits, 1)))) + 1;
        return std::uniform_int_distribution<time_ns>(0, time_ns{1} << b)(random_);
    }
    time_ns from_now(time_ns by) {
        return later(now_, pick(16) == 0 ? -by / 16 : by) >> how_.grain_bits << how_.grain_bits;
    }
    static time_ns later(time_ns from, time_ns by) {
        const bool in_range = from > immediately / 4 && from < no_deadline / 4;
        return in_range ? from + by : from;
    }

    void arm(timer_node& node, time_ns deadline) {
        queue_.arm(node, deadline);
        model_.arm(&node, deadline);
    }

    // Where a mistake of one would show.
    time_ns edge() {
        if (pick(2) == 0) {
            const std::array edges{
                no_deadline,     no_deadline - 1,    immediately, immediately + 1,
                time_ns{0},      time_ns{-1},        now_,        now_ + 1,
                no_deadline / 2, no_deadline / 4 * 3};
            return edges[pick(edges.size())];
        }
        const auto level = static_cast<unsigned>(pick(timer_buckets::level_count - 1));
        const time_ns width = timer_buckets::width_of(level);
        const std::array ahead{0, 1, 2, 127, 128, 129, 254, 255, 256, 257};
        return now_ / width * width + ahead[pick(ahead.size())] * width +
               static_cast<time_ns>(pick(3)) - 1;
    }

    bool take_all(unsigned moves, unsigned& moved) {
        for (taking t{true, true, false, 0}; t.took || t.ran_out;) {
            t = take_from_both(queue_, model_, now_, moves);
            if (!t.agrees) {
                return false;
            }
            moves = t.ran_out ? moves * 2 + 1 : moves;
            moved += t.moved;
            fired_ += t.took ? 1 : 0;
            ran_out_ += t.ran_out ? 1 : 0;
        }
        moved_ += moved;
        return true;
    }

    bool agrees(timer_node& node) {
        return queue_.next_deadline() <= model_.earliest() && queue_.empty() == model_.empty() &&
               node.armed() == model_.armed(&node);
    }

    std::mt19937 random_;
    shape how_;
    std::vector<timer_node> nodes_;
    timer_queue queue_;
    timer_model model_;
    time_ns now_ = start;
    std::size_t fired_ = 0;
    std::size_t moved_ = 0;
    std::size_t ran_out_ = 0;
};

}  // namespace

TEST_CASE("timer_queue: a million random changes fire the nodes that std::multimap says") {
    const auto how = GENERATE(
        shape{"near", 300, 12, 10, 0},                                                    //
        shape{"near, equal deadlines", 300, 5, 2, 0}, shape{"a minute", 300, 36, 33, 0},  //
        shape{"a second, equal deadlines", 2000, 30, 27, 27},
        shape{"a minute, equal deadlines", 1000, 36, 34, 33},
        shape{"for ever, big jumps", 300, 60, 52, 0}, shape{"a few", 10, 40, 40, 0});
    const auto limits = GENERATE(timer_queue_limits{}, timer_queue_limits{2, 3},
                                 timer_queue_limits{0, 1}, timer_queue_limits{7, 40});
    const auto seed = static_cast<std::uint32_t>(how.nodes + limits.crowd);
    CAPTURE(how.name, limits.few, limits.crowd);
    random_walk walk(seed, how, limits);
    for (int i = 0; i != 250'000; ++i) {
        if (!walk.step()) {
            FAIL("differs at step " << i);
        }
        if (i % 128 == 0 && walk.broken() != nullptr) {
            FAIL(walk.broken() << " at step " << i);
        }
    }
    CHECK(walk.run_dry());
    CHECK(walk.fired() > 1'000);
    if (how.distance_bits > 14) {
        CHECK(walk.moved() > 10'000);
        CHECK(walk.ran_out() > 1'000);
    }
}
