// SPDX-License-Identifier: BSL-1.0
// One thread begins something with a socket or a timer while another one is inside a handler of the
// loop; then, after the two have met, the handler goes on with the same object. What the first one
// left for the loop has not been looked at by then, and still comes first.

#include <gyre/bind_cancellation_slot.hpp>
#include <gyre/cancellation_signal.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/tcp_pair.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <thread>

using namespace std::chrono_literals;
using namespace gyre::testing;
using gyre::io_context;
using gyre::io_context_options;
using gyre::steady_timer;

namespace {

// Runs f() in another thread, to its end, while this one keeps the loop.
template <class F>
void elsewhere(F f) {
    std::thread(f).join();
}

}  // namespace

TEST_CASE("foreign calls: cancel() of another thread, then close() in a handler") {
    const hang_guard guard;
    io_context ctx;
    auto [socket, peer] = adopt(ctx);
    char byte = 0;
    result r;
    socket.async_read_some(gyre::buffer(&byte, 1), r.keep());
    int posted = 0;
    gyre::post(ctx, [&, &s = socket] {
        elsewhere([&] { CHECK(s.cancel() == 0); });
        s.close();
        for (int i = 0; i < 100; ++i) {
            gyre::post(ctx, [&] { ++posted; });
        }
    });
    CHECK(ctx.run() == 102);
    CHECK(posted == 100);
    CHECK(r == once(aborted));
}

TEST_CASE("foreign calls: cancel() of another thread, then release() in a handler") {
    const hang_guard guard;
    io_context ctx;
    auto [socket, peer] = adopt(ctx);
    char byte = 0;
    result r;
    socket.async_read_some(gyre::buffer(&byte, 1), r.keep());
    unique_fd released;
    int posted = 0;
    gyre::post(ctx, [&, &s = socket] {
        elsewhere([&] { CHECK(s.cancel() == 0); });
        released.reset(s.release());
        for (int i = 0; i < 100; ++i) {
            gyre::post(ctx, [&] { ++posted; });
        }
    });
    CHECK(ctx.run() == 102);
    CHECK(posted == 100);
    CHECK(r == once(aborted));
}

TEST_CASE("foreign calls: an operation of another thread is cancelled in a handler") {
    const hang_guard guard;
    io_context ctx;
    auto [socket, peer] = adopt(ctx);
    char byte = 0;
    result r;
    std::size_t counted = 99;
    gyre::post(ctx, [&, &s = socket] {
        elsewhere([&] { s.async_read_some(gyre::buffer(&byte, 1), r.keep()); });
        counted = s.cancel();
    });
    run(ctx);
    CHECK(counted == 1);
    CHECK(r == once(aborted));
}

TEST_CASE("foreign calls: an operation of another thread is cancelled by its signal in a handler") {
    const hang_guard guard;
    io_context ctx;
    auto [socket, peer] = adopt(ctx);
    char byte = 0;
    result r;
    gyre::cancellation_signal signal;
    gyre::post(ctx, [&, &s = socket] {
        elsewhere([&] {
            s.async_read_some(gyre::buffer(&byte, 1),
                              gyre::bind_cancellation_slot(signal.slot(), r.keep()));
        });
        signal.emit(gyre::cancellation_type::terminal);
    });
    run(ctx);
    CHECK(r == once(aborted));
}

TEST_CASE("foreign calls: a read of another thread comes before one of the handler") {
    const hang_guard guard;
    io_context ctx;
    auto [socket, peer] = adopt(ctx);
    char first = 0;
    char second = 0;
    result a;
    result b;
    put(peer.get(), "12");
    gyre::post(ctx, [&, &s = socket] {
        elsewhere([&] { s.async_read_some(gyre::buffer(&first, 1), a.keep()); });
        s.async_read_some(gyre::buffer(&second, 1), b.keep());
    });
    run(ctx);
    CHECK(a == once({}, 1));
    CHECK(b == once({}, 1));
    CHECK(first == '1');
    CHECK(second == '2');
}

TEST_CASE("foreign calls: a read started after cancel() of another thread is not cancelled") {
    const hang_guard guard;
    io_context ctx;
    auto [socket, peer] = adopt(ctx);
    char byte = 0;
    result before;
    gyre::post(ctx, [&, &s = socket] { s.async_read_some(gyre::buffer(&byte, 1), before.keep()); });
    put(peer.get(), "1");
    run(ctx);
    CHECK(before == once({}, 1));  // the next read takes its slot, and need not settle anything
    result r;
    gyre::post(ctx, [&, &s = socket] {
        elsewhere([&] { CHECK(s.cancel() == 0); });
        s.async_read_some(gyre::buffer(&byte, 1), r.keep());
    });
    ctx.restart();
    ctx.poll();  // the read waits, and the loop has heard of the cancellation
    put(peer.get(), "2");
    run(ctx);
    CHECK(r == once({}, 1));
}

TEST_CASE("foreign calls: a read between cancel() and another cancel(), or close(), is aborted") {
    const hang_guard guard;
    const bool closes = GENERATE(false, true);
    io_context ctx;
    auto [socket, peer] = adopt(ctx);
    char byte = 0;
    result r;
    gyre::post(ctx, [&, &s = socket] {
        elsewhere([&] {
            s.cancel();
            s.async_read_some(gyre::buffer(&byte, 1), r.keep());
            closes ? s.close() : static_cast<void>(s.cancel());
        });
    });
    run(ctx);
    CHECK(r == once(aborted));
    if (closes) {
        CHECK(take(peer.get(), 1).empty());
    }
}

TEST_CASE("foreign calls: a timer that another thread changed is destroyed in a handler") {
    const hang_guard guard;
    io_context_options options;
    options.ring_capacity = GENERATE(std::size_t{1}, std::size_t{1000});
    io_context ctx(options);
    std::optional<steady_timer> other(std::in_place, ctx, 1h);
    std::optional<steady_timer> timer(std::in_place, ctx, 1h);
    result r;
    result of_other;
    int posted = 0;
    gyre::post(ctx, [&] {
        elsewhere([&] {
            other->async_wait(of_other.keep());  // fills a ring of one place
            timer->async_wait(r.keep());
        });
        timer.reset();
        for (int i = 0; i < 100; ++i) {
            gyre::post(ctx, [&] { ++posted; });
        }
        gyre::post(ctx, [&] { other.reset(); });
    });
    CHECK(ctx.run() == 104);
    CHECK(posted == 100);
    CHECK(r == once(aborted));
    CHECK(of_other == once(aborted));
}

TEST_CASE("foreign calls: a timer that another thread changed is moved over in a handler") {
    const hang_guard guard;
    io_context_options options;
    options.ring_capacity = GENERATE(std::size_t{1}, std::size_t{1000});
    io_context ctx(options);
    steady_timer other(ctx, 1h);
    steady_timer timer(ctx, 1h);
    result r;
    result of_other;
    result fresh;
    gyre::post(ctx, [&] {
        elsewhere([&] {
            other.async_wait(of_other.keep());
            timer.async_wait(r.keep());
        });
        timer = steady_timer(ctx, 1ms);
        timer.async_wait(fresh.keep());
        CHECK(other.cancel() == 1);
    });
    CHECK(ctx.run() == 4);
    CHECK(r == once(aborted));
    CHECK(of_other == once(aborted));
    CHECK(fresh == once());
}
