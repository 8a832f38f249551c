// SPDX-License-Identifier: BSL-1.0
// What is chosen when a context is made, and what its bounds do.

#include <gyre/assertion.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/counting_poller.hpp"
#include "support/environment.hpp"
#include "support/hang_guard.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <system_error>
#include <vector>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

using namespace std::chrono_literals;
using gyre::io_context;
using gyre::io_context_options;
using gyre::testing::hang_guard;
using gyre::testing::poller_watch;

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

TEST_CASE("io_context: posts and due timers alone make no system call", "[D12]") {
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

TEST_CASE("io_context: a timer of less than a millisecond costs two waits at most", "[L3]") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    constexpr std::size_t count = 50;
    std::size_t fired = 0;
    gyre::steady_timer timer(ctx);
    std::function<void(gyre::error_code)> again = [&](gyre::error_code) {
        if (++fired < count) {
            timer.expires_after(900us);
            timer.async_wait(std::ref(again));
        }
    };
    timer.expires_after(900us);
    timer.async_wait(std::ref(again));
    CHECK(ctx.run() == count);
    CHECK(watch.waits <= 2 * count);
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
    {
        const gyre::testing::environment wish("GYRE_POLLER", "no-such-poller");
        CHECK_THROWS_AS(io_context(), std::system_error);
    }
    for (const gyre::poller_factory& entry : gyre::pollers()) {
        const gyre::testing::environment wish("GYRE_POLLER", entry.name);
        CHECK(std::string(io_context().poller_name()) == entry.name);
    }
    io_context_options options;
    options.poller = &gyre::pollers().back();
    CHECK(std::string(io_context(options).poller_name()) == options.poller->name);
}

#if defined(__linux__)
TEST_CASE("io_context: the timer slack is the thread's inside run() and put back after it",
          "[linux]") {
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
