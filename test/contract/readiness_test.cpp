// SPDX-License-Identifier: BSL-1.0
// What the loop asks of its poller for sockets, and how it stands when many are ready at once, when
// descriptors are used again, and when nobody takes what is there.
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/ip/udp.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/echo.hpp"
#include "support/poller_calls.hpp"
#include "support/tcp_pair.hpp"
#include "support/udp_pair.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

namespace {

/// How often the poller was asked while the context had nothing to do but wait for 50 ms.
std::size_t waits_while_idle(io_context& ctx, poller_calls& calls) {
    ctx.restart();
    ctx.poll();
    steady_timer timer(ctx, std::chrono::milliseconds(50));
    bool over = false;
    timer.async_wait([&](error_code) { over = true; });
    const std::size_t before = calls.waits;
    run_until(ctx, [&] { return over; });
    return calls.waits - before;
}
constexpr std::size_t few = 12;  // a spinning loop makes 10,000 or so

}  // namespace

TEST_CASE("readiness: a socket that nobody waits on costs no call of the poller", "[L5]") {
    poller_calls calls;
    io_context ctx(poller_calls::options());
    {
        connection c = connected(ctx);
        char text[8];
        c.client.write_some(buffer("data", 4));
        CHECK(c.server.read_some(buffer(text)) == 4);
        c.server.shutdown(tcp::socket::shutdown_both);
        adopted a = adopt(ctx);
        result w;
        a.socket.async_write_some(buffer("data", 4), w.keep());
        run(ctx);
        CHECK(w == once({}, 4));
    }
    CHECK(calls.adds == 0);
    CHECK(calls.modifies == 0);
}

TEST_CASE("readiness: echoes ask the poller for nothing but to wait") {
    poller_calls calls;
    io_context ctx(poller_calls::options());
    constexpr std::size_t connections = 10;
    constexpr int rounds = 100;
    std::vector<std::unique_ptr<echo>> servers;
    std::vector<unique_fd> peers;
    for (std::size_t i = 0; i < connections; ++i) {
        adopted a = adopt(ctx);
        servers.push_back(std::make_unique<echo>(std::move(a.socket)));
        peers.push_back(std::move(a.peer));
        servers.back()->start();
    }
    for (int round = 0; round < rounds; ++round) {
        for (unique_fd& peer : peers) {
            put(peer.get(), "ping");
        }
        for (unique_fd& peer : peers) {
            while (!ready(peer.get(), POLLIN, 0)) {
                REQUIRE(ctx.run_one_for(patience) == 1);
            }
            REQUIRE(take(peer.get(), 4) == "ping");
        }
    }
    if (calls.one_shot) {
        CHECK(calls.registrations() <= connections * (rounds + 3));
    } else {
        CHECK(calls.registrations() <= connections + 3);
    }
    for (const auto& server : servers) {
        server->socket.close();  // a write may still have to report
    }
    run(ctx);
}

TEST_CASE("readiness: a descriptor is registered once for both directions") {
    poller_calls calls;
    io_context ctx(poller_calls::options());
    adopted a = adopt_local(ctx);
    fill(a.socket);
    char text[8];
    result read, write;
    a.socket.async_read_some(buffer(text), read.keep());
    a.socket.async_write_some(buffer("x", 1), write.keep());
    ctx.poll();
    CHECK(calls.adds == 1);
    CHECK(calls.modifies <= 1);
    a.socket.close();
    CHECK(calls.removes == 1);
    run(ctx);
    CHECK(write == once(error::operation_aborted));
}

TEST_CASE("readiness: bytes that nobody reads do not keep the loop busy") {
    poller_calls calls;
    io_context ctx(poller_calls::options());
    adopted a = adopt(ctx);
    char byte = 0;
    result r;
    a.socket.async_read_some(buffer(&byte, 1), r.keep());
    ctx.poll();
    put(a.peer.get(), "many bytes");
    run(ctx);
    CHECK(r == once({}, 1));
    CHECK(waits_while_idle(ctx, calls) < few);
    // And who comes back is served.
    result again;
    a.socket.async_read_some(buffer(&byte, 1), again.keep());
    run(ctx);
    CHECK(again == once({}, 1));
}

TEST_CASE("readiness: a peer that closed or reset does not keep the loop busy", "[D1]") {
    poller_calls calls;
    io_context ctx(poller_calls::options());
    adopted a = adopt(ctx);
    shrink(a.socket.native_handle());
    char text[8];
    const int how = GENERATE(0, 1, 2, 3);
    result r;
    a.socket.async_read_some(buffer(text), r.keep());
    ctx.poll();
    put_byte(a.peer.get());
    run(ctx);
    CHECK(r == once({}, 1));
    result error_wait;
    if (how == 1) {
        reset(a.peer);
    } else if (how == 2) {  // both directions are down: a hang-up
        a.socket.shutdown(tcp::socket::shutdown_send);
        a.peer.reset();
    } else if (how == 3) {
        // Somebody waits in the one direction in which nothing will happen.
        a.socket.async_wait(tcp::socket::wait_error, error_wait.keep());
        REQUIRE(::shutdown(a.peer.get(), SHUT_WR) == 0);
    } else {
        a.peer.reset();
    }
    CHECK(waits_while_idle(ctx, calls) < few);
    a.socket.close();
    run(ctx);
}

#if !defined(_WIN32)  // numbers are not given out again
TEST_CASE("readiness: a pipe and a local socket that hung up do not keep the loop busy", "[D1]") {
    poller_calls calls;
    io_context ctx(poller_calls::options());
    const bool pipe = GENERATE(false, true);
    fd_pair pair = pipe ? pipe_pair() : unix_pair();
    tcp::socket s(ctx, tcp::v4(), pair.a.release());  // enough of a stream to be waited for
    result r, error_wait;
    s.async_wait(tcp::socket::wait_read, r.keep());
    ctx.poll();
    CHECK(r == never);
    put_byte(pair.b.get());
    run_until(ctx, [&] { return r.calls != 0; });
    take_byte(s.native_handle());
    // Of a pipe the hang-up is all that is reported, of a socket the end of the stream as well.
    if (GENERATE(false, true)) {
        pair.b.reset();
    } else {
        s.async_wait(tcp::socket::wait_error, error_wait.keep());
        ctx.poll();
        pair.b.reset();
        run(ctx);
        CHECK(error_wait == once());
    }
    CHECK(waits_while_idle(ctx, calls) < few);
    s.close();
    run(ctx);
}
#endif

TEST_CASE("readiness: room that nobody writes into does not keep the loop busy", "[L5]") {
    poller_calls calls;
    io_context ctx(poller_calls::options());
    adopted a = adopt_local(ctx);
    const std::size_t filled = fill(a.socket);
    result write, read;
    char text[8];
    a.socket.async_write_some(buffer("x", 1), write.keep());
    a.socket.async_read_some(buffer(text), read.keep());
    ctx.poll();
    take(a.peer.get(), filled);
    run_until(ctx, [&] { return write.calls != 0; });
    CHECK(waits_while_idle(ctx, calls) < few);
    CHECK(read == never);
    a.socket.cancel();
    run(ctx);
}

TEST_CASE("readiness: a datagram socket that waits to receive is quiet, though it could send",
          "[D9]") {
    poller_calls calls;
    io_context ctx(poller_calls::options());
    udp_pair s(ctx);
    char text[4];
    udp::endpoint from;
    result r;
    s.b.async_receive_from(buffer(text), from, r.keep());
    CHECK(waits_while_idle(ctx, calls) < few);
    CHECK(r == never);
    CHECK(s.a.send_to(buffer("x", 1), s.of_b()) == 1);
    run(ctx);
    CHECK(r == once({}, 1));
}

TEST_CASE("readiness: operations of all kinds on one socket that is hung up all end") {
    io_context ctx;
    adopted a = adopt_local(ctx);
    fill(a.socket);
    std::array<result, 5> r;
    char text[8];
    a.socket.async_read_some(buffer(text), r[0].keep());
    a.socket.async_wait(tcp::socket::wait_read, r[1].keep());
    a.socket.async_wait(tcp::socket::wait_write, r[2].keep());
    a.socket.async_write_some(buffer("x", 1), r[3].keep());
    a.socket.async_wait(tcp::socket::wait_error, r[4].keep());
    ctx.poll();
    reset(a.peer);
    run(ctx);
    for (const result& x : r) {
        CHECK(x.calls == 1);
    }
}

#if !defined(_WIN32)  // numbers are not given out again
TEST_CASE("readiness: a duplicate that lives on does not wake the loop after close()", "[L26]") {
    poller_calls calls;
    io_context ctx(poller_calls::options());
    adopted a = adopt(ctx);
    char text[8];
    result r;
    a.socket.async_read_some(buffer(text), r.keep());
    ctx.poll();
    const unique_fd duplicate(::dup(a.socket.native_handle()));
    a.socket.close();
    run(ctx);
    CHECK(r == once(error::operation_aborted));
    put_byte(a.peer.get());
    const std::size_t before = calls.events;
    CHECK(waits_while_idle(ctx, calls) < few);
    CHECK(calls.events == before);
}
#endif

TEST_CASE("readiness: a socket that is released no longer wakes the loop") {
    poller_calls calls;
    io_context ctx(poller_calls::options());
    adopted a = adopt(ctx);
    char text[8];
    result r;
    a.socket.async_read_some(buffer(text), r.keep());
    ctx.poll();
    const unique_fd released(a.socket.release());
    run(ctx);
    CHECK(calls.removes == 1);
    put_byte(a.peer.get());
    const std::size_t before = calls.events;
    CHECK(waits_while_idle(ctx, calls) < few);
    CHECK(calls.events == before);
}

#if !defined(_WIN32)  // numbers are not given out again
TEST_CASE("readiness: a number used again gets no event of the socket that had it before") {
    io_context ctx;
    const bool accepted = GENERATE(false, true);
    tcp::acceptor acceptor(ctx, loopback());
    // Both are ready in one batch; the first handler closes the other socket, and a new one gets
    // its number while the old one's event is still to be handled.
    std::array<std::optional<adopted>, 2> a;
    a[0].emplace(adopt(ctx));
    a[1].emplace(adopt(ctx));
    std::array<char, 2> byte{};
    std::array<result, 2> r;
    std::optional<adopted> fresh;
    tcp::socket accepted_socket(ctx);
    unique_fd client;
    result fresh_read, fresh_wait;
    char text[8];
    bool same_number = false;
    for (std::size_t i = 0; i < 2; ++i) {
        a[i]->socket.async_read_some(buffer(&byte[i], 1), [&, i](error_code e, std::size_t n) {
            r[i].keep()(e, n);
            if (e) {
                return;
            }
            tcp::socket& other = a[1 - i]->socket;
            const int number = other.native_handle();
            if (accepted) {
                tcp::socket connecting(ctx);
                connecting.connect(acceptor.local_endpoint());
                other.close();
                acceptor.accept(accepted_socket);
                client.reset(connecting.release());
            } else {
                fd_pair pair = tcp_pair();
                other.close();
                REQUIRE(::dup2(pair.a.get(), number) == number);
                accepted_socket.assign(tcp::v4(), number);
                client = std::move(pair.b);
            }
            same_number = accepted_socket.native_handle() == number;
            accepted_socket.async_read_some(buffer(text), fresh_read.keep());
            accepted_socket.async_wait(tcp::socket::wait_read, fresh_wait.keep());
        });
    }
    ctx.poll();
    put_byte(a[0]->peer.get());
    put_byte(a[1]->peer.get());
    run_until(ctx, [&] { return r[0].calls + r[1].calls == 2; });
    ctx.restart();
    ctx.poll();
    CHECK(same_number);
    CHECK((r[0].error == error::operation_aborted) != (r[1].error == error::operation_aborted));
    CHECK(fresh_read == never);
    CHECK(fresh_wait == never);
    put(client.get(), "data");
    run_until(ctx, [&] { return fresh_read.calls != 0; });
    CHECK(fresh_read == once({}, 4));
    put(client.get(), "more");
    run(ctx);
    CHECK(fresh_wait == once());
}
#endif

#if !defined(_WIN32)  // numbers are not given out again
TEST_CASE("readiness: a number used again behind a released socket is told apart") {
    io_context ctx;
    for (int i = 0; i < 50; ++i) {
        adopted a = adopt(ctx);
        const int number = a.socket.native_handle();
        char text[8];
        result old, fresh;
        a.socket.async_read_some(buffer(text), old.keep());
        ctx.restart();
        ctx.poll();
        put_byte(a.peer.get());
        REQUIRE(::close(a.socket.release()) == 0);
        fd_pair pair = tcp_pair();
        if (pair.a.get() != number) {
            REQUIRE(::dup2(pair.a.get(), number) == number);
            if (pair.b.get() == number) {
                pair.b.release();
                continue;
            }
            pair.a.reset();
        } else {
            pair.a.release();
        }
        tcp::socket next(ctx, tcp::v4(), number);
        next.async_read_some(buffer(text), fresh.keep());
        ctx.poll();
        CHECK(old == once(error::operation_aborted));
        CHECK(fresh == never);
        put(pair.b.get(), "data");
        run(ctx);
        CHECK(fresh == once({}, 4));
    }
}
#endif

#if !defined(_WIN32)  // numbers are not given out again
TEST_CASE("readiness: of thousands of ready sockets the first handler can close all") {
    const descriptor_limit limit(6000);
    rlimit now{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &now) == 0);
    const std::size_t count = std::min<std::size_t>(2500, (now.rlim_cur - 100) / 2);
    io_context ctx;
    struct one {
        tcp::socket socket;
        char byte = 0;
        int calls = 0;
        bool aborted = false;
    };
    std::vector<std::unique_ptr<one>> all;
    std::vector<unique_fd> peers;
    std::size_t served = 0;
    std::size_t after_abort = 0;
    for (std::size_t i = 0; i < count; ++i) {
        adopted a = adopt_one_of_many(ctx);
        all.push_back(std::make_unique<one>(std::move(a.socket)));
        peers.push_back(std::move(a.peer));
    }
    for (auto& x : all) {
        x->socket.async_read_some(buffer(&x->byte, 1), [&, p = x.get()](error_code ec, auto) {
            after_abort += p->aborted ? 1 : 0;
            ++p->calls;
            p->aborted = ec == error::operation_aborted;
            if (!ec && served++ == 0) {
                for (auto& each : all) {
                    each->socket.close();
                }
            }
        });
    }
    ctx.poll();
    for (unique_fd& peer : peers) {
        put_byte(peer.get());
    }
    run(ctx);
    CHECK(served == 1);
    CHECK(after_abort == 0);
    CHECK(std::all_of(all.begin(), all.end(), [](const auto& x) { return x->calls == 1; }));
    CHECK(std::count_if(all.begin(), all.end(), [](const auto& x) { return x->aborted; }) ==
          static_cast<std::ptrdiff_t>(count - 1));
}
#endif

TEST_CASE("readiness: more ready sockets than one wait fetches are all served, none twice") {
    const descriptor_limit limit(6000);
    const std::size_t events = GENERATE(1, 7, 256);
    io_context_options options;
    options.events_per_wait = events;
    io_context ctx(options);
    constexpr std::size_t count = 1100;
    std::vector<adopted> all;
    std::vector<int> calls(count);
    std::vector<char> bytes(count);
    for (std::size_t i = 0; i < count; ++i) {
        all.push_back(adopt_one_of_many(ctx));
        all.back().socket.async_read_some(buffer(&bytes[i], 1), [&, i](error_code ec, auto) {
            CHECK_FALSE(ec);
            ++calls[i];
        });
    }
    ctx.poll();
    for (adopted& a : all) {
        put_byte(a.peer.get());
    }
    run(ctx);
    CHECK(std::count(calls.begin(), calls.end(), 1) == static_cast<std::ptrdiff_t>(count));
}

TEST_CASE("readiness: handlers may close their own and their neighbours' sockets as they come") {
    io_context ctx;
    constexpr std::size_t count = 60;
    std::vector<std::unique_ptr<adopted>> all;
    std::vector<int> calls(count);
    std::vector<char> bytes(count);
    for (std::size_t i = 0; i < count; ++i) {
        all.push_back(std::make_unique<adopted>(adopt(ctx)));
    }
    for (std::size_t i = 0; i < count; ++i) {
        all[i]->socket.async_read_some(buffer(&bytes[i], 1), [&, i](error_code, auto) {
            ++calls[i];
            const std::size_t next = (i + 1) % count;
            const std::size_t previous = (i + count - 1) % count;
            for (const std::size_t victim : {i, i % 3 == 0 ? next : previous}) {
                if (all[victim] != nullptr) {
                    all[victim].reset();  // destroys the socket
                }
            }
        });
    }
    ctx.poll();
    for (auto& a : all) {
        put_byte(a->peer.get());
    }
    run(ctx);
    CHECK(std::count(calls.begin(), calls.end(), 1) == static_cast<std::ptrdiff_t>(count));
}
