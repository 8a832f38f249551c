// SPDX-License-Identifier: BSL-1.0
// What threads may do with one context while another thread runs it or sleeps in it: post, stop,
// arm, cancel and destroy timers.

#include <gyre/bind_executor.hpp>
#include <gyre/cancellation_signal.hpp>
#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/counting_poller.hpp"
#include "support/hang_guard.hpp"
#include "support/loop_thread.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using gyre::cancellation_signal;
using gyre::error_code;
using gyre::io_context;
using gyre::io_context_options;
using gyre::steady_timer;
using gyre::testing::await;
using gyre::testing::hang_guard;
using gyre::testing::loop_thread;
using gyre::testing::poller_watch;
using steady = std::chrono::steady_clock;

namespace {

const error_code aborted = gyre::error::operation_aborted;
const error_code success;

// Until the loop is inside a wait that began after it was last looked at.
void await_sleep(const poller_watch& watch) {
    await([&] { return watch.asleep.load(); });
}

struct result {
    std::atomic<int> calls{0};
    error_code error;
    auto handler() {
        return [this](error_code e) {
            error = e;
            ++calls;
        };
    }
    bool is(const error_code& e) const { return calls == 1 && error == e; }
};

}  // namespace

TEST_CASE("threads: posts of several threads all run once, each thread's in its order") {
    const hang_guard guard;
    io_context_options options;
    options.inbox_per_turn = GENERATE(std::size_t{1}, std::size_t{7}, std::size_t{1000});
    io_context ctx(options);
    constexpr int producers = 4;
    constexpr int each = 5000;
    std::vector<int> next(producers, 0);
    bool ordered = true;
    {
        loop_thread loop(ctx);
        std::vector<std::thread> threads;
        for (int p = 0; p < producers; ++p) {
            threads.emplace_back([&, p] {
                for (int i = 0; i < each; ++i) {
                    gyre::post(ctx, [&, p, i] {
                        ordered = ordered && next[static_cast<std::size_t>(p)]++ == i;
                    });
                }
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        CHECK(loop.join() == producers * each);
    }
    CHECK(ordered);
    CHECK(next == std::vector<int>(producers, each));
}

TEST_CASE("threads: posts made while nobody runs the context all run later") {
    const hang_guard guard;
    io_context ctx;
    int ran = 0;
    std::vector<std::thread> threads;
    for (int p = 0; p < 4; ++p) {
        threads.emplace_back([&] {
            for (int i = 0; i < 1000; ++i) {
                gyre::post(ctx, [&ran] { ++ran; });
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(ran == 0);
    CHECK(ctx.run() == 4000);
    CHECK(ran == 4000);
}

TEST_CASE("threads: a function posted to a sleeping loop runs in the loop's thread") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    loop_thread loop(ctx);
    await_sleep(watch);
    std::atomic<bool> ran = false;
    std::thread::id where;
    gyre::dispatch(ctx, [&] {
        where = std::this_thread::get_id();
        ran = true;
    });
    await([&] { return ran.load(); });
    CHECK(where == loop.id());
    CHECK_FALSE(ctx.get_executor().running_in_this_thread());
}

TEST_CASE("threads: stop() ends a run() that sleeps, and restart() goes on with what was left") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    const auto work = gyre::make_work_guard(ctx);
    std::size_t ran = 99;
    std::thread loop([&] { ran = ctx.run(); });
    await_sleep(watch);
    ctx.stop();
    loop.join();
    CHECK(ran == 0);
    CHECK(ctx.stopped());
    int later = 0;
    gyre::post(ctx, [&] { ++later; });
    ctx.restart();
    CHECK(ctx.poll() == 1);
    CHECK(later == 1);
}

TEST_CASE("threads: stop() ends a run() whose handler posts itself for ever") {
    const hang_guard guard;
    io_context ctx;
    std::atomic<bool> started = false;
    std::function<void()> again = [&] {
        started = true;
        gyre::post(ctx, std::ref(again));
    };
    gyre::post(ctx, std::ref(again));
    std::thread loop([&] { ctx.run(); });
    await([&] { return started.load(); });
    ctx.stop();
    loop.join();
    CHECK(ctx.stopped());
}

TEST_CASE("threads: resetting the last work guard from outside ends a run() that sleeps") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    auto work = gyre::make_work_guard(ctx);
    auto second = work;
    std::thread loop([&] { ctx.run(); });
    await_sleep(watch);
    work.reset();
    CHECK_FALSE(ctx.stopped());
    second.reset();
    loop.join();
    CHECK(ctx.stopped());
}

TEST_CASE("threads: a timer armed by another thread on an empty sleeping loop fires, not early") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    loop_thread loop(ctx);
    await_sleep(watch);
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

TEST_CASE("threads: a timer earlier than the sleep wakes the loop once, a later one does not") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    steady_timer nearest(ctx, 1h);
    result of_nearest;
    nearest.async_wait(of_nearest.handler());
    loop_thread loop(ctx);
    await_sleep(watch);
    const std::size_t wakes = watch.notifies;
    std::vector<std::unique_ptr<steady_timer>> later;
    std::vector<std::unique_ptr<result>> of_later;
    for (int i = 0; i < 100; ++i) {
        later.push_back(std::make_unique<steady_timer>(ctx, 2h));
        of_later.push_back(std::make_unique<result>());
        later.back()->async_wait(of_later.back()->handler());
    }
    CHECK(watch.notifies == wakes);
    CHECK(watch.asleep);
    steady_timer earlier(ctx, 2ms);
    result of_earlier;
    earlier.async_wait(of_earlier.handler());
    CHECK(watch.notifies == wakes + 1);
    await([&] { return of_earlier.calls == 1; });
    CHECK_FALSE(of_earlier.error);
    CHECK(steady::now() >= earlier.expiry());
    nearest.cancel();
    for (const auto& timer : later) {
        timer->cancel();
    }
    loop.join();
    CHECK(of_nearest.is(aborted));
    for (const auto& r : of_later) {
        CHECK(r->is(aborted));
    }
}

TEST_CASE("threads: under load posts do not wake a loop that is awake") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    loop_thread loop(ctx);
    await_sleep(watch);
    std::atomic<bool> inside = false;
    std::atomic<bool> leave = false;
    gyre::post(ctx, [&] {
        inside = true;
        await([&] { return leave.load(); });
    });
    await([&] { return inside.load(); });
    const std::size_t wakes = watch.notifies;
    for (int i = 0; i < 1000; ++i) {
        gyre::post(ctx, [] {});
    }
    CHECK(watch.notifies == wakes);
    leave = true;
    CHECK(loop.join() == 1001);
}

TEST_CASE(
    "threads: cancelling the nearest timer from outside aborts it, and the next one waits on") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    steady_timer nearest(ctx, 1h);
    steady_timer next(ctx, 2h);
    result of_nearest;
    result of_next;
    nearest.async_wait(of_nearest.handler());
    next.async_wait(of_next.handler());
    loop_thread loop(ctx);
    await_sleep(watch);
    CHECK(watch.deadline == nearest.expiry().time_since_epoch().count());
    CHECK(nearest.cancel() == 0);
    await([&] { return of_nearest.calls == 1; });
    CHECK(of_nearest.error == aborted);
    // It may still wake once at the old time, but sleeps now.
    await([&] { return watch.asleep.load(); });
    CHECK(watch.deadline >= nearest.expiry().time_since_epoch().count());
    CHECK(watch.deadline <= next.expiry().time_since_epoch().count());
    CHECK(of_next.calls == 0);
    next.cancel_one();
    loop.join();
    CHECK(of_next.is(aborted));
}

TEST_CASE("threads: a timer that another thread sets again, moves or destroys aborts its waits") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    loop_thread loop(ctx);
    await_sleep(watch);
    result set_again;
    result moved_over;
    result destroyed;
    result carried;
    steady_timer a(ctx, 1h);
    a.async_wait(set_again.handler());
    CHECK(a.expires_after(2h) == 0);
    std::optional<steady_timer> b(std::in_place, ctx, 1h);
    b->async_wait(moved_over.handler());
    steady_timer c(ctx, 1h);
    c.async_wait(carried.handler());
    *b = std::move(c);
    {
        steady_timer d(ctx, 1h);
        d.async_wait(destroyed.handler());
    }
    await([&] { return set_again.calls + moved_over.calls + destroyed.calls == 3; });
    CHECK(set_again.is(aborted));
    CHECK(moved_over.is(aborted));
    CHECK(destroyed.is(aborted));
    CHECK(carried.calls == 0);
    b.reset();
    loop.join();
    CHECK(carried.is(aborted));
}

TEST_CASE("threads: a signal emitted by another thread aborts its operation on a sleeping loop") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    struct slotted {
        using cancellation_slot_type = gyre::cancellation_slot;
        cancellation_signal* signal;
        result* out;
        cancellation_slot_type get_cancellation_slot() const noexcept { return signal->slot(); }
        void operator()(error_code e) const { out->handler()(e); }
    };
    cancellation_signal signal;
    result r;
    result other;
    steady_timer timer(ctx, 1h);
    timer.async_wait(slotted{&signal, &r});
    timer.async_wait(other.handler());
    loop_thread loop(ctx);
    await_sleep(watch);
    signal.emit(gyre::cancellation_type::all);
    await([&] { return r.calls == 1; });
    CHECK(r.is(aborted));
    CHECK(other.calls == 0);
    timer.cancel();
    loop.join();
    CHECK(other.is(aborted));
}

TEST_CASE("threads: more timer operations than the ring holds are applied in order, none lost") {
    const hang_guard guard;
    io_context_options options;
    options.ring_capacity = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{1000});
    io_context ctx(options);
    constexpr std::size_t count = 2500;
    std::vector<std::unique_ptr<steady_timer>> timers;
    std::vector<std::unique_ptr<result>> results;
    for (std::size_t i = 0; i < count; ++i) {
        timers.push_back(std::make_unique<steady_timer>(ctx));
        results.push_back(std::make_unique<result>());
    }
    gyre::post(ctx, [&] {
        // While this handler runs nobody empties the ring.
        std::thread other([&] {
            for (std::size_t i = 0; i < count; ++i) {
                timers[i]->expires_after(1h);
                timers[i]->async_wait(results[i]->handler());
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
            ended += results[i]->calls == 1 ? 1 : 0;
        }
        return ended == count / 2;
    });
    for (std::size_t i = 1; i < count; i += 2) {
        REQUIRE(results[i]->calls == 0);
        timers[i]->cancel();
    }
    loop.join();
    for (const auto& r : results) {
        REQUIRE(r->is(aborted));
    }
}

TEST_CASE("threads: a full ring does not stop the loop's own thread inside a handler") {
    const hang_guard guard;
    io_context_options options;
    options.ring_capacity = GENERATE(std::size_t{1}, std::size_t{1000});
    io_context ctx(options);
    std::vector<std::unique_ptr<steady_timer>> timers;
    std::vector<std::unique_ptr<result>> results;
    const auto arm = [&](std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            timers.push_back(std::make_unique<steady_timer>(ctx, 1ms));
            results.push_back(std::make_unique<result>());
            timers.back()->async_wait(results.back()->handler());
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
        REQUIRE(results[i]->is(i == 4000 ? aborted : success));
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

TEST_CASE("threads: two loops that post to each other never block") {
    const hang_guard guard;
    io_context a;
    io_context b;
    std::atomic<int> hops = 0;
    struct hopper {
        io_context* here;
        io_context* there;
        std::atomic<int>* hops;
        int left;
        void operator()() const {
            ++*hops;
            if (left > 0) {
                gyre::post(*there, hopper{there, here, hops, left - 1});
            }
        }
    };
    {
        loop_thread loop_a(a);
        loop_thread loop_b(b);
        for (int i = 0; i < 20; ++i) {
            gyre::post(a, hopper{&a, &b, &hops, 999});
            gyre::post(b, hopper{&b, &a, &hops, 999});
        }
        await([&] { return hops == 40'000; });
    }
    CHECK(hops == 40'000);
}

TEST_CASE("threads: destroy_later from other threads deletes each object once") {
    const hang_guard guard;
    io_context ctx;
    std::atomic<int> deaths = 0;
    struct mortal {
        std::atomic<int>* deaths;
        ~mortal() { ++*deaths; }
    };
    {
        loop_thread loop(ctx);
        std::vector<std::thread> threads;
        for (int t = 0; t < 3; ++t) {
            threads.emplace_back([&] {
                for (int i = 0; i < 500; ++i) {
                    auto* object = new mortal{&deaths};
                    gyre::post(ctx, [&ctx, object] { ctx.destroy_later(object); });
                    ctx.destroy_later(new mortal{&deaths});
                }
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        await([&] { return deaths == 3000; });
    }
    CHECK(deaths == 3000);
}

TEST_CASE("threads: the owner destroys a timer that another thread's full ring put in the inbox") {
    const hang_guard guard;
    io_context_options options;
    options.ring_capacity = 1;
    io_context ctx(options);
    int aborts = 0;
    int later = 0;
    gyre::post(ctx, [&] {
        std::optional<steady_timer> timer(std::in_place, ctx);
        std::thread([&] {
            for (int i = 0; i < 20; ++i) {
                timer->expires_after(1h);
                timer->async_wait([&](error_code e) { aborts += e == aborted ? 1 : 0; });
            }
            gyre::post(ctx, [&] { ++later; });
        }).join();
        timer.reset();
        steady_timer other(ctx, 1h);  // has the memory of the first
        other.async_wait([&](error_code e) { aborts += e == aborted ? 1 : 0; });
    });
    ctx.run();
    CHECK(aborts == 21);
    CHECK(later == 1);
}
