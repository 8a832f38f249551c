// SPDX-License-Identifier: BSL-1.0
// steady_timer with one thread: when a wait ends, and with which result. Order, cancellation,
// lifetime and threads have files of their own.

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
#include <new>
#include <random>

using namespace std::chrono_literals;
using namespace gyre::testing;
using gyre::error_code;
using gyre::io_context;
using gyre::steady_timer;
using steady = std::chrono::steady_clock;

namespace {

constexpr auto past = steady_timer::time_point(std::chrono::nanoseconds(1));

}  // namespace

TEST_CASE("steady_timer: a wait ends at its time, outside the call that started it") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx, 3ms);
    result r;
    timer.async_wait(r.keep());
    CHECK(r.calls == 0);
    CHECK(ctx.run() == 1);
    CHECK(r == once());
    CHECK(steady::now() >= timer.expiry());
}

TEST_CASE("steady_timer: constructors set the expiry time") {
    io_context ctx;
    const auto at = steady::now() + 1h;
    CHECK(steady_timer(ctx, at).expiry() == at);
    CHECK(steady_timer(ctx.get_executor(), at).expiry() == at);
    const auto before = steady::now();
    const steady_timer relative(ctx, 1h);
    const steady_timer relative_too(ctx.get_executor(), 1h);
    const auto after = steady::now();
    CHECK(relative.expiry() >= before + 1h);
    CHECK(relative.expiry() <= after + 1h);
    CHECK(relative_too.expiry() >= relative.expiry());
    CHECK(relative.get_executor() == ctx.get_executor());
    const steady_timer unset(ctx.get_executor());
    CHECK(unset.expiry() <= before);
}

TEST_CASE("steady_timer: a wait whose time has passed succeeds, and still not inside the call") {
    io_context ctx;
    steady_timer unset(ctx);
    steady_timer early(ctx, steady_timer::time_point::min());
    steady_timer negative(ctx, -1h);
    steady_timer lowest(ctx, steady_timer::duration::min());
    result a;
    result b;
    result c;
    result d;
    bool inside = true;
    gyre::post(ctx, [&] {
        unset.async_wait(a.keep());
        early.async_wait(b.keep());
        negative.async_wait(c.keep());
        lowest.async_wait(d.keep());
        inside = a.calls + b.calls + c.calls + d.calls != 0;
    });
    CHECK(ctx.run() == 5);
    CHECK_FALSE(inside);
    CHECK(a == once());
    CHECK(b == once());
    CHECK(c == once());
    CHECK(d == once());
}

TEST_CASE("steady_timer: the greatest times and durations saturate and never come", "[L22]") {
    io_context ctx;
    steady_timer at(ctx, steady_timer::time_point::max());
    steady_timer after(ctx, steady_timer::duration::max());
    steady_timer hours(ctx);
    hours.expires_after(std::chrono::duration_cast<steady_timer::duration>(24h * 365 * 290));
    CHECK(after.expiry() == steady_timer::time_point::max());
    result a;
    result b;
    result c;
    at.async_wait(a.keep());
    after.async_wait(b.keep());
    hours.async_wait(c.keep());
    CHECK(ctx.poll() == 0);
    CHECK(ctx.run_for(2ms) == 0);
    CHECK(at.cancel() == 1);
    CHECK(after.cancel() == 1);
    CHECK(hours.cancel() == 1);
    CHECK(ctx.run() == 3);
    CHECK(a == once(aborted));
    CHECK(b == once(aborted));
    CHECK(c == once(aborted));
}

TEST_CASE("steady_timer: expires_after saturates at both ends of the clock", "[L22]") {
    io_context ctx;
    steady_timer timer(ctx);
    timer.expires_after(steady_timer::duration::max());
    CHECK(timer.expiry() == steady_timer::time_point::max());
    timer.expires_after(steady_timer::duration::min());
    CHECK(timer.expiry() <= steady::now() - 24h * 365 * 200);
}

TEST_CASE("steady_timer: a thousand short waits with random phase never end early", "[L12]") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx);
    std::mt19937 random(11);  // NOLINT: the same numbers each time
    int left = 1000;
    int early = 0;
    std::function<void()> arm = [&] {
        spin_for(std::chrono::nanoseconds(random() % 20'000));
        timer.expires_after(std::chrono::nanoseconds(random() % 400'000));
        timer.async_wait([&](error_code e) {
            early += e || steady::now() < timer.expiry() ? 1 : 0;
            if (--left > 0) {
                arm();
            }
        });
    };
    arm();
    // Asleep until the time, and awake all the time.
    std::function<void()> keep_awake = [&] {
        if (left > 0) {
            gyre::post(ctx, std::ref(keep_awake));
        }
    };
    if (GENERATE(false, true)) {
        gyre::post(ctx, std::ref(keep_awake));
    }
    ctx.run();
    CHECK(left == 0);
    CHECK(early == 0);
}

TEST_CASE("steady_timer: setting the time again aborts the old wait exactly once", "[D7]") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx, 1h);
    result old;
    result fresh;
    timer.async_wait(old.keep());
    CHECK(timer.expires_after(2ms) == 1);
    CHECK(old.calls == 0);
    timer.async_wait(fresh.keep());
    const auto at = timer.expiry();
    CHECK(ctx.run() == 2);
    CHECK(old == once(aborted));
    CHECK(fresh == once());
    CHECK(steady::now() >= at);
    CHECK(timer.expires_at(past) == 0);
}

TEST_CASE("steady_timer: a delay counts from now also after a long handler, not from the turn") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx);
    steady::time_point armed;
    result r;
    gyre::post(ctx, [&] {
        spin_for(5ms);
        armed = steady::now();
        timer.expires_after(2ms);
        timer.async_wait(r.keep());
    });
    CHECK(ctx.run() == 2);
    CHECK(timer.expiry() >= armed + 2ms);
    CHECK(steady::now() >= armed + 2ms);
}

TEST_CASE("steady_timer: a wait that is due can be followed by more waits, which end at once") {
    io_context ctx;
    steady_timer timer(ctx, past);
    int ended = 0;
    timer.async_wait([&](error_code) {
        ++ended;
        timer.async_wait([&](error_code e) { ended += e ? 100 : 1; });
    });
    CHECK(ctx.run() == 2);
    CHECK(ended == 2);
}

TEST_CASE("steady_timer: cancelled waits can be followed by new ones of the same time") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx, 2ms);
    result a;
    result b;
    timer.async_wait(a.keep());
    CHECK(timer.cancel() == 1);
    timer.async_wait(b.keep());
    CHECK(ctx.run() == 2);
    CHECK(a == once(aborted));
    CHECK(b == once());
    CHECK(steady::now() >= timer.expiry());
}

TEST_CASE("steady_timer: a handler of its own may take any size") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx, 1ms);
    struct big {
        alignas(64) char bytes[4096] = {};
        int* calls;
        std::unique_ptr<int> owned = std::make_unique<int>(1);
        void operator()(error_code) && { *calls += *owned; }
    };
    int calls = 0;
    timer.async_wait(big{{}, &calls});
    steady_timer due(ctx);
    due.async_wait(big{{}, &calls});
    CHECK(ctx.run() == 2);
    CHECK(calls == 2);
}

TEST_CASE("steady_timer: at the bound of the slab a wait throws bad_alloc and is not started") {
    gyre::io_context_options options;
    options.slab_bytes_max = 1 << 18;
    io_context ctx(options);
    steady_timer timer(ctx, 1h);
    std::size_t started = 0;
    std::size_t ended = 0;
    const auto count = [&](error_code) { ++ended; };
    const auto fill = [&] {
        for (;;) {
            timer.async_wait(count);
            ++started;
        }
    };
    CHECK_THROWS_AS(fill(), std::bad_alloc);
    CHECK(started > 100);
    CHECK(timer.cancel() == started);
    CHECK(ctx.run() == started);
    CHECK(ended == started);
    timer.async_wait(count);
    CHECK(timer.cancel() == 1);
}

TEST_CASE("steady_timer: wait() blocks until the time has come and not before") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx, 2ms);
    result r;
    timer.async_wait(r.keep());
    timer.wait();
    CHECK(steady::now() >= timer.expiry());
    CHECK(r.calls == 0);
    timer.wait();
    error_code error = aborted;
    timer.wait(error);
    CHECK_FALSE(error);
    CHECK(ctx.run() == 1);
    CHECK(r == once());
    timer.expires_at(steady_timer::time_point::min());
    timer.wait();
}
