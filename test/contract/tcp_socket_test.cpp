// SPDX-License-Identifier: BSL-1.0
// Sockets of TCP, while nothing goes wrong: opening, connecting, transfers, taking over and giving
// away, moving, and where handlers run.
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/post.hpp>

#include "support/catch.hpp"
#include "support/tcp_pair.hpp"

#include <array>
#include <memory>
#include <optional>
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

#if !defined(_WIN32)  // can't be asked
TEST_CASE("tcp socket: descriptors are born non-blocking and closed by exec", "[L34][L35]") {
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
#endif

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

TEST_CASE("tcp socket: takes over a connected, blocking descriptor and gives it back") {
    io_context ctx;
    fd_pair pair = tcp_pair();
    const int fd = pair.a.release();
    set_nonblocking(fd, false);
    tcp::socket s(ctx);
    s.assign(tcp::v4(), fd);
    char byte = 0;
    CHECK(::recv(fd, &byte, 1, 0) < 0);  // returns, with nothing there
    CHECK(s.native_handle() == static_cast<native_handle_type>(fd));
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

TEST_CASE("tcp socket: destroying a context destroys handlers that own its sockets") {
    const descriptor_limit limit(6000);
    auto alive = std::make_shared<int>(0);
    std::vector<unique_fd> peers;
    {
        io_context ctx;
        for (int i = 0; i < 1000; ++i) {
            adopted a = adopt_one_of_many(ctx);
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

#if !defined(_WIN32)  // whose handles have no numbers to count
TEST_CASE("tcp socket: a thousand contexts leave no descriptor open, whatever waited in them",
          "[L7]") {
    { io_context warm; }  // what a process opens once
    const int before = open_descriptors();
    for (int i = 0; i < 1000; ++i) {
        io_context ctx;
        if (i % 10 == 0) {
            adopted a = adopt(ctx);
            a.socket.async_wait(tcp::socket::wait_read, [](error_code) {});
            ctx.poll();
        }
    }
    CHECK(open_descriptors() == before);
}
#endif
