// SPDX-License-Identifier: BSL-1.0
// No wake-up is lost: another thread gives work to the loop exactly while it falls asleep, round
// after round. With GYRE_STRESS=full in the environment a million rounds, else ten thousand.

#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/counting_poller.hpp"
#include "support/hang_guard.hpp"
#include "support/host.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <random>
#include <thread>

using namespace std::chrono_literals;
using gyre::error_code;
using gyre::io_context;
using gyre::steady_timer;
using gyre::testing::await;
using gyre::testing::full_stress;
using gyre::testing::hang_guard;
using gyre::testing::poller_watch;
using gyre::testing::waited_for_host;
using gyre::testing::watching_host;

namespace {

std::size_t rounds() { return full_stress() ? 1'000'000 : 10'000; }

std::chrono::seconds limit() { return full_stress() ? 1800s : 120s; }

// As await(), with the attention of one that wants to act in the same instant. On a machine with
// less processors than threads the other one needs this one's.
template <class Condition>
void await_soon(Condition condition) {
    for (unsigned looks = 1; !condition(); ++looks) {
        if (looks % 4096 == 0) {
            std::this_thread::yield();
        }
    }
}

// Lets a producer act while the loop is between its decision to sleep and the system call: the
// poller's wait() raises a flag, and both sides go on from there at a random small distance.
class falling_asleep {
public:
    falling_asleep() = default;
    explicit falling_asleep(poller_watch& watch) {
        watch.user = this;
        watch.before_sleep = [](void* user) noexcept {
            static_cast<falling_asleep*>(user)->begin();
        };
    }

    // The loop is about to sleep.
    void begin() {
        ++begun_;
        linger(owner_);
    }

    // Waits for the next time that the loop begins to sleep.
    void meet() {
        const std::size_t seen = seen_;
        await([&] { return begun_ != seen; });
        seen_ = begun_;
        linger(producer_);
    }

    // Does not wait: the loop is still on its way from the last handler to the poller.
    void overtake() {
        seen_ = begun_;
        linger(producer_);
    }

    void meet_or_overtake(std::size_t round) { round % 2 == 0 ? meet() : overtake(); }

    // Inside a handler, after it told the producer to go on: what comes now has missed the point
    // at which this turn looked for it.
    void dawdle() { linger(owner_); }

private:
    void linger(std::minstd_rand& random) {
        for (auto n = random() % 300; n > 0; --n) {
            spin_ = spin_ + 1;
        }
    }

    std::atomic<std::size_t> begun_{0};
    std::size_t seen_ = 0;
    std::atomic<unsigned> spin_{0};
    std::minstd_rand owner_{1};
    std::minstd_rand producer_{2};
};

}  // namespace

TEST_CASE("wake-up: a post while the loop falls asleep is never lost", "[L18]") {
    const hang_guard guard(limit());
    poller_watch watch;
    falling_asleep asleep(watch);
    io_context ctx(poller_watch::options());
    auto work = gyre::make_work_guard(ctx);
    std::thread loop([&] { ctx.run(); });
    std::atomic<std::size_t> ran = 0;
    for (std::size_t round = 1; round <= rounds(); ++round) {
        asleep.meet_or_overtake(round);
        gyre::post(ctx, [&] {
            ++ran;
            asleep.dawdle();
        });
        await_soon([&] { return ran == round; });
    }
    work.reset();
    loop.join();
    CHECK(ran == rounds());
}

TEST_CASE("wake-up: posts of two threads while the loop falls asleep are never lost") {
    const hang_guard guard(limit());
    io_context ctx;
    auto work = gyre::make_work_guard(ctx);
    std::thread loop([&] { ctx.run(); });
    const auto produce = [&](unsigned seed) {
        std::minstd_rand random(seed);
        for (std::size_t round = 0; round < rounds(); ++round) {
            std::atomic<bool> ran = false;
            gyre::post(ctx, [&] { ran = true; });
            await([&] { return ran.load(); });
            for (auto n = random() % 3; n > 0; --n) {
                std::this_thread::yield();
            }
        }
    };
    std::thread one(produce, 3);
    std::thread two(produce, 4);
    one.join();
    two.join();
    work.reset();
    loop.join();
    CHECK(ctx.stopped());
}

TEST_CASE("wake-up: a timer armed while the loop falls asleep always fires", "[L1]") {
    const hang_guard guard(limit());
    poller_watch watch;
    falling_asleep asleep(watch);
    io_context ctx(poller_watch::options());
    auto work = gyre::make_work_guard(ctx);
    steady_timer far(ctx, 1h);
    far.async_wait([](error_code) {});
    std::thread loop([&] { ctx.run(); });
    std::atomic<std::size_t> fired = 0;
    steady_timer timer(ctx);
    for (std::size_t round = 1; round <= rounds(); ++round) {
        asleep.meet_or_overtake(round);
        timer.expires_after(round % 2 == 0 ? 0ns : 1us);
        timer.async_wait([&](error_code) {
            ++fired;
            asleep.dawdle();
        });
        await_soon([&] { return fired == round; });
    }
    far.cancel();
    work.reset();
    loop.join();
    CHECK(fired == rounds());
}

TEST_CASE("wake-up: a cancellation while the loop falls asleep is always carried out") {
    const hang_guard guard(limit());
    poller_watch watch;
    falling_asleep asleep(watch);
    io_context ctx(poller_watch::options());
    auto work = gyre::make_work_guard(ctx);
    std::thread loop([&] { ctx.run(); });
    std::atomic<std::size_t> ended = 0;
    steady_timer timer(ctx, 1h);
    for (std::size_t round = 1; round <= rounds() / 2; ++round) {
        timer.async_wait([&](error_code) { ++ended; });
        asleep.meet();
        timer.cancel();
        await([&] { return ended == round; });
    }
    work.reset();
    loop.join();
    CHECK(ended == rounds() / 2);
}

TEST_CASE("wake-up: the end of all work or stop() while the loop falls asleep ends run()") {
    const hang_guard guard(limit());
    poller_watch watch;
    falling_asleep asleep(watch);
    io_context ctx(poller_watch::options());
    std::optional<gyre::executor_work_guard<>> work(gyre::make_work_guard(ctx));
    std::atomic<std::size_t> go = 0;
    std::atomic<std::size_t> ended = 0;
    const std::size_t count = rounds() / 2;
    std::thread loop([&] {
        for (std::size_t round = 1; round <= count; ++round) {
            await([&] { return go >= round; });
            ctx.run();
            ended = round;
        }
    });
    for (std::size_t round = 1; round <= count; ++round) {
        go = round;
        if (round % 4 < 2) {
            asleep.meet();
        } else {
            std::atomic<bool> inside = false;
            gyre::post(ctx, [&] {
                inside = true;
                asleep.dawdle();
            });
            await_soon([&] { return inside.load(); });
            asleep.overtake();
        }
        if (round % 2 == 0) {
            work.reset();
        } else {
            ctx.stop();
        }
        await([&] { return ended == round; });
        ctx.restart();
        work.emplace(gyre::make_work_guard(ctx));
    }
    work.reset();
    loop.join();
    CHECK(ended == count);
}

TEST_CASE("wake-up: with two runners no post is lost either") {
    const hang_guard guard(limit());
    io_context ctx;
    auto work = gyre::make_work_guard(ctx);
    std::thread one([&] { ctx.run(); });
    std::thread two([&] { ctx.run(); });
    std::atomic<std::size_t> ran = 0;
    for (std::size_t round = 1; round <= rounds(); ++round) {
        const std::size_t before = ran;
        gyre::post(ctx, [&] { ++ran; });
        gyre::post(ctx, [&] { ++ran; });
        await([&] { return ran == before + 2; });
    }
    work.reset();
    one.join();
    two.join();
    CHECK(ran == 2 * rounds());
}

namespace {

// Each round one post or one timer, while a host that another thread plays falls asleep.
void wake_host(io_context& guest, falling_asleep& asleep, std::atomic<bool>& over) {
    std::atomic<std::size_t> ran = 0;
    const auto handler = [&] {
        ++ran;
        asleep.dawdle();
    };
    steady_timer timer(guest);
    for (std::size_t round = 1; round <= rounds(); ++round) {
        asleep.meet_or_overtake(round);
        if (round % 4 < 2) {
            gyre::post(guest, handler);
        } else {
            timer.expires_after(round % 4 == 2 ? 0ns : 1us);
            timer.async_wait([&](error_code) { handler(); });
        }
        await_soon([&] { return ran == round; });
    }
    gyre::post(guest, [&] { over = true; });
}

}  // namespace

TEST_CASE("wake-up: a host that falls asleep on the handle is called for each post and timer") {
    const hang_guard guard(limit());
    io_context guest;
    if (!watching_host::can_have(guest)) {
        return;
    }
    falling_asleep asleep;
    const auto work = gyre::make_work_guard(guest);
    std::atomic<bool> over = false;
    std::thread host([&] {
        watching_host self(guest);
        guest.poll();
        while (!over) {
            asleep.begin();
            self.sleep();
            guest.poll();
        }
    });
    wake_host(guest, asleep, over);
    host.join();
    CHECK(over);
}

TEST_CASE("wake-up: a host whose waiting thread falls asleep is called for each post and timer") {
    const hang_guard guard(limit());
    poller_watch watch;
    falling_asleep asleep(watch);
    io_context guest(poller_watch::options());
    const auto work = gyre::make_work_guard(guest);
    std::atomic<bool> over = false;
    std::thread host([&] {
        waited_for_host self(guest);
        self.run_until([&] { return over.load(); });
    });
    wake_host(guest, asleep, over);
    host.join();
    CHECK(over);
}
