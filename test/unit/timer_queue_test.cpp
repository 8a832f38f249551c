// SPDX-License-Identifier: BSL-1.0
//
// The queue of deadlines against std::multimap, which keeps equal keys in the order of insertion:
// the same node must come out, by address, at each step. Time is a number that the test moves.

#include "timer/timer_queue.hpp"

#include "support/catch.hpp"

#include "timer/op_ring.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <unordered_map>
#include <vector>

using gyre::immediately;
using gyre::no_deadline;
using gyre::time_ns;
using gyre::detail::op_ring;
using gyre::detail::timer_node;
using gyre::detail::timer_op;
using gyre::detail::timer_queue;

namespace {

constexpr unsigned any_moves = std::numeric_limits<unsigned>::max();

timer_node* take(timer_queue& queue, time_ns now) {
    unsigned moves = any_moves;
    return queue.take_due(now, moves);
}

// What the queue should be: each armed node under its deadline, equal ones in order of arming.
class model {
public:
    void arm(timer_node* node, time_ns deadline) {
        cancel(node);
        places_[node] = order_.emplace(deadline, node);
    }

    void cancel(timer_node* node) {
        if (auto const place = places_.find(node); place != places_.end()) {
            order_.erase(place->second);
            places_.erase(place);
        }
    }

    timer_node* first_due(time_ns now) const {
        bool const due = !order_.empty() && earliest() <= now && earliest() != no_deadline;
        return due ? order_.begin()->second : nullptr;
    }

    time_ns earliest() const { return order_.empty() ? no_deadline : order_.begin()->first; }
    bool armed(timer_node* node) const { return places_.contains(node); }
    bool empty() const { return order_.empty(); }
    std::size_t size() const { return order_.size(); }

private:
    std::multimap<time_ns, timer_node*> order_;
    std::unordered_map<timer_node*, std::multimap<time_ns, timer_node*>::iterator> places_;
};

// Takes one node that is due with a budget of `moves`; false if queue and model don't agree.
// `ran_out` says that the budget was too small to know.
bool take_agrees(timer_queue& queue, model& expected, time_ns now, unsigned moves, bool& took,
                 bool& ran_out) {
    unsigned left = moves;
    timer_node* const node = queue.take_due(now, left);
    timer_node* const right = expected.first_due(now);
    took = node != nullptr;
    ran_out = !took && queue.next_deadline() <= now;
    if (ran_out) {
        return left == 0;
    }
    if (node != right || left > moves || (took && node->armed())) {
        return false;
    }
    if (took) {
        expected.cancel(node);
    }
    return true;
}

struct shape {
    const char* name;
    time_ns range;  // deadlines are up to so far from now, and a little behind it
    time_ns step;   // the clock moves by up to so much
};

class random_walk {
public:
    random_walk(std::uint32_t seed, shape how) : random_(seed), how_(how) {}

    // False at the first difference.
    bool step() {
        timer_node& node = nodes_[pick(nodes_.size())];
        switch (pick(8)) {
        case 0:
        case 1:
        case 2: arm(node, now_ + range(-how_.range / 16 - 1, how_.range)); break;
        case 3: arm(node, later(node.deadline(), range(0, how_.range / 4))); break;
        case 4: arm(node, later(node.deadline(), -range(0, how_.range / 4))); break;
        case 5: arm_edge(node); break;
        case 6:
            queue_.cancel(node);
            expected_.cancel(&node);
            break;
        default: return advance() && agrees(node);
        }
        return agrees(node);
    }

    // Sleeps by next_deadline() until nothing is left. False if it takes more wakes than there are
    // nodes to fire and to move, or if one is in vain and nothing was moved.
    bool run_dry() {
        for (timer_node& node : nodes_) {
            if (node.armed() && node.deadline() == no_deadline) {
                queue_.cancel(node);
                expected_.cancel(&node);
            }
        }
        std::size_t wakes_left = 2 * expected_.size();
        while (!queue_.empty()) {
            if (wakes_left-- == 0) {
                return false;
            }
            now_ = std::max(now_, queue_.next_deadline());
            if (!take_all(any_moves) || queue_.next_deadline() <= now_) {
                return false;
            }
        }
        return expected_.empty() && queue_.next_deadline() == no_deadline;
    }

    std::size_t fired() const { return fired_; }
    std::size_t ran_out() const { return ran_out_; }

private:
    std::size_t pick(std::size_t n) {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
    }
    time_ns range(time_ns low, time_ns high) {
        return std::uniform_int_distribution<time_ns>(low, high)(random_);
    }

    static time_ns later(time_ns from, time_ns by) {
        bool const in_range = from > immediately / 2 && from < no_deadline / 2;
        return in_range ? from + by : from;
    }

    void arm(timer_node& node, time_ns deadline) {
        queue_.arm(node, deadline);
        expected_.arm(&node, deadline);
    }

    void arm_edge(timer_node& node) {
        std::array const edges{no_deadline, no_deadline - 1, immediately, immediately + 1,
                               time_ns{0},  time_ns{-1},     now_,        now_ + 1};
        arm(node, edges[pick(edges.size())]);
    }

    bool advance() {
        now_ += range(0, how_.step);
        return take_all(static_cast<unsigned>(pick(4)));
    }

    bool take_all(unsigned moves) {
        bool took = true;
        bool ran_out = false;
        while (took || ran_out) {
            if (!take_agrees(queue_, expected_, now_, moves, took, ran_out)) {
                return false;
            }
            moves = ran_out ? moves * 2 + 1 : moves;
            fired_ += took ? 1 : 0;
            ran_out_ += ran_out ? 1 : 0;
        }
        return true;
    }

    bool agrees(timer_node& node) const {
        return queue_.next_deadline() <= expected_.earliest() &&
               queue_.empty() == expected_.empty() && node.armed() == expected_.armed(&node);
    }

    std::mt19937 random_;
    shape how_;
    std::array<timer_node, 300> nodes_;
    timer_queue queue_;
    model expected_;
    time_ns now_ = 1'000'000;
    std::size_t fired_ = 0;
    std::size_t ran_out_ = 0;
};

}  // namespace

TEST_CASE("timer_queue: a million random changes fire the nodes that std::multimap says") {
    auto const how = GENERATE(shape{"few equal deadlines", 1'000'000'000, 40'000'000},
                              shape{"many equal deadlines", 20, 3});
    for (std::uint32_t const seed : {1U, 20261U, 4'000'000'007U}) {
        random_walk walk(seed, how);
        for (int i = 0; i != 340'000; ++i) {
            if (!walk.step()) {
                FAIL(how.name << ", seed " << seed << ": differs at step " << i);
            }
        }
        INFO(how.name << ", seed " << seed);
        CHECK(walk.run_dry());
        CHECK(walk.fired() > 10'000);
        CHECK(walk.ran_out() > 1'000);
    }
}

TEST_CASE("timer_queue: equal deadlines fire in the order of the last time they were armed") {
    std::vector<timer_node> nodes(1000);
    timer_queue queue;
    for (timer_node& node : nodes) {
        queue.arm(node, 77);
    }
    std::vector<timer_node*> order;
    for (timer_node& node : nodes) {
        order.push_back(&node);
    }
    auto const to_the_end = [&order](timer_node* node) {
        std::erase(order, node);
        order.push_back(node);
    };

    SECTION("as they were armed") {}
    SECTION("one cancelled and armed again goes to the end") {
        queue.cancel(nodes[500]);
        queue.arm(nodes[500], 77);
        to_the_end(&nodes[500]);
    }
    SECTION("one armed anew for the same time goes to the end") {
        queue.arm(nodes[0], 77);
        queue.arm(nodes[400], 77);
        to_the_end(&nodes[0]);
        to_the_end(&nodes[400]);
    }
    SECTION("one that comes from an earlier or a later time goes to the end") {
        for (std::size_t const i : {3U, 2U, 900U}) {
            queue.arm(nodes[i], 5);
            queue.arm(nodes[i], 77);
            queue.arm(nodes[i + 10], 99);
            queue.arm(nodes[i + 10], 77);
            to_the_end(&nodes[i]);
            to_the_end(&nodes[i + 10]);
        }
    }

    CHECK(take(queue, 76) == nullptr);
    for (timer_node* node : order) {
        if (take(queue, 77) != node) {
            FAIL("out of order");
        }
    }
    CHECK(take(queue, 77) == nullptr);
    CHECK(queue.empty());
}

TEST_CASE("timer_queue: nodes moved late keep the order in which they were armed") {
    timer_queue queue;
    std::array<timer_node, 4> nodes;
    queue.arm(nodes[0], 10);  // will be moved from 10
    queue.arm(nodes[1], 30);  // will be moved from 30, to the same time
    queue.arm(nodes[2], 20);  // will be moved from 20
    queue.arm(nodes[1], 50);
    queue.arm(nodes[3], 50);  // is placed there at once
    queue.arm(nodes[2], 50);
    queue.arm(nodes[0], 50);
    for (time_ns now = 0; now != 50; ++now) {
        REQUIRE(take(queue, now) == nullptr);
    }
    CHECK(queue.next_deadline() == 50);
    CHECK(take(queue, 50) == &nodes[1]);
    CHECK(take(queue, 50) == &nodes[3]);
    CHECK(take(queue, 50) == &nodes[2]);
    CHECK(take(queue, 50) == &nodes[0]);
    CHECK(queue.empty());
}

TEST_CASE("timer_queue: the time due now is due, the next nanosecond is not") {
    timer_queue queue;
    timer_node node;
    queue.arm(node, 100);
    CHECK(queue.next_deadline() == 100);
    CHECK(take(queue, 99) == nullptr);
    CHECK(node.armed());
    CHECK(take(queue, 100) == &node);
    CHECK_FALSE(node.armed());
    CHECK(node.deadline() == 100);
    CHECK(queue.next_deadline() == no_deadline);
}

TEST_CASE("timer_queue: an earlier deadline is known at once") {
    timer_queue queue;
    timer_node first;
    timer_node second;
    queue.arm(first, 1000);
    queue.arm(second, 500);
    CHECK(queue.next_deadline() == 500);
    queue.arm(first, 20);
    CHECK(queue.next_deadline() == 20);
    queue.arm(first, 2000);
    queue.arm(first, 1500);  // earlier than before, later than its place
    CHECK(queue.next_deadline() <= 500);
    CHECK(take(queue, 499) == nullptr);
    CHECK(queue.next_deadline() == 500);
    queue.cancel(second);
    CHECK(queue.next_deadline() == 1500);
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
    timer_queue queue;  // dies first, with a node in it
    queue.arm(never, no_deadline);
    CHECK_FALSE(queue.empty());
    CHECK(queue.next_deadline() == no_deadline);
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

TEST_CASE("timer_queue: the budget bounds the moves of one call, and none is lost by it") {
    constexpr std::size_t count = 1000;
    std::vector<timer_node> nodes(count);
    timer_node due;
    timer_queue queue;
    for (timer_node& node : nodes) {
        queue.arm(node, 10);
    }
    queue.arm(due, 11);
    for (timer_node& node : nodes) {
        queue.arm(node, 5000);
    }

    unsigned none = 0;
    CHECK(queue.take_due(20, none) == nullptr);
    CHECK(queue.next_deadline() == 10);

    std::size_t calls = 0;
    timer_node* taken = nullptr;
    while (taken == nullptr && calls < count) {
        REQUIRE(queue.next_deadline() <= 20);
        unsigned moves = 64;
        taken = queue.take_due(20, moves);
        CHECK(moves == (taken == nullptr ? 0 : 64 - count % 64));
        ++calls;
    }
    CHECK(taken == &due);
    CHECK(calls == count / 64 + 1);
    CHECK(queue.next_deadline() == 5000);
    for (timer_node& node : nodes) {
        none = 0;  // all are in place
        if (queue.take_due(5000, none) != &node) {
            FAIL("out of order");
        }
    }
    CHECK(queue.empty());
}

TEST_CASE("timer_queue: a timeout extended over and over wakes its owner once a length") {
    timer_queue queue;
    timer_node idle;
    time_ns now = 0;
    queue.arm(idle, 1000);
    int wakes = 0;
    for (; now != 100'000; now += 10) {
        queue.arm(idle, now + 1000);
        if (queue.next_deadline() <= now) {
            ++wakes;
            REQUIRE(take(queue, now) == nullptr);
        }
    }
    CHECK(wakes <= 100);
    CHECK(wakes > 0);
    CHECK(take(queue, now + 990) == &idle);
}

TEST_CASE("timer_queue: dies with armed nodes in it and leaves them unarmed") {
    std::array<timer_node, 3> nodes;
    {
        timer_queue queue;
        for (timer_node& node : nodes) {
            queue.arm(node, 1);
        }
    }
    for (timer_node& node : nodes) {
        CHECK_FALSE(node.armed());
    }
}

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
        bool took = true;
        bool ran_out = false;
        while (took) {
            if (!take_agrees(queue_, expected_, now_, any_moves, took, ran_out) || ran_out) {
                return false;
            }
            fired_ += took ? 1 : 0;
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
    time_ns unit() const { return equal_deadlines_ ? 1 : 1024; }
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
    model expected_;
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
