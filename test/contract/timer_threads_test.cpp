// SPDX-License-Identifier: BSL-1.0
// Timers armed, set again, cancelled and destroyed by one thread while another one runs the context
// or sleeps in it; with the ring that carries the changes full, too.

#include <gyre/cancellation_signal.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/cancellable.hpp"
#include "support/catch.hpp"
#include "support/counting_poller.hpp"
#include "support/hang_guard.hpp"
#include "support/loop_thread.hpp"
#include "support/result.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace gyre::testing;
using gyre::cancellation_signal;
using gyre::error_code;
using gyre::io_context;
using gyre::io_context_options;
using gyre::steady_timer;
using steady = std::chrono::steady_clock;

TEST_CASE("threads: a timer armed by another thread on an empty sleeping loop fires, not early") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    loop_thread loop(ctx);
    watch.await_sleep();
    steady_timer timer(ctx, GENERATE(0ms, 3ms));
    const auto at = timer.expiry();
    std::atomic<bool> done = false;
    bool early = false;
    error_code error;
    timer.async_wait([&](error_code e) {
        error = e;
        early = steady::now() < at;
        done = true;
    });
    await([&] { return done.load(); });
    CHECK_FALSE(early);
    CHECK_FALSE(error);
}

TEST_CASE("threads: a timer earlier than the sleep wakes the loop once, a later one does not",
          "[D12]") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    steady_timer nearest(ctx, 1h);
    shared_result of_nearest;
    nearest.async_wait(of_nearest.keep());
    loop_thread loop(ctx);
    watch.await_sleep();
    const std::size_t wakes = watch.notifies;
    std::vector<std::unique_ptr<steady_timer>> later;
    std::vector<std::unique_ptr<shared_result>> of_later;
    for (int i = 0; i < 100; ++i) {
        later.push_back(std::make_unique<steady_timer>(ctx, 2h));
        of_later.push_back(std::make_unique<shared_result>());
        later.back()->async_wait(of_later.back()->keep());
    }
    CHECK(watch.notifies == wakes);
    CHECK(watch.asleep);
    steady_timer earlier(ctx, 2ms);
    shared_result of_earlier;
    earlier.async_wait(of_earlier.keep());
    CHECK(watch.notifies == wakes + 1);
    CHECK(of_earlier.get() == once());
    CHECK(steady::now() >= earlier.expiry());
    nearest.cancel();
    for (const auto& timer : later) {
        timer->cancel();
    }
    loop.join();
    CHECK(of_nearest.get() == once(aborted));
    for (const auto& r : of_later) {
        CHECK(r->get() == once(aborted));
    }
}

TEST_CASE(
    "threads: cancelling the nearest timer from outside aborts it, and the next one waits on") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    steady_timer nearest(ctx, 1h);
    steady_timer next(ctx, 2h);
    shared_result of_nearest;
    shared_result of_next;
    nearest.async_wait(of_nearest.keep());
    next.async_wait(of_next.keep());
    loop_thread loop(ctx);
    watch.await_sleep();
    CHECK(watch.deadline == nearest.expiry().time_since_epoch().count());
    CHECK(nearest.cancel() == 0);
    CHECK(of_nearest.get() == once(aborted));
    // It may still wake once at the old time, but sleeps now.
    await([&] { return watch.asleep.load(); });
    CHECK(watch.deadline >= nearest.expiry().time_since_epoch().count());
    CHECK(watch.deadline <= next.expiry().time_since_epoch().count());
    CHECK(of_next.calls() == 0);
    next.cancel_one();
    loop.join();
    CHECK(of_next.get() == once(aborted));
}

TEST_CASE("threads: a timer that another thread sets again, moves or destroys aborts its waits") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    loop_thread loop(ctx);
    watch.await_sleep();
    shared_result set_again;
    shared_result moved_over;
    shared_result destroyed;
    shared_result carried;
    steady_timer a(ctx, 1h);
    a.async_wait(set_again.keep());
    CHECK(a.expires_after(2h) == 0);
    std::optional<steady_timer> b(std::in_place, ctx, 1h);
    b->async_wait(moved_over.keep());
    steady_timer c(ctx, 1h);
    c.async_wait(carried.keep());
    *b = std::move(c);
    {
        steady_timer d(ctx, 1h);
        d.async_wait(destroyed.keep());
    }
    CHECK(set_again.get() == once(aborted));
    CHECK(moved_over.get() == once(aborted));
    CHECK(destroyed.get() == once(aborted));
    CHECK(carried.calls() == 0);
    b.reset();
    loop.join();
    CHECK(carried.get() == once(aborted));
}

TEST_CASE("threads: a signal emitted by another thread aborts its operation on a sleeping loop") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    cancellation_signal signal;
    shared_result r;
    shared_result other;
    steady_timer timer(ctx, 1h);
    timer.async_wait(with(signal, r.keep()));
    timer.async_wait(other.keep());
    loop_thread loop(ctx);
    watch.await_sleep();
    signal.emit(gyre::cancellation_type::all);
    CHECK(r.get() == once(aborted));
    CHECK(other.calls() == 0);
    timer.cancel();
    loop.join();
    CHECK(other.get() == once(aborted));
}

TEST_CASE("threads: more timer operations than the ring holds are applied in order, none lost",
          "[D10]") {
    const hang_guard guard;
    io_context_options options;
    options.ring_capacity = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{1000});
    io_context ctx(options);
    constexpr std::size_t count = 2500;
    std::vector<std::unique_ptr<steady_timer>> timers;
    std::vector<std::unique_ptr<shared_result>> results;
    for (std::size_t i = 0; i < count; ++i) {
        timers.push_back(std::make_unique<steady_timer>(ctx));
        results.push_back(std::make_unique<shared_result>());
    }
    gyre::post(ctx, [&] {
        // While this handler runs nobody empties the ring.
        std::thread other([&] {
            for (std::size_t i = 0; i < count; ++i) {
                timers[i]->expires_after(1h);
                timers[i]->async_wait(results[i]->keep());
            }
            for (std::size_t i = 0; i < count; i += 2) {
                timers[i]->cancel();
                timers[i]->expires_after(1ms);
            }
        });
        other.join();
    });
    loop_thread loop(ctx);
    await([&] {
        std::size_t ended = 0;
        for (std::size_t i = 0; i < count; i += 2) {
            ended += results[i]->calls() == 1 ? 1 : 0;
        }
        return ended == count / 2;
    });
    for (std::size_t i = 1; i < count; i += 2) {
        REQUIRE(results[i]->calls() == 0);
        timers[i]->cancel();
    }
    loop.join();
    for (const auto& r : results) {
        REQUIRE(r->get() == once(aborted));
    }
}

TEST_CASE("threads: a full ring does not stop the loop's own thread inside a handler", "[D11]") {
    const hang_guard guard;
    io_context_options options;
    options.ring_capacity = GENERATE(std::size_t{1}, std::size_t{1000});
    io_context ctx(options);
    std::vector<std::unique_ptr<steady_timer>> timers;
    std::vector<std::unique_ptr<shared_result>> results;
    const auto arm = [&](std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            timers.push_back(std::make_unique<steady_timer>(ctx, 1ms));
            results.push_back(std::make_unique<shared_result>());
            timers.back()->async_wait(results.back()->keep());
        }
    };
    gyre::post(ctx, [&] {
        std::thread other([&] { arm(2500); });
        other.join();
        arm(2500);
        CHECK(timers[4000]->cancel() == 1);
    });
    CHECK(ctx.run() == 5001);
    for (std::size_t i = 0; i < results.size(); ++i) {
        REQUIRE(results[i]->get() == once(i == 4000 ? aborted : success));
    }
}

TEST_CASE("threads: a timer changed many times by another thread fires once, by its last change") {
    const hang_guard guard;
    io_context_options options;
    options.ring_capacity = GENERATE(std::size_t{1}, std::size_t{1000});
    io_context ctx(options);
    steady_timer timer(ctx);
    std::atomic<int> aborts = 0;
    std::atomic<int> fires = 0;
    {
        loop_thread loop(ctx);
        for (int i = 0; i < 3000; ++i) {
            timer.expires_after(i % 2 == 0 ? 1h : 2h);
            timer.async_wait([&](error_code e) { ++(e == aborted ? aborts : fires); });
        }
        timer.expires_after(1ms);
        timer.async_wait([&](error_code e) { ++(e == aborted ? aborts : fires); });
        await([&] { return fires > 0; });
    }
    CHECK(fires == 1);
    CHECK(aborts == 3000);
    CHECK(steady::now() >= timer.expiry());
}

TEST_CASE("threads: insert, cancel and insert of one timer from two threads leaves no ghost") {
    const hang_guard guard;
    io_context_options options;
    options.ring_capacity = GENERATE(std::size_t{1}, std::size_t{16});
    io_context ctx(options);
    std::mutex mutex;
    std::optional<steady_timer> timer(std::in_place, ctx);
    int expected = 0;
    std::atomic<int> ended = 0;
    std::atomic<int> wrong = 0;
    {
        loop_thread loop(ctx);
        const auto work = [&](int seed) {
            for (int i = 0; i < 2000; ++i) {
                const std::lock_guard lock(mutex);
                timer->expires_after(1h);
                timer->async_wait([&](error_code e) {
                    wrong += e == aborted ? 0 : 1;
                    ++ended;
                });
                ++expected;
                if ((i + seed) % 3 == 0) {
                    timer->cancel();
                } else if ((i + seed) % 3 == 1) {
                    timer.emplace(ctx);
                }
            }
        };
        std::thread one(work, 0);
        std::thread two(work, 1);
        one.join();
        two.join();
        timer->cancel();
    }
    CHECK(wrong == 0);
    CHECK(expected == 4000);
    CHECK(ended == expected);
}

TEST_CASE("threads: cancel from outside while the handler runs counts nothing and hurts nobody") {
    const hang_guard guard;
    io_context ctx;
    auto timer = std::make_unique<steady_timer>(ctx);
    std::atomic<bool> inside = false;
    std::atomic<bool> leave = false;
    error_code error = aborted;
    timer->async_wait([&](error_code e) {
        error = e;
        inside = true;
        await([&] { return leave.load(); });
    });
    {
        loop_thread loop(ctx);
        await([&] { return inside.load(); });
        CHECK(timer->cancel() == 0);
        timer.reset();
        leave = true;
        CHECK(loop.join() == 1);
    }
    CHECK_FALSE(error);
}
