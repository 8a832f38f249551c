// SPDX-License-Identifier: BSL-1.0
// Sockets of TCP, while nothing goes wrong: opening, connecting, transfers, taking over and giving
// away, moving, and where handlers run.
#include <gyre/bind_executor.hpp>
#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/post.hpp>

#include "support/catch.hpp"
#include "support/tcp_pair.hpp"

#include <array>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>

using namespace gyre;
using namespace gyre::testing;

TEST_CASE("tcp socket: opens, refuses to open twice, closes and opens again") {
    io_context ctx;
    tcp::socket s(ctx);
    CHECK_FALSE(s.is_open());
    s.open(tcp::v4());
    CHECK(s.is_open());
    error_code ec;
    s.open(tcp::v4(), ec);
    CHECK(ec == error::already_open);
    CHECK_THROWS_AS(s.open(), system_error);
    CHECK(s.is_open());
    s.close();
    CHECK_FALSE(s.is_open());
    s.open(tcp::v4(), ec);
    CHECK_FALSE(ec);
    CHECK(s.is_open());
    CHECK(s.get_executor() == ctx.get_executor());
}

TEST_CASE("tcp socket: descriptors are born non-blocking and closed by exec") {
    io_context ctx;
    tcp::acceptor acceptor(ctx, loopback());
    tcp::socket client(ctx);
    client.connect(acceptor.local_endpoint());
    tcp::socket server = acceptor.accept();
    for (const int fd :
         {acceptor.native_handle(), client.native_handle(), server.native_handle()}) {
        CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
        CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    }
}

TEST_CASE("tcp socket: a closed one answers everything with bad_descriptor") {
    io_context ctx;
    tcp::socket s(ctx);
    const bool was_open = GENERATE(false, true);
    if (was_open) {
        s.open();
        s.close();
    }
    char byte = 'x';
    error_code ec;
    const auto bad = [&ec] {
        const bool yes = ec == error::bad_descriptor;
        ec.clear();
        return yes;
    };
    s.read_some(buffer(&byte, 1), ec);
    CHECK(bad());
    s.write_some(buffer(&byte, 1), ec);
    CHECK(bad());
    s.shutdown(tcp::socket::shutdown_both, ec);
    CHECK(bad());
    s.local_endpoint(ec);
    CHECK(bad());
    s.remote_endpoint(ec);
    CHECK(bad());
    s.available(ec);
    CHECK(bad());
    s.at_mark(ec);
    CHECK(bad());
    s.bind(loopback(), ec);
    CHECK(bad());
    s.set_option(tcp::no_delay(true), ec);
    CHECK(bad());
    tcp::no_delay option;
    s.get_option(option, ec);
    CHECK(bad());
    s.wait(tcp::socket::wait_write, ec);
    CHECK(bad());
    CHECK(s.cancel(ec) == 0);
    CHECK(bad());
    CHECK(s.release(ec) == invalid_native_handle);
    CHECK(bad());
    CHECK_THROWS_AS(s.read_some(buffer(&byte, 1)), system_error);
    CHECK_THROWS_AS(s.available(), system_error);
}

TEST_CASE("tcp socket: operations on a closed one tell their handlers so, later") {
    io_context ctx;
    tcp::socket s(ctx);
    tcp::acceptor acceptor(ctx);
    tcp::socket into(ctx);
    char byte = 'x';
    std::array<result, 5> r;
    s.async_read_some(buffer(&byte, 1), r[0].keep());
    s.async_write_some(buffer(&byte, 1), r[1].keep());
    s.async_wait(tcp::socket::wait_read, r[2].keep());
    acceptor.async_accept(into, r[3].keep());
    acceptor.async_accept([&](error_code e, tcp::socket peer) {
        r[4].keep()(e);
        CHECK_FALSE(peer.is_open());
    });
    for (const result& x : r) {
        CHECK(x == never);
    }
    run(ctx);
    for (const result& x : r) {
        CHECK(x == once(error::bad_descriptor));
    }
}

TEST_CASE("tcp socket: no handler is called inside the function that starts its operation") {
    io_context ctx;
    connection c = connected(ctx);
    c.server.write_some(buffer("data"));
    await_bytes(c.client);
    bool inside = false;
    int calls = 0;
    const auto handler = [&](auto&&...) {
        CHECK_FALSE(inside);
        ++calls;
    };
    tcp::acceptor acceptor(ctx, loopback());
    tcp::socket other(ctx);
    char data[4];
    post(ctx, [&] {
        inside = true;
        c.client.async_read_some(buffer(data), handler);
        c.client.async_write_some(buffer(data), handler);
        c.client.async_wait(tcp::socket::wait_write, handler);
        acceptor.async_accept(handler);
        other.async_connect(acceptor.local_endpoint(), handler);
        inside = false;
    });
    run(ctx);
    CHECK(calls == 5);
}

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
    io_context ctx;
    adopted a = adopt(ctx);
    std::thread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));  // so that it may fail
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
    io_context ctx;
    adopted a = adopt(ctx);
    shrink(a.socket.native_handle());
    shrink(a.peer.get());
    const std::size_t filled = fill(a.socket);
    std::string got;
    std::thread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));  // so that it may fail
        got = take(a.peer.get(), filled + 4);
    });
    error_code ec;
    CHECK(a.socket.write_some(buffer("more", 4), ec) == 4);
    CHECK_FALSE(ec);
    other.join();
    CHECK(got.size() == filled + 4);
    CHECK(got.substr(filled) == "more");
}

TEST_CASE("tcp socket: with non_blocking(true) synchronous calls report would_block") {
    io_context ctx;
    adopted a = adopt(ctx);
    CHECK_FALSE(a.socket.non_blocking());
    a.socket.non_blocking(true);
    CHECK(a.socket.non_blocking());
    char byte = 0;
    error_code ec;
    CHECK(a.socket.read_some(buffer(&byte, 1), ec) == 0);
    CHECK(ec == error::would_block);
    CHECK_THROWS_AS(a.socket.read_some(buffer(&byte, 1)), system_error);
    shrink(a.socket.native_handle());
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

TEST_CASE("tcp socket: a non-blocking connect is in progress, and async_wait tells its end") {
    io_context ctx;
    full_listener full;
    tcp::socket s(ctx, tcp::v4());
    s.non_blocking(true);
    error_code ec;
    s.connect(full.endpoint(), ec);
    CHECK(ec == error::in_progress);
}

TEST_CASE("tcp socket: async_connect opens the socket, for either version") {
    io_context ctx;
    const bool v6 = GENERATE(false, true);
    error_code ec;
    tcp::acceptor acceptor(ctx, v6 ? tcp::v6() : tcp::v4());
    acceptor.bind(
        {v6 ? ip::address(ip::address_v6::loopback()) : ip::address(ip::address_v4::loopback()), 0},
        ec);
    if (ec) {
        GYRE_SKIP("no IPv6 loopback address");
    }
    acceptor.listen();
    tcp::socket s(ctx);
    result r;
    s.async_connect(acceptor.local_endpoint(), r.keep());
    CHECK(s.is_open());
    CHECK(r == never);
    run(ctx);
    CHECK(r == once());
    CHECK(s.remote_endpoint() == acceptor.local_endpoint());
}

TEST_CASE("tcp socket: connecting a connected socket reports already_connected") {
    io_context ctx;
    tcp::acceptor acceptor(ctx, loopback());
    tcp::socket s(ctx);
    s.connect(acceptor.local_endpoint());
    error_code ec;
    s.connect(acceptor.local_endpoint(), ec);
    CHECK(ec == error::already_connected);
    result r;
    s.async_connect(acceptor.local_endpoint(), r.keep());
    run(ctx);
    CHECK(r == once(error::already_connected));
    CHECK(s.remote_endpoint() == acceptor.local_endpoint());
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
    adopted a = adopt(ctx);
    shrink(a.socket.native_handle());
    shrink(a.peer.get());
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

TEST_CASE("tcp socket: takes over a connected, blocking descriptor and gives it back") {
    io_context ctx;
    fd_pair pair = tcp_pair();
    const int fd = pair.a.release();
    REQUIRE(::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK) == 0);
    tcp::socket s(ctx);
    s.assign(tcp::v4(), fd);
    CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    CHECK(s.native_handle() == fd);
    CHECK(s.remote_endpoint().address().is_loopback());
    error_code ec;
    s.assign(tcp::v4(), pair.b.get(), ec);
    CHECK(ec == error::already_open);

    char text[4];
    result read;
    s.async_read_some(buffer(text), read.keep());
    ctx.poll();  // registered now
    put(pair.b.get(), "a");
    run(ctx);
    CHECK(read == once({}, 1));

    std::array<result, 2> pending;
    s.async_read_some(buffer(text), pending[0].keep());
    s.async_wait(tcp::socket::wait_error, pending[1].keep());
    ctx.restart();
    ctx.poll();
    CHECK(s.release() == fd);
    CHECK_FALSE(s.is_open());
    CHECK(pending[0] == never);
    run(ctx);
    CHECK(pending[0] == once(error::operation_aborted));
    CHECK(pending[1] == once(error::operation_aborted));

    // It works in another context, and in the same one again.
    put(pair.b.get(), "b");
    io_context other;
    tcp::socket moved(other, tcp::v4(), fd);
    result again;
    moved.async_read_some(buffer(text), again.keep());
    run(other);
    CHECK(again == once({}, 1));
    s.assign(tcp::v4(), moved.release());
    result third;
    s.async_read_some(buffer(text), third.keep());
    ctx.restart();
    ctx.poll();
    put(pair.b.get(), "c");
    run(ctx);
    CHECK(third == once({}, 1));
    CHECK(text[0] == 'c');
}

TEST_CASE("tcp socket: a moved one takes its pending operations along") {
    io_context ctx;
    adopted a = adopt(ctx);
    char text[8];
    result read, wait;
    a.socket.async_read_some(buffer(text), read.keep());
    a.socket.async_wait(tcp::socket::wait_error, wait.keep());
    ctx.poll();
    auto moved = std::make_unique<tcp::socket>(std::move(a.socket));
    CHECK_FALSE(a.socket.is_open());
    put(a.peer.get(), "data");
    run_until(ctx, [&] { return read.calls != 0; });
    CHECK(read == once({}, 4));
    a.socket.open(tcp::v4());  // of use again
    a.socket.close();
    CHECK(moved->cancel() == 1);
    run(ctx);
    CHECK(wait == once(error::operation_aborted));
}

TEST_CASE("tcp socket: moving onto an open one closes that one first") {
    io_context ctx;
    adopted a = adopt(ctx);
    adopted b = adopt(ctx);
    char text[8], other[8];
    result lost, kept;
    a.socket.async_read_some(buffer(text), lost.keep());
    b.socket.async_read_some(buffer(other), kept.keep());
    ctx.poll();
    a.socket = std::move(b.socket);
    CHECK(take(a.peer.get(), 1).empty());  // the end
    put(b.peer.get(), "data");
    run(ctx);
    CHECK(lost == once(error::operation_aborted));
    CHECK(kept == once({}, 4));
    CHECK(a.socket.is_open());
}

TEST_CASE("tcp socket: destroying it aborts what is pending") {
    io_context ctx;
    std::optional<adopted> a(adopt(ctx));
    char text[8];
    result r;
    a->socket.async_read_some(buffer(text), r.keep());
    ctx.poll();
    a.reset();
    CHECK(r == never);
    run(ctx);
    CHECK(r == once(error::operation_aborted));
}

TEST_CASE("tcp socket: a handler may own its socket, and may only be movable") {
    io_context ctx;
    adopted a = adopt(ctx);
    auto owner = std::make_unique<tcp::socket>(std::move(a.socket));
    tcp::socket& s = *owner;
    char text[8];
    bool called = false;
    s.async_read_some(buffer(text), [&called, owner = std::move(owner)](error_code ec, auto n) {
        called = true;
        CHECK_FALSE(ec);
        CHECK(n == 4);
        CHECK(owner->is_open());
    });
    put(a.peer.get(), "data");
    run(ctx);
    CHECK(called);
    CHECK(take(a.peer.get(), 1).empty());  // closed with the handler
}

TEST_CASE("tcp socket: a handler that throws leaves run(), and nothing else is lost") {
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

TEST_CASE("tcp socket: destroying a context destroys handlers that own its sockets") {
    const descriptor_limit limit(6000);
    auto alive = std::make_shared<int>(0);
    std::vector<unique_fd> peers;
    {
        io_context ctx;
        for (int i = 0; i < 1000; ++i) {
            adopted a = adopt(ctx);
            auto s = std::make_shared<tcp::socket>(std::move(a.socket));
            auto data = std::make_shared<std::array<char, 8>>();
            s->async_read_some(buffer(*data), [s, data, alive](error_code, std::size_t) {
                FAIL("a handler was called");
            });
            s->async_wait(tcp::socket::wait_error,
                          [s, alive](error_code) { FAIL("a handler was called"); });
            peers.push_back(std::move(a.peer));
        }
        if (GENERATE(false, true)) {
            ctx.poll();
            for (unique_fd& peer : peers) {
                put_byte(peer.get());
            }
        }
        CHECK(alive.use_count() == 2001);
    }
    CHECK(alive.use_count() == 1);
    for (unique_fd& peer : peers) {
        CHECK(take(peer.get(), 1).empty());
    }
}

TEST_CASE("tcp socket: one context does not run what belongs to another") {
    io_context one;
    io_context two;
    adopted a = adopt(one);
    char byte = 0;
    result r;
    a.socket.async_read_some(buffer(&byte, 1), r.keep());
    put_byte(a.peer.get());
    run(two);
    CHECK(r == never);
    run(one);
    CHECK(r == once({}, 1));
}
