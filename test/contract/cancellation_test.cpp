// SPDX-License-Identifier: BSL-1.0
// Cancellation is truthful: what cancel() counted reports operation_aborted, once, also if its time
// had come; what it did not count reports its own result. By timer and by signal.

#include <gyre/bind_executor.hpp>
#include <gyre/cancellation_signal.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/steady_timer.hpp>

#include "support/cancellable.hpp"
#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/result.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <random>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace gyre::testing;
using gyre::cancellation_signal;
using gyre::cancellation_slot;
using gyre::cancellation_type;
using gyre::error_code;
using gyre::io_context;
using gyre::steady_timer;
using steady = std::chrono::steady_clock;

namespace {

constexpr auto past = steady_timer::time_point(std::chrono::nanoseconds(1));

}  // namespace

TEST_CASE("cancel: of two timers due at once the first handler takes the second one back") {
    const hang_guard guard;
    io_context ctx;
    const auto at = GENERATE(0ms, 2ms);
    const auto when = at == 0ms ? past : steady::now() + at;
    steady_timer first(ctx, when);
    steady_timer second(ctx, when);
    std::size_t counted = 99;
    result r;
    first.async_wait([&](error_code e) {
        CHECK_FALSE(e);
        gyre::testing::spin_until(second.expiry());
        counted = second.cancel();
        CHECK(second.cancel() == 0);
        CHECK(r.calls == 0);
    });
    second.async_wait(r.keep());
    CHECK(ctx.run() == 2);
    CHECK(counted == 1);
    CHECK(r == once(aborted));
}

TEST_CASE("cancel: setting the time, moving over it and destroying it take a due wait back too") {
    io_context ctx;
    steady_timer first(ctx, past);
    std::optional<steady_timer> moved_over(std::in_place, ctx, past);
    std::optional<steady_timer> destroyed(std::in_place, ctx, past);
    steady_timer set_at(ctx, past);
    steady_timer set_after(ctx, past);
    result a;
    result b;
    result c;
    result d;
    first.async_wait([&](error_code) {
        *moved_over = steady_timer(ctx, 1h);
        destroyed.reset();
        CHECK(set_at.expires_at(past) == 1);
        CHECK(set_after.expires_after(1h) == 1);
    });
    moved_over->async_wait(a.keep());
    destroyed->async_wait(b.keep());
    set_at.async_wait(c.keep());
    set_after.async_wait(d.keep());
    CHECK(ctx.run() == 5);
    CHECK(a == once(aborted));
    CHECK(b == once(aborted));
    CHECK(c == once(aborted));
    CHECK(d == once(aborted));
}

TEST_CASE("cancel: it counts every wait once and each reports operation_aborted") {
    io_context ctx;
    steady_timer timer(ctx, 1h);
    int aborts = 0;
    for (int i = 0; i < 10; ++i) {
        timer.async_wait([&](error_code e) { aborts += e == aborted ? 1 : 100; });
    }
    CHECK(timer.cancel() == 10);
    CHECK(timer.cancel() == 0);
    CHECK(aborts == 0);
    CHECK(ctx.run() == 10);
    CHECK(aborts == 10);
    CHECK(timer.cancel() == 0);
    CHECK(timer.cancel_one() == 0);
}

TEST_CASE("cancel: a wait whose handler ran or runs is not counted") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx, 1ms);
    std::size_t inside = 99;
    timer.async_wait([&](error_code) { inside = timer.cancel(); });
    CHECK(ctx.run() == 1);
    CHECK(inside == 0);
    CHECK(timer.cancel() == 0);
    CHECK(timer.expires_after(1h) == 0);
}

TEST_CASE("cancel_one: takes the oldest wait, and the others go on") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx, 2ms);
    std::vector<std::pair<int, bool>> ends;
    for (int i = 0; i < 4; ++i) {
        timer.async_wait([&ends, i](error_code e) { ends.emplace_back(i, e == aborted); });
    }
    CHECK(timer.cancel_one() == 1);
    CHECK(timer.cancel_one() == 1);
    CHECK(ctx.run() == 4);
    CHECK(ends == std::vector<std::pair<int, bool>>{{0, true}, {1, true}, {2, false}, {3, false}});
    CHECK(timer.cancel_one() == 0);
}

TEST_CASE("cancel_one: takes waits of a timer that is due, one after the other") {
    io_context ctx;
    steady_timer first(ctx, past);
    steady_timer timer(ctx, past);
    std::vector<std::pair<int, bool>> ends;
    first.async_wait([&](error_code) { CHECK(timer.cancel_one() == 1); });
    for (int i = 0; i < 3; ++i) {
        timer.async_wait([&ends, i](error_code e) { ends.emplace_back(i, e == aborted); });
    }
    CHECK(ctx.run() == 4);
    CHECK(ends == std::vector<std::pair<int, bool>>{{0, true}, {1, false}, {2, false}});
}

TEST_CASE("cancel: a handler of an aborted wait may wait again on the same timer") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx, 2ms);
    result r;
    timer.async_wait([&](error_code e) {
        CHECK(e == aborted);
        timer.async_wait(r.keep());
    });
    CHECK(timer.cancel() == 1);
    CHECK(ctx.run() == 2);
    CHECK(r == once());
}

TEST_CASE("cancel: of a timer and a handle ready together, one ends and takes the other back") {
    const hang_guard guard;
    io_context ctx;
    using gyre::ip::tcp;
    tcp::acceptor acceptor(ctx, tcp::endpoint(gyre::ip::address_v4::loopback(), 0));
    for (int round = 0; round < 20; ++round) {
        tcp::socket client(ctx);
        client.connect(acceptor.local_endpoint());
        steady_timer timer(ctx, std::chrono::microseconds(round % 2 == 0 ? -1 : 20));
        result waited;
        result accepted;
        std::size_t timer_took = 99;
        std::size_t accept_took = 99;
        tcp::socket peer(ctx);
        timer.async_wait([&](error_code e) {
            waited.keep()(e);
            if (!e) {
                acceptor.cancel();
                timer_took = 1;
            }
        });
        acceptor.async_accept(peer, [&](error_code e) {
            accepted.keep()(e);
            if (!e) {
                accept_took = timer.cancel();
            }
        });
        CHECK(ctx.run() == 2);
        ctx.restart();
        REQUIRE(waited.calls == 1);
        REQUIRE(accepted.calls == 1);
        if (accepted.error == aborted) {
            CHECK(timer_took == 1);
            CHECK(waited.error == success);
            CHECK_FALSE(peer.is_open());
            // The connection was not lost: it is there for the next one.
            CHECK(acceptor.accept().is_open());
        } else {
            CHECK(accepted.error == success);
            CHECK(accept_took == (waited.error == aborted ? 1U : 0U));
        }
    }
}

TEST_CASE("cancel: fifty timers in an order of its own leave the others in theirs") {
    const hang_guard guard;
    io_context ctx;
    std::vector<steady_timer> timers;
    std::vector<int> aborts;
    std::vector<int> fires;
    const auto base = steady::now() + 5ms;
    for (int i = 0; i < 50; ++i) {
        const auto at = i % 10 == 9 ? steady_timer::time_point::max()
                                    : base + std::chrono::microseconds((i * 37) % 50);
        timers.emplace_back(ctx, at);
        timers.back().async_wait(
            [&, i](error_code e) { (e == aborted ? aborts : fires).push_back(i); });
    }
    std::vector<int> cancelled;
    for (int i = 0; i < 50; ++i) {
        const int n = (i * 29 + 11) % 50;
        if (n % 2 == 1 || n % 10 == 9) {
            CHECK(timers[static_cast<std::size_t>(n)].cancel() == 1);
            cancelled.push_back(n);
        }
    }
    CHECK(ctx.run() == 50);
    CHECK(aborts == cancelled);
    REQUIRE(fires.size() == 50 - cancelled.size());
    for (std::size_t i = 1; i < fires.size(); ++i) {
        CHECK(timers[static_cast<std::size_t>(fires[i - 1])].expiry() <=
              timers[static_cast<std::size_t>(fires[i])].expiry());
    }
}

TEST_CASE("cancel: a random mixture of arming and cancelling ends each wait once, truthfully",
          "[D13]") {
    const hang_guard guard;
    io_context ctx;
    std::mt19937 random(3);  // NOLINT: the same numbers each time
    struct tracked {
        steady_timer timer;
        std::size_t pending = 0;
        std::size_t counted = 0;
        std::size_t aborts = 0;
        std::size_t fires = 0;
        bool early = false;
    };
    std::vector<std::unique_ptr<tracked>> all;
    for (int i = 0; i < 100; ++i) {
        all.push_back(std::make_unique<tracked>(tracked{steady_timer(ctx)}));
    }
    for (int step = 0; step < 20'000; ++step) {
        tracked& t = *all[random() % all.size()];
        switch (random() % 5) {
        case 0: t.counted += t.timer.cancel(); break;
        case 1: t.counted += t.timer.cancel_one(); break;
        case 2:
            t.counted += t.timer.expires_after(std::chrono::microseconds(random() % 3000));
            break;
        default: {
            ++t.pending;
            const auto at = t.timer.expiry();
            t.timer.async_wait([&t, at](error_code e) {
                ++(e == aborted ? t.aborts : t.fires);
                t.early = t.early || (!e && steady::now() < at);
            });
        }
        }
        if (step % 50 == 0) {
            ctx.poll();
        }
    }
    ctx.restart();
    ctx.run();
    bool right = true;
    for (const auto& t : all) {
        right = right && t->aborts == t->counted && t->aborts + t->fires == t->pending && !t->early;
    }
    CHECK(right);
}

TEST_CASE("signal: of three waits of a timer it aborts exactly the one that it is connected to") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx, 3ms);
    cancellation_signal signal;
    result a;
    result b;
    result c;
    timer.async_wait(a.keep());
    timer.async_wait(with(signal, b.keep()));
    timer.async_wait(c.keep());
    signal.emit(GENERATE(cancellation_type::terminal, cancellation_type::partial,
                         cancellation_type::total, cancellation_type::all));
    CHECK(b.calls == 0);
    CHECK(ctx.run() == 3);
    CHECK(a == once());
    CHECK(b == once(aborted));
    CHECK(c == once());
}

TEST_CASE("signal: of due waits it aborts its own as long as the handler was not called") {
    io_context ctx;
    steady_timer first(ctx, past);
    steady_timer timer(ctx, past);
    cancellation_signal signal;
    result a;
    result b;
    first.async_wait([&](error_code) { signal.emit(cancellation_type::all); });
    timer.async_wait(with(signal, a.keep()));
    timer.async_wait(b.keep());
    CHECK(ctx.run() == 3);
    CHECK(a == once(aborted));
    CHECK(b == once());
}

TEST_CASE("signal: it does nothing with type none, with nothing connected, or a second time") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx, 1ms);
    cancellation_signal signal;
    signal.emit(cancellation_type::all);
    result r;
    timer.async_wait(with(signal, r.keep()));
    signal.emit(cancellation_type::none);
    CHECK(ctx.run() == 1);
    CHECK(r == once());
    ctx.restart();
    result again;
    timer.expires_after(1h);
    timer.async_wait(with(signal, again.keep()));
    signal.emit(cancellation_type::all);
    signal.emit(cancellation_type::all);
    CHECK(timer.cancel() == 0);
    CHECK(ctx.run() == 1);
    CHECK(again == once(aborted));
}

TEST_CASE("signal: when its operation is over it never touches one that took the same memory") {
    io_context ctx;
    cancellation_signal signal;
    steady_timer timer(ctx, past);
    result first;
    timer.async_wait(with(signal, first.keep()));
    CHECK(ctx.run() == 1);
    ctx.restart();
    std::vector<result> later(100);
    for (result& r : later) {
        timer.async_wait(r.keep());
    }
    signal.emit(cancellation_type::all);
    CHECK(ctx.run() == 100);
    for (const result& r : later) {
        REQUIRE(r == once());
    }
}

TEST_CASE("signal: one slot serves one operation after another") {
    io_context ctx;
    cancellation_signal signal;
    steady_timer timer(ctx, 1h);
    result a;
    result b;
    timer.async_wait(with(signal, a.keep()));
    signal.emit(cancellation_type::all);
    timer.async_wait(with(signal, b.keep()));
    CHECK(ctx.poll() == 1);
    CHECK(a == once(aborted));
    CHECK(b.calls == 0);
    signal.emit(cancellation_type::all);
    CHECK(ctx.poll() == 1);
    CHECK(b == once(aborted));
}

TEST_CASE("signal: inside the handler of its own operation it does nothing") {
    io_context ctx;
    cancellation_signal signal;
    steady_timer timer(ctx, past);
    struct emitter {
        using cancellation_slot_type = cancellation_slot;
        cancellation_signal* signal;
        steady_timer* timer;
        result* next;
        cancellation_slot_type get_cancellation_slot() const noexcept { return signal->slot(); }
        void operator()(error_code) const {
            timer->async_wait(next->keep());
            signal->emit(cancellation_type::all);
        }
    };
    result next;
    timer.async_wait(emitter{&signal, &timer, &next});
    CHECK(ctx.run() == 2);
    CHECK(next == once());
}

TEST_CASE("signal: the slot of a handler is found through bind_executor") {
    io_context ctx;
    io_context other;
    cancellation_signal signal;
    steady_timer timer(ctx, 1h);
    result r;
    timer.async_wait(gyre::bind_executor(other.get_executor(), with(signal, r.keep())));
    signal.emit(cancellation_type::all);
    CHECK(ctx.run() == 1);
    CHECK(r.calls == 0);
    CHECK(other.run() == 1);
    CHECK(r == once(aborted));
}

TEST_CASE("signal: a slot that is connected to nothing changes nothing") {
    io_context ctx;
    steady_timer timer(ctx, past);
    CHECK_FALSE(cancellation_slot().is_connected());
    cancellation_signal signal;
    CHECK(signal.slot().is_connected());
    CHECK(signal.slot() == signal.slot());
    CHECK_FALSE(signal.slot() == cancellation_slot());
    result r;
    timer.async_wait(cancellable<decltype(r.keep())>{{}, r.keep()});
    CHECK(ctx.run() == 1);
    CHECK(r == once());
}
