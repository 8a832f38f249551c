// SPDX-License-Identifier: BSL-1.0
//
// The ring of timer operations, by one thread: order, exact capacity, and what it reports.

#include "timer/op_ring.hpp"

#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

using gyre::no_deadline;
using gyre::time_ns;
using gyre::detail::op_ring;
using gyre::detail::timer_op;
using result = gyre::detail::op_ring::push_result;

namespace {

timer_op numbered(std::uint32_t n) { return {nullptr, 0, n, static_cast<time_ns>(n)}; }

}  // namespace

TEST_CASE("op_ring: an operation comes out as it went in") {
    op_ring ring(4);
    int slot = 0;
    CHECK(ring.push({&slot, 7, 0xffff'ffffU, no_deadline}) == result::pushed);
    CHECK(ring.push({nullptr, 0, 1, -1}) != result::full);
    timer_op op{};
    REQUIRE(ring.pop(op));
    CHECK(op.slot == &slot);
    CHECK(op.generation == 7);
    CHECK(op.arm == 0xffff'ffffU);
    CHECK(op.deadline == no_deadline);
    REQUIRE(ring.pop(op));
    CHECK(op.slot == nullptr);
    CHECK(op.deadline == -1);
    CHECK_FALSE(ring.pop(op));
}

TEST_CASE("op_ring: is first in, first out, over many laps and at every fill") {
    op_ring ring(13);
    timer_op op{};
    std::uint32_t in = 0;
    std::uint32_t out = 0;
    for (std::uint32_t round = 0; in < 300'000; ++round) {
        for (std::uint32_t const fill = 1 + round % 13; in - out < fill; ++in) {
            if (ring.push(numbered(in)) == result::full) {
                FAIL("full with " << in - out << " held");
            }
        }
        for (std::uint32_t const left = round % 5; in - out > left; ++out) {
            if (!ring.pop(op) || op.arm != out) {
                FAIL("not in order at " << out);
            }
        }
    }
}

TEST_CASE("op_ring: holds its capacity exactly, refuses one more, and recovers") {
    auto const capacity = GENERATE(std::size_t{1}, 2, 3, 1000, 65534);
    op_ring ring(capacity);
    REQUIRE(ring.capacity() == capacity);
    timer_op op{};
    for (int lap = 0; lap != 3; ++lap) {
        std::uint32_t held = 0;
        while (ring.push(numbered(held)) != result::full) {
            ++held;
            REQUIRE(held <= capacity);
        }
        CHECK(held == capacity);
        CHECK(ring.push(numbered(held)) == result::full);

        REQUIRE(ring.pop(op));
        CHECK(op.arm == 0);
        CHECK(ring.push(numbered(held)) == result::pushed_half_full);
        CHECK(ring.push(numbered(held)) == result::full);
        for (std::uint32_t n = 1; n <= held; ++n) {
            if (!ring.pop(op) || op.arm != n) {
                FAIL("lost " << n);
            }
        }
        CHECK_FALSE(ring.pop(op));
    }
}

TEST_CASE("op_ring: every push that leaves it half full or fuller says so") {
    auto const capacity = GENERATE(std::size_t{1}, 2, 5, 1000);
    std::size_t const half = (capacity + 1) / 2;
    op_ring ring(capacity);
    timer_op op{};
    for (int lap = 0; lap != 3; ++lap) {
        for (std::size_t held = 1; held <= capacity; ++held) {
            auto const expected = held >= half ? result::pushed_half_full : result::pushed;
            if (ring.push(numbered(0)) != expected) {
                FAIL("wrong report with " << held << " of " << capacity);
            }
        }
        REQUIRE(ring.push(numbered(0)) == result::full);
        // Down to just below half: the next push is the one that crosses it.
        for (std::size_t held = capacity; held >= half; --held) {
            REQUIRE(ring.pop(op));
        }
        CHECK(ring.push(numbered(0)) == result::pushed_half_full);
        while (ring.pop(op)) {}
    }
}

TEST_CASE("op_ring: several come out at once, in order, as many as there are or as are wanted") {
    op_ring ring(8);
    std::array<timer_op, 8> ops{};
    CHECK(ring.pop(ops.data(), ops.size()) == 0);
    for (std::uint32_t n = 0; n != 7; ++n) {
        ring.push(numbered(n));
    }
    REQUIRE(ring.pop(ops.data(), 3) == 3);
    CHECK((ops[0].arm == 0 && ops[1].arm == 1 && ops[2].arm == 2));
    CHECK(ring.pop(ops.data(), 0) == 0);
    REQUIRE(ring.pop(ops.data(), ops.size()) == 4);
    CHECK((ops[0].arm == 3 && ops[3].arm == 6));
    CHECK(ring.empty());
    // Each of them was counted off.
    for (std::size_t held = 1; held <= 8; ++held) {
        CHECK((ring.push({}) == result::pushed_half_full) == (held * 2 >= 8));
    }
}

TEST_CASE("op_ring: is empty exactly while it holds nothing") {
    op_ring ring(3);
    timer_op op{};
    CHECK(ring.empty());
    for (int lap = 0; lap != 100; ++lap) {
        CHECK_FALSE(ring.pop(op));
        CHECK(ring.empty());
        for (int i = 0; i != 4; ++i) {  // the last is refused
            ring.push(numbered(0));
            CHECK_FALSE(ring.empty());
        }
        for (int left = 2; left >= 0; --left) {
            REQUIRE(ring.pop(op));
            CHECK(ring.empty() == (left == 0));
        }
    }
}

TEST_CASE("op_ring: may die with operations in it") {
    op_ring ring(10);
    for (std::uint32_t n = 0; n != 7; ++n) {
        ring.push(numbered(n));
    }
    CHECK_FALSE(ring.empty());
}
