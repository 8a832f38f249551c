// SPDX-License-Identifier: BSL-1.0
// Sockets of TCP when something goes wrong: refusals, resets, half-closed connections, signals,
// descriptors that run out, and descriptors that other processes hold.
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/read.hpp>
#include <gyre/steady_timer.hpp>
#include <gyre/write.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/poller_calls.hpp"
#include "support/tcp_pair.hpp"
#include "support/wine.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <string>
#include <thread>

#if !defined(_WIN32)
#include <sys/time.h>
#include <sys/wait.h>
#endif

using namespace gyre;
using namespace gyre::testing;

namespace {

std::atomic<int> signals_seen{0};

#if defined(_WIN32)

struct sigpipe_counter {};  // there is no such signal

const error_code gone = error::connection_reset;  // each time

#else

/// Counts a signal instead of dying of it.
class signal_counter {
public:
    explicit signal_counter(int number) : number_(number) {
        signals_seen = 0;
        struct sigaction action {};  // no SA_RESTART
        action.sa_handler = [](int) { ++signals_seen; };
        REQUIRE(::sigaction(number, &action, &old_) == 0);
    }
    signal_counter(const signal_counter&) = delete;
    signal_counter& operator=(const signal_counter&) = delete;
    ~signal_counter() { ::sigaction(number_, &old_, nullptr); }

private:
    int number_;
    struct sigaction old_ {};
};

class sigpipe_counter {
    signal_counter counter_{SIGPIPE};
};

const error_code gone = error::broken_pipe;

/// SIGALRM a thousand times a second.
class alarm_storm {
public:
    alarm_storm() : counter_(SIGALRM) { set(1000); }
    alarm_storm(const alarm_storm&) = delete;
    alarm_storm& operator=(const alarm_storm&) = delete;
    ~alarm_storm() { set(0); }

private:
    static void set(int microseconds) {
        itimerval timer{};
        timer.it_interval.tv_usec = microseconds;
        timer.it_value.tv_usec = microseconds;
        ::setitimer(ITIMER_REAL, &timer, nullptr);
    }
    signal_counter counter_;
};

#endif

}  // namespace

TEST_CASE("tcp fault: connecting to a port where nobody listens is refused, exactly",
          "[L11][L31]") {
    io_context ctx;
    closed_port port(ctx);
    tcp::socket s(ctx);
    error_code ec;
    s.connect(port.endpoint(), ec);
    CHECK(ec == error::connection_refused);
    CHECK_THROWS_AS(tcp::socket(ctx).connect(port.endpoint()), system_error);
    tcp::socket t(ctx);
    result r;
    t.async_connect(port.endpoint(), r.keep());
    CHECK(r == never);
    run(ctx);
    CHECK(r == once(error::connection_refused));
    CHECK(t.is_open());

    // The socket is of use again.
    t.close();
    tcp::acceptor acceptor(ctx, loopback());
    result again;
    t.async_connect(acceptor.local_endpoint(), again.keep());
    run(ctx);
    CHECK(again == once());
}

TEST_CASE("tcp fault: a write and a read queued behind a connect that hangs end with its close") {
    io_context ctx;
    full_listener full;
    tcp::socket s(ctx);
    result connect, write, read;
    char text[4] = {};
    s.async_connect(full.endpoint(), connect.keep());
    s.async_write_some(buffer(text), write.keep());
    s.async_read_some(buffer(text), read.keep());
    ctx.poll();
    CHECK(connect == never);
    s.close();
    run(ctx);
    CHECK(connect == once(error::operation_aborted));
    CHECK(write.calls == 1);
    CHECK(write.error);
    CHECK(read.calls == 1);
    CHECK(read.error);
}

TEST_CASE("tcp fault: a write and a read queued behind a refused connect fail too") {
    io_context ctx;
    closed_port port(ctx);
    tcp::socket s(ctx);
    result connect, write, read;
    char text[4] = {};
    s.async_connect(port.endpoint(), connect.keep());
    s.async_write_some(buffer(text), write.keep());
    s.async_read_some(buffer(text), read.keep());
    run(ctx);
    CHECK(connect == once(error::connection_refused));
    CHECK(write.calls == 1);
    CHECK(write.error);
    CHECK(read.calls == 1);
    CHECK(read.error);
}

TEST_CASE("tcp fault: a connect that another one is under way for fails, and that one goes on") {
    io_context ctx;
    full_listener full;
    tcp::socket s(ctx);
    result first, second;
    s.async_connect(full.endpoint(), first.keep());
    s.async_connect(full.endpoint(), second.keep());
    run_until(ctx, [&] { return second.calls != 0; });
    CHECK(second == once(error::already_started));
    CHECK(first == never);
    s.close();
    run(ctx);
    CHECK(first == once(error::operation_aborted));
}

TEST_CASE("tcp fault: a reset is reported once, and then the end") {
    if (on_wine()) {
        GYRE_SKIP("Wine 8 calls a reset the end of the stream");
    }
    io_context ctx;
    adopted a = adopt(ctx);
    char text[8];
    const bool before = GENERATE(false, true);
    result first, second;
    if (before) {
        a.socket.async_read_some(buffer(text), first.keep());
        a.socket.async_read_some(buffer(text), second.keep());
        ctx.poll();
        reset(a.peer);
    } else {
        reset(a.peer);
        a.socket.async_read_some(buffer(text), first.keep());
        a.socket.async_read_some(buffer(text), second.keep());
    }
    run(ctx);
    CHECK(first == once(error::connection_reset));
    CHECK(second == once(error::eof));
}

TEST_CASE("tcp fault: a pending read and a pending write both end at a reset") {
    if (on_wine()) {
        GYRE_SKIP("Wine 8 calls a reset the end of the stream");
    }
    io_context ctx;
    [[maybe_unused]] const sigpipe_counter sigpipe;
    adopted a = adopt(ctx);
    shrink(a.socket.native_handle());
    shrink(a.peer.get());
    fill(a.socket, 60);  // longer than an acknowledgement is delayed
    char text[8];
    result read, write, wait;
    a.socket.async_read_some(buffer(text), read.keep());
    a.socket.async_write_some(buffer("x", 1), write.keep());
    a.socket.async_wait(tcp::socket::wait_error, wait.keep());
    ctx.poll();
    CHECK(read == never);
    CHECK(write == never);
    reset(a.peer);
    run(ctx);
    CHECK(read.calls == 1);
    CHECK(write.calls == 1);
    CHECK(wait == once());
    CHECK((read.error == error::connection_reset || write.error == error::connection_reset));
    CHECK((read.error == error::connection_reset || read.error == error::eof));
    CHECK((write.error == error::connection_reset || write.error == error::broken_pipe));
    CHECK(signals_seen == 0);
}

TEST_CASE("tcp fault: closing with linger 0 resets the connection for the peer") {
    if (on_wine()) {
        GYRE_SKIP("Wine 8 calls a reset the end of the stream");
    }
    io_context ctx;
    connection c = connected(ctx);
    c.client.set_option(tcp::socket::linger(true, 0));
    char text[8];
    result read;
    c.server.async_read_some(buffer(text), read.keep());
    ctx.poll();
    c.client.close();
    run(ctx);
    CHECK(read == once(error::connection_reset));
}

TEST_CASE("tcp fault: writing to a peer that is gone reports it and raises no SIGPIPE", "[L36]") {
    io_context ctx;
    [[maybe_unused]] const sigpipe_counter sigpipe;
    adopted a = adopt(ctx);
    a.peer.reset();
    const std::string block(1000, 'x');
    error_code ec;
    for (int i = 0; i < 1000 && !ec; ++i) {
        a.socket.write_some(buffer(block), ec);
    }
    CHECK((ec == error::broken_pipe || ec == error::connection_reset));
    a.socket.write_some(buffer(block), ec);
    CHECK(ec == gone);
    CHECK_THROWS_AS(a.socket.write_some(buffer(block)), system_error);
    result some, composed, gathered;
    a.socket.async_write_some(buffer(block), some.keep());
    run(ctx);
    async_write(a.socket, buffer(block), composed.keep());
    run(ctx);
    const std::array<const_buffer, 2> two{buffer(block), buffer(block)};
    a.socket.async_write_some(two, gathered.keep());
    run(ctx);
    CHECK(some == once(gone));
    CHECK(composed == once(gone));
    CHECK(gathered == once(gone));
    CHECK(signals_seen == 0);
}

TEST_CASE("tcp fault: after shutdown_send the other direction still carries bytes") {
    io_context ctx;
    connection c = connected(ctx);
    c.client.write_some(buffer("request", 7));
    c.client.shutdown(tcp::socket::shutdown_send);
    char text[16];
    result read, end, answer, at_end;
    c.server.async_read_some(buffer(text), read.keep());
    c.server.async_read_some(buffer(text), end.keep());
    run(ctx);
    CHECK(read == once({}, 7));
    CHECK(end == once(error::eof));
    c.client.async_read_some(buffer(text), answer.keep());
    ctx.restart();
    ctx.poll();
    CHECK(answer == never);
    c.server.write_some(buffer("answer", 6));
    run(ctx);
    CHECK(answer == once({}, 6));
    error_code ec;
    c.client.write_some(buffer("x", 1), ec);
    CHECK(ec == error::broken_pipe);
    c.server.shutdown(tcp::socket::shutdown_both);
    c.client.async_read_some(buffer(text), at_end.keep());
    run(ctx);
    CHECK(at_end == once(error::eof));
}

TEST_CASE("tcp fault: shutdown_receive ends a pending read and a pending wait, and later ones") {
    io_context ctx;
    adopted a = adopt(ctx);
    char text[8];
    result r, wait, later;
    a.socket.async_read_some(buffer(text), r.keep());
    a.socket.async_wait(tcp::socket::wait_read, wait.keep());
    ctx.poll();
    CHECK(r == never);
    a.socket.shutdown(tcp::socket::shutdown_receive);
    run(ctx);
    CHECK(r == once(error::eof));
    CHECK(wait == once());
    a.socket.async_read_some(buffer(text), later.keep());
    run(ctx);
    CHECK(later == once(error::eof));
    CHECK(a.socket.write_some(buffer("still", 5)) == 5);
}

TEST_CASE("tcp fault: shutdown_receive by another thread ends a read that a loop sleeps on") {
    const hang_guard guard;
    io_context ctx;
    adopted a = adopt(ctx);
    char text[8];
    result r;
    a.socket.async_read_some(buffer(text), r.keep());
    ctx.poll();
    std::thread other([&] { a.socket.shutdown(tcp::socket::shutdown_receive); });
    run(ctx);
    other.join();
    CHECK(r == once(error::eof));
}

TEST_CASE("tcp fault: a poller that can't tell of shutdown() leaves nobody waiting for it") {
    const hang_guard guard;
    poller_calls calls;
    calls.deaf = true;
    io_context ctx(poller_calls::options());
    adopted a = adopt(ctx);
    shrink(a.socket.native_handle());
    fill(a.socket);
    char text[8];
    result read, wait, write, room, later;
    a.socket.async_read_some(buffer(text), read.keep());
    a.socket.async_wait(tcp::socket::wait_read, wait.keep());
    a.socket.async_write_some(buffer("x", 1), write.keep());
    a.socket.async_wait(tcp::socket::wait_write, room.keep());
    ctx.poll();
    CHECK(read == never);
    CHECK(write == never);
    const bool foreign = GENERATE(false, true);
    if (foreign) {
        std::thread other([&] { a.socket.shutdown(tcp::socket::shutdown_both); });
        run(ctx);
        other.join();
    } else {
        a.socket.shutdown(tcp::socket::shutdown_both);
        run(ctx);
    }
    CHECK(read == once(error::eof));
    CHECK(wait == once());
    CHECK(write == once(error::broken_pipe));
    CHECK(room == once());
    a.socket.async_wait(tcp::socket::wait_read, later.keep());
    run(ctx);
    CHECK(later == once());
}

TEST_CASE("tcp fault: shutting down twice, and from both ends at once, does no harm") {
    io_context ctx;
    connection c = connected(ctx);
    error_code ec;
    c.client.shutdown(tcp::socket::shutdown_send, ec);
    CHECK_FALSE(ec);
    c.client.shutdown(tcp::socket::shutdown_send, ec);
    CHECK_FALSE(ec);
    c.server.shutdown(tcp::socket::shutdown_both, ec);
    CHECK_FALSE(ec);
    char text[8];
    result a, b;
    c.client.async_read_some(buffer(text), a.keep());
    c.server.async_read_some(buffer(text), b.keep());
    run(ctx);
    CHECK(a == once(error::eof));
    CHECK(b == once(error::eof));
    c.client.shutdown(tcp::socket::shutdown_both, ec);
    CHECK((!ec || ec == error::not_connected));
    tcp::socket fresh(ctx, tcp::v4());
    fresh.shutdown(tcp::socket::shutdown_both, ec);
    CHECK(ec == error::not_connected);
}

TEST_CASE("tcp fault: transfers on a socket that was never connected fail, and do not wait") {
    io_context ctx;
    [[maybe_unused]] const sigpipe_counter sigpipe;
    tcp::socket s(ctx, tcp::v4());
    char text[8] = {};
    error_code ec;
    s.read_some(buffer(text), ec);
    CHECK(ec == error::not_connected);
    s.write_some(buffer(text), ec);
    // Wine makes of a broken pipe what Windows has for one: the connection was reset.
    const auto fails = [](error_code e) {
        return e == error::not_connected || e == error::broken_pipe ||
               (on_wine() && e == error::connection_reset);
    };
    CHECK(fails(ec));
    s.remote_endpoint(ec);
    CHECK(ec == error::not_connected);
    result read, write;
    s.async_read_some(buffer(text), read.keep());
    s.async_write_some(buffer(text), write.keep());
    run(ctx);
    CHECK(read == once(error::not_connected));
    CHECK(write.calls == 1);
    CHECK(fails(write.error));
    CHECK(signals_seen == 0);
}

#if !defined(_WIN32)  // no SIGALRM, no fork()
TEST_CASE("tcp fault: a storm of signals is not seen by transfers, waits and connects", "[L2]") {
    const hang_guard guard;
    const alarm_storm storm;
    const auto some_signals = [] {
        const int seen = signals_seen;
        await([&] { return signals_seen >= seen + 20; });
    };
    io_context ctx;
    tcp::acceptor acceptor(ctx, loopback());
    tcp::socket client(ctx);
    tcp::socket server(ctx);
    result accept, connect, read, write, timed;
    acceptor.async_accept(server, accept.keep());
    client.async_connect(acceptor.local_endpoint(), connect.keep());
    run(ctx);
    CHECK(accept == once());
    CHECK(connect == once());
    const std::string sent(4 << 20, 's');
    std::string got(sent.size(), '-');
    async_write(client, buffer(sent), write.keep());
    async_read(server, buffer(got), read.keep());
    steady_timer timer(ctx, std::chrono::milliseconds(50));
    const auto expiry = timer.expiry();
    std::chrono::steady_clock::time_point fired;
    timer.async_wait([&](error_code ec) {
        timed.keep()(ec);
        fired = std::chrono::steady_clock::now();
    });
    run(ctx);
    CHECK(write == once({}, sent.size()));
    CHECK(read == once({}, sent.size()));
    CHECK(got == sent);
    CHECK(timed == once());
    CHECK(fired >= expiry);

    // Blocking calls as well.
    std::thread other([&] {
        some_signals();
        (void)!::send(server.native_handle(), "late", 4, MSG_NOSIGNAL);
    });
    char text[8];
    error_code ec;
    CHECK(client.read_some(buffer(text), ec) == 4);
    CHECK_FALSE(ec);
    other.join();
    full_listener full;
    tcp::socket hanging(ctx);
    std::atomic<bool> over{false};
    std::thread closer([&] {
        some_signals();
        while (!over) {  // makes room in the queue
            if (ready(full.listener(), POLLIN, 20)) {
                unique_fd(::accept(full.listener(), nullptr, nullptr));
            }
        }
    });
    hanging.connect(full.endpoint(), ec);
    CHECK_FALSE(ec);
    over = true;
    closer.join();
    CHECK(signals_seen > 0);
}

TEST_CASE("tcp fault: a child process that inherited the descriptor does not disturb its close") {
    poller_calls calls;
    io_context ctx(poller_calls::options());
    connection c = connected(ctx);
    char text[8];
    result r;
    c.server.async_read_some(buffer(text), r.keep());
    ctx.poll();
    fd_pair gate = pipe_pair();
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        gate.b.reset();
        ready(gate.a.get());  // holds all descriptors until the parent closes the gate
        ::_exit(0);
    }
    c.server.close();
    c.client.write_some(buffer("data", 4));  // the description lives on in the child
    ctx.restart();
    run(ctx);
    CHECK(r == once(error::operation_aborted));
    steady_timer timer(ctx, std::chrono::milliseconds(100));
    timer.async_wait([](error_code) {});
    const std::size_t before = calls.waits;
    run(ctx);
    CHECK(calls.waits - before < 10);
    gate.b.reset();
    int status = 0;
    CHECK(::waitpid(child, &status, 0) == child);
}
#endif
