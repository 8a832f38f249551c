// SPDX-License-Identifier: BSL-1.0
//
// Turns of the loop with more timers than one turn takes: what else is ready gets its turn, and
// nothing is forgotten. The clock is the test's.
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/manual_world.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using gyre::error_code;
using gyre::steady_timer;

struct many_timers {
    many_timers(gyre::io_context& context, std::size_t count) {
        timers.reserve(count);
        for (std::size_t i = 0; i != count; ++i) {
            timers.emplace_back(context);
        }
    }
    template <class Time>
    void start(Time time) {
        for (std::size_t i = 0; i != timers.size(); ++i) {
            timers[i].expires_after(time(i));
            timers[i].async_wait([this](error_code e) { fired += e ? 0 : 1; });
        }
    }

    std::vector<steady_timer> timers;
    std::size_t fired = 0;
};

// Posts itself until all timers have fired, and sees how many did in between.
struct bystander {
    gyre::io_context& context;
    const many_timers& all;
    std::size_t seen = 0;
    std::size_t most = 0;

    void again() {
        most = std::max(most, all.fired - seen);
        seen = all.fired;
        if (all.fired != all.timers.size()) {
            gyre::post(context, [this] { again(); });
        }
    }
};

}  // namespace

TEST_CASE("turn: a post does not stand behind more timers than a turn takes") {
    gyre::testing::manual_world world;
    gyre::io_context_options options = world.options();
    options.timers_per_turn = GENERATE(std::size_t{1}, std::size_t{50}, std::size_t{256});
    gyre::io_context context(options);
    const bool equal = GENERATE(true, false);
    CAPTURE(options.timers_per_turn, equal);
    many_timers all(context, 20'000);
    all.start(
        [&](std::size_t i) { return 1s + (equal ? 0ns : std::chrono::nanoseconds(i * 50'000)); });
    bystander post{context, all};
    gyre::post(context, [&] { post.again(); });
    world.advance(3'000'000'000);
    context.run();
    CHECK(all.fired == all.timers.size());
    CHECK(post.most > 0);
    CHECK(post.most <= options.timers_per_turn + 16);
}

TEST_CASE("turn: timers set for a time that has come do not keep others from firing", "[L12]") {
    gyre::testing::manual_world world;
    gyre::io_context context(world.options());
    many_timers all(context, 2'000);
    all.start([](std::size_t) { return 1ms; });
    std::vector<steady_timer> expired;
    std::size_t rounds = 0;
    for (int i = 0; i != 1'000; ++i) {
        expired.emplace_back(context);
    }
    struct again {
        steady_timer& timer;
        many_timers& all;
        std::size_t& rounds;
        void operator()(error_code) const {
            ++rounds;
            if (all.fired != all.timers.size() && rounds < 1'000'000) {
                timer.async_wait(again(*this));
            }
        }
    };
    for (steady_timer& timer : expired) {
        timer.async_wait(again{timer, all, rounds});
    }
    world.advance(2'000'000);
    context.run();
    CHECK(all.fired == all.timers.size());
    CHECK(rounds < 1'000'000);
}

TEST_CASE("turn: poll fires all that is due, however much has to be moved first") {
    gyre::testing::manual_world world;
    gyre::io_context_options options = world.options();
    options.timers_per_turn = GENERATE(std::size_t{1}, std::size_t{256});
    gyre::io_context context(options);
    many_timers all(context, 5'000);
    all.start([](std::size_t i) { return 10min + std::chrono::microseconds(i); });
    for (steady_timer& timer : all.timers) {
        timer.cancel();  // in the queue for a time that nobody waits for
    }
    context.poll();
    steady_timer last(context, 11min);
    bool rang = false;
    last.async_wait([&](error_code e) { rang = !e; });
    world.advance(3'600'000'000'000);
    context.restart();
    CHECK(context.poll() == 1);
    CHECK(rang);

    all.start([](std::size_t i) { return 10min + std::chrono::microseconds(i); });
    world.advance(3'600'000'000'000);
    context.restart();
    CHECK(context.poll() == all.timers.size());
    CHECK(all.fired == all.timers.size());
}

TEST_CASE("turn: the loop wakes a few times for five thousand equal timeouts") {
    gyre::testing::manual_world world;
    gyre::io_context context(world.options());
    many_timers all(context, 5'000);
    all.start([](std::size_t) { return 30s; });
    const gyre::time_ns start = world.now();
    context.run();
    CHECK(all.fired == all.timers.size());
    CHECK(world.now() == start + 30'000'000'000);
    CHECK(world.sleeps() <= 4);
}

TEST_CASE("turn: a timeout that is extended with each message costs a few wakes") {
    gyre::testing::manual_world world;
    gyre::io_context context(world.options());
    many_timers all(context, 1'000);
    all.start([](std::size_t) { return 30s; });
    steady_timer message(context);
    std::size_t messages = 0;
    struct receive {
        many_timers& all;
        steady_timer& message;
        std::size_t& messages;
        void operator()(error_code) const {
            steady_timer& idle = all.timers[messages % all.timers.size()];
            idle.expires_after(30s);
            idle.async_wait([this_ = &all](error_code e) { this_->fired += e ? 0 : 1; });
            if (++messages != 100'000) {
                message.expires_after(1ms);
                message.async_wait(*this);
            }
        }
    };
    message.expires_after(1ms);
    message.async_wait(receive{all, message, messages});
    context.run();
    CHECK(messages == 100'000);
    CHECK(all.fired == all.timers.size());
    // One for each message and each timeout at the end; 100 s are four lengths of a timeout, each
    // of 112 buckets.
    CHECK(world.sleeps() <= messages + all.timers.size() + 600);
}
