// SPDX-License-Identifier: BSL-1.0
// What an io_context promises to the one thread that runs it: counts, ends, stops, its time and its
// errors. Nesting, options, starvation, threads, destruction and timers have files of their own.

#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/counting_poller.hpp"
#include "support/hang_guard.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <system_error>
#include <type_traits>
#include <vector>

using namespace std::chrono_literals;
using gyre::io_context;
using gyre::testing::hang_guard;
using gyre::testing::poller_watch;
using gyre::testing::spin_until;
using steady = std::chrono::steady_clock;

namespace {

static_assert(!std::is_copy_constructible_v<io_context>);

}  // namespace

TEST_CASE("io_context: run() without work returns at once and leaves the context stopped") {
    io_context ctx;
    CHECK_FALSE(ctx.stopped());
    CHECK(ctx.run() == 0);
    CHECK(ctx.stopped());
}

TEST_CASE("io_context: run_one(), poll() and poll_one() without work return at once and stop it") {
    const hang_guard guard;
    io_context ctx;
    CHECK(ctx.run_one() == 0);
    CHECK(ctx.stopped());
    ctx.restart();
    CHECK_FALSE(ctx.stopped());
    CHECK(ctx.poll() == 0);
    CHECK(ctx.stopped());
    ctx.restart();
    CHECK(ctx.poll_one() == 0);
    CHECK(ctx.stopped());
}

TEST_CASE("io_context: run() returns how many handlers it called, and needs restart() after") {
    io_context ctx;
    int ran = 0;
    for (int i = 0; i < 5; ++i) {
        gyre::post(ctx, [&] { ++ran; });
    }
    CHECK(ctx.run() == 5);
    CHECK(ran == 5);
    CHECK(ctx.stopped());
    gyre::post(ctx, [&] { ++ran; });
    CHECK(ctx.run() == 0);
    CHECK(ctx.poll() == 0);
    CHECK(ctx.run_one() == 0);
    CHECK(ctx.poll_one() == 0);
    CHECK(ctx.run_for(1h) == 0);
    CHECK(ctx.run_one_for(1h) == 0);
    CHECK(ran == 5);
    ctx.restart();
    CHECK(ctx.run() == 1);
    CHECK(ran == 6);
}

TEST_CASE("io_context: run_one, poll_one, poll and run call exactly as many handlers as they say") {
    io_context ctx;
    int ran = 0;
    for (int i = 0; i < 200; ++i) {
        gyre::post(ctx, [&] { ++ran; });
    }
    CHECK(ctx.run_one() == 1);
    CHECK(ran == 1);
    CHECK(ctx.poll_one() == 1);
    CHECK(ran == 2);
    CHECK(ctx.run_one_for(10s) == 1);
    CHECK(ran == 3);
    CHECK(ctx.run_one_until(steady::now() + 10s) == 1);
    CHECK(ran == 4);
    CHECK_FALSE(ctx.stopped());
    CHECK(ctx.poll() == 196);
    CHECK(ran == 200);
    CHECK(ctx.stopped());
}

TEST_CASE("io_context: poll() takes what handlers post, and does not wait for timers") {
    io_context ctx;
    gyre::steady_timer timer(ctx, 1h);
    timer.async_wait([](gyre::error_code) {});
    int ran = 0;
    gyre::post(ctx, [&] {
        ++ran;
        gyre::post(ctx, [&] { ++ran; });
    });
    CHECK(ctx.poll() == 2);
    CHECK(ran == 2);
    CHECK(ctx.poll() == 0);
    CHECK(ctx.poll_one() == 0);
    CHECK_FALSE(ctx.stopped());
}

TEST_CASE("io_context: run_for() and run_one_for() wait for the whole time when nothing comes") {
    const hang_guard guard;
    io_context ctx;
    const auto work = gyre::make_work_guard(ctx);
    auto begin = steady::now();
    CHECK(ctx.run_for(5ms) == 0);
    CHECK(steady::now() - begin >= 5ms);
    begin = steady::now();
    CHECK(ctx.run_one_for(5ms) == 0);
    CHECK(steady::now() - begin >= 5ms);
    begin = steady::now();
    CHECK(ctx.run_until(begin + 5ms) == 0);
    CHECK(steady::now() - begin >= 5ms);
    begin = steady::now();
    CHECK(ctx.run_one_until(begin + 5ms) == 0);
    CHECK(steady::now() - begin >= 5ms);
    CHECK_FALSE(ctx.stopped());
}

TEST_CASE("io_context: run_until() and run_one_until() take times of other clocks") {
    const hang_guard guard;
    io_context ctx;
    const auto work = gyre::make_work_guard(ctx);
    auto begin = steady::now();
    CHECK(ctx.run_until(std::chrono::system_clock::now() + 20ms) == 0);
    CHECK(steady::now() - begin >= 10ms);
    begin = steady::now();
    CHECK(ctx.run_one_until(std::chrono::system_clock::now() + 20ms) == 0);
    CHECK(steady::now() - begin >= 10ms);
}

TEST_CASE("io_context: run_for() ends when the work has run out, before its time") {
    const hang_guard guard;
    io_context ctx;
    gyre::post(ctx, [] {});
    CHECK(ctx.run_for(1h) == 1);
    CHECK(ctx.stopped());
    ctx.restart();
    gyre::post(ctx, [] {});
    CHECK(ctx.run_for(std::chrono::hours::max()) == 1);
    ctx.restart();
    gyre::post(ctx, [] {});
    CHECK(ctx.run_until(steady::time_point::max()) == 1);
}

TEST_CASE("io_context: run_until() a time that has passed calls nothing and does not wait") {
    const hang_guard guard;
    io_context ctx;
    int ran = 0;
    gyre::post(ctx, [&] { ++ran; });
    CHECK(ctx.run_until(steady::now() - 1s) == 0);
    CHECK(ctx.run_one_until(steady::time_point::min()) == 0);
    CHECK(ctx.run_for(-1h) == 0);
    CHECK(ctx.run_one_for(std::chrono::nanoseconds::min()) == 0);
    CHECK(ran == 0);
    CHECK_FALSE(ctx.stopped());
    CHECK(ctx.run() == 1);
}

TEST_CASE("io_context: run_until() starts no handler after its time") {
    io_context ctx;
    const auto end = steady::now() + 5ms;
    int ran = 0;
    gyre::post(ctx, [&] { spin_until(end + 1us); });
    gyre::post(ctx, [&] { ++ran; });
    CHECK(ctx.run_until(end) == 1);
    CHECK(ran == 0);
    CHECK_FALSE(ctx.stopped());
    CHECK(ctx.run() == 1);
    CHECK(ran == 1);
}

TEST_CASE("io_context: run_for() ends in time although a handler posts itself for ever") {
    const hang_guard guard;
    io_context ctx;
    std::size_t calls = 0;
    std::function<void()> again = [&] {
        ++calls;
        gyre::post(ctx, std::ref(again));
    };
    gyre::post(ctx, std::ref(again));
    const auto begin = steady::now();
    const std::size_t counted = ctx.run_for(20ms);
    CHECK(steady::now() - begin >= 20ms);
    CHECK(counted == calls);
    CHECK(counted > 1);
    CHECK(ctx.run_one_for(1h) == 1);
}

TEST_CASE("io_context: a work guard keeps run() until a handler resets it") {
    const hang_guard guard;
    io_context ctx;
    auto work = gyre::make_work_guard(ctx);
    CHECK(ctx.poll() == 0);
    CHECK_FALSE(ctx.stopped());
    gyre::steady_timer timer(ctx, 5ms);
    bool over = false;
    timer.async_wait([&](gyre::error_code) {
        over = true;
        work.reset();
    });
    CHECK(ctx.run() == 1);
    CHECK(over);
    CHECK(ctx.stopped());
}

TEST_CASE("io_context: stop() before run() loses nothing and restart() brings it back") {
    io_context ctx;
    int ran = 0;
    gyre::post(ctx, [&] { ++ran; });
    ctx.stop();
    CHECK(ctx.stopped());
    CHECK(ctx.run() == 0);
    CHECK(ctx.poll() == 0);
    CHECK(ran == 0);
    ctx.restart();
    CHECK_FALSE(ctx.stopped());
    CHECK(ctx.run() == 1);
    CHECK(ran == 1);
}

TEST_CASE("io_context: stop() in a handler ends run() after it, and keeps the rest in order") {
    io_context ctx;
    std::vector<int> order;
    gyre::steady_timer timer(ctx, gyre::steady_timer::time_point::min());
    gyre::post(ctx, [&] {
        order.push_back(1);
        ctx.stop();
        CHECK(ctx.stopped());
    });
    gyre::post(ctx, [&] { order.push_back(2); });
    gyre::post(ctx, [&] { order.push_back(3); });
    CHECK(ctx.run() == 1);
    CHECK(order == std::vector{1});
    timer.async_wait([&](gyre::error_code) { order.push_back(4); });
    CHECK(ctx.run() == 0);
    ctx.restart();
    CHECK(ctx.run() == 3);
    REQUIRE(order.size() == 4);
    CHECK(order[1] < order[2]);
}

TEST_CASE("io_context: stop() in the last handler still needs restart() and runs later work") {
    io_context ctx;
    gyre::post(ctx, [&] { ctx.stop(); });
    CHECK(ctx.run() == 1);
    int ran = 0;
    gyre::post(ctx, [&] { ++ran; });
    CHECK(ctx.run() == 0);
    ctx.restart();
    CHECK(ctx.run() == 1);
    CHECK(ran == 1);
}

TEST_CASE("io_context: now() is taken afresh by each call that runs handlers") {
    io_context ctx;
    steady::time_point before;
    for (int i = 0; i < 4; ++i) {
        gyre::post(ctx, [&] { CHECK(ctx.now() >= before); });
    }
    before = steady::now();
    CHECK(ctx.run_one() == 1);
    before = steady::now();
    CHECK(ctx.poll_one() == 1);
    before = steady::now();
    CHECK(ctx.run_one_for(1h) == 1);
    before = steady::now();
    CHECK(ctx.run() == 1);
}

TEST_CASE("io_context: now() is taken afresh after the loop slept") {
    const hang_guard guard;
    io_context ctx;
    gyre::steady_timer timer(ctx, 3ms);
    timer.async_wait([&](gyre::error_code) { CHECK(ctx.now() >= timer.expiry()); });
    CHECK(ctx.run() == 1);
}

TEST_CASE("io_context: a failing wait leaves run() as system_error and loses nothing") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    gyre::steady_timer timer(ctx, 5ms);
    int fired = 0;
    timer.async_wait([&](gyre::error_code error) { fired += error ? 100 : 1; });
    watch.failures = 1;
    try {
        ctx.run();
        FAIL("no exception");
    } catch (const std::system_error& e) {
        CHECK(e.code() == std::errc::not_enough_memory);
    }
    CHECK_FALSE(ctx.stopped());
    int posted = 0;
    gyre::post(ctx, [&] { ++posted; });
    watch.failures = 1;
    CHECK_THROWS_AS(ctx.run(), std::system_error);
    ctx.run();
    CHECK(posted == 1);
    CHECK(fired == 1);
}

TEST_CASE("io_context: contexts do not disturb each other when run by one thread") {
    io_context a;
    io_context b(1);
    int ran = 0;
    gyre::post(a, [&] {
        gyre::post(b, [&] {
            CHECK(b.get_executor().running_in_this_thread());
            CHECK(a.get_executor().running_in_this_thread());
            gyre::post(a, [&] { ++ran; });
        });
        CHECK(b.run() == 1);
        CHECK_FALSE(b.get_executor().running_in_this_thread());
    });
    CHECK(a.run() == 2);
    CHECK(ran == 1);
    CHECK_FALSE(a.get_executor().running_in_this_thread());
}
