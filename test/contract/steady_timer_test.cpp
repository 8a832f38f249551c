// SPDX-License-Identifier: BSL-1.0
// steady_timer with one thread: when a wait ends, in which order, with which result, and what
// cancel() counts.

#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/counting_poller.hpp"
#include "support/hang_guard.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using gyre::error_code;
using gyre::io_context;
using gyre::steady_timer;
using gyre::testing::hang_guard;
using gyre::testing::poller_watch;
using gyre::testing::spin_for;
using gyre::testing::spin_until;
using steady = std::chrono::steady_clock;

namespace {

const error_code aborted = gyre::error::operation_aborted;
const error_code success;

// The result of a wait, and how often it came.
struct result {
    int calls = 0;
    error_code error = std::make_error_code(std::errc::not_connected);

    auto handler() {
        return [this](error_code e) {
            ++calls;
            error = e;
        };
    }
    bool is(const error_code& e) const { return calls == 1 && error == e; }
};

constexpr auto past = steady_timer::time_point(std::chrono::nanoseconds(1));

}  // namespace

TEST_CASE("steady_timer: a wait ends at its time, outside the call that started it") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx, 3ms);
    result r;
    timer.async_wait(r.handler());
    CHECK(r.calls == 0);
    CHECK(ctx.run() == 1);
    CHECK(r.is(success));
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
        unset.async_wait(a.handler());
        early.async_wait(b.handler());
        negative.async_wait(c.handler());
        lowest.async_wait(d.handler());
        inside = a.calls + b.calls + c.calls + d.calls != 0;
    });
    CHECK(ctx.run() == 5);
    CHECK_FALSE(inside);
    CHECK(a.is(success));
    CHECK(b.is(success));
    CHECK(c.is(success));
    CHECK(d.is(success));
}

TEST_CASE("steady_timer: the greatest times and durations saturate and never come") {
    io_context ctx;
    steady_timer at(ctx, steady_timer::time_point::max());
    steady_timer after(ctx, steady_timer::duration::max());
    steady_timer hours(ctx);
    hours.expires_after(std::chrono::duration_cast<steady_timer::duration>(24h * 365 * 290));
    CHECK(after.expiry() == steady_timer::time_point::max());
    result a;
    result b;
    result c;
    at.async_wait(a.handler());
    after.async_wait(b.handler());
    hours.async_wait(c.handler());
    CHECK(ctx.poll() == 0);
    CHECK(ctx.run_for(2ms) == 0);
    CHECK(at.cancel() == 1);
    CHECK(after.cancel() == 1);
    CHECK(hours.cancel() == 1);
    CHECK(ctx.run() == 3);
    CHECK(a.is(aborted));
    CHECK(b.is(aborted));
    CHECK(c.is(aborted));
}

TEST_CASE("steady_timer: expires_after saturates at both ends of the clock") {
    io_context ctx;
    steady_timer timer(ctx);
    timer.expires_after(steady_timer::duration::max());
    CHECK(timer.expiry() == steady_timer::time_point::max());
    timer.expires_after(steady_timer::duration::min());
    CHECK(timer.expiry() <= steady::now() - 24h * 365 * 200);
}

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

TEST_CASE("steady_timer: a thousand short waits with random phase never end early") {
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

TEST_CASE("steady_timer: setting the time again aborts the old wait exactly once") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx, 1h);
    result old;
    result fresh;
    timer.async_wait(old.handler());
    CHECK(timer.expires_after(2ms) == 1);
    CHECK(old.calls == 0);
    timer.async_wait(fresh.handler());
    const auto at = timer.expiry();
    CHECK(ctx.run() == 2);
    CHECK(old.is(aborted));
    CHECK(fresh.is(success));
    CHECK(steady::now() >= at);
    CHECK(timer.expires_at(past) == 0);
}

TEST_CASE("steady_timer: a zero delay armed anew in its handlers keeps the loop's budget") {
    const hang_guard guard;
    poller_watch watch;
    gyre::io_context_options options = poller_watch::options();
    options.time_per_turn = 10'000'000'000;
    io_context ctx(options);
    // The poller is only asked while a handle is registered.
    gyre::ip::tcp::acceptor acceptor(ctx, gyre::ip::tcp::endpoint(gyre::ip::tcp::v4(), 0));
    acceptor.async_accept([](error_code, const gyre::ip::tcp::socket&) {});
    steady_timer timer(ctx);
    std::size_t fired = 0;
    std::function<void(error_code)> again = [&](error_code) {
        if (++fired == 640) {
            ctx.stop();
        }
        timer.expires_after(0ns);
        timer.async_wait(std::ref(again));
    };
    timer.async_wait(std::ref(again));
    CHECK(ctx.run() == 640);
    CHECK(watch.waits >= 640 / options.handlers_per_turn - 1);
}

TEST_CASE("steady_timer: stop() and posts are served while a zero delay is armed for ever") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx);
    std::function<void(error_code)> again = [&](error_code) {
        timer.expires_after(0ns);
        timer.async_wait(std::ref(again));
    };
    timer.async_wait(std::ref(again));
    gyre::post(ctx, [&] { gyre::post(ctx, [&] { ctx.stop(); }); });
    ctx.run();
    CHECK(ctx.stopped());
}

TEST_CASE("steady_timer: after a stall a periodic timer fires once a period, not in a burst") {
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
        timer.async_wait(r.handler());
    });
    CHECK(ctx.run() == 2);
    CHECK(timer.expiry() >= armed + 2ms);
    CHECK(steady::now() >= armed + 2ms);
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
    timer.async_wait(r.handler());
    CHECK(ctx.run() == 2);
    CHECK(r.is(success));
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
    timer.async_wait(a.handler());
    CHECK(timer.cancel() == 1);
    timer.async_wait(b.handler());
    CHECK(ctx.run() == 2);
    CHECK(a.is(aborted));
    CHECK(b.is(success));
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
    timer.async_wait(r.handler());
    timer.wait();
    CHECK(steady::now() >= timer.expiry());
    CHECK(r.calls == 0);
    timer.wait();
    error_code error = aborted;
    timer.wait(error);
    CHECK_FALSE(error);
    CHECK(ctx.run() == 1);
    CHECK(r.is(success));
    timer.expires_at(steady_timer::time_point::min());
    timer.wait();
}

TEST_CASE("steady_timer: each handler may start and cancel its neighbours while they fire") {
    const hang_guard guard;
    io_context ctx;
    std::vector<std::optional<steady_timer>> timers(64);
    std::vector<int> ended(64, 0);
    for (std::size_t i = 0; i < 64; ++i) {
        timers[i].emplace(ctx, past);
        timers[i]->async_wait([&, i](error_code) {
            ++ended[i];
            timers[i].reset();
            timers[(i * 7 + 3) % 64].reset();
            timers[(i + 1) % 64].reset();
        });
    }
    CHECK(ctx.run() == 64);
    CHECK(ended == std::vector<int>(64, 1));
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
