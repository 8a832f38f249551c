// SPDX-License-Identifier: BSL-1.0
// Deadlines on operations: what they end, what they leave alone, and what is reported.
#include <gyre/bind_executor.hpp>
#include <gyre/cancel_after.hpp>
#include <gyre/dynamic_buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/post.hpp>
#include <gyre/read.hpp>
#include <gyre/read_until.hpp>
#include <gyre/steady_timer.hpp>
#include <gyre/write.hpp>

#include "support/cancellable.hpp"
#include "support/catch.hpp"
#include "support/loop_thread.hpp"
#include "support/tcp_pair.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace gyre;
using namespace gyre::testing;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

namespace {

constexpr auto soon = 5ms;
constexpr auto late = 1h;

/// Every kind of operation that would wait for ever.
struct endless {
    explicit endless(io_context& ctx)
        : acceptor(ctx, loopback()), idle(adopt(ctx)), full(adopt(ctx)), timer(ctx, 24h) {
        shrink(full.socket.native_handle());
        shrink(full.peer.get());
        fill(full.socket);
        hanging.open(tcp::v4());
    }

    tcp::acceptor acceptor;
    adopted idle;
    adopted full;
    steady_timer timer;
    full_listener listener;
    tcp::socket hanging{acceptor.get_executor()};
    char memory[16] = {};
};

using starter = std::function<void(endless&, result&)>;

const std::vector<std::pair<const char*, starter>> operations{
    {"read_some",
     [](endless& e, result& r) {
         e.idle.socket.async_read_some(buffer(e.memory), cancel_after(soon, r.keep()));
     }},
    {"read",
     [](endless& e, result& r) {
         async_read(e.idle.socket, buffer(e.memory), cancel_after(soon, r.keep()));
     }},
    {"read in steps",
     [](endless& e, result& r) {
         async_read(e.idle.socket, buffer(e.memory), transfer_at_least(2),
                    cancel_after(soon, r.keep()));
     }},
    {"write_some",
     [](endless& e, result& r) {
         e.full.socket.async_write_some(buffer(e.memory), cancel_after(soon, r.keep()));
     }},
    {"write",
     [](endless& e, result& r) {
         async_write(e.full.socket, buffer(e.memory), cancel_after(soon, r.keep()));
     }},
    {"wait",
     [](endless& e, result& r) {
         e.idle.socket.async_wait(tcp::socket::wait_read, cancel_after(soon, r.keep()));
     }},
    {"accept",
     [](endless& e, result& r) {
         e.acceptor.async_accept(
             cancel_after(soon, [&r](error_code ec, tcp::socket) { r.keep()(ec); }));
     }},
    {"connect",
     [](endless& e, result& r) {
         e.hanging.async_connect(e.listener.endpoint(), cancel_after(soon, r.keep()));
     }},
    {"timer", [](endless& e, result& r) { e.timer.async_wait(cancel_after(soon, r.keep())); }},
};

}  // namespace

TEST_CASE("cancel_after: every operation that takes too long ends with timed_out, and not early") {
    for (const auto& [name, start] : operations) {
        INFO(name);
        io_context ctx;
        endless e(ctx);
        result r;
        const auto begin = steady::now();
        start(e, r);
        CHECK(r == never);
        run(ctx);
        CHECK(r == once(error::timed_out));
        CHECK(steady::now() - begin >= soon);
    }
}

TEST_CASE("cancel_after: an operation in time reports its own result, and nothing waits on") {
    io_context ctx;
    adopted a = adopt(ctx);
    char memory[5];
    result in;
    result out;
    result wait;
    async_read(a.socket, buffer(memory), cancel_after(late, in.keep()));
    async_write(a.socket, buffer("hello", 5), cancel_after(late, out.keep()));
    steady_timer timer(ctx, 1ms);
    timer.async_wait(cancel_after(late, wait.keep()));
    put(a.peer.get(), "12345");
    run(ctx);  // a deadline is no work
    CHECK(in == once({}, 5));
    CHECK(out == once({}, 5));
    CHECK(wait == once());
}

TEST_CASE("cancel_after: no byte is lost by a deadline") {
    io_context ctx;
    adopted a = adopt(ctx);
    char memory[8];
    result r;
    async_read(a.socket, buffer(memory), cancel_after(soon, r.keep()));
    put(a.peer.get(), "abc");
    run(ctx);
    CHECK(r == once(error::timed_out, 3));
    CHECK(std::string(memory, 3) == "abc");
    put(a.peer.get(), "def");
    CHECK(a.socket.read_some(buffer(memory)) == 3);
    CHECK(std::string(memory, 3) == "def");
}

TEST_CASE("cancel_after: who is cancelled before the deadline reports operation_aborted") {
    io_context ctx;
    adopted a = adopt(ctx);
    cancellation_signal signal;
    char memory[8];
    result r;
    const int how = GENERATE(0, 1, 2);
    a.socket.async_read_some(buffer(memory), cancel_after(late, with(signal, r.keep())));
    if (how == 0) {
        CHECK(a.socket.cancel() == 1);
    } else if (how == 1) {
        a.socket.close();
    } else {
        signal.emit(cancellation_type::all);
    }
    run(ctx);
    CHECK(r == once(error::operation_aborted));
}

TEST_CASE("cancel_after: a handler's own slot works behind a deadline that has not come") {
    io_context ctx;
    adopted a = adopt(ctx);
    cancellation_signal signal;
    char memory[8];
    result r;
    async_read(a.socket, buffer(memory), transfer_at_least(4),
               cancel_after(late, with(signal, r.keep())));
    put(a.peer.get(), "ab");
    await_bytes(a.socket, 2);
    ctx.poll();
    signal.emit(cancellation_type::all);
    run(ctx);
    CHECK(r == once(error::operation_aborted, 2));
}

TEST_CASE("cancel_after: one deadline serves all steps of a composed operation") {
    io_context ctx;
    adopted a = adopt(ctx);
    std::string memory(1000, '-');
    result r;
    std::size_t sent = 0;
    steady_timer ticker(ctx);
    std::function<void(error_code)> tick = [&](error_code) {
        if (r == never) {
            put(a.peer.get(), "x");
            ++sent;
            ticker.expires_after(1ms);
            ticker.async_wait(tick);
        }
    };
    const auto begin = steady::now();
    async_read(a.socket, buffer(memory), transfer_exactly(1000), cancel_after(20ms, r.keep()));
    tick({});
    run(ctx);
    CHECK(r.calls == 1);
    CHECK(r.error == error::timed_out);
    CHECK(r.bytes > 0);
    CHECK(r.bytes <= sent);
    CHECK(steady::now() - begin >= 20ms);
}

TEST_CASE("cancel_after: a deadline that comes while a step is elsewhere ends the next step") {
    io_context other;  // outlives what is bound to it
    io_context io;
    adopted a = adopt(io);
    std::string memory(8, '-');
    result r;
    async_read(a.socket, buffer(memory), transfer_exactly(8),
               cancel_after(soon, bind_executor(other.get_executor(), r.keep())));
    put(a.peer.get(), "half");
    await_bytes(a.socket, 4);
    while (a.socket.available() != 0) {
        io.poll();  // the step goes to the other context, which does not run yet
    }
    io.run_for(2 * soon);
    CHECK(r == never);
    const auto end = steady::now() + patience;
    while (r == never && steady::now() < end) {
        other.restart();
        other.poll();
        io.restart();
        io.poll();
    }
    CHECK(r == once(error::timed_out, 4));
}

TEST_CASE("cancel_after: a time that has come ends what waits at once, extremes included") {
    io_context ctx;
    adopted a = adopt(ctx);
    char memory[8];
    put(a.peer.get(), "here");
    await_bytes(a.socket, 4);
    const auto at_once = [&](auto token) {
        result r;
        a.socket.async_read_some(buffer(memory), token(r.keep()));
        run(ctx);
        return r;
    };
    CHECK(at_once([](auto h) { return cancel_after(-1s, h); }) == once(error::timed_out));
    CHECK(at_once([](auto h) { return cancel_after(0s, h); }) == once(error::timed_out));
    CHECK(at_once([](auto h) { return cancel_after(std::chrono::hours::min(), h); }) ==
          once(error::timed_out));
    CHECK(at_once([](auto h) { return cancel_at(steady::time_point::min(), h); }) ==
          once(error::timed_out));
    CHECK(at_once([](auto h) { return cancel_after(std::chrono::hours::max(), h); }) ==
          once({}, 4));  // nothing had been taken
    put(a.peer.get(), "more");
    CHECK(at_once([](auto h) { return cancel_at(steady::time_point::max(), h); }) == once({}, 4));
}

TEST_CASE("cancel_after: of nested deadlines the earliest counts, and none is none") {
    io_context ctx;
    adopted a = adopt(ctx);
    char memory[8];
    result r;
    SECTION("inside") {
        a.socket.async_read_some(buffer(memory), cancel_after(late, cancel_after(soon, r.keep())));
    }
    SECTION("outside") {
        a.socket.async_read_some(buffer(memory),
                                 cancel_at(steady::now() + soon, cancel_after(late, r.keep())));
    }
    SECTION("the only one") {
        a.socket.async_read_some(
            buffer(memory), cancel_after(0s, cancellation_type::none,
                                         cancel_after(soon, cancellation_type::total, r.keep())));
    }
    run(ctx);
    CHECK(r == once(error::timed_out));
}

TEST_CASE("cancel_after: in a handler the time counts from the time of its turn") {
    io_context ctx;
    adopted a = adopt(ctx);
    char memory[8];
    result r;
    post(ctx, [&] {
        const auto now = ctx.now();
        while (steady::now() < now + 2 * soon) {}
        a.socket.async_read_some(buffer(memory), cancel_after(soon, r.keep()));
    });
    CHECK(ctx.run_one() == 1);
    CHECK(ctx.poll() == 1);  // it has been over since before the start
    CHECK(r == once(error::timed_out));
}

TEST_CASE("cancel_after: the handler may be movable only, and runs where it is bound to") {
    io_context other;
    io_context io;
    adopted a = adopt(io);
    char memory[8];
    bool there = false;
    error_code seen;
    a.socket.async_read_some(
        buffer(memory),
        cancel_after(soon, bind_executor(other.get_executor(),
                                         [&, only = std::make_unique<int>(1)](error_code ec, auto) {
                                             there = other.running_in_this_thread() && *only == 1;
                                             seen = ec;
                                         })));
    run(io);
    run(other);
    CHECK(there);
    CHECK(seen == error::timed_out);
}

TEST_CASE("cancel_after: deadlines of operations that other threads start count there too") {
    io_context ctx;
    adopted a = adopt(ctx);
    char memory[8];
    result r;
    loop_thread loop(ctx);
    a.socket.async_read_some(buffer(memory), cancel_after(soon, r.keep()));
    loop.join();
    CHECK(r == once(error::timed_out));
}

TEST_CASE("cancel_after: operations with deadlines die with their context") {
    int alive = 0;
    struct counted {
        explicit counted(int& n) : count(&n) { ++n; }
        counted(counted&& other) noexcept : count(other.count) { ++*count; }
        ~counted() { --*count; }
        void operator()(error_code, std::size_t = 0) {}
        int* count;
    };
    {
        io_context ctx;
        std::vector<adopted> sockets;
        std::vector<steady_timer> timers;
        char memory[8];
        for (int i = 0; i < 50; ++i) {
            sockets.push_back(adopt(ctx));
            timers.emplace_back(ctx, late);
            sockets.back().socket.async_read_some(buffer(memory),
                                                  cancel_after(late, counted(alive)));
            timers.back().async_wait(cancel_after(soon, counted(alive)));
        }
        ctx.poll();
        CHECK(alive > 0);
    }
    CHECK(alive == 0);
}

TEST_CASE("cancel_after: a post is not ended by it") {
    io_context ctx;
    bool called = false;
    post(ctx, cancel_after(0s, [&] { called = true; }));
    run(ctx);
    CHECK(called);
}

namespace {

/// A handler of that size.
template <std::size_t Size>
struct sized {
    int* calls;
    char fill[Size];
    void operator()(error_code, std::size_t) const { ++*calls; }
};

}  // namespace

TEST_CASE("cancel_after: a deadline between two steps ends no other operation in the step's slot") {
    io_context ctx;
    io_context steps;  // where the steps go on: the read stands between two until this one runs
    auto [socket, peer] = adopt(ctx);
    std::string text;
    error_code got;
    post(ctx, [&, &s = socket] {  // in a handler: there the step's slot is taken again
        async_read_until(
            s, dynamic_buffer(text), '\n',
            cancel_after(5ms, bind_executor(steps.get_executor(),
                                            [&](error_code e, std::size_t) { got = e; })));
    });
    steady_timer later(ctx, 6ms);
    bool passed = false;
    later.async_wait([&](error_code) { passed = true; });
    put(peer.get(), "x");
    REQUIRE(ready(socket.native_handle()));
    run_until(ctx, [&, &s = socket] { return s.available() == 0 || passed; });
    std::vector<adopted> others;
    int calls = 0;
    char byte = 0;
    bool started = false;
    post(ctx, [&] {
        for (int i = 0; i < 3; ++i) {  // whatever size that has
            others.push_back(adopt(ctx));
            tcp::socket& s = others.back().socket;
            s.async_read_some(buffer(&byte, 1), sized<8>{&calls, {}});
            s.async_read_some(buffer(&byte, 1), sized<32>{&calls, {}});
            s.async_read_some(buffer(&byte, 1), sized<64>{&calls, {}});
            s.async_read_some(buffer(&byte, 1), sized<96>{&calls, {}});
            s.async_read_some(buffer(&byte, 1), sized<160>{&calls, {}});
        }
        started = true;
    });
    run_until(ctx, [&] { return started; });
    run_until(ctx, [&] { return passed; });
    ctx.poll();
    CHECK(calls == 0);
    while (!got) {
        steps.restart();
        steps.poll();
        ctx.poll();
    }
    CHECK(got == error::timed_out);
    CHECK(calls == 0);
}
