// SPDX-License-Identifier: BSL-1.0
// Cancellation of operations on sockets: what was counted reports operation_aborted, and nothing
// that was received or accepted is lost by it.
#include <gyre/cancellation_signal.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>

#include "support/cancellable.hpp"
#include "support/catch.hpp"
#include "support/tcp_pair.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

TEST_CASE("tcp cancel: aborts and counts everything that is pending, later") {
    io_context ctx;
    adopted a = adopt_local(ctx);
    fill(a.socket);
    std::array<result, 7> r;
    char text[8];
    a.socket.async_read_some(buffer(text), r[0].keep());
    a.socket.async_read_some(buffer(text), r[1].keep());
    a.socket.async_write_some(buffer("1"), r[2].keep());
    a.socket.async_write_some(buffer("2"), r[3].keep());
    a.socket.async_wait(tcp::socket::wait_read, r[4].keep());
    a.socket.async_wait(tcp::socket::wait_write, r[5].keep());
    a.socket.async_wait(tcp::socket::wait_error, r[6].keep());
    if (GENERATE(false, true)) {
        ctx.poll();
    }
    const bool close = GENERATE(false, true);
    if (close) {
        a.socket.close();
    } else {
        CHECK(a.socket.cancel() == 7);
        CHECK(a.socket.cancel() == 0);
    }
    for (const result& x : r) {
        CHECK(x == never);
    }
    run(ctx);
    for (const result& x : r) {
        CHECK(x == once(error::operation_aborted));
    }
    CHECK(a.socket.is_open() != close);
}

TEST_CASE("tcp cancel: a socket is as good as before afterwards") {
    io_context ctx;
    adopted a = adopt(ctx);
    char text[8];
    for (int i = 0; i < 10; ++i) {
        result aborted, read, write;
        a.socket.async_read_some(buffer(text), aborted.keep());
        if (i % 2 == 0) {
            ctx.restart();
            ctx.poll();
        }
        CHECK(a.socket.cancel() == 1);
        a.socket.async_read_some(buffer(text), read.keep());
        a.socket.async_write_some(buffer("ping", 4), write.keep());
        put(a.peer.get(), "pong!");
        run(ctx);
        CHECK(aborted == once(error::operation_aborted));
        CHECK(read == once({}, 5));
        CHECK(write == once({}, 4));
        CHECK(take(a.peer.get(), 4) == "ping");
    }
}

TEST_CASE("tcp cancel: a read that was ready is aborted, and its bytes stay for the next",
          "[D14]") {
    io_context ctx;
    adopted a = adopt(ctx);
    adopted b = adopt(ctx);
    char x[8], y[8];
    std::array<result, 2> r;
    std::array<std::size_t, 2> counted{};
    // Both become ready in one wait; whichever handler comes first cancels the other one's read.
    a.socket.async_read_some(buffer(x), [&](error_code e, std::size_t n) {
        r[0].keep()(e, n);
        counted[0] = b.socket.cancel();
    });
    b.socket.async_read_some(buffer(y), [&](error_code e, std::size_t n) {
        r[1].keep()(e, n);
        counted[1] = a.socket.cancel();
    });
    ctx.poll();
    put(a.peer.get(), "data");
    put(b.peer.get(), "data");
    await_bytes(a.socket, 4);
    await_bytes(b.socket, 4);
    run(ctx);
    const std::size_t first = r[0].error ? 1 : 0;
    CHECK(r[first] == once({}, 4));
    CHECK(counted[first] == 1);
    CHECK(r[1 - first] == once(error::operation_aborted));
    CHECK(counted[1 - first] == 0);

    tcp::socket& loser = first == 0 ? b.socket : a.socket;
    CHECK(loser.available() == 4);
    result again;
    char text[8];
    loser.async_read_some(buffer(text), again.keep());
    run(ctx);
    CHECK(again == once({}, 4));
    CHECK(std::string(text, 4) == "data");
}

TEST_CASE("tcp cancel: of two ready reads of one socket the second can still be taken") {
    io_context ctx;
    adopted a = adopt(ctx);
    char x = 0, y = 0;
    result second;
    std::size_t counted = 0;
    a.socket.async_read_some(buffer(&x, 1), [&](error_code e, std::size_t n) {
        CHECK_FALSE(e);
        CHECK(n == 1);
        counted = a.socket.cancel();
    });
    a.socket.async_read_some(buffer(&y, 1), second.keep());
    put(a.peer.get(), "ab");
    await_bytes(a.socket, 2);
    run(ctx);
    CHECK(counted == 1);
    CHECK(second == once(error::operation_aborted));
    CHECK(a.socket.read_some(buffer(&y, 1)) == 1);
    CHECK(y == 'b');
}

TEST_CASE("tcp cancel: a read that is started when bytes are there can be taken before run()") {
    io_context ctx;
    adopted a = adopt(ctx);
    put(a.peer.get(), "data");
    await_bytes(a.socket, 4);
    char text[8];
    result r;
    a.socket.async_read_some(buffer(text), r.keep());
    CHECK(a.socket.cancel() == 1);
    run(ctx);
    CHECK(r == once(error::operation_aborted));
    CHECK(a.socket.available() == 4);
}

TEST_CASE("tcp cancel: an accept that was ready is aborted, and no connection is lost") {
    io_context ctx;
    adopted a = adopt(ctx);
    tcp::acceptor acceptor(ctx, loopback());
    char byte = 0;
    result accepted, read;
    std::size_t counted = 99;
    bool accept_first = false;
    tcp::socket got(ctx);
    acceptor.async_accept(got, [&](error_code e) {
        accepted.keep()(e);
        accept_first = read.calls == 0;
    });
    a.socket.async_read_some(buffer(&byte, 1), [&](error_code e, std::size_t n) {
        read.keep()(e, n);
        counted = acceptor.cancel();
    });
    ctx.poll();
    put_byte(a.peer.get());
    await_bytes(a.socket);
    tcp::socket client(ctx);
    client.connect(acceptor.local_endpoint());
    run(ctx);
    CHECK(read == once({}, 1));
    if (accept_first) {
        CHECK(accepted == once());
        CHECK(counted == 0);
    } else {
        CHECK(accepted == once(error::operation_aborted));
        CHECK(counted == 1);
        CHECK_FALSE(got.is_open());
        result again;
        acceptor.async_accept(got, again.keep());
        run(ctx);
        CHECK(again == once());
    }
    CHECK(got.remote_endpoint() == client.local_endpoint());
}

TEST_CASE("tcp cancel: an accept started when a connection waits can be taken before run()") {
    io_context ctx;
    tcp::acceptor acceptor(ctx, loopback());
    tcp::socket client(ctx);
    client.connect(acceptor.local_endpoint());
    result r;
    acceptor.async_accept([&](error_code e, tcp::socket s) {
        r.keep()(e);
        CHECK_FALSE(s.is_open());
    });
    CHECK(acceptor.cancel() == 1);
    run(ctx);
    CHECK(r == once(error::operation_aborted));
    acceptor.non_blocking(true);
    CHECK(acceptor.accept().remote_endpoint() == client.local_endpoint());
}

TEST_CASE("tcp cancel: a write that has been made is not counted and reports its own result") {
    io_context ctx;
    adopted a = adopt(ctx);
    result r;
    a.socket.async_write_some(buffer("data", 4), r.keep());
    const bool close = GENERATE(false, true);
    if (close) {
        a.socket.close();
    } else {
        CHECK(a.socket.cancel() == 0);
    }
    run(ctx);
    CHECK(r == once({}, 4));
    CHECK(take(a.peer.get(), 4) == "data");
}

TEST_CASE("tcp cancel: a connect that hangs ends with cancel, close, assignment and release") {
    io_context ctx;
    full_listener full;
    tcp::socket s(ctx);
    result r;
    s.async_connect(full.endpoint(), r.keep());
    const int how = GENERATE(0, 1, 2, 3);
    ctx.poll();
    REQUIRE(r == never);
    if (how == 0) {
        CHECK(s.cancel() == 1);
    } else if (how == 1) {
        s.close();
    } else if (how == 2) {
        s = tcp::socket(ctx);
    } else {
        const int fd = s.release();
        close_fd(fd);
    }
    run(ctx);
    CHECK(r == once(error::operation_aborted));
}

TEST_CASE("tcp cancel: a signal cancels its own operation and no other") {
    io_context ctx;
    adopted a = adopt_local(ctx);
    fill(a.socket);
    tcp::acceptor acceptor(ctx, loopback());
    full_listener full;
    tcp::socket connecting(ctx);
    std::array<cancellation_signal, 5> signals;
    std::array<result, 5> r;
    result other_read, other_wait;
    char x[8], y[8];
    a.socket.async_read_some(buffer(x), other_read.keep());
    a.socket.async_read_some(buffer(y), with(signals[0], r[0].keep()));
    a.socket.async_write_some(buffer("x", 1), with(signals[1], r[1].keep()));
    a.socket.async_wait(tcp::socket::wait_error, with(signals[2], r[2].keep()));
    a.socket.async_wait(tcp::socket::wait_error, other_wait.keep());
    tcp::socket into(ctx);
    acceptor.async_accept(into, with(signals[3], r[3].keep()));
    connecting.async_connect(full.endpoint(), with(signals[4], r[4].keep()));
    if (GENERATE(false, true)) {
        ctx.poll();
    }
    for (std::size_t i = 0; i < r.size(); ++i) {
        signals[i].emit(cancellation_type::none);
        signals[i].emit(GENERATE(cancellation_type::terminal, cancellation_type::partial,
                                 cancellation_type::total));
        CHECK(r[i] == never);
        run_until(ctx, [&] { return r[i].calls != 0; });
        CHECK(r[i] == once(error::operation_aborted));
        signals[i].emit(cancellation_type::all);  // it is over
    }
    CHECK(other_read == never);
    CHECK(other_wait == never);
    CHECK(a.socket.cancel() == 2);
    run(ctx);
    CHECK(other_read == once(error::operation_aborted));
}

TEST_CASE("tcp cancel: a read behind a connect that was cancelled alone still ends") {
    io_context ctx;
    std::optional<full_listener> full(std::in_place);
    tcp::socket s(ctx);
    cancellation_signal signal;
    char text[8];
    result connect, read;
    s.async_connect(full->endpoint(), with(signal, connect.keep()));
    s.async_read_some(buffer(text), read.keep());
    ctx.poll();
    REQUIRE(connect == never);
    signal.emit(cancellation_type::all);
    run_until(ctx, [&] { return connect.calls != 0; });
    CHECK(connect == once(error::operation_aborted));
    if (GENERATE(false, true)) {
        full.reset();  // the attempt that still goes on will be refused
        run(ctx);
        CHECK(read.calls == 1);
        CHECK(read.error);
    } else {
        std::vector<unique_fd> peers;  // it is accepted some time, and sent something
        for (int i = 0; i < 2000 && read.calls == 0; ++i) {
            if (ready(full->listener(), POLLIN, 10)) {
                peers.emplace_back(::accept(full->listener(), nullptr, nullptr));
                put(peers.back().get(), "data");
            }
            ctx.poll();
        }
        CHECK(read == once({}, 4));
    }
}

TEST_CASE("tcp cancel: a signal reaches an operation that is ready, and its bytes stay") {
    io_context ctx;
    adopted a = adopt(ctx);
    put(a.peer.get(), "data");
    await_bytes(a.socket, 4);
    cancellation_signal signal;
    char text[8];
    result r;
    a.socket.async_read_some(buffer(text), with(signal, r.keep()));
    signal.emit(cancellation_type::all);
    run(ctx);
    CHECK(r == once(error::operation_aborted));
    CHECK(a.socket.available() == 4);
}

TEST_CASE("tcp cancel: a signal whose operation ended does not hit the one that follows it") {
    io_context ctx;
    adopted a = adopt(ctx);
    cancellation_signal signal;
    char text[8];
    result first, second;
    a.socket.async_read_some(buffer(text), with(signal, first.keep()));
    put(a.peer.get(), "a");
    run(ctx);
    a.socket.async_read_some(buffer(text), second.keep());  // may live where the first one did
    signal.emit(cancellation_type::all);
    put(a.peer.get(), "b");
    run(ctx);
    CHECK(first == once({}, 1));
    CHECK(second == once({}, 1));
}

TEST_CASE("tcp cancel: close() in a handler stops all later handlers of that socket's operations") {
    io_context ctx;
    adopted a = adopt(ctx);
    char x = 0, y = 0;
    result second, wait;
    a.socket.async_read_some(buffer(&x, 1), [&](error_code e, std::size_t) {
        CHECK_FALSE(e);
        a.socket.close();
        CHECK_FALSE(a.socket.is_open());
    });
    a.socket.async_read_some(buffer(&y, 1), second.keep());
    a.socket.async_wait(tcp::socket::wait_read, wait.keep());
    ctx.poll();
    put(a.peer.get(), "ab");
    run(ctx);
    CHECK(second == once(error::operation_aborted));
    CHECK(wait == once(error::operation_aborted));
}

TEST_CASE("tcp cancel: close and reopen do not mix the operations of both sockets") {
    io_context ctx;
    tcp::acceptor acceptor(ctx, loopback());
    tcp::socket s(ctx);
    s.connect(acceptor.local_endpoint());
    tcp::socket first = acceptor.accept();
    char x[8], y[8];
    result old_read, new_read;
    s.async_read_some(buffer(x), old_read.keep());
    ctx.poll();
    first.write_some(buffer("old", 3));
    s.close();
    s.connect(acceptor.local_endpoint());
    tcp::socket second = acceptor.accept();
    s.async_read_some(buffer(y), new_read.keep());
    second.write_some(buffer("newer", 5));
    run(ctx);
    CHECK(old_read == once(error::operation_aborted));
    CHECK(new_read == once({}, 5));
}
