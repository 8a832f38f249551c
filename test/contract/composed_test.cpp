// SPDX-License-Identifier: BSL-1.0
// What holds for every composed operation that reads into dynamic buffers, reads or writes at an
// offset, or connects: cancellation between its steps, and what its handler is associated with.
#include <gyre/bind_executor.hpp>
#include <gyre/cancellation_signal.hpp>
#include <gyre/dynamic_buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/read.hpp>
#include <gyre/read_at.hpp>
#include <gyre/read_until.hpp>
#include <gyre/streambuf.hpp>
#include <gyre/write.hpp>
#include <gyre/write_at.hpp>

#include "support/catch.hpp"
#include "support/dynamic_buffers.hpp"
#include "support/handlers.hpp"
#include "support/scripted_stream.hpp"
#include "support/tcp_pair.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

namespace {

const std::string text_of_steps = "0123456789abcdef";

/// Runs handlers until all that was sent has been taken from the socket.
void drain(io_context& ctx, tcp::socket& socket) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (socket.available() != 0 && std::chrono::steady_clock::now() < end) {
        ctx.poll();
    }
    REQUIRE(socket.available() == 0);
}

/// Takes 16 bytes in steps of 4 over a scripted stream or device. Calls f(start, moved): start(h)
/// starts an operation with the handler h, anew each time; moved() says how many bytes it has
/// moved, as seen in its buffer or device.
template <class F>
void for_each_operation(io_context& ctx, F f) {
    {
        scripted_stream s(ctx, text_of_steps);
        s.step(4);
        std::string into;
        f(
            s, [&](auto h) { async_read(s, dynamic_buffer(into, 16), std::move(h)); },
            [&] { return into.size(); });
    }
    {
        scripted_stream s(ctx, text_of_steps);
        s.step(4);
        streambuf into;
        f(
            s, [&](auto h) { async_read(s, into, transfer_exactly(16), std::move(h)); },
            [&] { return into.size(); });
    }
    {
        scripted_stream s(ctx, text_of_steps);
        s.step(4);
        std::string from = text_of_steps;
        f(
            s, [&](auto h) { async_write(s, dynamic_buffer(from), std::move(h)); },
            [&] { return text_of_steps.size() - from.size(); });
    }
    {
        scripted_device d(ctx, text_of_steps);
        d.step(4);
        std::string into;
        f(
            d, [&](auto h) { async_read_at(d, 0, dynamic_buffer(into, 16), std::move(h)); },
            [&] { return into.size(); });
    }
    {
        scripted_device d(ctx, text_of_steps);
        d.step(4);
        std::string into(16, '-');
        f(
            d, [&](auto h) { async_read_at(d, 0, buffer(into), std::move(h)); },
            [&] { return into.substr(0, into.find('-')).size(); });
    }
    {
        scripted_device d(ctx);
        d.step(4);
        f(
            d, [&](auto h) { async_write_at(d, 0, buffer(text_of_steps), std::move(h)); },
            [&] { return d.memory().size(); });
    }
    {
        scripted_device d(ctx);
        d.step(4);
        streambuf from;
        append(from, text_of_steps);
        f(
            d, [&](auto h) { async_write_at(d, 0, from, std::move(h)); },
            [&] { return text_of_steps.size() - from.size(); });
    }
}

}  // namespace

TEST_CASE("composed: cancelled between two steps, it reports the bytes that were moved") {
    io_context ctx;
    for (int steps = 0; steps <= 4; ++steps) {
        for_each_operation(ctx, [&](auto& object, auto start, auto moved) {
            CAPTURE(steps);
            result r;
            start(r.keep());
            ctx.restart();
            for (int i = 0; i < steps; ++i) {
                REQUIRE(ctx.run_one() == 1);
            }
            // A step is done, and its handler waits to be called.
            object.cancel();
            run(ctx);
            const auto wanted = static_cast<std::size_t>(4 * (steps + 1));
            if (steps < 3) {
                CHECK(r == once(error::operation_aborted, wanted));
                CHECK(moved() == wanted);
            } else {  // that was the last step
                CHECK(r == once({}, 16));
                CHECK(moved() == 16);
            }
        });
    }
}

TEST_CASE("async_read_until: cancelled between two steps, it keeps what was read in the buffer") {
    io_context ctx;
    for (int steps = 0; steps < 5; ++steps) {
        for_each_dynamic_buffer("", 100, [&](auto argument, auto content) {
            CAPTURE(steps);
            scripted_stream stream(ctx, text_of_steps + '\n');
            stream.step(4);
            result r;
            async_read_until(stream, argument(), '\n', r.keep());
            ctx.restart();
            for (int i = 0; i < steps; ++i) {
                REQUIRE(ctx.run_one() == 1);
            }
            stream.cancel();
            run(ctx);
            // Cancelled is cancelled, even if the match has just come: it is found the next time.
            CHECK(r == once(error::operation_aborted));
            CHECK(content() == (text_of_steps + '\n').substr(0, stream.read_so_far()));
            CHECK(stream.read_so_far() == std::min<std::size_t>(17, 4 * (steps + 1)));
            r = {};
            async_read_until(stream, argument(), '\n', r.keep());
            run(ctx);
            CHECK(r == once({}, 17));
        });
    }
}

TEST_CASE("composed: cancelled by the socket or a signal in the middle, nothing is lost") {
    const int how = GENERATE(0, 1, 2);
    const int which = GENERATE(0, 1, 2, 3);
    CAPTURE(how, which);
    io_context ctx;
    adopted a = adopt(ctx);
    cancellation_signal signal;
    std::string s;
    streambuf b;
    result r;
    const cancellable handler{signal.slot(), r.keep()};
    switch (which) {
    case 0: async_read_until(a.socket, dynamic_buffer(s), "\r\n", handler); break;
    case 1: async_read_until(a.socket, b, '\n', handler); break;
    case 2: async_read(a.socket, dynamic_buffer(s), handler); break;
    default: async_read(a.socket, b, transfer_at_least(100), handler); break;
    }
    put(a.peer.get(), "abc");
    await_bytes(a.socket, 3);
    drain(ctx, a.socket);
    CHECK(r == never);
    if (how == 0) {
        CHECK(a.socket.cancel() == 1);
    } else if (how == 1) {
        signal.emit(cancellation_type::total);
    } else {
        a.socket.close();
    }
    CHECK(r == never);
    run(ctx);
    CHECK(r == once(error::operation_aborted, which < 2 ? 0 : 3));
    CHECK((which % 2 == 0 ? s : text_of(b)) == "abc");
    if (how != 2) {
        put(a.peer.get(), "\r\n");
        CHECK((which % 2 == 0 ? read_until(a.socket, dynamic_buffer(s), '\n')
                              : read_until(a.socket, b, '\n')) == 5);
    }
}

TEST_CASE("async_write: of a dynamic buffer, cancelled in the middle, leaves what did not go") {
    io_context ctx;
    adopted a = adopt(ctx);
    std::string text(1'000'000, '\0');
    for (std::size_t i = 0; i < text.size(); ++i) {
        text[i] = static_cast<char>('a' + i % 23);
    }
    std::string from = text;
    result r;
    const auto in_steps = [](error_code ec, std::size_t) { return ec ? 0 : 65'536; };
    async_write(a.socket, dynamic_buffer(from), in_steps, r.keep());
    CHECK(a.socket.cancel() == 1);  // after the first step, before its handler
    CHECK(r == never);
    run(ctx);
    CHECK(r.error == error::operation_aborted);
    CHECK(r.bytes > 0);
    CHECK(r.bytes < text.size());
    CHECK((from == text.substr(r.bytes)));
    a.socket.close();
    CHECK((take(a.peer.get(), text.size()) == text.substr(0, r.bytes)));
}

TEST_CASE("composed: every step and the handler run where the handler's executor says") {
    io_context other;  // outlives what is bound to it
    io_context io;
    adopted a = adopt(io);
    std::string s;
    result r;
    std::size_t asked = 0;
    bool condition_there = true;
    bool handler_there = false;
    const auto line = [&](auto begin, auto end) {
        condition_there = condition_there && (asked++ == 0 || other.running_in_this_thread());
        for (auto it = begin; it != end; ++it) {
            if (*it == '\n') {
                return std::pair(++it, true);
            }
        }
        return std::pair(end, false);
    };
    async_read_until(a.socket, dynamic_buffer(s), line,
                     bind_executor(other.get_executor(), [&](error_code ec, std::size_t n) {
                         handler_there = other.running_in_this_thread();
                         r.keep()(ec, n);
                     }));
    const auto end = std::chrono::steady_clock::now() + patience;
    put(a.peer.get(), "one ");
    for (int i = 0; r == never && std::chrono::steady_clock::now() < end; ++i) {
        CHECK_FALSE(io.stopped());
        CHECK_FALSE(other.stopped());
        io.poll();
        other.poll();
        if (i == 10) {
            put(a.peer.get(), "line\n");
        }
    }
    CHECK(r == once({}, 9));
    CHECK(asked == 3);
    CHECK(condition_there);
    CHECK(handler_there);
}

TEST_CASE("composed: the allocator of the handler is used for every step, and balances") {
    io_context ctx;
    allocation_log log;
    std::string s;
    streambuf b;
    adopted a = adopt(ctx);
    put(a.peer.get(), "a\nb\n");
    a.peer.reset();
    result r[4];
    async_read_until(a.socket, dynamic_buffer(s), "b\n", allocating{&log, r[0].keep()});
    run(ctx);
    const std::size_t after_one = log.taken;
    CHECK(after_one > 0);
    async_read(a.socket, b, allocating{&log, r[1].keep()});
    run(ctx);
    CHECK(log.taken > after_one);
    adopted w = adopt(ctx);
    async_write(w.socket, dynamic_buffer(s), allocating{&log, r[2].keep()});
    run(ctx);
    CHECK(take(w.peer.get(), 4) == "a\nb\n");
    CHECK(r[0] == once({}, 4));
    CHECK(r[1] == once(error::eof));
    CHECK(r[2] == once({}, 4));
    CHECK(log.taken == log.given_back);
}

TEST_CASE("composed: what can't be started leaves the buffer as it was") {
    io_context ctx;
    adopted a = adopt(ctx);
    put(a.peer.get(), "text\n");
    allocation_log log;
    log.refuse = true;
    for_each_dynamic_buffer("before", 1000, [&](auto argument, auto content) {
        result r;
        CHECK_THROWS_AS(async_read_until(a.socket, argument(), '\n', allocating{&log, r.keep()}),
                        std::bad_alloc);
        CHECK(content() == "before");
        CHECK_THROWS_AS(async_read(a.socket, argument(), allocating{&log, r.keep()}),
                        std::bad_alloc);
        CHECK(content() == "before");
        CHECK_THROWS_AS(async_write(a.socket, argument(), allocating{&log, r.keep()}),
                        std::bad_alloc);
        CHECK(content() == "before");
        CHECK(r == never);
    });
    // When a later step can't be started the handler is destroyed and run() throws.
    std::string s;
    result r;
    log.refuse = false;
    async_read_until(a.socket, dynamic_buffer(s), '!', allocating{&log, r.keep()});
    log.refuse = true;
    await_bytes(a.socket, 5);
    CHECK_THROWS_AS(ctx.run(), std::bad_alloc);
    CHECK(s == "text\n");
    CHECK(r == never);
    CHECK(log.taken == log.given_back);
}

TEST_CASE("composed: handlers may only be movable") {
    io_context ctx;
    for_each_operation(ctx, [&](auto&, auto start, auto moved) {
        result r;
        start([&r, only = std::make_unique<int>(1)](error_code ec, std::size_t n) {
            r.keep()(ec, n);
        });
        CHECK(r == never);
        run(ctx);
        CHECK(r == once({}, 16));
        CHECK(moved() == 16);
    });
}
