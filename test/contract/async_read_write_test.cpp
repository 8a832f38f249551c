// SPDX-License-Identifier: BSL-1.0
// Composed transfers over sockets: whole ones, cancelled ones, and where their steps run.
#include <gyre/bind_executor.hpp>
#include <gyre/cancellation_signal.hpp>
#include <gyre/completion_condition.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/read.hpp>
#include <gyre/write.hpp>

#include "support/cancellable.hpp"
#include "support/catch.hpp"
#include "support/scripted_stream.hpp"
#include "support/tcp_pair.hpp"
#include "support/wine.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

namespace {

/// Runs the context until the socket has nothing more to be read.
void drain(io_context& ctx, tcp::socket& socket) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (socket.available() != 0 && std::chrono::steady_clock::now() < end) {
        ctx.poll();
    }
}

}  // namespace

TEST_CASE("async_read: the sequence is copied, and the handler may only be movable") {
    io_context ctx;
    adopted a = adopt(ctx);
    std::string memory(100, '-');
    const std::string text = sample(100);
    result r;
    {
        std::vector<mutable_buffer> buffers{mutable_buffer(&memory[0], 50),
                                            mutable_buffer(&memory[50], 50)};
        async_read(a.socket, buffers,
                   [&r, only = std::make_unique<int>(1)](auto ec, auto n) { r.keep()(ec, n); });
        buffers.assign(2, mutable_buffer());
    }
    for (std::size_t i = 0; i < 100; i += 10) {
        put(a.peer.get(), text.substr(i, 10));
        ctx.poll();
    }
    run(ctx);
    CHECK(r == once({}, 100));
    CHECK(memory == text);
}

TEST_CASE("async_read: its steps and its handler run where the handler's executor says") {
    io_context other;  // outlives what is bound to it
    io_context io;
    adopted a = adopt(io);
    char memory[8];
    result r;
    bool condition_there = true;
    bool handler_there = false;
    std::size_t asked = 0;
    async_read(
        a.socket, buffer(memory),
        [&](const error_code& ec, std::size_t n) -> std::size_t {
            condition_there = condition_there && (asked++ == 0 || other.running_in_this_thread());
            return ec || n == 8 ? 0 : 8;
        },
        bind_executor(other.get_executor(), [&](error_code ec, std::size_t n) {
            handler_there = other.running_in_this_thread();
            r.keep()(ec, n);
        }));
    const auto end = std::chrono::steady_clock::now() + patience;
    put(a.peer.get(), "data");
    bool held = true;  // as work of both contexts, between the steps as well
    for (int i = 0; r.calls == 0 && held && std::chrono::steady_clock::now() < end; ++i) {
        held = !io.stopped() && !other.stopped();
        io.poll();
        other.poll();
        if (i == 10) {
            put(a.peer.get(), "more");
        }
    }
    CHECK(r == once({}, 8));
    CHECK(held);
    CHECK(condition_there);
    CHECK(handler_there);
}

TEST_CASE("async_read: cancelled by the socket in the middle, it reports the bytes so far") {
    io_context ctx;
    adopted a = adopt(ctx);
    char memory[8];
    result r;
    async_read(a.socket, buffer(memory), r.keep());
    put(a.peer.get(), "abc");
    drain(ctx, a.socket);
    CHECK(r == never);
    if (GENERATE(false, true)) {
        CHECK(a.socket.cancel() == 1);
    } else {
        a.socket.close();
    }
    run(ctx);
    CHECK(r == once(error::operation_aborted, 3));
    CHECK(std::string(memory, 3) == "abc");
}

TEST_CASE("async_read: cancelled by its signal in the middle, it reports the bytes so far") {
    io_context ctx;
    adopted a = adopt(ctx);
    cancellation_signal signal;
    char memory[8];
    result r;
    async_read(a.socket, buffer(memory), with(signal, r.keep()));
    put(a.peer.get(), "abc");
    drain(ctx, a.socket);
    signal.emit(cancellation_type::partial);
    CHECK(r == never);
    run(ctx);
    CHECK(r == once(error::operation_aborted, 3));
    put(a.peer.get(), "def");
    CHECK(a.socket.read_some(buffer(memory)) == 3);  // nothing was lost
}

TEST_CASE("async_write: cancelled between two steps, it reports operation_aborted and the bytes") {
    // The first step is made when the operation is started; the second one when its handler is
    // called. In between nothing waits for the socket.
    io_context ctx;
    adopted a = adopt(ctx);
    cancellation_signal signal;
    const std::string text = sample(1'000'000);
    result r;
    const auto in_steps = [](error_code ec, std::size_t) { return ec ? 0 : 65'536; };
    async_write(a.socket, buffer(text), in_steps, with(signal, r.keep()));
    const int how = GENERATE(0, 1, 2);
    if (how == 0) {
        CHECK(a.socket.cancel() == 1);
    } else if (how == 1) {
        a.socket.close();
    } else {
        signal.emit(cancellation_type::all);
    }
    CHECK(r == never);
    run(ctx);
    CHECK(r.calls == 1);
    CHECK(r.error == error::operation_aborted);
    CHECK(r.bytes > 0);
    CHECK(r.bytes <= 65'536);
    a.socket.close();
    CHECK(take(a.peer.get(), text.size()) == text.substr(0, r.bytes));
}

TEST_CASE("async_write: cancelled in the middle, it reports the bytes that went") {
    io_context ctx;
    adopted a = adopt_local(ctx);
    const std::string text = sample(1'000'000);
    result r;
    async_write(a.socket, buffer(text), r.keep());
    ctx.poll();
    REQUIRE(r == never);
    CHECK(a.socket.cancel() == 1);
    run(ctx);
    CHECK(r.calls == 1);
    CHECK(r.error == error::operation_aborted);
    CHECK(r.bytes > 0);
    CHECK(r.bytes < text.size());
    a.socket.close();
    CHECK(take(a.peer.get(), text.size()) == text.substr(0, r.bytes));  // exactly these
}

TEST_CASE("async_read: a whole one that has nothing left to do is not taken by a cancellation") {
    io_context other;  // outlives what is bound to it
    io_context io;
    adopted a = adopt(io);
    cancellation_signal signal;
    char memory[4];
    result r;
    async_read(a.socket, buffer(memory),
               bind_executor(other.get_executor(), with(signal, r.keep())));
    put(a.peer.get(), "done");
    drain(io, a.socket);
    signal.emit(cancellation_type::all);
    CHECK(a.socket.cancel() == 0);
    run(other);
    CHECK(r == once({}, 4));
}

TEST_CASE("read and write: megabytes go both ways at once through small buffers, intact", "[D2]") {
    io_context ctx;
    connection c = connected(ctx);
    const std::string first = sample(on_windows ? 1 << 20 : 16 << 20);  // Wine is slow
    std::string second = first;
    std::reverse(second.begin(), second.end());
    std::string got_first(first.size(), '-');
    std::string got_second(second.size(), '-');
    std::array<result, 4> r;
    async_write(c.client, buffer(first), r[0].keep());
    async_write(c.server, buffer(second), r[1].keep());
    async_read(c.server, buffer(got_first), r[2].keep());
    async_read(c.client, buffer(got_second), r[3].keep());
    run(ctx);
    for (const result& x : r) {
        CHECK(x == once({}, first.size()));
    }
    CHECK((got_first == first));
    CHECK((got_second == second));
}

TEST_CASE("read and write: blocking forms work over sockets") {
    io_context ctx;
    adopted a = adopt(ctx);
    put(a.peer.get(), "0123456789");
    char memory[10];
    CHECK(read(a.socket, buffer(memory), transfer_exactly(4)) == 4);
    CHECK(read(a.socket, buffer(memory), transfer_at_least(1)) == 6);
    CHECK(write(a.socket, std::array<const_buffer, 2>{buffer("ab", 2), buffer("cd", 2)}) == 4);
    CHECK(take(a.peer.get(), 4) == "abcd");
    put(a.peer.get(), "xy");
    a.peer.reset();
    error_code ec;
    CHECK(read(a.socket, buffer(memory), ec) == 2);
    CHECK(ec == error::eof);
}
