// SPDX-License-Identifier: BSL-1.0
// The token by itself: who gets it, who waits for it, and that nobody waits while it is free.

#include "core/token.hpp"
#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/latch.hpp"

#include <atomic>
#include <chrono>
#include <thread>

using namespace std::chrono_literals;
using gyre::time_ns;
using gyre::detail::attention;
using gyre::detail::token;
using gyre::testing::await;
using gyre::testing::hang_guard;
using gyre::testing::spin_until;
using steady = std::chrono::steady_clock;

namespace {

time_ns to_ns(steady::time_point at) { return at.time_since_epoch().count(); }

}  // namespace

TEST_CASE("token: one holder at a time, and free again when it gives up") {
    const hang_guard guard;
    attention look;
    token t(look);
    CHECK(t.try_take());
    CHECK_FALSE(t.try_take());
    t.give_back();
    CHECK(t.take(gyre::immediately));
    CHECK_FALSE(t.try_take());
    CHECK_FALSE(t.take(gyre::immediately));
    CHECK_FALSE(t.take(to_ns(steady::now() + 1ms)));
    CHECK_FALSE(look.has_waiters());
    t.give_up();
    CHECK(t.take(gyre::no_deadline));
}

TEST_CASE("token: who does not want to wait waits for the end of a call all the same") {
    const hang_guard guard;
    const bool another_waits = GENERATE(false, true);
    attention look;
    token t(look);
    REQUIRE(t.try_take());
    std::thread runs([&] {
        if (another_waits && t.take(gyre::no_deadline)) {
            t.give_up();
        }
    });
    if (another_waits) {
        await([&] { return look.has_waiters(); });
    }
    bool got = false;
    std::atomic<bool> back{false};
    std::thread polls([&] {
        got = t.take(gyre::immediately);
        back = true;
    });
    await([&] { return another_waits || look.has_waiters(); });
    CHECK_FALSE(back);
    t.give_back();
    polls.join();
    CHECK((got || another_waits));
    if (got) {
        t.give_up();
    }
    runs.join();
}

TEST_CASE("token: a runner that was told of something does not let go before it has looked") {
    attention look;
    token t(look);
    REQUIRE(t.take(gyre::immediately));
    CHECK_FALSE(t.take_unless_run());
    CHECK_FALSE(t.take_or_tell());
    CHECK_FALSE(t.take_or_tell());
    CHECK_FALSE(t.take(gyre::immediately));
    CHECK_FALSE(t.give_up());
    CHECK_FALSE(t.try_take());
    CHECK(t.give_up());
    CHECK(t.take_or_tell());  // nobody is there to be told
    CHECK_FALSE(t.try_take());
}

TEST_CASE("token: a call that has to act waits for the end of another call") {
    const hang_guard guard;
    const bool tells = GENERATE(false, true);
    attention look;
    token t(look);
    REQUIRE(t.try_take());
    std::atomic<bool> inside{false};
    std::atomic<bool> taken{false};
    std::thread acts([&] {
        inside = true;
        taken = tells ? t.take_or_tell() : t.take_unless_run();
    });
    await([&] { return inside.load(); });
    CHECK_FALSE(taken);
    t.give_back();
    acts.join();
    CHECK(taken);
    CHECK_FALSE(t.try_take());
}

TEST_CASE("token: a call makes way for a thread that waits") {
    attention look;
    token t(look);
    look.add_waiter();
    CHECK_FALSE(t.try_take());
    CHECK(t.take(gyre::immediately));
    t.give_up();
    CHECK_FALSE(look.remove_waiter());
    CHECK(t.try_take());
}

TEST_CASE("token: who waits is seen, gets it when it is free, or leaves when all is stopped") {
    const hang_guard guard;
    attention look;
    token t(look);
    REQUIRE(t.try_take());
    bool got = false;
    std::thread waits([&] { got = t.take(gyre::no_deadline); });
    await([&] { return look.has_waiters(); });
    t.give_back();
    waits.join();
    CHECK(got);
    std::thread leaves([&] { got = t.take(gyre::no_deadline); });
    await([&] { return look.has_waiters(); });
    look.stop();
    t.wake_all();
    leaves.join();
    CHECK_FALSE(got);
    CHECK_FALSE(t.try_take());
}

TEST_CASE("token: who gives up waiting does not take the wake-up of another one along") {
    const hang_guard guard;
    for (int round = 0; round < 2000; ++round) {
        attention look;
        token t(look);
        REQUIRE(t.take(gyre::immediately));
        const auto end = steady::now() + 200us;
        gyre::testing::latch ready(3);
        std::thread leaves([&] {
            ready.arrive_and_wait();
            if (t.take(to_ns(end))) {
                t.give_up();
            }
        });
        std::thread stays([&] {
            ready.arrive_and_wait();
            t.take(gyre::no_deadline);
        });
        ready.arrive_and_wait();
        spin_until(end - 50us + std::chrono::microseconds(round % 100));
        t.give_up();
        leaves.join();
        stays.join();  // hangs if the token is free and nobody told it
    }
}
