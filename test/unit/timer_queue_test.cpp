// SPDX-License-Identifier: BSL-1.0
//
// What the queue of deadlines promises, case by case, near and far. Time is a number that the test
// moves; random walks are in timer_walk_test.cpp, bounds of the work in timer_bounds_test.cpp.

#include "timer/timer_queue.hpp"

#include "support/catch.hpp"
#include "support/timer_model.hpp"
#include "support/timer_queue_probe.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

using gyre::immediately;
using gyre::no_deadline;
using gyre::time_ns;
using gyre::detail::timer_buckets;
using gyre::detail::timer_node;
using gyre::detail::timer_queue;
using gyre::detail::timer_queue_probe;
using gyre::testing::any_moves;

namespace {

timer_node* take(timer_queue& queue, time_ns now) {
    unsigned moves = any_moves;
    return queue.take_due(now, moves);
}

// A nanosecond, a millisecond, an hour, a day: everything in the tree, or in buckets.
time_ns any_unit() {
    return GENERATE(time_ns{1}, time_ns{1'000'000}, time_ns{3'600'000'000'000},
                    time_ns{86'400'000'000'000});
}

// Takes all, in the order expected.
void check_order(timer_queue& queue, time_ns now, const std::vector<timer_node*>& order) {
    CHECK(take(queue, now - 1) == nullptr);
    for (timer_node* node : order) {
        if (take(queue, now) != node) {
            FAIL("out of order");
        }
    }
    CHECK(take(queue, now) == nullptr);
    CHECK(queue.empty());
}

}  // namespace

TEST_CASE("timer_queue: equal deadlines fire in the order of the last time they were armed") {
    const time_ns unit = any_unit();
    std::vector<timer_node> nodes(1000);
    timer_queue queue;
    for (timer_node& node : nodes) {
        queue.arm(node, 77 * unit);
    }
    std::vector<timer_node*> order;
    for (timer_node& node : nodes) {
        order.push_back(&node);
    }
    const auto to_the_end = [&order](timer_node* node) {
        std::erase(order, node);
        order.push_back(node);
    };

    SECTION("as they were armed") {}
    SECTION("one cancelled and armed again goes to the end") {
        queue.cancel(nodes[500]);
        queue.arm(nodes[500], 77 * unit);
        to_the_end(&nodes[500]);
    }
    SECTION("one armed anew for the same time goes to the end") {
        queue.arm(nodes[0], 77 * unit);
        queue.arm(nodes[400], 77 * unit);
        to_the_end(&nodes[0]);
        to_the_end(&nodes[400]);
    }
    SECTION("one that comes from an earlier or a later time goes to the end") {
        for (const std::size_t i : {3U, 2U, 900U}) {
            queue.arm(nodes[i], 5 * unit);
            queue.arm(nodes[i], 77 * unit);
            queue.arm(nodes[i + 10], 99 * unit);
            queue.arm(nodes[i + 10], 77 * unit);
            to_the_end(&nodes[i]);
            to_the_end(&nodes[i + 10]);
        }
    }

    check_order(queue, 77 * unit, order);
}

TEST_CASE("timer_queue: equal deadlines armed near and far fire in the order of arming") {
    // Each is armed with the clock a bit nearer, so that it goes to a narrower bucket than the
    // one before, and at last to the tree.
    constexpr time_ns deadline = 1'234'567'890'123'456'789;
    std::array<timer_node, 60> nodes;
    timer_queue queue;
    std::vector<timer_node*> order;
    const bool from_the_start = GENERATE(true, false);  // of a bucket: or behind it
    const time_ns at = from_the_start ? deadline >> 40 << 40 : deadline;
    for (std::size_t i = 0; i != nodes.size(); ++i) {
        CHECK(take(queue, at - (time_ns{1} << (60 - i))) == nullptr);
        queue.arm(nodes[i], at);
        order.push_back(&nodes[i]);
    }
    check_order(queue, at, order);
}

TEST_CASE("timer_queue: nodes moved late keep the order in which they were armed") {
    const time_ns unit = any_unit();
    timer_queue queue;
    std::array<timer_node, 4> nodes;
    queue.arm(nodes[0], 10 * unit);  // may be moved from 10
    queue.arm(nodes[1], 30 * unit);  // may be moved from 30, to the same time
    queue.arm(nodes[2], 20 * unit);  // may be moved from 20
    queue.arm(nodes[1], 50 * unit);
    queue.arm(nodes[3], 50 * unit);  // is placed there at once
    queue.arm(nodes[2], 50 * unit);
    queue.arm(nodes[0], 50 * unit);
    for (time_ns now = 0; now != 50; ++now) {
        REQUIRE(take(queue, now * unit) == nullptr);
    }
    CHECK(queue.next_deadline() <= 50 * unit);
    check_order(queue, 50 * unit, {&nodes[1], &nodes[3], &nodes[2], &nodes[0]});
}

TEST_CASE("timer_queue: the time due now is due, the next nanosecond is not", "[D6]") {
    // Both sides of edges of buckets, too.
    const time_ns deadline = GENERATE(100, 16'383, 16'384, 16'385, (time_ns{1} << 21) - 1,
                                      time_ns{1} << 21, (time_ns{5} << 42) + 1, time_ns{1} << 62);
    timer_queue queue;
    timer_node node;
    queue.arm(node, deadline);
    CHECK(queue.next_deadline() == deadline);
    CHECK(take(queue, deadline - 1) == nullptr);
    CHECK(queue.next_deadline() == deadline);
    CHECK(node.armed());
    CHECK(take(queue, deadline) == &node);
    CHECK_FALSE(node.armed());
    CHECK(node.deadline() == deadline);
    CHECK(queue.next_deadline() == no_deadline);
}

TEST_CASE("timer_queue: at the start of a bucket the older of two equal deadlines fires first") {
    constexpr time_ns start = time_ns{3} << 35;
    timer_node old;
    timer_node young;
    timer_node other;
    timer_queue queue;
    queue.arm(old, start);
    queue.arm(other, start + 1);
    CHECK(take(queue, start - 10) == nullptr);  // now `start` is so near that it goes to the tree
    queue.arm(young, start);
    unsigned none = 0;
    CHECK(queue.take_due(start, none) == nullptr);  // what has to be moved first is not passed by
    CHECK(queue.next_deadline() <= start);
    CHECK(take(queue, start) == &old);
    CHECK(take(queue, start) == &young);
    CHECK(take(queue, start) == nullptr);
    CHECK(take(queue, start + 1) == &other);
}

TEST_CASE("timer_queue: an earlier deadline is known at once, a later one is found out") {
    const time_ns unit = any_unit();
    timer_queue queue;
    timer_node first;
    timer_node second;
    queue.arm(first, 100 * unit);
    queue.arm(second, 50 * unit);
    CHECK(queue.next_deadline() == 50 * unit);
    queue.arm(first, 2 * unit);
    CHECK(queue.next_deadline() == 2 * unit);
    queue.arm(first, 200 * unit);
    queue.arm(first, 150 * unit);  // earlier than before, later than at first
    CHECK(queue.next_deadline() <= 50 * unit);
    CHECK(take(queue, 50 * unit - 1) == nullptr);
    CHECK(queue.next_deadline() == 50 * unit);
    queue.cancel(second);
    CHECK(queue.next_deadline() == 150 * unit);
    queue.cancel(first);
    queue.cancel(first);
    CHECK(queue.next_deadline() == no_deadline);
    CHECK(queue.empty());
}

TEST_CASE("timer_queue: the ends of time are in order, and no_deadline is never due") {
    timer_node never;
    timer_node always;
    timer_node negative;
    timer_node last;
    timer_queue queue(GENERATE(time_ns{0}, immediately, no_deadline, no_deadline - 20'000));
    queue.arm(never, no_deadline);
    CHECK_FALSE(queue.empty());
    CHECK(queue.next_deadline() == no_deadline);
    CHECK(take(queue, no_deadline - 1) == nullptr);
    CHECK(take(queue, no_deadline) == nullptr);

    queue.arm(last, no_deadline - 1);
    queue.arm(negative, -5);
    queue.arm(always, immediately);
    CHECK(queue.next_deadline() == immediately);
    CHECK(take(queue, immediately) == &always);
    CHECK(take(queue, -6) == nullptr);
    CHECK(take(queue, -5) == &negative);
    CHECK(take(queue, no_deadline - 2) == nullptr);
    CHECK(take(queue, no_deadline) == &last);
    CHECK(take(queue, no_deadline) == nullptr);
    CHECK(never.armed());

    queue.arm(never, 3);
    queue.arm(never, no_deadline);
    CHECK(take(queue, no_deadline) == nullptr);
    CHECK(queue.next_deadline() == no_deadline);
    CHECK(never.armed());
}

TEST_CASE("timer_queue: a clock that goes back, or was never told, does no harm") {
    timer_queue queue;  // thinks that it is 1970
    timer_node node;
    timer_node other;
    constexpr time_ns now = 1'700'000'000'000'000'000;
    queue.arm(node, now + 10);
    queue.arm(other, now + 30'000'000'000);
    CHECK(queue.next_deadline() == now + 10);
    CHECK(take(queue, now) == nullptr);
    CHECK(take(queue, 5) == nullptr);
    CHECK(queue.next_deadline() <= now + 10);
    CHECK(take(queue, now + 9) == nullptr);
    CHECK(take(queue, now + 10) == &node);
    CHECK(take(queue, 0) == nullptr);
    queue.arm(node, 7);
    CHECK(queue.next_deadline() == 7);
    CHECK(take(queue, 6) == nullptr);
    CHECK(take(queue, 7) == &node);
    CHECK(queue.next_deadline() == now + 30'000'000'000);
    CHECK(take(queue, now + 30'000'000'000) == &other);
}

TEST_CASE("timer_queue: a timeout extended over and over wakes its owner once a length") {
    const time_ns unit = any_unit();
    timer_queue queue;
    timer_node idle;
    time_ns now = 0;
    queue.arm(idle, 1000 * unit);
    int wakes = 0;
    for (; now != 100'000 * unit / 10; now += unit) {
        queue.arm(idle, now + 1000 * unit);
        if (queue.next_deadline() <= now) {
            ++wakes;
            REQUIRE(take(queue, now) == nullptr);
            REQUIRE(queue.next_deadline() > now);
        }
    }
    CHECK(wakes <= 10);
    CHECK(take(queue, now + 998 * unit) == nullptr);
    CHECK(take(queue, now + 999 * unit) == &idle);
}

TEST_CASE("timer_queue: a node armed anew for a later time stays where it is") {
    timer_queue queue;
    timer_node one;
    timer_node two;
    queue.arm(one, 30'000'000'000);
    queue.arm(two, 30'000'001'000);
    const void* const home = timer_queue_probe::home_of(queue, one);
    queue.arm(one, 3'000'000'000'000);
    CHECK(timer_queue_probe::home_of(queue, one) == home);
    queue.arm(one, 30'000'000'500);  // earlier, and yet not before all others there
    CHECK(timer_queue_probe::home_of(queue, one) == home);
    queue.arm(one, 20'000'000'000);
    CHECK(timer_queue_probe::home_of(queue, one) != home);
    CHECK(queue.next_deadline() == 20'000'000'000);
    CHECK(take(queue, 20'000'000'000) == &one);
    CHECK(take(queue, 30'000'001'000) == &two);
}

TEST_CASE("timer_queue: dies with armed nodes in it and leaves them unarmed") {
    std::array<timer_node, 100> nodes;
    {
        timer_queue queue;
        time_ns deadline = 1;
        for (timer_node& node : nodes) {
            queue.arm(node, deadline);
            deadline = deadline < no_deadline / 4 ? deadline * 3 / 2 + 1 : no_deadline;
        }
    }
    for (timer_node& node : nodes) {
        CHECK_FALSE(node.armed());
    }
}
