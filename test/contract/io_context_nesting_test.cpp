// SPDX-License-Identifier: BSL-1.0
// Calls of run() and its kin inside a handler, and exceptions that leave them.

#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"

#include <chrono>
#include <optional>
#include <stdexcept>
#include <vector>

using namespace std::chrono_literals;
using gyre::io_context;
using gyre::testing::hang_guard;
using gyre::testing::spin_until;
using steady = std::chrono::steady_clock;

TEST_CASE("io_context: poll() inside a handler runs what is ready, and run() goes on after it") {
    io_context ctx;
    std::vector<int> order;
    gyre::post(ctx, [&] {
        order.push_back(1);
        CHECK(ctx.poll() == 2);
        CHECK_FALSE(ctx.stopped());
        CHECK(ctx.poll() == 0);
        CHECK_FALSE(ctx.stopped());
        order.push_back(4);
        gyre::post(ctx, [&] { order.push_back(5); });
    });
    gyre::post(ctx, [&] { order.push_back(2); });
    gyre::post(ctx, [&] { order.push_back(3); });
    CHECK(ctx.run() == 2);
    CHECK(order == std::vector{1, 2, 3, 4, 5});
}

TEST_CASE("io_context: run_one() inside a handler runs one, and waits for it if it must") {
    const hang_guard guard;
    io_context ctx;
    gyre::steady_timer timer(ctx);
    std::vector<int> order;
    gyre::post(ctx, [&] {
        CHECK(ctx.run_one() == 1);
        CHECK(order == std::vector{1});
        timer.expires_after(2ms);
        timer.async_wait([&](gyre::error_code) { order.push_back(3); });
        CHECK(ctx.run_one() == 1);
        CHECK(ctx.run_one() == 1);
        CHECK(order == std::vector{1, 2, 3});
    });
    gyre::post(ctx, [&] { order.push_back(1); });
    gyre::post(ctx, [&] { order.push_back(2); });
    CHECK(ctx.run() == 1);
}

TEST_CASE("io_context: run() inside a handler returns after stop(), and the outer one with it") {
    const hang_guard guard;
    io_context ctx;
    int ran = 0;
    gyre::post(ctx, [&] {
        CHECK(ctx.run() == 2);
        ++ran;
    });
    gyre::post(ctx, [&] { ++ran; });
    gyre::post(ctx, [&] { ctx.stop(); });
    gyre::post(ctx, [&] { ++ran; });
    CHECK(ctx.run() == 1);
    CHECK(ran == 2);
    ctx.restart();
    CHECK(ctx.run() == 1);
    CHECK(ran == 3);
}

TEST_CASE("io_context: run_for() inside a handler returns in time") {
    const hang_guard guard;
    io_context ctx;
    gyre::post(ctx, [&] {
        const auto begin = steady::now();
        CHECK(ctx.run_for(5ms) == 1);
        CHECK(steady::now() - begin >= 5ms);
    });
    gyre::post(ctx, [] {});
    CHECK(ctx.run() == 1);
}

TEST_CASE("io_context: an exception leaves run(), and all the rest runs when it is entered again",
          "[D15]") {
    io_context ctx;
    std::vector<int> order;
    gyre::post(ctx, [&] { order.push_back(1); });
    gyre::post(ctx, [] { throw std::runtime_error("first"); });
    gyre::post(ctx, [&] { order.push_back(2); });
    gyre::post(ctx, [] { throw std::logic_error("second"); });
    gyre::post(ctx, [&] { order.push_back(3); });
    CHECK_THROWS_AS(ctx.run(), std::runtime_error);
    CHECK_FALSE(ctx.stopped());
    CHECK(order == std::vector{1});
    CHECK_THROWS_AS(ctx.poll(), std::logic_error);
    CHECK(order == std::vector{1, 2});
    CHECK(ctx.run() == 1);
    CHECK(order == std::vector{1, 2, 3});
    CHECK(ctx.stopped());
}

TEST_CASE("io_context: an exception of the last handler leaves no work behind") {
    const hang_guard guard;
    io_context ctx;
    gyre::post(ctx, [] { throw 1; });
    CHECK_THROWS_AS(ctx.run_one(), int);
    CHECK(ctx.run() == 0);
    CHECK(ctx.stopped());
}

TEST_CASE("io_context: an exception passes through nested poll() and keeps the others' handlers") {
    io_context ctx;
    int ran = 0;
    bool caught = false;
    gyre::post(ctx, [&] {
        try {
            ctx.poll();
        } catch (const std::runtime_error&) {
            caught = true;
        }
    });
    gyre::post(ctx, [] { throw std::runtime_error("inner"); });
    gyre::post(ctx, [&] { ++ran; });
    CHECK(ctx.run() == 2);
    CHECK(caught);
    CHECK(ran == 1);
}

TEST_CASE("io_context: an exception of a timer's handler keeps the timers due in the same turn",
          "[D15]") {
    const hang_guard guard;
    io_context ctx;
    gyre::steady_timer a(ctx, gyre::steady_timer::time_point::min());
    gyre::steady_timer b(ctx, gyre::steady_timer::time_point::min());
    int ran = 0;
    a.async_wait([](gyre::error_code) { throw std::runtime_error("timer"); });
    b.async_wait([&](gyre::error_code) { ++ran; });
    CHECK_THROWS_AS(ctx.run(), std::runtime_error);
    CHECK(ctx.run() == 1);
    CHECK(ran == 1);
}

TEST_CASE("io_context: now() stands still inside a handler and is fresh outside") {
    io_context ctx;
    const auto before = steady::now();
    const auto outside = ctx.now();
    CHECK(outside >= before);
    CHECK(outside <= steady::now());
    std::optional<steady::time_point> first;
    gyre::post(ctx, [&] {
        first = ctx.now();
        spin_until(steady::now() + 2ms);
        CHECK(ctx.now() == *first);
    });
    CHECK(ctx.run() == 1);
    const auto end = steady::now();
    CHECK(first >= before);
    CHECK(first <= end - 2ms);
    CHECK(ctx.now() >= end);
    ctx.restart();
    gyre::post(ctx, [&] { CHECK(ctx.now() >= end); });
    CHECK(ctx.run() == 1);
}
