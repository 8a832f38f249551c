// SPDX-License-Identifier: BSL-1.0
// Bytes over sockets of TCP, while nothing goes wrong: order, counts, the end of a stream, blocking
// or not, and where handlers run.
#include <gyre/bind_executor.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/read.hpp>
#include <gyre/write.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/native_world.hpp"
#include "support/result.hpp"
#include "support/tcp_pair.hpp"

#include <array>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

TEST_CASE("tcp socket: connects, knows both ends, and carries bytes, by blocking calls") {
    io_context ctx;
    tcp::acceptor acceptor(ctx, loopback());
    tcp::socket client(ctx);
    client.connect(acceptor.local_endpoint());
    tcp::socket server = acceptor.accept();
    CHECK(client.remote_endpoint() == acceptor.local_endpoint());
    CHECK(client.local_endpoint() == server.remote_endpoint());
    CHECK(client.remote_endpoint() == server.local_endpoint());
    CHECK(client.write_some(buffer("hello", 5)) == 5);
    char text[16];
    CHECK(server.read_some(buffer(text)) == 5);
    CHECK(std::string(text, 5) == "hello");
    CHECK(server.send(buffer("bye", 3)) == 3);
    CHECK(client.receive(buffer(text)) == 3);
}

TEST_CASE("tcp socket: a blocking read waits for bytes that come later, and for the end") {
    const hang_guard guard;
    watched_world world;
    io_context ctx(world.options());
    adopted a = adopt(ctx);
    std::thread other([&] {
        world.await_wait();
        (void)!::send(a.peer.get(), "late", 4, 0);
        a.peer.reset();
    });
    char text[16];
    CHECK(a.socket.read_some(buffer(text)) == 4);
    error_code ec;
    CHECK(a.socket.read_some(buffer(text), ec) == 0);
    CHECK(ec == error::eof);
    other.join();
}

TEST_CASE("tcp socket: a blocking write waits for room") {
    const hang_guard guard;
    watched_world world;
    io_context ctx(world.options());
    adopted a = adopt_local(ctx);
    const std::size_t filled = fill(a.socket);
    std::string got;
    std::thread other([&] {
        world.await_wait();
        got = take(a.peer.get(), filled + 4);
    });
    error_code ec;
    CHECK(a.socket.write_some(buffer("more", 4), ec) == 4);
    CHECK_FALSE(ec);
    other.join();
    CHECK(got.size() == filled + 4);
    CHECK(got.substr(filled) == "more");
}

TEST_CASE(
    "tcp socket: of an array of many buffers one call moves the first sixteen, all calls all") {
    io_context ctx;
    connection c = connected(ctx);
    std::string sent(64, ' ');
    std::array<const_buffer, 64> out;
    std::string got(64, ' ');
    std::array<mutable_buffer, 64> in;
    for (std::size_t i = 0; i != 64; ++i) {
        sent[i] = static_cast<char>('!' + i);
        out[i] = buffer(&sent[i], 1);
        in[i] = buffer(&got[i], 1);
    }
    result some;
    c.client.async_write_some(out, some.keep());
    run(ctx);
    CHECK(some == once({}, 16));
    CHECK(c.client.write_some(out) == 16);
    await_bytes(c.server, 32);
    result received;
    c.server.async_read_some(in, received.keep());
    run(ctx);
    CHECK(received == once({}, 16));
    CHECK(c.server.read_some(in) == 16);
    result written;
    result read;
    async_write(c.client, out, written.keep());
    async_read(c.server, in, read.keep());
    run(ctx);
    CHECK(written == once({}, 64));
    CHECK(read == once({}, 64));
    CHECK(got == sent);
}

TEST_CASE("tcp socket: with non_blocking(true) synchronous calls report would_block") {
    io_context ctx;
    adopted a = adopt_local(ctx);
    CHECK_FALSE(a.socket.non_blocking());
    a.socket.non_blocking(true);
    CHECK(a.socket.non_blocking());
    char byte = 0;
    error_code ec;
    CHECK(a.socket.read_some(buffer(&byte, 1), ec) == 0);
    CHECK(ec == error::would_block);
    CHECK_THROWS_AS(a.socket.read_some(buffer(&byte, 1)), system_error);
    fill(a.socket);
    a.socket.non_blocking(true);
    CHECK(a.socket.write_some(buffer(&byte, 1), ec) == 0);
    CHECK(ec == error::would_block);

    // An asynchronous operation waits all the same.
    result read;
    a.socket.async_read_some(buffer(&byte, 1), read.keep());
    ctx.poll();
    CHECK(read == never);
    put_byte(a.peer.get());
    run(ctx);
    CHECK(read == once({}, 1));
}

TEST_CASE("tcp socket: transfers of nothing succeed at once, by any call") {
    io_context ctx;
    adopted a = adopt(ctx);
    CHECK(a.socket.read_some(mutable_buffer()) == 0);
    CHECK(a.socket.write_some(const_buffer()) == 0);
    CHECK(a.socket.read_some(std::array<mutable_buffer, 2>()) == 0);
    result read, write, none;
    a.socket.async_read_some(mutable_buffer(), read.keep());
    a.socket.async_write_some(const_buffer(), write.keep());
    a.socket.async_read_some(std::vector<mutable_buffer>(), none.keep());
    run(ctx);
    CHECK(read == once());
    CHECK(write == once());
    CHECK(none == once());
    a.peer.reset();
    result at_end;
    a.socket.async_read_some(mutable_buffer(), at_end.keep());
    run(ctx);
    CHECK(at_end == once());
}

TEST_CASE("tcp socket: the end comes after the bytes, once for each read") {
    io_context ctx;
    adopted a = adopt(ctx);
    char text[16];
    std::array<result, 3> r;
    for (result& x : r) {
        a.socket.async_read_some(buffer(text), x.keep());
    }
    put(a.peer.get(), "data");
    a.peer.reset();
    run(ctx);
    CHECK(r[0] == once({}, 4));
    CHECK(r[1] == once(error::eof));
    CHECK(r[2] == once(error::eof));
    error_code ec;
    a.socket.read_some(buffer(text), ec);
    CHECK(ec == error::eof);
    CHECK(a.socket.is_open());
}

TEST_CASE("tcp socket: queued reads are served in the order in which they were started") {
    io_context ctx;
    adopted a = adopt(ctx);
    std::string got(6, '-');
    std::vector<int> order;
    for (int i = 0; i < 3; ++i) {
        a.socket.async_read_some(buffer(&got[static_cast<std::size_t>(2 * i)], 2),
                                 [&order, i](error_code ec, std::size_t n) {
                                     CHECK_FALSE(ec);
                                     CHECK(n == 2);
                                     order.push_back(i);
                                 });
    }
    ctx.poll();
    CHECK(order.empty());
    put(a.peer.get(), "aabb");
    run_until(ctx, [&] { return order.size() == 2; });
    ctx.poll();
    CHECK(order == std::vector{0, 1});
    put(a.peer.get(), "cc");
    run(ctx);
    CHECK(order == std::vector{0, 1, 2});
    CHECK(got == "aabbcc");
}

TEST_CASE("tcp socket: queued writes keep their order and their counts add up") {
    io_context ctx;
    adopted a = adopt_local(ctx);
    const std::size_t filled = fill(a.socket);
    std::vector<std::string> texts;
    std::vector<int> order;
    for (int i = 0; i < 10; ++i) {
        texts.emplace_back(10, static_cast<char>('0' + i));
    }
    for (int i = 0; i < 10; ++i) {
        a.socket.async_write_some(buffer(texts[static_cast<std::size_t>(i)]),
                                  [&order, i](error_code ec, std::size_t n) {
                                      CHECK_FALSE(ec);
                                      CHECK(n == 10);
                                      order.push_back(i);
                                  });
    }
    ctx.poll();
    CHECK(order.empty());
    take(a.peer.get(), filled);
    run(ctx);
    CHECK(order == std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    std::string expected;
    for (const std::string& text : texts) {
        expected += text;
    }
    CHECK(take(a.peer.get(), 100) == expected);
}

TEST_CASE("tcp socket: scatters and gathers over more buffers than one call takes") {
    io_context ctx;
    connection c = connected(ctx);
    std::string text;
    std::vector<const_buffer> out;
    std::vector<mutable_buffer> in;
    std::string got(3000, '-');
    for (int i = 0; i < 3000; ++i) {
        text.push_back(static_cast<char>('a' + i % 26));
    }
    for (std::size_t i = 0; i < 3000; ++i) {
        out.emplace_back(&text[i], 1);
        in.emplace_back(&got[i], 1);
    }
    std::size_t sent = 0;
    result w;
    c.client.async_write_some(out, w.keep());
    run(ctx);
    CHECK_FALSE(w.error);
    CHECK(w.bytes > 0);
    sent = w.bytes;
    await_bytes(c.server, sent);
    result r;
    c.server.async_read_some(in, r.keep());
    run(ctx);
    CHECK_FALSE(r.error);
    CHECK(r.bytes > 0);
    CHECK(got.substr(0, r.bytes) == text.substr(0, r.bytes));
}

TEST_CASE("tcp socket: message_peek leaves the bytes") {
    io_context ctx;
    adopted a = adopt(ctx);
    put(a.peer.get(), "data");
    char text[4] = {};
    result r;
    a.socket.async_receive(buffer(text), tcp::socket::message_peek, r.keep());
    run(ctx);
    CHECK(r == once({}, 4));
    CHECK(a.socket.receive(buffer(text), tcp::socket::message_peek) == 4);
    CHECK(a.socket.available() == 4);
    CHECK(a.socket.read_some(buffer(text)) == 4);
    CHECK(a.socket.available() == 0);
}

TEST_CASE("tcp socket: a handler that throws leaves run(), and nothing else is lost", "[D15]") {
    io_context ctx;
    adopted a = adopt(ctx);
    adopted b = adopt(ctx);
    int calls = 0;
    char x = 0, y = 0;
    const auto thrower = [&](error_code ec, std::size_t n) {
        ++calls;
        CHECK_FALSE(ec);
        CHECK(n == 1);
        throw std::runtime_error("handler");
    };
    a.socket.async_read_some(buffer(&x, 1), thrower);
    b.socket.async_read_some(buffer(&y, 1), thrower);
    ctx.poll();
    put_byte(a.peer.get());
    put_byte(b.peer.get());
    CHECK_THROWS_AS(ctx.run_for(patience), std::runtime_error);
    CHECK(calls == 1);
    CHECK_THROWS_AS(ctx.run_for(patience), std::runtime_error);
    CHECK(calls == 2);
    run(ctx);
    CHECK(calls == 2);
}

TEST_CASE("tcp socket: a handler bound to another context runs there, and is work of both") {
    io_context other;  // outlives what is bound to it
    io_context io;
    adopted a = adopt(io);
    char text[8];
    result r;
    bool there = false;
    a.socket.async_read_some(
        buffer(text), bind_executor(other.get_executor(), [&](error_code ec, std::size_t n) {
            there = other.running_in_this_thread() && !io.running_in_this_thread();
            r.keep()(ec, n);
        }));
    CHECK(other.poll() == 0);
    CHECK_FALSE(other.stopped());  // it has work
    io.poll();
    CHECK_FALSE(io.stopped());
    put(a.peer.get(), "data");
    const auto end = std::chrono::steady_clock::now() + patience;
    while (r.calls == 0 && std::chrono::steady_clock::now() < end) {
        io.poll();
        CHECK(r == never);  // not there
        other.poll();
    }
    CHECK(r == once({}, 4));
    CHECK(there);
    run(io);
    run(other);
}

TEST_CASE("tcp socket: an operation that finished on its way to another context is not cancelled") {
    io_context other;  // outlives what is bound to it
    io_context io;
    adopted a = adopt(io);
    char text[8];
    result r;
    a.socket.async_read_some(buffer(text), bind_executor(other.get_executor(), r.keep()));
    put(a.peer.get(), "data");
    const auto end = std::chrono::steady_clock::now() + patience;
    while (a.socket.available() != 0 && std::chrono::steady_clock::now() < end) {
        io.poll();
    }
    CHECK(a.socket.cancel() == 0);
    CHECK(r == never);
    run(other);
    CHECK(r == once({}, 4));
}
