// SPDX-License-Identifier: BSL-1.0
// Lookups that are cancelled in each state, abandoned by destruction, and started by other threads.
// Most use a world that holds the pool's jobs until the test runs them.

#include <gyre/associated_cancellation_slot.hpp>
#include <gyre/cancellation_signal.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/basic_resolver.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/loop_thread.hpp"
#include "support/name_world.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

using gyre::cancellation_signal;
using gyre::cancellation_slot;
using gyre::cancellation_type;
using gyre::error_code;
using gyre::io_context;
using gyre::ip::tcp;
using gyre::testing::await;
using gyre::testing::hang_guard;
using gyre::testing::loop_thread;
using gyre::testing::name_world;
using results_type = tcp::resolver::results_type;
using jobs = name_world::jobs;

namespace {

const error_code aborted = gyre::error::operation_aborted;
const error_code success;

struct outcome {
    std::atomic<int> calls{0};
    error_code error;
    std::size_t size = 0;

    auto handler() {
        return [this](error_code e, const results_type& r) {
            error = e;
            size = r.size();
            ++calls;
        };
    }
    bool is(const error_code& e) const { return calls == 1 && error == e; }
    bool found() const { return is(success) && size == 2; }
    bool was_aborted() const { return is(aborted) && size == 0; }
};

// A handler that names a cancellation slot.
struct slotted {
    using cancellation_slot_type = cancellation_slot;
    cancellation_slot slot;
    outcome* out;
    cancellation_slot_type get_cancellation_slot() const noexcept { return slot; }
    void operator()(error_code e, const results_type& r) const { out->handler()(e, r); }
};

// Counts handlers that exist.
class counted {
public:
    explicit counted(int& live) : live_(&live) { ++live; }
    counted(counted&& other) noexcept : live_(std::exchange(other.live_, nullptr)) {}
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() {
        if (live_ != nullptr) {
            --*live_;
        }
    }

private:
    int* live_;
};

}  // namespace

TEST_CASE("resolver cancel: a lookup that waits for a thread reports it, and never asks") {
    const hang_guard guard;
    name_world world(jobs::held);
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    outcome r;
    resolver.async_resolve("name", "80", r.handler());
    CHECK(world.held() == 1);
    CHECK(resolver.cancel() == 1);
    CHECK(r.calls == 0);
    CHECK(resolver.cancel() == 0);
    CHECK(ctx.run() == 1);
    CHECK(r.was_aborted());
    world.run_job();
    CHECK(world.calls() == 0);
    CHECK(world.jobs_alive() == 0);
    ctx.restart();
    CHECK(ctx.run() == 0);
    CHECK(r.calls == 1);
}

TEST_CASE("resolver cancel: a lookup that is under way reports at once, and the call runs on") {
    const hang_guard guard;
    name_world world;
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    outcome r;
    outcome next;
    resolver.async_resolve("slow", "80", r.handler());
    REQUIRE(world.await_calls(1));
    CHECK(resolver.cancel() == 1);
    CHECK(ctx.run() == 1);
    CHECK(r.was_aborted());
    CHECK(world.jobs_alive() == 1);
    // The resolver is as good as before meanwhile.
    resolver.async_resolve("name", "80", next.handler());
    ctx.restart();
    CHECK(ctx.run() == 1);
    CHECK(next.found());
    world.open_gate();
    REQUIRE(world.await_no_jobs());
    ctx.restart();
    CHECK(ctx.run() == 0);
    CHECK(r.calls == 1);
}

TEST_CASE("resolver cancel: a lookup that is over is taken all the same until its handler runs") {
    const hang_guard guard;
    name_world world(jobs::held);
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    outcome first;
    outcome second;
    outcome third;
    std::size_t cancelled = 0;
    // Delivered, and not taken over by the loop yet.
    resolver.async_resolve("name", "80", first.handler());
    world.run_job();
    CHECK(resolver.cancel() == 1);
    CHECK(ctx.run() == 1);
    CHECK(first.was_aborted());
    // In the ready list.
    resolver.async_resolve("name", "80", [&](error_code e, const results_type& r) {
        second.handler()(e, r);
        cancelled = resolver.cancel();
    });
    resolver.async_resolve("name", "80", third.handler());
    world.run_job();
    world.run_job();
    ctx.restart();
    CHECK(ctx.run() == 2);
    CHECK(second.found());
    CHECK(cancelled == 1);
    CHECK(third.was_aborted());
    CHECK(resolver.cancel() == 0);
}

TEST_CASE("resolver cancel: numbers are as cancellable as names") {
    const hang_guard guard;
    io_context ctx;
    tcp::resolver resolver(ctx);
    outcome r;
    resolver.async_resolve("127.0.0.1", "80", r.handler());
    CHECK(resolver.cancel() == 1);
    CHECK(ctx.run() == 1);
    CHECK(r.was_aborted());
}

TEST_CASE("resolver cancel: takes what was started before, of this resolver, and nothing else") {
    const hang_guard guard;
    name_world world;
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    tcp::resolver other(ctx);
    outcome before[10];
    outcome after;
    outcome others;
    for (outcome& r : before) {
        resolver.async_resolve("slow", "80", r.handler());
    }
    other.async_resolve("slow", "80", others.handler());
    CHECK(resolver.cancel() == 10);
    resolver.async_resolve("slow", "80", after.handler());
    world.open_gate();
    CHECK(ctx.run() == 12);
    for (const outcome& r : before) {
        CHECK(r.was_aborted());
    }
    CHECK(after.found());
    CHECK(others.found());
}

TEST_CASE("resolver cancel: a signal cancels its own lookup, in each state, and no later one") {
    const hang_guard guard;
    name_world world(jobs::held);
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    cancellation_signal signal;
    outcome waiting;
    outcome other;
    resolver.async_resolve("name", "80", slotted{signal.slot(), &waiting});
    resolver.async_resolve("name", "80", other.handler());
    signal.emit(cancellation_type::total);
    world.run_job();
    world.run_job();
    CHECK(ctx.run() == 2);
    CHECK(waiting.was_aborted());
    CHECK(other.found());
    CHECK(world.calls() <= 2);

    signal.emit(cancellation_type::all);  // of nothing
    outcome over;
    resolver.async_resolve("name", "80", slotted{signal.slot(), &over});
    world.run_job();
    signal.emit(cancellation_type::partial);
    ctx.restart();
    CHECK(ctx.run() == 1);
    CHECK(over.was_aborted());

    outcome unharmed;
    outcome numeric;
    resolver.async_resolve("name", "80", unharmed.handler());
    signal.emit(cancellation_type::all);
    resolver.async_resolve("::1", "80", slotted{signal.slot(), &numeric});
    signal.emit(cancellation_type::terminal);
    world.run_job();
    ctx.restart();
    CHECK(ctx.run() == 2);
    CHECK(unharmed.found());
    CHECK(numeric.was_aborted());
}

TEST_CASE("resolver cancel: destroying and assigning a resolver cancels its lookups") {
    const hang_guard guard;
    name_world world;
    io_context ctx(world.options());
    std::optional<tcp::resolver> destroyed(std::in_place, ctx);
    tcp::resolver assigned(ctx);
    outcome a;
    outcome b;
    outcome c;
    destroyed->async_resolve("slow", "80", a.handler());
    destroyed->async_resolve("127.0.0.1", "80", c.handler());
    assigned.async_resolve("slow", "80", b.handler());
    destroyed.reset();
    assigned = tcp::resolver(ctx);
    CHECK(ctx.run() == 3);
    CHECK(a.was_aborted());
    CHECK(b.was_aborted());
    CHECK(c.was_aborted());
}

// ---- the end of a context ----------------------------------------------------------------------

TEST_CASE(
    "resolver cancel: a context that is destroyed waits for no lookup, and calls no handler") {
    const hang_guard guard;
    name_world world;
    int live = 0;
    int calls = 0;
    {
        io_context ctx(world.options());
        tcp::resolver resolver(ctx);
        for (int i = 0; i < 20; ++i) {
            resolver.async_resolve(
                "slow", "80",
                [c = counted(live), &calls](error_code, const results_type&) { ++calls; });
        }
        REQUIRE(world.await_calls(1));
        CHECK(live == 20);
    }
    CHECK(live == 0);
    CHECK(calls == 0);
    CHECK(world.jobs_alive() >= 1);
    world.open_gate();
    REQUIRE(world.await_no_jobs());
    CHECK(world.calls() <= 4);  // those that had not begun, in one of the threads, did not ask
    CHECK(calls == 0);
}

TEST_CASE("resolver cancel: a handler that owns its resolver may be destroyed with the context") {
    const hang_guard guard;
    name_world world(jobs::held);
    int live = 0;
    {
        io_context ctx(world.options());
        for (int i = 0; i < 3; ++i) {
            auto resolver = std::make_unique<tcp::resolver>(ctx);
            tcp::resolver& asks = *resolver;
            asks.async_resolve("name", "80",
                               [c = counted(live), resolver = std::move(resolver)](
                                   error_code, const results_type&) {});
        }
        world.run_job();  // delivered, never taken over
        CHECK(live == 3);
    }
    CHECK(live == 0);
    world.run_job();
    CHECK(world.held() == 1);
}

TEST_CASE("resolver cancel: a lookup that the pool drops is waited for until it is cancelled") {
    const hang_guard guard;
    name_world world(jobs::held);
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    outcome r;
    resolver.async_resolve("name", "80", r.handler());
    world.drop_jobs();
    CHECK(ctx.poll() == 0);
    CHECK_FALSE(ctx.stopped());
    CHECK(resolver.cancel() == 1);
    CHECK(ctx.run() == 1);
    CHECK(r.was_aborted());
}

TEST_CASE("resolver cancel: at the bound of the slab a lookup throws, and nothing was started") {
    const hang_guard guard;
    name_world world(jobs::held);
    gyre::io_context_options options = world.options();
    options.slab_bytes_max = 1 << 17;
    io_context ctx(options);
    tcp::resolver resolver(ctx);
    int live = 0;
    std::size_t started = 0;
    bool thrown = false;
    while (!thrown && started < 100'000) {
        try {
            resolver.async_resolve("name", "80",
                                   [c = counted(live)](error_code, const results_type&) {});
            ++started;
        } catch (const std::bad_alloc&) {
            thrown = true;
        }
    }
    CHECK(thrown);
    CHECK(live == static_cast<int>(started));
    CHECK(world.held() == started);
    CHECK(resolver.cancel() == started);
    CHECK(ctx.run() == started);
    CHECK(live == 0);
    // The memory is there again.
    outcome r;
    world.drop_jobs();
    resolver.async_resolve("name", "80", r.handler());
    world.run_job();
    ctx.restart();
    CHECK(ctx.run() == 1);
    CHECK(r.found());
}

TEST_CASE("resolver cancel: a handler that throws leaves run(), and the other lookups stay") {
    const hang_guard guard;
    name_world world(jobs::held);
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    outcome r;
    resolver.async_resolve("name", "80", [](error_code, const results_type&) { throw 1; });
    resolver.async_resolve("name", "80", r.handler());
    world.run_job();
    CHECK_THROWS_AS(ctx.run(), int);
    world.run_job();
    CHECK(ctx.run() == 1);
    CHECK(r.found());
}

// ---- threads -----------------------------------------------------------------------------------

TEST_CASE("resolver threads: other threads start lookups while the loop sleeps") {
    const hang_guard guard;
    name_world world;
    io_context ctx(world.options());
    loop_thread loop(ctx);
    std::vector<std::thread> threads;
    std::atomic<int> found{0};
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            tcp::resolver resolver(ctx);
            for (int i = 0; i < 100; ++i) {
                outcome r;
                resolver.async_resolve(i % 3 == 0 ? "192.0.2.3" : "name", "80", r.handler());
                await([&] { return r.calls != 0; });
                found += r.found() ? 1 : 0;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    loop.join();
    CHECK(found == 300);
}

TEST_CASE("resolver threads: start, cancel and destruction by another thread keep their order") {
    const hang_guard guard;
    name_world world;
    io_context ctx(world.options());
    loop_thread loop(ctx);
    for (int i = 0; i < 200; ++i) {
        outcome cancelled;
        outcome destroyed;
        std::optional<tcp::resolver> resolver(std::in_place, ctx);
        resolver->async_resolve("slow", "80", cancelled.handler());
        CHECK(resolver->cancel() <= 1);  // 0 as soon as the loop runs
        resolver->async_resolve("slow", "80", destroyed.handler());
        resolver.reset();
        await([&] { return cancelled.calls != 0 && destroyed.calls != 0; });
        CHECK(cancelled.was_aborted());
        CHECK(destroyed.was_aborted());
    }
    world.open_gate();
    loop.join();
}

TEST_CASE("resolver threads: the owner cancels and destroys what another thread has just done") {
    const hang_guard guard;
    name_world world(jobs::held);
    io_context ctx(world.options());
    outcome started;
    outcome cancelled;
    int later = 0;
    gyre::post(ctx, [&] {
        // This thread owns the reactor: the other one's calls lie in the inbox until it returns.
        std::optional<tcp::resolver> resolver(std::in_place, ctx);
        std::thread([&] { resolver->async_resolve("name", "80", started.handler()); }).join();
        CHECK(resolver->cancel() == 1);
        resolver->async_resolve("name", "80", cancelled.handler());
        std::thread([&] {
            resolver->cancel();
            gyre::post(ctx, [&] { ++later; });
        }).join();
        resolver.reset();
        const tcp::resolver another(ctx);
    });
    ctx.run();
    CHECK(started.was_aborted());
    CHECK(cancelled.was_aborted());
    CHECK(later == 1);
}

TEST_CASE("resolver threads: a signal of another thread reaches the lookup that it started") {
    const hang_guard guard;
    name_world world;
    io_context ctx(world.options());
    loop_thread loop(ctx);
    tcp::resolver resolver(ctx);
    for (int i = 0; i < 200; ++i) {
        cancellation_signal signal;
        outcome r;
        resolver.async_resolve("slow", "80", slotted{signal.slot(), &r});
        signal.emit(cancellation_type::all);
        await([&] { return r.calls != 0; });
        CHECK(r.was_aborted());
    }
    world.open_gate();
    loop.join();
}

TEST_CASE("resolver threads: several threads in run() share the handlers of lookups") {
    const hang_guard guard;
    name_world world;
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    std::atomic<int> found{0};
    for (int i = 0; i < 300; ++i) {
        resolver.async_resolve(
            i % 2 == 0 ? "name" : "127.0.0.1", "80",
            [&](error_code e, const results_type& r) { found += !e && r.size() == 2 ? 1 : 0; });
    }
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] { ctx.run(); });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(found == 300);
}
