// SPDX-License-Identifier: BSL-1.0
// What threads may do with one context while another thread runs it or sleeps in it: post, stop,
// end its work, destroy objects. Timers and sockets have files of their own.

#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>

#include "support/catch.hpp"
#include "support/counting_poller.hpp"
#include "support/hang_guard.hpp"
#include "support/loop_thread.hpp"

#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

using gyre::io_context;
using gyre::io_context_options;
using gyre::testing::await;
using gyre::testing::hang_guard;
using gyre::testing::loop_thread;
using gyre::testing::poller_watch;

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
    watch.await_sleep();
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
    watch.await_sleep();
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
    watch.await_sleep();
    work.reset();
    CHECK_FALSE(ctx.stopped());
    second.reset();
    loop.join();
    CHECK(ctx.stopped());
}

TEST_CASE("threads: under load posts do not wake a loop that is awake") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    loop_thread loop(ctx);
    watch.await_sleep();
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

TEST_CASE("threads: poll() runs what is ready although other threads post meanwhile") {
    const hang_guard guard;
    io_context ctx;
    const auto work = gyre::make_work_guard(ctx);
    std::atomic<bool> over = false;
    std::atomic<int> pending = 0;  // bounded: poll() returns when nothing is ready any more
    std::thread other([&] {
        while (!over) {
            if (pending < 100) {
                ++pending;
                gyre::post(ctx, [&pending] { --pending; });
            }
        }
    });
    int missed = 0;
    for (int i = 0; i < 2000; ++i) {
        bool ran = false;
        gyre::post(ctx, [&ran] { ran = true; });
        ctx.poll();
        while (!ran) {
            ++missed;
            ctx.poll();
        }
    }
    over = true;
    other.join();
    CHECK(missed == 0);
}
