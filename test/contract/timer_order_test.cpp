// SPDX-License-Identifier: BSL-1.0
// In which order timers fire, and when, if they are armed anew before their time: from public calls
// alone. The queue itself has suites of its own.

#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/result.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <random>
#include <vector>

using namespace std::chrono_literals;
using namespace gyre::testing;
using gyre::error_code;
using gyre::io_context;
using gyre::steady_timer;
using steady = std::chrono::steady_clock;

namespace {

constexpr auto past = steady_timer::time_point(std::chrono::nanoseconds(1));

}  // namespace

TEST_CASE("steady_timer: equal deadlines fire in the order in which they were armed") {
    io_context ctx;
    const auto at = steady::now() + 2ms;
    std::vector<steady_timer> timers;
    std::vector<int> order;
    const auto arm = [&](int i) {
        timers[static_cast<std::size_t>(i)].async_wait([&order, i](error_code e) {
            if (!e) {
                order.push_back(i);
            }
        });
    };
    for (int i = 0; i < 10; ++i) {
        timers.emplace_back(ctx, at);
        arm(i);
    }
    CHECK(timers[3].cancel() == 1);
    arm(3);
    CHECK(timers[0].expires_at(at) == 1);
    arm(0);
    CHECK(ctx.run() == 12);
    CHECK(order == std::vector{1, 2, 4, 5, 6, 7, 8, 9, 3, 0});
}

TEST_CASE("steady_timer: equal deadlines that are due already keep that order too") {
    io_context ctx;
    std::vector<steady_timer> timers;
    std::vector<int> order;
    for (int i = 0; i < 1000; ++i) {
        timers.emplace_back(ctx, past);
        timers.back().async_wait([&order, i](error_code) { order.push_back(i); });
    }
    CHECK(ctx.run() == 1000);
    for (int i = 0; i < 1000; ++i) {
        REQUIRE(order[static_cast<std::size_t>(i)] == i);
    }
}

TEST_CASE("steady_timer: ten thousand timers fire in the order of their times, none early") {
    const hang_guard guard;
    io_context ctx;
    std::mt19937 random(7);  // NOLINT: the same numbers each time
    const auto begin = steady::now();
    std::vector<std::unique_ptr<steady_timer>> timers;
    std::vector<steady_timer::time_point> fired;
    bool early = false;
    for (int i = 0; i < 10'000; ++i) {
        timers.push_back(std::make_unique<steady_timer>(
            ctx, begin + std::chrono::microseconds(random() % 200'000)));
        timers.back()->async_wait([&, timer = timers.back().get()](error_code e) {
            early = early || e || steady::now() < timer->expiry();
            fired.push_back(timer->expiry());
        });
    }
    // Those that were due when they were armed may have been taken at different times.
    const auto armed = steady::now();
    CHECK(ctx.run() == 10'000);
    CHECK_FALSE(early);
    REQUIRE(fired.size() == 10'000);
    bool ordered = true;
    for (std::size_t i = 1; i < fired.size(); ++i) {
        ordered = ordered && (fired[i - 1] <= fired[i] || fired[i] <= armed);
    }
    CHECK(ordered);
}

TEST_CASE("steady_timer: after a stall a periodic timer fires once a period, not in a burst",
          "[L38]") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx, 2ms);
    std::vector<steady::time_point> fired;
    std::function<void(error_code)> tick = [&](error_code) {
        fired.push_back(steady::now());
        if (fired.size() == 2) {
            spin_for(20ms);
        }
        if (fired.size() < 6) {
            timer.expires_after(2ms);
            timer.async_wait(std::ref(tick));
        }
    };
    timer.async_wait(std::ref(tick));
    CHECK(ctx.run() == 6);
    CHECK(fired[2] - fired[1] >= 22ms);
    for (std::size_t i = 1; i < fired.size(); ++i) {
        CHECK(fired[i] - fired[i - 1] >= 2ms);
    }
}

TEST_CASE("steady_timer: put off ten thousand times it fires once, after the last time") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx);
    const auto base = steady::now();
    int aborts = 0;
    int fires = 0;
    int left = 10'000;
    // Later and later, except that each thousandth time is earlier than the one before.
    std::function<void()> touch = [&] {
        const int n = 10'000 - left;
        const auto back = n % 1000 == 999 ? std::chrono::microseconds(900) : 0us;
        timer.expires_at(base + 10s + std::chrono::microseconds(n) - back);
        if (left == 1) {
            timer.expires_after(3ms);
        }
        timer.async_wait([&](error_code e) { ++(e == aborted ? aborts : fires); });
        if (--left > 0) {
            gyre::post(ctx, std::ref(touch));
        }
    };
    gyre::post(ctx, std::ref(touch));
    ctx.run();
    CHECK(aborts == 9'999);
    CHECK(fires == 1);
    CHECK(steady::now() >= timer.expiry());
    CHECK(steady::now() < base + 10s);
}

TEST_CASE("steady_timer: put off while it is the nearest one it fires at the later time") {
    const hang_guard guard;
    io_context ctx;
    steady_timer moving(ctx, 1ms);
    steady_timer fixed(ctx, 4ms);
    std::vector<int> order;
    moving.async_wait([&](error_code e) { CHECK(e == aborted); });
    fixed.async_wait([&](error_code) { order.push_back(1); });
    moving.expires_at(fixed.expiry() + 3ms);
    moving.async_wait([&](error_code e) {
        CHECK_FALSE(e);
        CHECK(steady::now() >= moving.expiry());
        order.push_back(2);
    });
    CHECK(ctx.run() == 3);
    CHECK(order == std::vector{1, 2});
}

TEST_CASE("steady_timer: put off and brought forward again it fires at the earlier time") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx, 1h);
    result r;
    timer.expires_after(2h);
    timer.async_wait([](error_code) {});
    timer.expires_after(1ms);
    timer.async_wait(r.keep());
    CHECK(ctx.run() == 2);
    CHECK(r == once());
}

TEST_CASE("steady_timer: waits of one timer end in the order in which they were started") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx, 1ms);
    std::vector<int> order;
    for (int i = 0; i < 5; ++i) {
        timer.async_wait([&order, i](error_code e) { order.push_back(e ? -1 : i); });
    }
    CHECK(ctx.run() == 5);
    CHECK(order == std::vector{0, 1, 2, 3, 4});
}

TEST_CASE("steady_timer: one armed when its time has come is behind those armed before for it") {
    io_context ctx;
    steady_timer first(ctx);
    steady_timer second(ctx);
    steady_timer third(ctx);
    std::vector<int> order;
    gyre::post(ctx, [&] {
        const auto at = steady::now() + 1ms;
        const auto arm = [&](steady_timer& timer, int number) {
            timer.async_wait([&order, number](error_code) { order.push_back(number); });
        };
        second.expires_at(at);
        arm(second, 2);
        first.expires_at(at - 500us);
        arm(first, 1);
        spin_until(at);
        third.expires_after(0ns);  // the loop knows by this that the time of all has come
        third.expires_at(at);
        arm(third, 3);
    });
    CHECK(ctx.run() == 4);
    CHECK(order == std::vector{1, 2, 3});
}
