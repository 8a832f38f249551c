// SPDX-License-Identifier: BSL-1.0
// Several threads in run() of one context: they share the work, and each handler is called once.

#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/counting_poller.hpp"
#include "support/hang_guard.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#if !defined(_WIN32)
#include <sys/resource.h>
#endif

using namespace std::chrono_literals;
using gyre::error_code;
using gyre::io_context;
using gyre::steady_timer;
using gyre::testing::await;
using gyre::testing::hang_guard;
using gyre::testing::poller_watch;
using steady = std::chrono::steady_clock;

TEST_CASE("runners: several threads in run() share the work, each handler is called exactly once") {
    const hang_guard guard;
    io_context ctx;
    const int threads = GENERATE(2, 4);
    constexpr int count = 20'000;
    std::vector<std::atomic<int>> calls(count);
    std::atomic<std::size_t> ran = 0;
    auto work = gyre::make_work_guard(ctx);
    std::vector<std::thread> runners;
    for (int i = 0; i < threads; ++i) {
        runners.emplace_back([&] { ran += ctx.run(); });
    }
    for (int i = 0; i < count; ++i) {
        gyre::post(ctx, [&calls, i] { ++calls[static_cast<std::size_t>(i)]; });
    }
    work.reset();
    for (std::thread& runner : runners) {
        runner.join();
    }
    CHECK(ran == count);
    bool once = true;
    for (const auto& n : calls) {
        once = once && n == 1;
    }
    CHECK(once);
    CHECK(ctx.stopped());
}

TEST_CASE("runners: handlers of two threads in run() can run at the same time") {
    const hang_guard guard;
    io_context ctx;
    std::atomic<int> inside = 0;
    std::atomic<bool> met = false;
    // The token is given away only to a thread that waits for it already: try until they meet.
    std::function<void()> attempt = [&] {
        ++inside;
        const auto end = steady::now() + 1ms;
        while (!met && steady::now() < end) {
            if (inside == 2) {
                met = true;
            }
            std::this_thread::yield();
        }
        --inside;
        if (!met) {
            gyre::post(ctx, std::ref(attempt));
        }
    };
    gyre::post(ctx, std::ref(attempt));
    gyre::post(ctx, std::ref(attempt));
    std::thread other([&] { ctx.run(); });
    ctx.run();
    other.join();
    CHECK(met);
}

TEST_CASE("runners: an exception in one of several runners leaves that one, the others go on") {
    const hang_guard guard;
    io_context ctx;
    const int threads = GENERATE(2, 4);
    std::atomic<int> ran = 0;
    std::atomic<int> caught = 0;
    for (int i = 0; i < 2000; ++i) {
        gyre::post(ctx, [&, i] {
            ++ran;
            if (i % 100 == 50) {
                throw std::runtime_error("one of many");
            }
        });
    }
    std::vector<std::thread> runners;
    for (int i = 0; i < threads; ++i) {
        runners.emplace_back([&] {
            for (;;) {
                try {
                    ctx.run();
                    return;
                } catch (const std::runtime_error&) {
                    ++caught;
                }
            }
        });
    }
    for (std::thread& runner : runners) {
        runner.join();
    }
    CHECK(ran == 2000);
    CHECK(caught == 20);
}

TEST_CASE("runners: timers of a context with four runners each fire once, none early") {
    const hang_guard guard;
    io_context ctx;
    std::vector<std::unique_ptr<steady_timer>> timers;
    std::atomic<int> fires = 0;
    std::atomic<int> wrong = 0;
    for (int i = 0; i < 2000; ++i) {
        timers.push_back(std::make_unique<steady_timer>(ctx, std::chrono::microseconds(i * 5)));
        timers.back()->async_wait([&, timer = timers.back().get()](error_code e) {
            wrong += e || steady::now() < timer->expiry() ? 1 : 0;
            ++fires;
        });
    }
    std::vector<std::thread> runners;
    for (int i = 0; i < 4; ++i) {
        runners.emplace_back([&] { ctx.run(); });
    }
    for (std::thread& runner : runners) {
        runner.join();
    }
    CHECK(fires == 2000);
    CHECK(wrong == 0);
}

TEST_CASE("runners: stop() ends all runners, awake or asleep") {
    const hang_guard guard;
    io_context ctx;
    const auto work = gyre::make_work_guard(ctx);
    std::atomic<bool> started = false;
    std::function<void()> again = [&] {
        started = true;
        gyre::post(ctx, std::ref(again));
    };
    if (GENERATE(false, true)) {
        gyre::post(ctx, std::ref(again));
    } else {
        gyre::post(ctx, [&] { started = true; });
    }
    std::vector<std::thread> runners;
    for (int i = 0; i < 4; ++i) {
        runners.emplace_back([&] { ctx.run(); });
    }
    await([&] { return started.load(); });
    ctx.stop();
    for (std::thread& runner : runners) {
        runner.join();
    }
    CHECK(ctx.stopped());
}

TEST_CASE("runners: runners come and go with run_one and run_for while work is posted") {
    const hang_guard guard;
    io_context ctx;
    auto work = gyre::make_work_guard(ctx);
    constexpr std::size_t count = 5000;
    std::atomic<std::size_t> ran = 0;
    std::atomic<std::size_t> counted = 0;
    std::vector<std::thread> runners;
    for (int i = 0; i < 4; ++i) {
        runners.emplace_back([&, i] {
            while (!ctx.stopped()) {
                switch (i) {
                case 0: counted += ctx.run_one(); break;
                case 1: counted += ctx.run_for(100us); break;
                case 2: counted += ctx.poll(); break;
                default: counted += ctx.run_one_for(50us);
                }
            }
        });
    }
    for (std::size_t i = 0; i < count; ++i) {
        gyre::post(ctx, [&] { ++ran; });
    }
    work.reset();
    for (std::thread& runner : runners) {
        runner.join();
    }
    CHECK(ran == count);
    CHECK(counted == count);
}

TEST_CASE("runners: eight that have nothing to do use no processor time", "[L9]") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    auto work = gyre::make_work_guard(ctx);
    std::vector<std::thread> runners;
    for (int i = 0; i < 8; ++i) {
        runners.emplace_back([&] { ctx.run(); });
    }
    // Something for all of them, so that each has been in line for the token.
    std::atomic<int> ran = 0;
    for (int i = 0; i < 1000; ++i) {
        gyre::post(ctx, [&] { ++ran; });
    }
    await([&] { return ran == 1000; });
    gyre::steady_timer timer(ctx, 1h);  // a foreign one, for whoever has the token
    timer.async_wait([](gyre::error_code) {});
    watch.await_sleep();
    const auto used = [] {
        ::timespec t{};
        ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return t.tv_sec * 1s + std::chrono::nanoseconds(t.tv_nsec);
    };
    const auto before = used();
    std::this_thread::sleep_for(100ms);  // the idle time itself
    CHECK(used() - before < 50ms);
    // And they are still there.
    gyre::post(ctx, [&] { ++ran; });
    await([&] { return ran == 1001; });
    timer.cancel();
    work.reset();
    for (std::thread& runner : runners) {
        runner.join();
    }
}

#if defined(RUSAGE_THREAD)
TEST_CASE("runners: with one handler ready at a time nobody is woken but who waits for it",
          "[L17]") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    auto work = gyre::make_work_guard(ctx);
    std::array<long, 2> sleeps{};
    std::vector<std::thread> runners;
    for (long& each : sleeps) {
        runners.emplace_back([&] {
            ctx.run();
            rusage used{};
            ::getrusage(RUSAGE_THREAD, &used);
            each = used.ru_nvcsw;
        });
    }
    constexpr int posts = 500;
    std::atomic<int> ran = 0;
    for (int i = 0; i < posts; ++i) {
        watch.await_sleep();
        gyre::post(ctx, [&] { ++ran; });
        await([&] { return ran == i + 1; });
    }
    work.reset();
    for (std::thread& runner : runners) {
        runner.join();
    }
    // The loop went to sleep before each post; one of the two had nothing to do with that.
    CHECK(watch.sleeps >= posts);
    CHECK(std::min(sleeps[0], sleeps[1]) <= posts / 10);
}
#endif
