// SPDX-License-Identifier: BSL-1.0
//
// What the queue of deadlines may do at most between two looks at the world: how many nodes it
// moves in a turn, how many turns and wakes it takes, and which memory it touches. Time is a
// number that the test moves, in turns like those of the loop.

#include "timer/timer_queue.hpp"

#include "support/catch.hpp"
#include "support/timer_queue_probe.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

using gyre::no_deadline;
using gyre::time_ns;
using gyre::detail::timer_buckets;
using gyre::detail::timer_node;
using gyre::detail::timer_queue;
using gyre::detail::timer_queue_limits;
using gyre::detail::timer_queue_probe;

namespace {

constexpr unsigned turn_moves = 256;
constexpr unsigned turn_fires = 256;
constexpr time_ns second = 1'000'000'000;
constexpr std::size_t million = 1'000'000;
constexpr timer_queue_limits limits;

// Turns until the queue is empty, in each at most 256 moves and 256 nodes that are due; sleeps by
// next_deadline() whenever a turn leaves nothing to do.
class looper {
public:
    looper(timer_queue& queue, time_ns now) : queue_(queue), now_(now) {}

    // What is fired has to be sorted by deadline, equal ones by address. False if not so, or after
    // too many turns.
    bool run_dry(std::size_t most_turns) {
        while (!queue_.empty()) {
            if (queue_.next_deadline() > now_) {
                now_ = queue_.next_deadline();
                ++sleeps_;
            }
            if (++turns_ > most_turns || !turn()) {
                return false;
            }
        }
        return true;
    }

    time_ns now() const { return now_; }
    std::size_t turns() const { return turns_; }
    std::size_t sleeps() const { return sleeps_; }
    std::size_t fired() const { return fired_; }
    std::size_t moved() const { return moved_; }

    bool turn() {
        unsigned moves = turn_moves;
        bool right = true;
        for (unsigned n = 0; n != turn_fires; ++n) {
            timer_node* node = queue_.take_due(now_, moves);
            if (node == nullptr) {
                break;
            }
            right = right && node->deadline() <= now_ &&
                    (last_ == nullptr || last_->deadline() < node->deadline() ||
                     (last_->deadline() == node->deadline() && last_ < node));
            last_ = node;
            ++fired_;
        }
        moved_ += turn_moves - moves;
        return right && moves <= turn_moves;
    }

private:
    timer_queue& queue_;
    time_ns now_;
    const timer_node* last_ = nullptr;
    std::size_t turns_ = 0;
    std::size_t sleeps_ = 0;
    std::size_t fired_ = 0;
    std::size_t moved_ = 0;
};

// A turn for each budget of either kind, and some in which a budget is not used up.
std::size_t turns_for(const looper& l, std::size_t some) {
    return l.moved() / turn_moves + l.fired() / turn_fires + some;
}

}  // namespace

TEST_CASE("timer_queue: a million equal timeouts of 30 s come near within their bounds") {
    std::vector<timer_node> nodes(million);
    timer_queue queue(5 * second);
    for (timer_node& node : nodes) {
        queue.arm(node, 35 * second);
    }
    looper loop(queue, 5 * second);
    REQUIRE(loop.run_dry(20'000));
    CHECK(loop.fired() == million);
    // Once to a narrower bucket, once to the tree; some to a yet narrower one in between.
    CHECK(loop.moved() <= 2 * million + limits.crowd);
    CHECK(loop.turns() <= turns_for(loop, 4));
    CHECK(loop.sleeps() <= 4);
    CHECK(loop.now() == 35 * second);
}

TEST_CASE("timer_queue: a million different deadlines, due at once, fire within their bounds") {
    std::vector<timer_node> nodes(million);
    std::mt19937_64 random(1);
    std::vector<time_ns> deadlines(million);
    std::generate(deadlines.begin(), deadlines.end(),
                  [&] { return second + static_cast<time_ns>(random() % (60 * second)); });
    timer_queue queue(0);
    for (std::size_t i = 0; i != million; ++i) {
        queue.arm(nodes[i], deadlines[i]);
    }
    looper loop(queue, 61 * second);
    REQUIRE(loop.run_dry(30'000));
    CHECK(loop.fired() == million);
    CHECK(loop.moved() <= 3 * million);  // 268 ms, 2 ms, 16 us, tree
    CHECK(loop.turns() <= turns_for(loop, 1));
    CHECK(loop.sleeps() == 0);
}

TEST_CASE("timer_queue: a million timeouts that are extended all the time come near together") {
    std::vector<timer_node> nodes(million);
    timer_queue queue(0);
    for (timer_node& node : nodes) {
        queue.arm(node, 30 * second);
    }
    for (timer_node& node : nodes) {
        queue.arm(node, 55 * second);  // stays where it is, until that is unpacked
    }
    looper loop(queue, 0);
    while (loop.now() < 30 * second && loop.turns() < 10'000) {
        REQUIRE(queue.next_deadline() <= 30 * second);
        REQUIRE(loop.run_dry(20'000));
    }
    CHECK(loop.fired() == million);
    CHECK(loop.moved() <= 3 * million + limits.crowd);
    CHECK(loop.sleeps() <= 6);
    CHECK(loop.now() == 55 * second);
}

TEST_CASE("timer_queue: no turn moves more nodes than it says") {
    constexpr std::size_t count = 5'000;
    const bool equal = GENERATE(true, false);
    CAPTURE(equal);
    std::vector<timer_node> nodes(count);
    timer_queue queue(0);
    std::mt19937_64 random(2);
    for (timer_node& node : nodes) {
        queue.arm(node, 5 * second + static_cast<time_ns>(equal ? 0 : random() % second));
    }
    std::vector<const void*> homes(count);
    const auto look = [&](std::size_t i) { return timer_queue_probe::home_of(queue, nodes[i]); };
    std::size_t turns = 0;
    for (time_ns now = 0; !queue.empty(); now = std::max(now, queue.next_deadline())) {
        for (std::size_t i = 0; i != count; ++i) {
            homes[i] = look(i);
        }
        unsigned moves = turn_moves;
        std::size_t fired = 0;
        while (fired != turn_fires && queue.take_due(now, moves) != nullptr) {
            ++fired;
        }
        std::size_t moved = 0;
        for (std::size_t i = 0; i != count; ++i) {
            moved += look(i) != homes[i] ? 1 : 0;
        }
        // What was moved to the tree and fired counts once here.
        if (moved > turn_moves - moves + fired) {
            FAIL("in turn " << turns);
        }
        REQUIRE(++turns < 2 * count);
    }
}

TEST_CASE("timer_queue: any number of timers in one bucket takes a bounded number of turns") {
    const unsigned level = GENERATE(range(0U, timer_buckets::level_count - 1));
    const std::size_t count =
        GENERATE(1U, limits.few, limits.few + 1, limits.crowd, limits.crowd + 1,
                 limits.crowd + limits.few, 2 * limits.crowd, 2 * limits.crowd + 1, 5'000U);
    const bool equal = GENERATE(true, false);
    CAPTURE(level, count, equal);
    const time_ns width = timer_buckets::width_of(level);
    const time_ns start = 200 * width;
    std::vector<timer_node> nodes(count);
    timer_queue queue(0);
    for (std::size_t i = 0; i != count; ++i) {
        const auto nth = static_cast<time_ns>(i);
        queue.arm(nodes[i], start + (equal ? width / 2 : nth * (width / 5'000)));
    }

    SECTION("by next_deadline() alone") {}
    SECTION("with others cancelled while it is unpacked") {
        for (int turn = 0; turn != 2 && queue.next_deadline() < start; ++turn) {
            CHECK(looper(queue, queue.next_deadline()).turn());
        }
        for (std::size_t i = 0; i < count; i += 2) {
            queue.cancel(nodes[i]);
        }
    }
    looper loop(queue, 0);
    CHECK(loop.run_dry(3 * count + 50));
    CHECK(loop.moved() <= (level + 1) * count);
    CHECK(loop.turns() <= turns_for(loop, loop.sleeps() + 1));
}

TEST_CASE("timer_queue: a wake of its own is asked for by a crowded bucket only") {
    std::vector<timer_node> nodes(limits.crowd + 1);
    constexpr time_ns at = 10 * second;
    timer_queue queue(0);
    for (std::size_t i = 0; i != limits.crowd; ++i) {
        queue.arm(nodes[i], at);
    }
    CHECK(queue.next_deadline() == at);
    timer_node& last = nodes.back();
    SECTION("by the one too many in the first bucket") {
        queue.arm(last, at);
        CHECK(queue.next_deadline() < at);
        CHECK(queue.next_deadline() > at - 2 * timer_buckets::width_of(2));
        queue.cancel(last);
        looper loop(queue, 0);
        CHECK(loop.run_dry(20));
    }
    SECTION("and by the next one, if it is crowded") {
        constexpr time_ns width = timer_buckets::width_of(2);
        const time_ns start = at / width * width;
        timer_node before;
        queue.arm(last, at);
        queue.arm(before, start - 1);  // in the bucket before, which is not crowded
        CHECK(queue.next_deadline() == start - width);
        queue.cancel(last);
        looper loop(queue, 0);
        CHECK(loop.run_dry(20));
        CHECK(loop.fired() == limits.crowd + 1);
    }
}

TEST_CASE("timer_queue: memory is not touched for a level that no deadline goes to") {
    // The memory is taken by the constructor, but no page of it need be there.
    timer_queue queue(0);
    for (unsigned level = 0; level != timer_buckets::level_count; ++level) {
        std::ranges::fill(timer_queue_probe::memory_of(queue, level), 0xa5);
    }
    const auto untouched = [&](unsigned level) {
        return std::ranges::all_of(timer_queue_probe::memory_of(queue, level),
                                   [](unsigned char byte) { return byte == 0xa5; });
    };
    std::vector<timer_node> nodes(10);
    for (std::size_t i = 0; i != nodes.size(); ++i) {
        queue.arm(nodes[i], 30 * second + static_cast<time_ns>(i));
    }
    queue.arm(nodes[3], 20 * second);
    queue.cancel(nodes[4]);
    CHECK(queue.next_deadline() == 20 * second);
    looper loop(queue, 0);
    CHECK(loop.run_dry(20));
    for (unsigned level = 0; level != timer_buckets::level_count; ++level) {
        CAPTURE(level);
        CHECK(untouched(level) == (level != 2));
    }
}
