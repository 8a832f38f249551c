// SPDX-License-Identifier: BSL-1.0
//
// Who allocates, and what happens when nobody can.

#include <gyre/cancel_after.hpp>
#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/hang_guard.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <thread>

using namespace std::chrono_literals;
using gyre::error_code;
using gyre::io_context;
using gyre::io_context_options;
using gyre::steady_timer;
using gyre::testing::allocations;
using gyre::testing::await;
using gyre::testing::hang_guard;

namespace {

// Calls f() some times to get warm, then counts the allocations of many more calls.
template <class F>
std::size_t steady_allocations(F f, int times = 20'000) {
    for (int i = 0; i < 2000; ++i) {
        f();
    }
    const std::size_t before = allocations;
    for (int i = 0; i < times; ++i) {
        f();
    }
    return allocations - before;
}

void post_chain(io_context& ctx, int left) {
    if (left > 0) {
        gyre::post(ctx, [&ctx, left] { post_chain(ctx, left - 1); });
    }
}

// Lets the first, second, ... allocation inside f() fail until f() needs no more.
template <class F>
int with_each_allocation_failing(F f) {
    for (int n = 0; n < 10'000; ++n) {
        bool failed = false;
        gyre::testing::allocations_until_failure = n;
        try {
            f();
        } catch (const std::bad_alloc&) {
            failed = true;
        } catch (const std::system_error& e) {
            failed = e.code() == std::errc::not_enough_memory;
        }
        const bool used = gyre::testing::allocations_until_failure < 0;
        gyre::testing::allocations_until_failure = gyre::testing::never_fails;
        if (!used) {
            return failed ? -1 : n;
        }
    }
    return -1;
}

std::size_t pollers_count() { return gyre::pollers().size(); }

}  // namespace

TEST_CASE("allocation: the counter sees operator new and malloc") {
    const std::size_t before = allocations;
    auto made = std::make_unique<int>(1);
    CHECK(allocations > before);
    if (gyre::testing::malloc_is_counted) {
        const std::size_t between = allocations;
        void* volatile block = std::malloc(100);
        std::free(block);
        CHECK(allocations > between);
    }
    gyre::testing::allocations_until_failure = 0;
    bool thrown = false;
    try {
        made = std::make_unique<int>(2);
    } catch (const std::bad_alloc&) {
        thrown = true;
    }
    gyre::testing::allocations_until_failure = gyre::testing::never_fails;
    CHECK(thrown);
}

TEST_CASE("allocation: a chain of posts allocates nothing in the steady state") {
    io_context_options options;
    options.poller = &gyre::pollers()[GENERATE(range(std::size_t{0}, pollers_count()))];
    io_context ctx(options);
    CHECK(steady_allocations([&] {
              post_chain(ctx, 10);
              ctx.run();
              ctx.restart();
          }) == 0);
}

TEST_CASE("allocation: a thousand posts at once allocate nothing in the steady state") {
    io_context ctx;
    std::size_t ran = 0;
    CHECK(steady_allocations(
              [&] {
                  for (int i = 0; i < 1000; ++i) {
                      gyre::post(ctx, [&ran, i] { ran += static_cast<std::size_t>(i); });
                  }
                  ctx.run();
                  ctx.restart();
              },
              20) == 0);
}

TEST_CASE("allocation: arming, cancelling and firing timers allocates nothing") {
    io_context_options options;
    options.poller = &gyre::pollers()[GENERATE(range(std::size_t{0}, pollers_count()))];
    io_context ctx(options);
    steady_timer rearmed(ctx);
    steady_timer cancelled(ctx);
    steady_timer fired(ctx);
    const auto base = std::chrono::steady_clock::now() + 1h;
    int n = 0;
    CHECK(steady_allocations([&] {
              rearmed.expires_at(base + std::chrono::microseconds(++n));
              rearmed.async_wait([](error_code) {});
              cancelled.expires_after(2h);
              cancelled.async_wait([](error_code) {});
              cancelled.cancel();
              fired.expires_after(0ns);
              fired.async_wait([](error_code) {});
              steady_timer born(ctx, 3h);
              born.async_wait([](error_code) {});
              ctx.poll();
          }) == 0);
}

TEST_CASE("allocation: a deadline on an operation allocates nothing") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx, 1h);
    int ended = 0;
    const std::size_t allocated = steady_allocations([&] {
        timer.async_wait(gyre::cancel_after(1h, [&](error_code) { ++ended; }));
        timer.async_wait(gyre::cancel_after(0s, [&](error_code) { ++ended; }));
        timer.cancel();
        ctx.restart();
        ctx.run();
    });
    CHECK(ended == 44'000);
    CHECK(allocated == 0);
}

TEST_CASE("allocation: timers that sleep and fire in run() allocate nothing") {
    const hang_guard guard;
    io_context_options options;
    options.poller = &gyre::pollers()[GENERATE(range(std::size_t{0}, pollers_count()))];
    io_context ctx(options);
    steady_timer timer(ctx);
    const auto once = [&] {
        timer.expires_after(1us);
        timer.async_wait([](error_code) {});
        ctx.run();
        ctx.restart();
    };
    for (int i = 0; i < 100; ++i) {
        once();
    }
    const std::size_t before = allocations;
    for (int i = 0; i < 500; ++i) {
        once();
    }
    CHECK(allocations - before == 0);
}

TEST_CASE("allocation: posts and timers from another thread allocate nothing") {
    const hang_guard guard;
    io_context ctx;
    auto work = gyre::make_work_guard(ctx);
    std::thread loop([&] { ctx.run(); });
    std::size_t counted = 0;
    {
        steady_timer timer(ctx);
        std::atomic<int> ran = 0;
        int expected = 0;
        counted = steady_allocations(
            [&] {
                gyre::post(ctx, [&] { ++ran; });
                timer.expires_after(0ns);
                timer.async_wait([&](error_code) { ++ran; });
                expected += 2;
                await([&] { return ran == expected; });
            },
            5000);
    }
    work.reset();
    loop.join();
    CHECK(counted == 0);
}

TEST_CASE("allocation: a large handler costs one block, and gives it back") {
    io_context ctx;
    struct large {
        char bytes[4096] = {};
        void operator()() const {}
    };
    CHECK(steady_allocations(
              [&] {
                  gyre::post(ctx, large());
                  ctx.run();
                  ctx.restart();
              },
              100) == 100);
}

TEST_CASE("allocation: when any allocation of its constructor fails a context leaves nothing") {
    io_context_options options;
    options.poller = &gyre::pollers()[GENERATE(range(std::size_t{0}, pollers_count()))];
    INFO(options.poller->name);
    // That no descriptor is left open is checked after every case.
    CHECK(with_each_allocation_failing([&] { const io_context ctx(options); }) > 0);
}

TEST_CASE("allocation: when any allocation of the first operations fails they throw and go on") {
    io_context_options options;
    options.poller = &gyre::pollers()[GENERATE(range(std::size_t{0}, pollers_count()))];
    INFO(options.poller->name);
    int ran = 0;
    CHECK(with_each_allocation_failing([&] {
              const long wanted = gyre::testing::allocations_until_failure;
              gyre::testing::allocations_until_failure = gyre::testing::never_fails;
              io_context ctx(options);
              std::size_t started = 0;
              int before = ran;
              gyre::testing::allocations_until_failure = wanted;
              try {
                  gyre::post(ctx, [&] { ++ran; });
                  ++started;
                  steady_timer timer(ctx);
                  timer.async_wait([&](error_code) { ++ran; });
                  ++started;
                  steady_timer soon(ctx, 1us);
                  soon.async_wait([&](error_code) { ++ran; });
                  ++started;
                  ctx.run();
              } catch (...) {
                  const long left = gyre::testing::allocations_until_failure;
                  gyre::testing::allocations_until_failure = gyre::testing::never_fails;
                  ctx.run();
                  const bool all = ran - before == static_cast<int>(started);
                  gyre::testing::allocations_until_failure = left;
                  if (!all) {
                      throw std::string("an operation was lost");
                  }
                  throw;
              }
          }) >= 0);
}

TEST_CASE("allocation: when the slot of a type can't be made nothing is stored") {
    io_context ctx;
    struct service {
        int value = 3;
    };
    gyre::testing::allocations_until_failure = 0;
    bool thrown = false;
    try {
        ctx.slot<service>();
    } catch (const std::bad_alloc&) {
        thrown = true;
    }
    gyre::testing::allocations_until_failure = gyre::testing::never_fails;
    CHECK(thrown);
    CHECK(ctx.slot<service>().value == 3);
}
