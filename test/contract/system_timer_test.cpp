// SPDX-License-Identifier: BSL-1.0
// Timers over clocks other than the loop's own: the wall clock, and clocks that stand still, run
// slowly, count coarsely.

#include <gyre/bind_executor.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/system_timer.hpp>

#include "support/catch.hpp"
#include "support/counting_poller.hpp"
#include "support/hang_guard.hpp"
#include "support/manual_world.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

using namespace std::chrono_literals;
using gyre::basic_waitable_timer;
using gyre::error_code;
using gyre::io_context;
using gyre::system_timer;
using gyre::testing::hang_guard;
using gyre::testing::manual_world;
using gyre::testing::poller_watch;
using steady = std::chrono::steady_clock;
using wall = std::chrono::system_clock;

namespace {

const error_code aborted = gyre::error::operation_aborted;

// Stands still until the test moves it.
struct frozen_clock {
    using duration = std::chrono::microseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<frozen_clock>;
    [[maybe_unused]] static constexpr bool is_steady = false;
    static inline std::atomic<rep> ticks{1'000'000};
    static time_point now() noexcept { return time_point(duration(ticks)); }
};

// Half as fast as the loop's clock.
struct slow_clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<slow_clock>;
    [[maybe_unused]] static constexpr bool is_steady = true;
    static time_point now() noexcept { return time_point(steady::now().time_since_epoch() / 2); }
};

// Whole seconds of a world whose clock moves as far as anybody waits.
struct coarse_clock {
    using duration = std::chrono::duration<std::int64_t>;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<coarse_clock>;
    [[maybe_unused]] static constexpr bool is_steady = true;
    static inline manual_world* world = nullptr;
    static time_point now() noexcept {
        return time_point(std::chrono::floor<duration>(std::chrono::nanoseconds(world->now())));
    }
};

// Stands still. Once it is gated, whoever reads it stays for a millisecond or until it is opened.
struct gated_clock {
    using duration = std::chrono::microseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<gated_clock>;
    [[maybe_unused]] static constexpr bool is_steady = true;
    static inline std::atomic<bool> gated{false};
    static inline std::atomic<bool> reading{false};
    static time_point now() noexcept {
        const auto end = steady::now() + 1ms;
        reading = gated.load();
        while (gated && steady::now() < end) {
            std::this_thread::yield();
        }
        reading = false;
        return time_point(1s);
    }
};

}  // namespace

TEST_CASE("system_timer: a wait ends when the wall clock has come to its time, not before") {
    const hang_guard guard;
    io_context ctx;
    system_timer after(ctx, 3ms);
    system_timer at(ctx, wall::now() + 2ms);
    int calls = 0;
    after.async_wait([&](error_code e) {
        CHECK_FALSE(e);
        CHECK(wall::now() >= after.expiry());
        ++calls;
    });
    at.async_wait([&](error_code e) {
        CHECK_FALSE(e);
        CHECK(wall::now() >= at.expiry());
        ++calls;
    });
    CHECK(calls == 0);
    ctx.run();
    CHECK(calls == 2);
}

TEST_CASE("system_timer: times that have passed end at once, outside the call") {
    const hang_guard guard;
    io_context ctx;
    system_timer unset(ctx);
    system_timer lowest(ctx, system_timer::time_point::min());
    system_timer negative(ctx, -24h);
    system_timer least(ctx, system_timer::duration::min());
    int calls = 0;
    const auto count = [&](error_code e) { calls += e ? 100 : 1; };
    unset.async_wait(count);
    lowest.async_wait(count);
    negative.async_wait(count);
    least.async_wait(count);
    CHECK(calls == 0);
    ctx.run();
    CHECK(calls == 4);
}

TEST_CASE("system_timer: the greatest times saturate, and are cancelled like others") {
    const hang_guard guard;
    io_context ctx;
    system_timer at(ctx, system_timer::time_point::max());
    system_timer after(ctx, system_timer::duration::max());
    CHECK(after.expiry() == system_timer::time_point::max());
    int calls = 0;
    const auto count = [&](error_code e) { calls += e == aborted ? 1 : 100; };
    at.async_wait(count);
    after.async_wait(count);
    after.async_wait(count);
    CHECK(ctx.run_for(2ms) == 0);
    CHECK(at.cancel() == 1);
    CHECK(after.cancel_one() == 1);
    CHECK(after.expires_after(1h) == 1);
    ctx.run();
    CHECK(calls == 3);
}

TEST_CASE("system_timer: a far time sleeps a minute at most, for the clock may be set") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    system_timer timer(ctx, 24h);
    timer.async_wait([](error_code) {});
    watch.failures = 1;
    const auto latest = (steady::now() + 61s).time_since_epoch();
    CHECK_THROWS_AS(ctx.run(), std::system_error);
    CHECK(watch.asked > (steady::now() + 30s).time_since_epoch().count());
    CHECK(watch.asked <= std::chrono::nanoseconds(latest).count());
}

TEST_CASE("system_timer: wait() blocks until the wall clock has come to its time") {
    const hang_guard guard;
    io_context ctx;
    system_timer timer(ctx, 2ms);
    timer.wait();
    CHECK(wall::now() >= timer.expiry());
    timer.expires_at(system_timer::time_point::min());
    error_code error = aborted;
    timer.wait(error);
    CHECK_FALSE(error);
}

TEST_CASE("system_timer: two due waits of one handler's turn are cancelled truthfully") {
    const hang_guard guard;
    io_context ctx;
    system_timer first(ctx, -1s);
    system_timer second(ctx, -1s);
    error_code got;
    std::size_t counted = 99;
    first.async_wait([&](error_code) { counted = second.cancel(); });
    second.async_wait([&](error_code e) { got = e; });
    ctx.run();
    CHECK(counted == 1);
    CHECK(got == aborted);
}

TEST_CASE("basic_waitable_timer: while its clock stands still a wait does not end") {
    const hang_guard guard;
    io_context ctx;
    frozen_clock::ticks = 1'000'000;
    basic_waitable_timer<frozen_clock> timer(ctx, 1ms);
    int calls = 0;
    timer.async_wait([&](error_code e) { calls += e ? 100 : 1; });
    ctx.run_for(20ms);
    CHECK(calls == 0);
    CHECK_FALSE(ctx.stopped());
    frozen_clock::ticks += 1'000;
    ctx.run();
    CHECK(calls == 1);
}

TEST_CASE("basic_waitable_timer: a wait that had to look again can still be cancelled") {
    const hang_guard guard;
    io_context ctx;
    frozen_clock::ticks = 1'000'000;
    basic_waitable_timer<frozen_clock> timer(ctx, 1ms);
    error_code got;
    auto owned = std::make_unique<int>(1);
    timer.async_wait([&got, owned = std::move(owned)](error_code e) { got = e; });
    ctx.run_for(5ms);
    CHECK(timer.cancel() == 1);
    ctx.run();
    CHECK(got == aborted);
}

TEST_CASE("basic_waitable_timer: its clock is never early, however slow") {
    const hang_guard guard;
    io_context ctx;
    basic_waitable_timer<slow_clock> timer(ctx, 3ms);
    timer.async_wait([&](error_code e) {
        CHECK_FALSE(e);
        CHECK(slow_clock::now() >= timer.expiry());
    });
    ctx.run();
    CHECK(slow_clock::now() >= timer.expiry());
    timer.expires_after(2ms);
    timer.wait();
    CHECK(slow_clock::now() >= timer.expiry());
}

TEST_CASE("basic_waitable_timer: the ends of a coarse clock lie beyond nanoseconds and saturate") {
    const hang_guard guard;
    manual_world world;
    coarse_clock::world = &world;
    io_context ctx(world.options());
    using timer_type = basic_waitable_timer<coarse_clock>;
    timer_type latest(ctx, timer_type::time_point::max());
    timer_type earliest(ctx, timer_type::time_point::min());
    timer_type longest(ctx, timer_type::duration::max());
    timer_type soon(ctx, timer_type::duration(1));
    int calls = 0;
    latest.async_wait([](error_code) {});
    longest.async_wait([](error_code) {});
    earliest.async_wait([&](error_code e) { calls += e ? 100 : 1; });
    ctx.poll();
    CHECK(calls == 1);
    soon.async_wait([&](error_code e) {
        CHECK_FALSE(e);
        CHECK(coarse_clock::now() >= soon.expiry());
        ctx.stop();
    });
    ctx.run();
    CHECK(latest.cancel() == 1);
    CHECK(longest.cancel() == 1);
}

TEST_CASE("basic_waitable_timer: a handler bound elsewhere runs there, after all the looks") {
    const hang_guard guard;
    io_context ctx;
    io_context other;
    basic_waitable_timer<slow_clock> timer(ctx, 2ms);
    int calls = 0;
    timer.async_wait(gyre::bind_executor(other.get_executor(), [&](error_code e) {
        CHECK_FALSE(e);
        CHECK(other.get_executor().running_in_this_thread());
        ++calls;
    }));
    ctx.run();
    CHECK(calls == 0);
    CHECK(other.run() == 1);
    CHECK(calls == 1);
}

TEST_CASE("basic_waitable_timer: destroyed or cancelled while another thread looks at its clock") {
    const hang_guard guard;
    using timer_type = basic_waitable_timer<gated_clock>;
    for (int round = 0; round < 60; ++round) {
        io_context ctx;
        gated_clock::gated = false;
        std::optional<timer_type> timer(std::in_place, ctx, 100us);
        std::atomic<int> calls = 0;
        error_code got;
        timer->async_wait([&](error_code e) {
            got = e;
            ++calls;
        });
        gated_clock::gated = true;
        // The token is given away while something else is ready, and so is this all the time.
        std::function<void()> meet = [&] {
            if (!gated_clock::reading) {
                gyre::post(ctx, std::ref(meet));
                return;
            }
            switch (round % 3) {
            case 0: timer.reset(); break;
            case 1: timer->cancel(); break;
            default: *timer = timer_type(ctx);
            }
            gated_clock::gated = false;
        };
        gyre::post(ctx, std::ref(meet));
        std::thread other([&] { ctx.run(); });
        ctx.run();
        other.join();
        REQUIRE(calls == 1);
        REQUIRE(got == aborted);
    }
}

TEST_CASE("basic_waitable_timer: without memory to go on waiting the handler is told so") {
    const hang_guard guard;
    gyre::io_context_options options;
    options.slab_bytes_max = 1 << 17;
    io_context ctx(options);
    using timer_type = basic_waitable_timer<frozen_clock>;
    timer_type timer(ctx, 1ms);
    timer_type far(ctx, 24h);
    int calls = 0;
    error_code got;
    std::size_t fillers = 0;
    gyre::post(ctx, [&] {
        // Its memory goes back to the other threads, so that the loop has none to go on.
        std::thread([&] {
            timer.async_wait([&](error_code e) {
                ++calls;
                got = e;
                far.cancel();
            });
        }).join();
        const auto fill = [&] {
            for (;;) {
                far.async_wait([&](error_code) { --fillers; });
                ++fillers;
            }
        };
        CHECK_THROWS_AS(fill(), std::bad_alloc);
    });
    ctx.run();
    CHECK(calls == 1);
    CHECK(got == gyre::error::no_memory);
    CHECK(fillers == 0);
}
