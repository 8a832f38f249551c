// SPDX-License-Identifier: BSL-1.0
// What lookups and waits for signals allocate, and what happens when any of it fails.

#include <gyre/io_context.hpp>
#include <gyre/ip/basic_resolver.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/signal_set.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/name_world.hpp"
#include "support/signal_sets.hpp"

#include <csignal>
#include <cstddef>
#include <new>
#include <optional>
#include <system_error>

using gyre::error_code;
using gyre::io_context;
using gyre::signal_set;
using gyre::ip::tcp;
using gyre::testing::allocations;
using gyre::testing::hang_guard;
using gyre::testing::is_default;
using gyre::testing::name_world;
using gyre::testing::signal_a;
using gyre::testing::signal_b;

namespace {

// Calls f() with its first, second, ... allocation failing, until it needs no more. f() itself
// tells whether it ended well; how many ways to fail there are is returned, -1 if it did not.
template <class F>
int each_allocation_failing(F f) {
    for (int n = 0; n < 1000; ++n) {
        gyre::testing::allocations_until_failure = n;
        const bool well = f();
        const bool used = gyre::testing::allocations_until_failure < 0;
        gyre::testing::allocations_until_failure = gyre::testing::never_fails;
        if (!well) {
            return -1;
        }
        if (!used) {
            return n;
        }
    }
    return -1;
}

// Runs f() with memory to be had.
template <class F>
void with_memory(F f) {
    const long left = gyre::testing::allocations_until_failure;
    gyre::testing::allocations_until_failure = gyre::testing::never_fails;
    f();
    gyre::testing::allocations_until_failure = left;
}

}  // namespace

TEST_CASE("allocation: when any allocation of a lookup fails it throws, or its handler is told") {
    const hang_guard guard;
    name_world world(name_world::jobs::held);
    const char* host = GENERATE("127.0.0.1", "name");
    CAPTURE(host);
    const bool numeric = host[0] == '1';
    CHECK(each_allocation_failing([&] {
              std::optional<io_context> ctx;
              std::optional<tcp::resolver> resolver;
              with_memory([&] {
                  ctx.emplace(world.options());
                  resolver.emplace(*ctx);
              });
              int calls = 0;
              error_code error;
              bool thrown = false;
              try {
                  resolver->async_resolve(host, "80",
                                          [&](error_code e, const tcp::resolver::results_type&) {
                                              ++calls;
                                              error = e;
                                          });
                  if (!numeric && world.held() != 0) {
                      world.run_job();
                  }
              } catch (const std::bad_alloc&) {
                  thrown = true;
              }
              bool well = false;
              with_memory([&] {
                  ctx->run();
                  well = thrown ? calls == 0
                                : calls == 1 && (!error || error == gyre::error::no_memory);
                  world.drop_jobs();
                  resolver.reset();
                  ctx.reset();
              });
              return well;
          }) > 3);
}

TEST_CASE("allocation: when any allocation of a signal set fails nothing stays behind") {
    const hang_guard guard;
    io_context ctx;
    CHECK(each_allocation_failing([&] {
              int calls = 0;
              bool well = false;
              try {
                  signal_set set(ctx, signal_a, signal_b);
                  set.async_wait(
                      [&](error_code e, int n) { calls += !e && n == signal_b ? 1 : 0; });
                  std::raise(signal_b);
                  ctx.restart();
                  well = ctx.run() == 1 && calls == 1;
              } catch (const std::bad_alloc&) {
                  well = true;
              } catch (const std::system_error& e) {
                  well = e.code() == gyre::error::no_memory;
              }
              return well && is_default(signal_a) && is_default(signal_b);
          }) > 3);
}

TEST_CASE("allocation: waiting for signals allocates nothing in the steady state") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, signal_a);
    int seen = 0;
    const auto once = [&] {
        set.async_wait([&](error_code, int) { ++seen; });
        std::raise(signal_a);
        ctx.run();
        ctx.restart();
    };
    for (int i = 0; i < 100; ++i) {
        once();
    }
    const std::size_t before = allocations;
    for (int i = 0; i < 1000; ++i) {
        once();
    }
    CHECK(allocations - before == 0);
    CHECK(seen == 1100);
}
