// SPDX-License-Identifier: BSL-1.0
// Timers that are moved, assigned, and destroyed while something waits for them.

#include <gyre/io_context.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/result.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace gyre::testing;
using gyre::error_code;
using gyre::io_context;
using gyre::steady_timer;
using steady = std::chrono::steady_clock;

namespace {

constexpr auto past = steady_timer::time_point(std::chrono::nanoseconds(1));

}  // namespace

TEST_CASE("moving: a timer that is moved keeps its waits and its time", "[D7]") {
    const hang_guard guard;
    io_context ctx;
    steady_timer a(ctx, 2ms);
    const auto at = a.expiry();
    result r;
    a.async_wait(r.keep());
    steady_timer b(std::move(a));
    CHECK(b.expiry() == at);
    CHECK(ctx.run() == 1);
    CHECK(r == once());
    CHECK(steady::now() >= at);
    ctx.restart();
    result s;
    b.expires_after(1h);
    b.async_wait(s.keep());
    steady_timer c(std::move(b));
    CHECK(c.cancel() == 1);
    CHECK(ctx.run() == 1);
    CHECK(s == once(aborted));
}

TEST_CASE("moving: assigning cancels the target's waits and brings the source's") {
    const hang_guard guard;
    io_context ctx;
    steady_timer a(ctx, 1h);
    steady_timer b(ctx, 2ms);
    result of_a;
    result of_b;
    a.async_wait(of_a.keep());
    b.async_wait(of_b.keep());
    a = std::move(b);
    CHECK(ctx.run() == 2);
    CHECK(of_a == once(aborted));
    CHECK(of_b == once());
}

TEST_CASE("moving: a timer can be assigned one of another context and waits there from then on") {
    const hang_guard guard;
    io_context one;
    io_context two;
    steady_timer timer(one, 1h);
    result in_one;
    result in_two;
    timer.async_wait(in_one.keep());
    timer = steady_timer(two, 1ms);
    CHECK(timer.get_executor() == two.get_executor());
    timer.async_wait(in_two.keep());
    CHECK(one.run() == 1);
    CHECK(in_one == once(aborted));
    CHECK(in_two.calls == 0);
    CHECK(two.run() == 1);
    CHECK(in_two == once());
}

TEST_CASE("destroying: a timer destroyed with waits calls their handlers with operation_aborted") {
    io_context ctx;
    result a;
    result b;
    {
        steady_timer timer(ctx, 1h);
        timer.async_wait(a.keep());
        timer.async_wait(b.keep());
    }
    CHECK(a.calls == 0);
    CHECK(ctx.run() == 2);
    CHECK(a == once(aborted));
    CHECK(b == once(aborted));
}

TEST_CASE("destroying: a timer may be destroyed inside its own handler, its other waits abort") {
    io_context ctx;
    auto timer = std::make_unique<steady_timer>(ctx, past);
    result other;
    timer->async_wait([&](error_code e) {
        CHECK_FALSE(e);
        timer.reset();
    });
    timer->async_wait(other.keep());
    CHECK(ctx.run() == 2);
    CHECK(other == once(aborted));
}

TEST_CASE("destroying: a timer owned by its own handler ends with it") {
    const hang_guard guard;
    io_context ctx;
    auto timer = std::make_shared<steady_timer>(ctx, 1ms);
    const std::weak_ptr<steady_timer> watched = timer;
    timer->async_wait([timer](error_code e) { CHECK_FALSE(e); });
    timer.reset();
    CHECK_FALSE(watched.expired());
    CHECK(ctx.run() == 1);
    CHECK(watched.expired());
}

TEST_CASE("steady_timer: each handler may start and cancel its neighbours while they fire") {
    const hang_guard guard;
    io_context ctx;
    std::vector<std::optional<steady_timer>> timers(64);
    std::vector<int> ended(64, 0);
    for (std::size_t i = 0; i < 64; ++i) {
        timers[i].emplace(ctx, past);
        timers[i]->async_wait([&, i](error_code) {
            ++ended[i];
            timers[i].reset();
            timers[(i * 7 + 3) % 64].reset();
            timers[(i + 1) % 64].reset();
        });
    }
    CHECK(ctx.run() == 64);
    CHECK(ended == std::vector<int>(64, 1));
}
