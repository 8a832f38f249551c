// SPDX-License-Identifier: BSL-1.0
// What an io_context promises to the one thread that runs it: counts, ends, stops, nesting,
// exceptions, budgets and errors. Threads, destruction and timers have files of their own.

#include <gyre/assertion.hpp>
#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/counting_poller.hpp"
#include "support/hang_guard.hpp"

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

using namespace std::chrono_literals;
using gyre::io_context;
using gyre::io_context_options;
using gyre::testing::hang_guard;
using gyre::testing::poller_watch;
using gyre::testing::spin_until;
using steady = std::chrono::steady_clock;

namespace {

// Posts itself for as long as the context runs.
struct self_poster {
    io_context* ctx;
    std::size_t* calls;
    void operator()() const {
        ++*calls;
        gyre::post(*ctx, *this);
    }
};

static_assert(!std::is_copy_constructible_v<io_context>);

}  // namespace

TEST_CASE("io_context: run() without work returns at once and leaves the context stopped") {
    io_context ctx;
    CHECK_FALSE(ctx.stopped());
    CHECK(ctx.run() == 0);
    CHECK(ctx.stopped());
}

TEST_CASE("io_context: run_one(), poll() and poll_one() without work return at once and stop it") {
    const hang_guard guard;
    io_context ctx;
    CHECK(ctx.run_one() == 0);
    CHECK(ctx.stopped());
    ctx.restart();
    CHECK_FALSE(ctx.stopped());
    CHECK(ctx.poll() == 0);
    CHECK(ctx.stopped());
    ctx.restart();
    CHECK(ctx.poll_one() == 0);
    CHECK(ctx.stopped());
}

TEST_CASE("io_context: run() returns how many handlers it called, and needs restart() after") {
    io_context ctx;
    int ran = 0;
    for (int i = 0; i < 5; ++i) {
        gyre::post(ctx, [&] { ++ran; });
    }
    CHECK(ctx.run() == 5);
    CHECK(ran == 5);
    CHECK(ctx.stopped());
    gyre::post(ctx, [&] { ++ran; });
    CHECK(ctx.run() == 0);
    CHECK(ctx.poll() == 0);
    CHECK(ctx.run_one() == 0);
    CHECK(ctx.poll_one() == 0);
    CHECK(ctx.run_for(1h) == 0);
    CHECK(ctx.run_one_for(1h) == 0);
    CHECK(ran == 5);
    ctx.restart();
    CHECK(ctx.run() == 1);
    CHECK(ran == 6);
}

TEST_CASE("io_context: run_one, poll_one, poll and run call exactly as many handlers as they say") {
    io_context ctx;
    int ran = 0;
    for (int i = 0; i < 200; ++i) {
        gyre::post(ctx, [&] { ++ran; });
    }
    CHECK(ctx.run_one() == 1);
    CHECK(ran == 1);
    CHECK(ctx.poll_one() == 1);
    CHECK(ran == 2);
    CHECK(ctx.run_one_for(10s) == 1);
    CHECK(ran == 3);
    CHECK(ctx.run_one_until(steady::now() + 10s) == 1);
    CHECK(ran == 4);
    CHECK_FALSE(ctx.stopped());
    CHECK(ctx.poll() == 196);
    CHECK(ran == 200);
    CHECK(ctx.stopped());
}

TEST_CASE("io_context: poll() takes what handlers post, and does not wait for timers") {
    io_context ctx;
    gyre::steady_timer timer(ctx, 1h);
    timer.async_wait([](gyre::error_code) {});
    int ran = 0;
    gyre::post(ctx, [&] {
        ++ran;
        gyre::post(ctx, [&] { ++ran; });
    });
    CHECK(ctx.poll() == 2);
    CHECK(ran == 2);
    CHECK(ctx.poll() == 0);
    CHECK(ctx.poll_one() == 0);
    CHECK_FALSE(ctx.stopped());
}

TEST_CASE("io_context: run_for() and run_one_for() wait for the whole time when nothing comes") {
    const hang_guard guard;
    io_context ctx;
    const auto work = gyre::make_work_guard(ctx);
    auto begin = steady::now();
    CHECK(ctx.run_for(5ms) == 0);
    CHECK(steady::now() - begin >= 5ms);
    begin = steady::now();
    CHECK(ctx.run_one_for(5ms) == 0);
    CHECK(steady::now() - begin >= 5ms);
    begin = steady::now();
    CHECK(ctx.run_until(begin + 5ms) == 0);
    CHECK(steady::now() - begin >= 5ms);
    begin = steady::now();
    CHECK(ctx.run_one_until(begin + 5ms) == 0);
    CHECK(steady::now() - begin >= 5ms);
    CHECK_FALSE(ctx.stopped());
}

TEST_CASE("io_context: run_until() and run_one_until() take times of other clocks") {
    const hang_guard guard;
    io_context ctx;
    const auto work = gyre::make_work_guard(ctx);
    auto begin = steady::now();
    CHECK(ctx.run_until(std::chrono::system_clock::now() + 20ms) == 0);
    CHECK(steady::now() - begin >= 10ms);
    begin = steady::now();
    CHECK(ctx.run_one_until(std::chrono::system_clock::now() + 20ms) == 0);
    CHECK(steady::now() - begin >= 10ms);
}

TEST_CASE("io_context: run_for() ends when the work has run out, before its time") {
    const hang_guard guard;
    io_context ctx;
    gyre::post(ctx, [] {});
    CHECK(ctx.run_for(1h) == 1);
    CHECK(ctx.stopped());
    ctx.restart();
    gyre::post(ctx, [] {});
    CHECK(ctx.run_for(std::chrono::hours::max()) == 1);
    ctx.restart();
    gyre::post(ctx, [] {});
    CHECK(ctx.run_until(steady::time_point::max()) == 1);
}

TEST_CASE("io_context: run_until() a time that has passed calls nothing and does not wait") {
    const hang_guard guard;
    io_context ctx;
    int ran = 0;
    gyre::post(ctx, [&] { ++ran; });
    CHECK(ctx.run_until(steady::now() - 1s) == 0);
    CHECK(ctx.run_one_until(steady::time_point::min()) == 0);
    CHECK(ctx.run_for(-1h) == 0);
    CHECK(ctx.run_one_for(std::chrono::nanoseconds::min()) == 0);
    CHECK(ran == 0);
    CHECK_FALSE(ctx.stopped());
    CHECK(ctx.run() == 1);
}

TEST_CASE("io_context: run_until() starts no handler after its time") {
    io_context ctx;
    const auto end = steady::now() + 5ms;
    int ran = 0;
    gyre::post(ctx, [&] { spin_until(end + 1us); });
    gyre::post(ctx, [&] { ++ran; });
    CHECK(ctx.run_until(end) == 1);
    CHECK(ran == 0);
    CHECK_FALSE(ctx.stopped());
    CHECK(ctx.run() == 1);
    CHECK(ran == 1);
}

TEST_CASE("io_context: run_for() ends in time although a handler posts itself for ever") {
    const hang_guard guard;
    io_context ctx;
    std::size_t calls = 0;
    gyre::post(ctx, self_poster{&ctx, &calls});
    const auto begin = steady::now();
    const std::size_t counted = ctx.run_for(20ms);
    CHECK(steady::now() - begin >= 20ms);
    CHECK(counted == calls);
    CHECK(counted > 1);
    CHECK(ctx.run_one_for(1h) == 1);
}

TEST_CASE("io_context: a work guard keeps run() until a handler resets it") {
    const hang_guard guard;
    io_context ctx;
    auto work = gyre::make_work_guard(ctx);
    CHECK(ctx.poll() == 0);
    CHECK_FALSE(ctx.stopped());
    gyre::steady_timer timer(ctx, 5ms);
    bool over = false;
    timer.async_wait([&](gyre::error_code) {
        over = true;
        work.reset();
    });
    CHECK(ctx.run() == 1);
    CHECK(over);
    CHECK(ctx.stopped());
}

TEST_CASE("io_context: stop() before run() loses nothing and restart() brings it back") {
    io_context ctx;
    int ran = 0;
    gyre::post(ctx, [&] { ++ran; });
    ctx.stop();
    CHECK(ctx.stopped());
    CHECK(ctx.run() == 0);
    CHECK(ctx.poll() == 0);
    CHECK(ran == 0);
    ctx.restart();
    CHECK_FALSE(ctx.stopped());
    CHECK(ctx.run() == 1);
    CHECK(ran == 1);
}

TEST_CASE("io_context: stop() in a handler ends run() after it, and keeps the rest in order") {
    io_context ctx;
    std::vector<int> order;
    gyre::steady_timer timer(ctx, gyre::steady_timer::time_point::min());
    gyre::post(ctx, [&] {
        order.push_back(1);
        ctx.stop();
        CHECK(ctx.stopped());
    });
    gyre::post(ctx, [&] { order.push_back(2); });
    gyre::post(ctx, [&] { order.push_back(3); });
    CHECK(ctx.run() == 1);
    CHECK(order == std::vector{1});
    timer.async_wait([&](gyre::error_code) { order.push_back(4); });
    CHECK(ctx.run() == 0);
    ctx.restart();
    CHECK(ctx.run() == 3);
    REQUIRE(order.size() == 4);
    CHECK(order[1] < order[2]);
}

TEST_CASE("io_context: stop() in the last handler still needs restart() and runs later work") {
    io_context ctx;
    gyre::post(ctx, [&] { ctx.stop(); });
    CHECK(ctx.run() == 1);
    int ran = 0;
    gyre::post(ctx, [&] { ++ran; });
    CHECK(ctx.run() == 0);
    ctx.restart();
    CHECK(ctx.run() == 1);
    CHECK(ran == 1);
}

TEST_CASE("io_context: poll() inside a handler runs what is ready, and run() goes on after it") {
    io_context ctx;
    std::vector<int> order;
    gyre::post(ctx, [&] {
        order.push_back(1);
        CHECK(ctx.poll() == 2);
        CHECK_FALSE(ctx.stopped());
        CHECK(ctx.poll() == 0);
        CHECK_FALSE(ctx.stopped());
        order.push_back(4);
        gyre::post(ctx, [&] { order.push_back(5); });
    });
    gyre::post(ctx, [&] { order.push_back(2); });
    gyre::post(ctx, [&] { order.push_back(3); });
    CHECK(ctx.run() == 2);
    CHECK(order == std::vector{1, 2, 3, 4, 5});
}

TEST_CASE("io_context: run_one() inside a handler runs one, and waits for it if it must") {
    const hang_guard guard;
    io_context ctx;
    gyre::steady_timer timer(ctx);
    std::vector<int> order;
    gyre::post(ctx, [&] {
        CHECK(ctx.run_one() == 1);
        CHECK(order == std::vector{1});
        timer.expires_after(2ms);
        timer.async_wait([&](gyre::error_code) { order.push_back(3); });
        CHECK(ctx.run_one() == 1);
        CHECK(ctx.run_one() == 1);
        CHECK(order == std::vector{1, 2, 3});
    });
    gyre::post(ctx, [&] { order.push_back(1); });
    gyre::post(ctx, [&] { order.push_back(2); });
    CHECK(ctx.run() == 1);
}

TEST_CASE("io_context: run() inside a handler returns after stop(), and the outer one with it") {
    const hang_guard guard;
    io_context ctx;
    int ran = 0;
    gyre::post(ctx, [&] {
        CHECK(ctx.run() == 2);
        ++ran;
    });
    gyre::post(ctx, [&] { ++ran; });
    gyre::post(ctx, [&] { ctx.stop(); });
    gyre::post(ctx, [&] { ++ran; });
    CHECK(ctx.run() == 1);
    CHECK(ran == 2);
    ctx.restart();
    CHECK(ctx.run() == 1);
    CHECK(ran == 3);
}

TEST_CASE("io_context: run_for() inside a handler returns in time") {
    const hang_guard guard;
    io_context ctx;
    gyre::post(ctx, [&] {
        const auto begin = steady::now();
        CHECK(ctx.run_for(5ms) == 1);
        CHECK(steady::now() - begin >= 5ms);
    });
    gyre::post(ctx, [] {});
    CHECK(ctx.run() == 1);
}

TEST_CASE("io_context: an exception leaves run(), and all the rest runs when it is entered again") {
    io_context ctx;
    std::vector<int> order;
    gyre::post(ctx, [&] { order.push_back(1); });
    gyre::post(ctx, [] { throw std::runtime_error("first"); });
    gyre::post(ctx, [&] { order.push_back(2); });
    gyre::post(ctx, [] { throw std::logic_error("second"); });
    gyre::post(ctx, [&] { order.push_back(3); });
    CHECK_THROWS_AS(ctx.run(), std::runtime_error);
    CHECK_FALSE(ctx.stopped());
    CHECK(order == std::vector{1});
    CHECK_THROWS_AS(ctx.poll(), std::logic_error);
    CHECK(order == std::vector{1, 2});
    CHECK(ctx.run() == 1);
    CHECK(order == std::vector{1, 2, 3});
    CHECK(ctx.stopped());
}

TEST_CASE("io_context: an exception of the last handler leaves no work behind") {
    const hang_guard guard;
    io_context ctx;
    gyre::post(ctx, [] { throw 1; });
    CHECK_THROWS_AS(ctx.run_one(), int);
    CHECK(ctx.run() == 0);
    CHECK(ctx.stopped());
}

TEST_CASE("io_context: an exception passes through nested poll() and keeps the others' handlers") {
    io_context ctx;
    int ran = 0;
    bool caught = false;
    gyre::post(ctx, [&] {
        try {
            ctx.poll();
        } catch (const std::runtime_error&) {
            caught = true;
        }
    });
    gyre::post(ctx, [] { throw std::runtime_error("inner"); });
    gyre::post(ctx, [&] { ++ran; });
    CHECK(ctx.run() == 2);
    CHECK(caught);
    CHECK(ran == 1);
}

TEST_CASE("io_context: an exception of a timer's handler keeps the timers due in the same turn") {
    const hang_guard guard;
    io_context ctx;
    gyre::steady_timer a(ctx, gyre::steady_timer::time_point::min());
    gyre::steady_timer b(ctx, gyre::steady_timer::time_point::min());
    int ran = 0;
    a.async_wait([](gyre::error_code) { throw std::runtime_error("timer"); });
    b.async_wait([&](gyre::error_code) { ++ran; });
    CHECK_THROWS_AS(ctx.run(), std::runtime_error);
    CHECK(ctx.run() == 1);
    CHECK(ran == 1);
}

TEST_CASE("io_context: a handler that posts itself starves no timer") {
    const hang_guard guard;
    io_context ctx;
    std::size_t calls = 0;
    gyre::steady_timer timer(ctx, 2ms);
    gyre::post(ctx, self_poster{&ctx, &calls});
    timer.async_wait([&](gyre::error_code) { ctx.stop(); });
    ctx.run();
    CHECK(calls > 0);
}

TEST_CASE("io_context: a timer that is always due starves no posted handler") {
    const hang_guard guard;
    io_context ctx;
    gyre::steady_timer timer(ctx, gyre::steady_timer::time_point::min());
    std::size_t fired = 0;
    std::function<void(gyre::error_code)> again = [&](gyre::error_code) {
        ++fired;
        timer.async_wait(std::ref(again));
    };
    timer.async_wait(std::ref(again));
    std::size_t posts = 0;
    std::function<void()> step = [&] {
        if (++posts == 1000) {
            ctx.stop();
        } else {
            gyre::post(ctx, std::ref(step));
        }
    };
    gyre::post(ctx, std::ref(step));
    ctx.run();
    CHECK(posts == 1000);
    CHECK(fired > 0);
}

TEST_CASE("io_context: posted handlers ask the poller once a budget, not once each") {
    const hang_guard guard;
    poller_watch watch;
    io_context_options options = poller_watch::options();
    options.time_per_turn = 10'000'000'000;
    options.handlers_per_turn = GENERATE(1, 10, 64);
    io_context ctx(options);
    // The poller is only asked while a handle is registered.
    gyre::ip::tcp::acceptor acceptor(ctx, gyre::ip::tcp::endpoint(gyre::ip::tcp::v4(), 0));
    acceptor.async_accept([](gyre::error_code, const gyre::ip::tcp::socket&) {});
    ctx.poll();
    const std::size_t before = watch.waits;
    int left = 640;
    std::function<void()> step = [&] {
        if (--left > 0) {
            gyre::post(ctx, std::ref(step));
        } else {
            ctx.stop();
        }
    };
    gyre::post(ctx, std::ref(step));
    CHECK(ctx.run() == 640);
    const std::size_t turns = 640 / options.handlers_per_turn;
    CHECK(watch.waits - before >= turns - 1);
    CHECK(watch.waits - before <= turns + 2);
}

TEST_CASE("io_context: posts and due timers alone make no system call") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    int left = 1000;
    gyre::steady_timer timer(ctx);
    std::function<void()> step = [&] {
        if (--left > 0) {
            gyre::post(ctx, std::ref(step));
            timer.async_wait([](gyre::error_code) {});
        }
    };
    gyre::post(ctx, std::ref(step));
    CHECK(ctx.run() == 1999);
    CHECK(watch.waits == 0);
    CHECK(watch.notifies == 0);
}

TEST_CASE("io_context: the smallest budgets still run everything in order") {
    const hang_guard guard;
    io_context_options options;
    options.handlers_per_turn = 1;
    options.inbox_per_turn = 1;
    options.timers_per_turn = 1;
    options.events_per_wait = 1;
    options.ring_capacity = 1;
    options.time_per_turn = 1;
    io_context ctx(options);
    std::vector<int> posts;
    std::vector<int> fired;
    std::vector<gyre::steady_timer> timers;
    for (int i = 0; i < 100; ++i) {
        gyre::post(ctx, [&posts, i] { posts.push_back(i); });
        timers.emplace_back(ctx, gyre::steady_timer::time_point(std::chrono::nanoseconds(1)));
        timers.back().async_wait([&fired, i](gyre::error_code) { fired.push_back(i); });
    }
    CHECK(ctx.run() == 200);
    std::vector<int> expected(100);
    for (int i = 0; i < 100; ++i) {
        expected[static_cast<std::size_t>(i)] = i;
    }
    CHECK(posts == expected);
    CHECK(fired == expected);
}

TEST_CASE("io_context: options that nothing could run with are a broken precondition") {
    struct broken {};
    const auto old =
        gyre::set_assertion_handler([](const char*, const char*, int) { throw broken(); });
    const auto refused = [](auto change) {
        io_context_options options;
        change(options);
        CHECK_THROWS_AS(io_context(options), broken);
    };
    refused([](auto& o) { o.ring_capacity = 0; });
    refused([](auto& o) { o.ring_capacity = 65535; });
    refused([](auto& o) { o.inbox_per_turn = 0; });
    refused([](auto& o) { o.events_per_wait = 0; });
    refused([](auto& o) { o.handlers_per_turn = 0; });
    refused([](auto& o) { o.timers_per_turn = 0; });
    refused([](auto& o) { o.accept_batch = 0; });
    refused([](auto& o) { o.time_per_turn = -1; });
    refused([](auto& o) { o.accept_pause = -1; });
    gyre::set_assertion_handler(old);
}

TEST_CASE("io_context: now() stands still inside a handler and is fresh outside") {
    io_context ctx;
    const auto before = steady::now();
    const auto outside = ctx.now();
    CHECK(outside >= before);
    CHECK(outside <= steady::now());
    std::optional<steady::time_point> first;
    gyre::post(ctx, [&] {
        first = ctx.now();
        spin_until(steady::now() + 2ms);
        CHECK(ctx.now() == *first);
    });
    CHECK(ctx.run() == 1);
    const auto end = steady::now();
    CHECK(first >= before);
    CHECK(first <= end - 2ms);
    CHECK(ctx.now() >= end);
    ctx.restart();
    gyre::post(ctx, [&] { CHECK(ctx.now() >= end); });
    CHECK(ctx.run() == 1);
}

TEST_CASE("io_context: now() is taken afresh by each call that runs handlers") {
    io_context ctx;
    steady::time_point before;
    for (int i = 0; i < 4; ++i) {
        gyre::post(ctx, [&] { CHECK(ctx.now() >= before); });
    }
    before = steady::now();
    CHECK(ctx.run_one() == 1);
    before = steady::now();
    CHECK(ctx.poll_one() == 1);
    before = steady::now();
    CHECK(ctx.run_one_for(1h) == 1);
    before = steady::now();
    CHECK(ctx.run() == 1);
}

TEST_CASE("io_context: now() is taken afresh after the loop slept") {
    const hang_guard guard;
    io_context ctx;
    gyre::steady_timer timer(ctx, 3ms);
    timer.async_wait([&](gyre::error_code) { CHECK(ctx.now() >= timer.expiry()); });
    CHECK(ctx.run() == 1);
}

TEST_CASE("io_context: a poller that can't be made is a system_error of the constructor") {
    static constexpr gyre::poller_factory broken{
        "broken", [](std::error_code& error) noexcept -> gyre::poller* {
            error = std::make_error_code(std::errc::too_many_files_open);
            return nullptr;
        }};
    io_context_options options;
    options.poller = &broken;
    try {
        const io_context ctx(options);
        FAIL("constructed");
    } catch (const std::system_error& e) {
        CHECK(e.code() == std::errc::too_many_files_open);
    }
}

TEST_CASE("io_context: a GYRE_POLLER that is not there is an error, and goes before the table") {
    const char* const wish = std::getenv("GYRE_POLLER");
    const std::string old = wish != nullptr ? wish : "";
    ::setenv("GYRE_POLLER", "no-such-poller", 1);
    CHECK_THROWS_AS(io_context(), std::system_error);
    for (const gyre::poller_factory& entry : gyre::pollers()) {
        ::setenv("GYRE_POLLER", entry.name, 1);
        CHECK(std::string(io_context().poller_name()) == entry.name);
    }
    io_context_options options;
    options.poller = &gyre::pollers().back();
    CHECK(std::string(io_context(options).poller_name()) == options.poller->name);
    if (wish != nullptr) {
        ::setenv("GYRE_POLLER", old.c_str(), 1);
    } else {
        ::unsetenv("GYRE_POLLER");
    }
}

TEST_CASE("io_context: a failing wait leaves run() as system_error and loses nothing") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    gyre::steady_timer timer(ctx, 5ms);
    int fired = 0;
    timer.async_wait([&](gyre::error_code error) { fired += error ? 100 : 1; });
    watch.failures = 1;
    try {
        ctx.run();
        FAIL("no exception");
    } catch (const std::system_error& e) {
        CHECK(e.code() == std::errc::not_enough_memory);
    }
    CHECK_FALSE(ctx.stopped());
    int posted = 0;
    gyre::post(ctx, [&] { ++posted; });
    watch.failures = 1;
    CHECK_THROWS_AS(ctx.run(), std::system_error);
    ctx.run();
    CHECK(posted == 1);
    CHECK(fired == 1);
}

TEST_CASE("io_context: contexts do not disturb each other when run by one thread") {
    io_context a;
    io_context b(1);
    int ran = 0;
    gyre::post(a, [&] {
        gyre::post(b, [&] {
            CHECK(b.get_executor().running_in_this_thread());
            CHECK(a.get_executor().running_in_this_thread());
            gyre::post(a, [&] { ++ran; });
        });
        CHECK(b.run() == 1);
        CHECK_FALSE(b.get_executor().running_in_this_thread());
    });
    CHECK(a.run() == 2);
    CHECK(ran == 1);
    CHECK_FALSE(a.get_executor().running_in_this_thread());
}

#if defined(__linux__)
TEST_CASE("io_context: the timer slack is the thread's inside run() and put back after it") {
    io_context_options options;
    options.timer_slack = 1234;
    io_context ctx(options);
    const int before = ::prctl(PR_GET_TIMERSLACK);
    int inside = 0;
    gyre::post(ctx, [&] { inside = ::prctl(PR_GET_TIMERSLACK); });
    ctx.run();
    CHECK(inside == 1234);
    CHECK(::prctl(PR_GET_TIMERSLACK) == before);
}
#endif
