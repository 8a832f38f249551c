// SPDX-License-Identifier: BSL-1.0
// Signals and threads: who wakes a loop that sleeps, sets that come and go under fire, sets that
// another thread than the loop's uses; and processes: whose signals are counted after a fork.

#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/signal_set.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/counting_poller.hpp"
#include "support/hang_guard.hpp"
#include "support/loop_thread.hpp"
#include "support/signals.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

using gyre::error_code;
using gyre::io_context;
using gyre::signal_set;
using gyre::testing::await_signal;
using gyre::testing::hang_guard;
using gyre::testing::loop_thread;
using gyre::testing::poller_watch;

namespace {

const error_code aborted = gyre::error::operation_aborted;

struct result {
    std::atomic<int> calls{0};
    error_code error;
    int number = -1;

    auto handler() {
        return [this](error_code e, int n) {
            error = e;
            number = n;
            ++calls;
        };
    }
    bool is(int n) const { return calls == 1 && !error && number == n; }
    bool was_aborted() const { return calls == 1 && error == aborted && number == 0; }
};

// Counts what comes until the set is cancelled or goes.
struct counter {
    void wait(signal_set& set) {
        set.async_wait([this, &set](error_code e, int) {
            if (!e) {
                ++count;
                wait(set);
            }
        });
    }
    std::atomic<int> count{0};
};

// What `body`, called in a child process, returns.
int exit_code_of_child(const std::function<int()>& body) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::alarm(20);
        ::_exit(body());
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("signal threads: a signal to the process wakes a loop that sleeps") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    signal_set set(ctx, SIGUSR1);
    result r;
    set.async_wait(r.handler());
    loop_thread loop(ctx);
    await_signal([&] { return watch.asleep.load(); });
    ::kill(::getpid(), SIGUSR1);
    await_signal([&] { return r.calls != 0; });
    loop.join();
    CHECK(r.is(SIGUSR1));
}

TEST_CASE("signal threads: a signal to the very thread that sleeps in the loop wakes it") {
    if (gyre::testing::signals_are_held_back) {
        GYRE_SKIP("ThreadSanitizer holds signals back while the loop sleeps");
    }
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    signal_set set(ctx, SIGUSR1);
    counter seen;
    seen.wait(set);
    pthread_t id{};
    std::thread loop([&] {
        id = ::pthread_self();
        ctx.run();
    });
    for (int i = 0; i < 100; ++i) {
        await_signal([&] { return watch.asleep.load(); });
        ::pthread_kill(id, SIGUSR1);
        await_signal([&] { return seen.count == i + 1; });
    }
    set.cancel();
    loop.join();
    CHECK(seen.count == 100);
}

TEST_CASE("signal threads: a signal at the moment when the loop falls asleep is not missed") {
    const hang_guard guard;
    poller_watch watch;
    // Called by the owner between its last look for errands and its sleep.
    static int rounds = 0;
    rounds = 0;
    watch.before_sleep = [](void*) noexcept {
        ++rounds;
        ::raise(SIGUSR1);
    };
    io_context ctx(poller_watch::options());
    signal_set set(ctx, SIGUSR1);
    int seen = 0;
    std::function<void(error_code, int)> next = [&](error_code, int) {
        if (++seen < 1000) {
            set.async_wait(std::ref(next));
        }
    };
    set.async_wait(std::ref(next));
    CHECK(ctx.run() == 1000);
    CHECK(rounds == 1000);
}

TEST_CASE("signal threads: every delivery to every thread is counted by every set") {
    const hang_guard guard;
    io_context one;
    io_context two;
    counter seen[3];
    signal_set a(one, SIGUSR1);
    signal_set b(one, SIGUSR1);
    signal_set c(two, SIGUSR1);
    seen[0].wait(a);
    seen[1].wait(b);
    seen[2].wait(c);
    constexpr int threads = 4;
    constexpr int each = 500;
    {
        loop_thread loop_one(one);
        loop_thread loop_two(two);
        std::vector<std::thread> raisers;
        for (int t = 0; t < threads; ++t) {
            raisers.emplace_back([] {
                for (int i = 0; i < each; ++i) {
                    ::pthread_kill(::pthread_self(), SIGUSR1);
                }
            });
        }
        for (std::thread& raiser : raisers) {
            raiser.join();
        }
        for (const counter& s : seen) {
            await_signal([&] { return s.count == threads * each; });
        }
        a.cancel();
        b.cancel();
        c.cancel();
    }
    for (const counter& s : seen) {
        CHECK(s.count == threads * each);
    }
}

TEST_CASE(
    "signal threads: threads that make loops come and go, and one that stays misses nothing") {
    const hang_guard guard;
    io_context ctx;
    signal_set stays(ctx, SIGUSR1);
    counter seen;
    seen.wait(stays);
    std::atomic<bool> stop{false};
    std::atomic<int> raised{0};
    std::atomic<int> taken{0};
    std::vector<std::thread> threads;
    loop_thread loop(ctx);
    std::thread raiser([&] {
        while (!stop) {
            ::raise(SIGUSR1);
            ++raised;
        }
    });
    for (int t = 0; t < 2; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 60; ++i) {
                io_context own;
                signal_set set(own, SIGUSR1, SIGUSR2);
                result r;
                set.async_wait(r.handler());
                set.async_wait([](error_code, int) {});
                own.run_one();
                taken += r.is(SIGUSR1) ? 1 : 0;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    stop = true;
    raiser.join();
    await_signal([&] { return seen.count == raised; });
    stays.cancel();
    loop.join();
    CHECK(seen.count == raised);
    CHECK(taken == 120);
}

TEST_CASE("signal threads: another thread waits, cancels, adds, removes and destroys in order") {
    const hang_guard guard;
    io_context ctx;
    loop_thread loop(ctx);
    for (int i = 0; i < 200; ++i) {
        std::optional<signal_set> set(std::in_place, ctx, SIGUSR1);
        result cancelled;
        result taken;
        result destroyed;
        set->async_wait(cancelled.handler());
        CHECK(set->cancel() <= 1);  // 0 as soon as the loop runs
        await_signal([&] { return cancelled.calls != 0; });
        set->async_wait(taken.handler());
        set->add(SIGUSR2);
        set->remove(SIGUSR1);
        ::raise(SIGUSR2);
        await_signal([&] { return taken.calls != 0; });
        set->async_wait(destroyed.handler());
        set.reset();
        await_signal([&] { return destroyed.calls != 0; });
        CHECK(cancelled.was_aborted());
        CHECK(taken.is(SIGUSR2));
        CHECK(destroyed.was_aborted());
    }
    loop.join();
}

TEST_CASE("signal threads: the owner cancels and destroys what another thread has just done") {
    const hang_guard guard;
    io_context ctx;
    result started;
    result cancelled;
    int later = 0;
    gyre::post(ctx, [&] {
        // This thread owns the reactor: the other one's calls lie in the inbox until it returns.
        std::optional<signal_set> set(std::in_place, ctx, SIGUSR1);
        std::thread([&] { set->async_wait(started.handler()); }).join();
        CHECK(set->cancel() == 1);
        set->async_wait(cancelled.handler());
        std::thread([&] {
            ::raise(SIGUSR1);
            gyre::post(ctx, [&] { ++later; });
        }).join();
        set.reset();
        const signal_set another(ctx, SIGUSR1);
    });
    ctx.run();
    CHECK(started.was_aborted());
    CHECK(cancelled.was_aborted());
    CHECK(later == 1);
}

TEST_CASE("signal threads: several threads in run() share the handlers, each delivery once") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, SIGUSR1);
    std::atomic<int> seen{0};
    constexpr int deliveries = 300;
    for (int i = 0; i < deliveries; ++i) {
        set.async_wait([&](error_code e, int) { seen += e ? 0 : 1; });
    }
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] { ctx.run(); });
    }
    for (int i = 0; i < deliveries; ++i) {
        ::raise(SIGUSR1);
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(seen == deliveries);
}

// ---- processes ---------------------------------------------------------------------------------

TEST_CASE("signal fork: what a child is sent reaches neither its parent's sets nor its loop") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    signal_set set(ctx, SIGUSR1);
    counter seen;
    seen.wait(set);
    ctx.poll();
    const std::size_t notifies = watch.notifies;
    CHECK(exit_code_of_child([&] {
              for (int i = 0; i < 5; ++i) {
                  ::raise(SIGUSR1);
              }
              return watch.notifies == notifies ? 0 : 1;
          }) == 0);
    CHECK(ctx.poll() == 0);
    CHECK(seen.count == 0);
    ::raise(SIGUSR1);
    CHECK(ctx.poll() == 1);
    CHECK(seen.count == 1);
}

TEST_CASE("signal fork: a parent's deliveries are not the child's, which may let go of its copy") {
    const hang_guard guard;
    io_context ctx;
    std::optional<signal_set> set(std::in_place, ctx, SIGUSR1);
    ::raise(SIGUSR1);
    CHECK(exit_code_of_child([&] {
              set->clear();
              struct sigaction now {};
              ::sigaction(SIGUSR1, nullptr, &now);
              return now.sa_handler == SIG_DFL ? 0 : 1;
          }) == 0);
    result r;
    set->async_wait(r.handler());
    CHECK(ctx.run() == 1);
    CHECK(r.is(SIGUSR1));
}

TEST_CASE("signal fork: a child's own loop, with its own sets, gets its own signals") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, SIGUSR1);
    counter seen;
    seen.wait(set);
    ::raise(SIGUSR1);
    // In a child of several threads ThreadSanitizer makes one signal of two.
    const int expected = gyre::testing::signals_are_held_back ? 1 : 2;
    CHECK(exit_code_of_child([] {
              io_context own;
              signal_set mine(own, SIGUSR1);
              counter here;
              here.wait(mine);
              ::raise(SIGUSR1);
              ::raise(SIGUSR1);
              own.poll();
              return here.count.load();
          }) == expected);
    CHECK(ctx.poll() == 1);
    CHECK(seen.count == 1);
}
