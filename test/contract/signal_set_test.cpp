// SPDX-License-Identifier: BSL-1.0
// Sets of signals with one thread: every delivery ends one wait of each set, whoever waited when it
// came; what the system did with a signal before is restored.

#include <gyre/associated_cancellation_slot.hpp>
#include <gyre/bind_executor.hpp>
#include <gyre/cancellation_signal.hpp>
#include <gyre/dispatch_hook.hpp>
#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/signal_set.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/signal_sets.hpp"

#include <chrono>
#include <csignal>
#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

using gyre::cancellation_signal;
using gyre::cancellation_slot;
using gyre::cancellation_type;
using gyre::error_code;
using gyre::io_context;
using gyre::signal_set;
using namespace gyre::testing;

namespace {

const error_code aborted = gyre::error::operation_aborted;

using result = signal_result;
using recorder = signal_recorder;
using numbers = std::vector<int>;

// A handler that names a cancellation slot.
struct slotted {
    using cancellation_slot_type = cancellation_slot;
    cancellation_slot slot;
    result* out;
    cancellation_slot_type get_cancellation_slot() const noexcept { return slot; }
    void operator()(error_code e, int n) const { out->handler()(e, n); }
};

std::size_t run(io_context& ctx) {
    ctx.restart();
    return ctx.run();
}

std::size_t poll(io_context& ctx) {
    ctx.restart();
    return ctx.poll();
}

}  // namespace

static_assert(!std::is_copy_constructible_v<signal_set>);
static_assert(!std::is_move_constructible_v<signal_set>);

TEST_CASE("signal_set: a wait ends with the number of the signal, outside the call") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, signal_a);
    CHECK(set.get_executor() == ctx.get_executor());
    result r;
    set.async_wait(r.handler());
    CHECK(ctx.poll() == 0);
    CHECK_FALSE(ctx.stopped());
    std::raise(signal_a);
    CHECK(r.calls == 0);
    CHECK(ctx.run() == 1);
    CHECK(r.is(signal_a));
}

TEST_CASE("signal_set: what came before anybody waited ends later waits, one each") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, signal_a);
    raise_times(signal_a, 3);
    CHECK(ctx.poll() == 0);
    result r[4];
    for (result& each : r) {
        set.async_wait(each.handler());
        CHECK(each.calls == 0);
    }
    CHECK(poll(ctx) == 3);
    for (int i = 0; i < 3; ++i) {
        CHECK(r[i].is(signal_a));
    }
    CHECK(r[3].calls == 0);
    std::raise(signal_a);
    CHECK(run(ctx) == 1);
    CHECK(r[3].is(signal_a));
}

TEST_CASE("signal_set: no delivery is lost, however many come at once or in a handler") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, signal_a);
    int seen = 0;
    std::function<void(error_code, int)> next = [&](error_code, int) {
        ++seen;
        if (seen < 1000) {
            std::raise(signal_a);
        }
        if (seen < 1500) {
            set.async_wait(std::ref(next));
        }
    };
    raise_times(signal_a, 501);
    set.async_wait(std::ref(next));
    CHECK(ctx.run() == 1500);
    CHECK(seen == 1500);
    result none;
    set.async_wait(none.handler());
    CHECK(poll(ctx) == 0);
}

TEST_CASE("signal_set: one delivery ends the oldest wait only") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, signal_a);
    std::vector<int> order;
    for (int i = 0; i < 5; ++i) {
        set.async_wait([&order, i](error_code, int) { order.push_back(i); });
    }
    std::raise(signal_a);
    CHECK(ctx.poll() == 1);
    raise_times(signal_a, 4);
    CHECK(ctx.run() == 4);
    CHECK(order == std::vector{0, 1, 2, 3, 4});
}

TEST_CASE("signal_set: each set of each context gets each delivery") {
    const hang_guard guard;
    io_context one;
    io_context two;
    signal_set a(one, signal_a);
    signal_set b(one, signal_a, signal_b);
    signal_set c(two, signal_b, signal_a);
    recorder in_a(a);
    recorder in_b(b);
    recorder in_c(c);
    raise_times(signal_a, 3);
    raise_times(signal_b, 2);
    CHECK(one.poll() == 8);
    CHECK(two.poll() == 5);
    CHECK(in_a.numbers == numbers(3, signal_a));
    CHECK(in_b.numbers.size() == 5);
    CHECK(in_c.numbers.size() == 5);
    // One that lets go leaves the others in peace.
    b.remove(signal_a);
    std::raise(signal_a);
    CHECK(one.poll() == 1);
    CHECK(two.poll() == 1);
    CHECK(in_a.numbers.size() == 4);
    CHECK(in_b.numbers.size() == 5);
}

TEST_CASE("signal_set: of several signals that have come each has its turn") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, signal_a, signal_b, signal_c);
    raise_times(signal_a, 3);
    raise_times(signal_c, 2);
    raise_times(signal_b, 1);
    const recorder log(set);
    CHECK(ctx.poll() == 6);
    CHECK(log.numbers == numbers{signal_a, signal_b, signal_c, signal_a, signal_c, signal_a});
}

TEST_CASE("signal_set: a signal that comes all the time does not hide another") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, signal_a, signal_b);
    bool second = false;
    int first = 0;
    std::function<void(error_code, int)> next = [&](error_code, int n) {
        first += n == signal_a ? 1 : 0;
        second = second || n == signal_b;
        if (!second && first < 10'000) {
            raise_times(signal_a, 2);
            set.async_wait(std::ref(next));
        }
    };
    raise_times(signal_a, 1);
    raise_times(signal_b, 1);
    set.async_wait(std::ref(next));
    ctx.run();
    CHECK(second);
    CHECK(first == 1);
}

TEST_CASE("signal_set: waits are work, signals alone are none") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, signal_a);
    CHECK(ctx.run() == 0);
    CHECK(ctx.stopped());
    result r;
    set.async_wait(r.handler());
    gyre::steady_timer timer(ctx, std::chrono::milliseconds(2));
    timer.async_wait([](error_code) { std::raise(signal_a); });
    CHECK(run(ctx) == 2);
    CHECK(r.is(signal_a));
}

// ---- membership --------------------------------------------------------------------------------

TEST_CASE("signal_set: signals are added and taken out, and more than once is once") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx.get_executor());
    recorder log(set);
    set.add(signal_a);
    set.add(signal_a);
    error_code ec = gyre::error::eof;
    set.add(signal_b, ec);
    CHECK_FALSE(ec);
    std::raise(signal_a);
    std::raise(signal_b);
    CHECK(ctx.poll() == 2);
    set.remove(signal_a);
    CHECK(is_default(signal_a));
    set.remove(signal_a);
    set.remove(signal_c, ec);
    CHECK_FALSE(ec);
    std::raise(signal_b);
    CHECK(ctx.poll() == 1);
    set.clear(ec);
    CHECK_FALSE(ec);
    CHECK(is_default(signal_b));
    CHECK(ctx.poll() == 0);
    CHECK_FALSE(ctx.stopped());
    set.clear();
    set.add(signal_a);
    std::raise(signal_a);
    CHECK(ctx.poll() == 1);
    CHECK(log.numbers == numbers{signal_a, signal_b, signal_b, signal_a});
}

TEST_CASE("signal_set: what is no signal, or can't be caught, is invalid_argument") {
#if defined(SIGKILL)
    const std::vector no_signals{0, -1, 100'000, SIGKILL, SIGSTOP};
#else
    const std::vector no_signals{0, -1, 100'000};
#endif
    io_context ctx;
    signal_set set(ctx);
    for (const int number : no_signals) {
        error_code ec;
        set.add(number, ec);
        CHECK(ec == gyre::error::invalid_argument);
        CHECK_THROWS_AS(set.add(number), gyre::system_error);
        CHECK_THROWS_AS(signal_set(ctx, number), gyre::system_error);
        CHECK_THROWS_AS(signal_set(ctx, signal_a, signal_b, number), gyre::system_error);
    }
    CHECK(is_default(signal_a));
    CHECK(is_default(signal_b));
    error_code ec;
    set.remove(-1, ec);
    CHECK(ec == gyre::error::invalid_argument);
    CHECK_THROWS_AS(set.remove(100'000), gyre::system_error);
    set.add(signal_a, static_cast<signal_set::flags>(64), ec);
    CHECK(ec == gyre::error::invalid_argument);
}

TEST_CASE("signal_set: taking a signal out takes its deliveries too, and waits go on") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, signal_a, signal_b);
    result r;
    set.async_wait(r.handler());
    // Ready, with its signal, when another handler takes that away.
    gyre::post(ctx, [&] {
        std::raise(signal_a);
        gyre::post(ctx, [&] { set.remove(signal_a); });
    });
    CHECK(ctx.poll() == 2);
    CHECK(r.calls == 0);
    set.add(signal_a);
    CHECK(ctx.poll() == 0);
    std::raise(signal_b);
    CHECK(ctx.run() == 1);
    CHECK(r.is(signal_b));
    std::raise(signal_b);
    set.clear();
    set.add(signal_b);
    set.async_wait(r.handler());
    CHECK(poll(ctx) == 0);
}

TEST_CASE("signal_set: the flags are a set") {
    using flags = signal_set::flags;
    flags f = flags::restart | flags::no_child_wait;
    CHECK((f & flags::restart) == flags::restart);
    CHECK((f ^ flags::restart) == flags::no_child_wait);
    CHECK((~f & f) == flags::none);
    f &= ~flags::restart;
    CHECK(f == flags::no_child_wait);
    f |= flags::no_child_stop;
    f ^= flags::no_child_wait;
    CHECK(f == flags::no_child_stop);
}

// ---- cancellation and the end ------------------------------------------------------------------

TEST_CASE("signal_set: cancel() aborts and counts the waits, and a signal that came is not lost") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, signal_a);
    result r[3];
    CHECK(set.cancel() == 0);
    set.async_wait(r[0].handler());
    set.async_wait(r[1].handler());
    error_code ec = gyre::error::eof;
    CHECK(set.cancel(ec) == 2);
    CHECK_FALSE(ec);
    CHECK(r[0].calls == 0);
    CHECK(ctx.run() == 2);
    CHECK(r[0].was_aborted());
    CHECK(r[1].was_aborted());

    // Ready, with a signal of its own, when it is cancelled.
    result ready;
    set.async_wait(ready.handler());
    gyre::post(ctx, [&] {
        std::raise(signal_a);
        gyre::post(ctx, [&] { CHECK(set.cancel() == 1); });
    });
    CHECK(run(ctx) == 3);
    CHECK(ready.was_aborted());
    set.async_wait(r[2].handler());
    CHECK(run(ctx) == 1);
    CHECK(r[2].is(signal_a));
}

TEST_CASE("signal_set: of two waits the second gets what the first was cancelled for") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, signal_a);
    cancellation_signal signal;
    result first;
    result second;
    set.async_wait(slotted{signal.slot(), &first});
    set.async_wait(second.handler());
    std::raise(signal_a);
    signal.emit(cancellation_type::all);
    CHECK(ctx.run() == 2);
    CHECK(first.was_aborted());
    CHECK(second.is(signal_a));
    signal.emit(cancellation_type::all);  // over
    result third;
    set.async_wait(third.handler());
    std::raise(signal_a);
    CHECK(run(ctx) == 1);
    CHECK(third.is(signal_a));
}

TEST_CASE("signal_set: destroying a set cancels its waits") {
    const hang_guard guard;
    io_context ctx;
    std::optional<signal_set> set(std::in_place, ctx, signal_a);
    result r[2];
    set->async_wait(r[0].handler());
    set->async_wait(r[1].handler());
    std::raise(signal_a);
    set.reset();
    CHECK(is_default(signal_a));
    CHECK(ctx.run() == 2);
    CHECK(r[0].was_aborted());
    CHECK(r[1].was_aborted());
}

TEST_CASE("signal_set: destroying a context destroys handlers uncalled, and the sets they own") {
    int calls = 0;
    const auto owner = std::make_shared<int>(0);
    {
        io_context ctx;
        auto set = std::make_unique<signal_set>(ctx, signal_a);
        signal_set& waits = *set;
        waits.async_wait([owner, set = std::move(set), &calls](error_code, int) { ++calls; });
        signal_set other(ctx, signal_a, signal_b);
        other.async_wait([owner, &calls](error_code, int) { ++calls; });
        raise_times(signal_a, 2);
        CHECK(owner.use_count() == 3);
    }
    CHECK(owner.use_count() == 1);
    CHECK(calls == 0);
    CHECK(is_default(signal_a));
}

TEST_CASE("signal_set: at the bound of the slab a wait throws, and nothing was started") {
    const hang_guard guard;
    gyre::io_context_options options;
    options.slab_bytes_max = 1 << 17;
    io_context ctx(options);
    signal_set set(ctx, signal_a);
    std::size_t started = 0;
    std::size_t ended = 0;
    bool thrown = false;
    while (!thrown && started < 100'000) {
        try {
            set.async_wait([&](error_code e, int) { ended += e == aborted ? 1 : 0; });
            ++started;
        } catch (const std::bad_alloc&) {
            thrown = true;
        }
    }
    CHECK(thrown);
    CHECK(set.cancel() == started);
    CHECK(ctx.run() == started);
    CHECK(ended == started);
}

TEST_CASE("signal_set: a handler that throws leaves run(), and what came after it is not lost") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, signal_a);
    raise_times(signal_a, 2);
    result r;
    set.async_wait([](error_code, int) { throw 1; });
    set.async_wait(r.handler());
    CHECK_THROWS_AS(ctx.run(), int);
    CHECK(ctx.run() == 1);
    CHECK(r.is(signal_a));
}

// ---- handlers ----------------------------------------------------------------------------------

TEST_CASE("signal_set: a handler runs where its executor says, and holds work there until then") {
    const hang_guard guard;
    io_context ctx;
    io_context other;
    signal_set set(ctx, signal_a);
    result r;
    set.async_wait(gyre::bind_executor(other.get_executor(), r.handler()));
    CHECK(other.poll() == 0);
    CHECK_FALSE(other.stopped());
    std::raise(signal_a);
    CHECK(ctx.run() == 1);
    CHECK(r.calls == 0);
    CHECK(other.run() == 1);
    CHECK(r.is(signal_a));
}

TEST_CASE("signal_set: a handler that can only be moved may destroy its own set") {
    const hang_guard guard;
    io_context ctx;
    auto set = std::make_unique<signal_set>(ctx, signal_a);
    signal_set& waits = *set;
    int calls = 0;
    waits.async_wait([set = std::move(set), &calls](error_code, int) mutable {
        set.reset();
        ++calls;
    });
    std::raise(signal_a);
    CHECK(ctx.run() == 1);
    CHECK(calls == 1);
    CHECK(is_default(signal_a));
}

TEST_CASE("signal_set: the dispatch hook is told which kind of operation it was") {
    io_context ctx;
    signal_set set(ctx, signal_a);
    std::vector<gyre::dispatch_info> seen;
    ctx.set_dispatch_hook({[](void* user, const gyre::dispatch_info& info) noexcept {
                               static_cast<decltype(seen)*>(user)->push_back(info);
                           },
                           nullptr, &seen});
    const recorder log(set);
    raise_times(signal_a, 2);
    CHECK(ctx.poll() == 2);
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].kind == gyre::operation_kind::signal_wait);
    CHECK(seen[0].object != nullptr);
    CHECK(seen[0].object == seen[1].object);
    CHECK_FALSE(seen[0].error);
}
