// SPDX-License-Identifier: BSL-1.0
// Signals from several threads into sets that are used, cancelled and destroyed by several threads:
// a set that stays counts every delivery, and nobody is called who is gone. With GYRE_STRESS=full
// fifty times longer.

#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/signal_set.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/signals.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

using gyre::error_code;
using gyre::io_context;
using gyre::signal_set;
using gyre::testing::await_signal;
using gyre::testing::full_stress;
using gyre::testing::hang_guard;

namespace {

std::size_t scaled(std::size_t n) { return full_stress() ? 50 * n : n; }
std::chrono::seconds limit() { return std::chrono::seconds(full_stress() ? 900 : 20); }

// Waits again and again until it is cancelled.
struct counter {
    void wait(signal_set& set) {
        set.async_wait([this, &set](error_code e, int) {
            if (!e) {
                ++count;
                wait(set);
            } else {
                ++aborts;
            }
        });
    }
    std::atomic<std::size_t> count{0};
    std::atomic<std::size_t> aborts{0};
};

// Makes, uses and destroys sets of a context that other threads run.
void play(io_context& ctx, std::atomic<std::size_t>& pending, unsigned seed, std::size_t steps) {
    std::mt19937 random(seed);
    auto set = std::make_unique<signal_set>(ctx, SIGUSR1);
    for (std::size_t i = 0; i < steps; ++i) {
        switch (random() % 8) {
        case 0: set->cancel(); break;
        case 1: set = std::make_unique<signal_set>(ctx, SIGUSR1, SIGUSR2); break;
        case 2: set->remove(SIGUSR1); break;
        case 3: set->add(SIGUSR1); break;
        case 4: ::pthread_kill(::pthread_self(), SIGUSR2); break;
        case 5: std::this_thread::yield(); break;
        default: ++pending; set->async_wait([&pending](error_code, int) { --pending; });
        }
    }
}

}  // namespace

TEST_CASE("signal stress: sets come and go under fire, and one that stays misses nothing") {
    const hang_guard guard(limit());
    io_context ctx;
    signal_set keeps_default(ctx, SIGUSR2);  // so that SIGUSR2 ends nobody
    signal_set stays(ctx, SIGUSR1);
    counter seen;
    seen.wait(stays);
    std::atomic<std::size_t> pending{0};
    std::atomic<std::size_t> raised{0};
    std::atomic<bool> stop{false};
    auto work = gyre::make_work_guard(ctx);
    std::vector<std::thread> runners;
    const int count = GENERATE(1, 2);
    for (int i = 0; i < count; ++i) {
        runners.emplace_back([&] { ctx.run(); });
    }
    std::thread raiser([&] {
        while (!stop) {
            ::pthread_kill(::pthread_self(), SIGUSR1);
            ++raised;
        }
    });
    std::vector<std::thread> players;
    for (unsigned p = 0; p < 2; ++p) {
        players.emplace_back([&, p] { play(ctx, pending, p + 1, scaled(3000)); });
    }
    for (std::thread& player : players) {
        player.join();
    }
    stop = true;
    raiser.join();
    await_signal([&] { return pending == 0 && seen.count == raised; });
    stays.cancel();
    work.reset();
    for (std::thread& runner : runners) {
        runner.join();
    }
    CHECK(seen.count == raised);
    CHECK(seen.aborts == 1);
    CHECK(pending == 0);
}

TEST_CASE("signal stress: a signal to the process wakes a loop each time") {
    const hang_guard guard(limit());
    io_context ctx;
    signal_set set(ctx, SIGUSR1);
    counter seen;
    seen.wait(set);
    std::thread loop([&] { ctx.run(); });
    for (std::size_t i = 0; i < scaled(3000); ++i) {
        ::kill(::getpid(), SIGUSR1);
        await_signal([&] { return seen.count == i + 1; });
    }
    set.cancel();
    loop.join();
    CHECK(seen.count == scaled(3000));
}

TEST_CASE("signal stress: timers keep their time under a storm of signals") {
    const hang_guard guard(limit());
    io_context ctx;
    signal_set set(ctx, SIGALRM);
    counter seen;
    seen.wait(set);
    // A thousand a second, to whichever thread of the process.
    const itimerval storm{{0, 1000}, {0, 1000}};
    const itimerval calm{};
    REQUIRE(::setitimer(ITIMER_REAL, &storm, nullptr) == 0);
    gyre::steady_timer timer(ctx, std::chrono::milliseconds(100));
    bool early = false;
    timer.async_wait([&](error_code e) {
        early = e || std::chrono::steady_clock::now() < timer.expiry();
        ::setitimer(ITIMER_REAL, &calm, nullptr);
        set.cancel();
    });
    ctx.run();
    CHECK_FALSE(early);
    CHECK(seen.count > 0);
}
