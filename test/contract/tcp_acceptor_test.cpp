// SPDX-License-Identifier: BSL-1.0
// Listeners of TCP: every form of accepting, who gets which connection, and when there is none.
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/native_world.hpp"
#include "support/tcp_pair.hpp"
#include "support/wine.hpp"

#include <array>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

namespace {

tcp::socket connect_to(io_context& context, const tcp::acceptor& acceptor) {
    tcp::socket client(context);
    client.connect(acceptor.local_endpoint());
    return client;
}

/// That the two are the ends of one connection, by sending a byte each way.
void check_connected(tcp::socket& a, tcp::socket& b) {
    REQUIRE(a.is_open());
    REQUIRE(b.is_open());
    CHECK(a.local_endpoint() == b.remote_endpoint());
    char byte = 'a';
    CHECK(a.write_some(buffer(&byte, 1)) == 1);
    CHECK(b.read_some(buffer(&byte, 1)) == 1);
    CHECK(b.write_some(buffer(&byte, 1)) == 1);
    CHECK(a.read_some(buffer(&byte, 1)) == 1);
}

}  // namespace

TEST_CASE("tcp acceptor: accepts by blocking calls, in each form") {
    io_context ctx;
    tcp::acceptor acceptor(ctx, loopback());
    CHECK(acceptor.local_endpoint().port() != 0);

    tcp::socket c1 = connect_to(ctx, acceptor);
    tcp::socket s1(ctx);
    acceptor.accept(s1);
    check_connected(c1, s1);

    tcp::socket c2 = connect_to(ctx, acceptor);
    tcp::socket s2(ctx);
    tcp::endpoint peer;
    acceptor.accept(s2, peer);
    CHECK(peer == c2.local_endpoint());
    check_connected(c2, s2);

    tcp::socket c3 = connect_to(ctx, acceptor);
    tcp::socket s3 = acceptor.accept();
    CHECK(s3.get_executor() == ctx.get_executor());
    check_connected(c3, s3);

    error_code ec;
    acceptor.accept(s3, ec);
    CHECK(ec == error::already_open);
    CHECK(s3.is_open());
    tcp::socket c4 = connect_to(ctx, acceptor);
    tcp::socket s4 = acceptor.accept(ec);
    CHECK_FALSE(ec);
    check_connected(c4, s4);
}

TEST_CASE("tcp acceptor: a blocking accept waits for a connection that comes later") {
    const hang_guard guard;
    watched_world world;
    io_context ctx(world.options());
    io_context other;
    tcp::acceptor acceptor(ctx, loopback());
    const tcp::endpoint where = acceptor.local_endpoint();
    std::optional<tcp::socket> client;
    std::thread thread([&] {
        world.await_wait();
        client.emplace(other);
        client->connect(where);
    });
    tcp::socket server = acceptor.accept();
    thread.join();
    check_connected(*client, server);
}

TEST_CASE("tcp acceptor: with non_blocking(true) accept() reports would_block") {
    io_context ctx;
    tcp::acceptor acceptor(ctx, loopback());
    acceptor.non_blocking(true);
    tcp::socket s(ctx);
    error_code ec;
    tcp::endpoint peer(ip::address_v6::loopback(), 77);
    acceptor.accept(s, peer, ec);
    CHECK(ec == error::would_block);
    CHECK(peer == tcp::endpoint(ip::address_v6::loopback(), 77));  // untouched
    CHECK_FALSE(s.is_open());
    CHECK_THROWS_AS(acceptor.accept(), system_error);
    CHECK(acceptor.cancel() == 0);
}

TEST_CASE("tcp acceptor: accepts asynchronously, in each form") {
    io_context ctx;
    io_context other;
    tcp::acceptor acceptor(ctx, loopback());
    const int form = GENERATE(0, 1, 2, 3, 4, 5, 6, 7);
    tcp::socket into(form == 7 ? other : ctx);
    tcp::endpoint peer;
    result r;
    const auto moved = [&](error_code e, tcp::socket s) {
        r.keep()(e);
        into = std::move(s);
    };
    switch (form) {
    case 0: acceptor.async_accept(into, r.keep()); break;
    case 1: acceptor.async_accept(into, peer, r.keep()); break;
    case 2: acceptor.async_accept(moved); break;
    case 3: acceptor.async_accept(peer, moved); break;
    case 4: acceptor.async_accept(other, moved); break;
    case 5: acceptor.async_accept(other, peer, moved); break;
    case 6: acceptor.async_accept(other.get_executor(), peer, moved); break;
    default: acceptor.async_accept(into, r.keep()); break;
    }
    CHECK(ctx.poll() == 0);
    CHECK(r == never);
    tcp::socket client = connect_to(ctx, acceptor);
    run(ctx);
    CHECK(r == once());
    check_connected(client, into);
    if (form == 1 || form == 3 || form == 5 || form == 6) {
        CHECK(peer == client.local_endpoint());
    }
    const bool elsewhere = form >= 4;
    CHECK(into.get_executor() == (elsewhere ? other : ctx).get_executor());

    // It lives in that context.
    char byte = 0;
    result read;
    into.async_read_some(buffer(&byte, 1), read.keep());
    client.write_some(buffer("x", 1));
    run(elsewhere ? ctx : other);
    CHECK(read == never);
    run(elsewhere ? other : ctx);
    CHECK(read == once({}, 1));
}

TEST_CASE("tcp acceptor: accepting into an open socket reports already_open and takes nothing") {
    io_context ctx;
    tcp::acceptor acceptor(ctx, loopback());
    tcp::socket client = connect_to(ctx, acceptor);
    tcp::socket into(ctx, tcp::v4());
    const int before = into.native_handle();
    result r;
    acceptor.async_accept(into, r.keep());
    CHECK(r == never);
    run(ctx);
    CHECK(r == once(error::already_open));
    CHECK(into.native_handle() == before);
    tcp::socket server = acceptor.accept();
    check_connected(client, server);
}

TEST_CASE("tcp acceptor: pending accepts are served in order, each with its own connection") {
    io_context ctx;
    tcp::acceptor acceptor(ctx, loopback());
    constexpr std::size_t count = 40;  // more than one batch
    std::vector<tcp::socket> servers;
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < count; ++i) {
        acceptor.async_accept([&, i](error_code ec, tcp::socket s) {
            CHECK_FALSE(ec);
            order.push_back(i);
            servers.push_back(std::move(s));
        });
    }
    std::vector<tcp::socket> clients;
    for (std::size_t i = 0; i < count; ++i) {
        clients.push_back(connect_to(ctx, acceptor));
    }
    run(ctx);
    REQUIRE(servers.size() == count);
    for (std::size_t i = 0; i < count; ++i) {
        CHECK(order[i] == i);
        check_connected(clients[i], servers[i]);
    }
}

TEST_CASE("tcp acceptor: a chain of accepts takes all that wait, and starves nobody meanwhile") {
    io_context ctx;
    tcp::acceptor acceptor(ctx, loopback());
    constexpr int count = 100;
    std::vector<tcp::socket> clients;
    std::vector<tcp::socket> servers;
    for (int i = 0; i < count; ++i) {
        clients.push_back(connect_to(ctx, acceptor));
    }
    adopted a = adopt(ctx);
    put_byte(a.peer.get());
    char byte = 0;
    std::size_t before_read = 0;
    struct accepter {
        tcp::acceptor& acceptor;
        std::vector<tcp::socket>& servers;
        void start() {
            acceptor.async_accept([this](error_code ec, tcp::socket s) {
                CHECK_FALSE(ec);
                servers.push_back(std::move(s));
                if (servers.size() < count) {
                    start();
                }
            });
        }
    } chain{acceptor, servers};
    chain.start();
    a.socket.async_read_some(buffer(&byte, 1),
                             [&](error_code, std::size_t) { before_read = servers.size(); });
    run(ctx);
    CHECK(servers.size() == count);
    CHECK(before_read < count);
}

TEST_CASE("tcp acceptor: nothing is accepted without a pending accept") {
    if (on_wine()) {
        GYRE_SKIP("Wine 8 calls a reset the end of the stream");
    }
    io_context ctx;
    tcp::acceptor acceptor(ctx, loopback());
    std::vector<tcp::socket> servers;
    acceptor.async_accept([&](error_code, tcp::socket s) { servers.push_back(std::move(s)); });
    std::vector<tcp::socket> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(connect_to(ctx, acceptor));
    }
    run(ctx);
    ctx.restart();
    ctx.poll();
    CHECK(servers.size() == 1);
    acceptor.close();
    char byte = 0;
    error_code ec;
    clients[1].read_some(buffer(&byte, 1), ec);
    CHECK(ec == error::connection_reset);  // nobody had taken it
}

TEST_CASE("tcp acceptor: closing or destroying it aborts accepts, and their sockets stay closed") {
    io_context ctx;
    std::optional<tcp::acceptor> acceptor(std::in_place, ctx, loopback());
    tcp::socket into(ctx);
    std::array<result, 2> r;
    acceptor->async_accept(into, r[0].keep());
    acceptor->async_accept([&](error_code e, tcp::socket s) {
        r[1].keep()(e);
        CHECK_FALSE(s.is_open());
    });
    if (GENERATE(false, true)) {
        ctx.poll();
    }
    if (GENERATE(false, true)) {
        acceptor->close();
    } else {
        acceptor.reset();
    }
    run(ctx);
    CHECK(r[0] == once(error::operation_aborted));
    CHECK(r[1] == once(error::operation_aborted));
    CHECK_FALSE(into.is_open());
}

TEST_CASE("tcp acceptor: an accept on a socket that does not listen fails") {
    io_context ctx;
    tcp::acceptor acceptor(ctx, tcp::v4());
    error_code ec;
    acceptor.non_blocking(true);
    tcp::socket s = acceptor.accept(ec);
    CHECK(ec == error::invalid_argument);
    result r;
    acceptor.async_accept(s, r.keep());
    run(ctx);
    CHECK(r == once(error::invalid_argument));
}

TEST_CASE("tcp acceptor: a port in use is refused, and free again after close()") {
    io_context ctx;
    tcp::acceptor first(ctx, loopback());
    const tcp::endpoint where = first.local_endpoint();
    CHECK_THROWS_AS(tcp::acceptor(ctx, where), system_error);
    tcp::acceptor second(ctx, tcp::v4());
    error_code ec;
    second.bind(where, ec);
    CHECK(ec == error::address_in_use);
    first.close();
    second.set_option(tcp::acceptor::reuse_address(true));
    second.bind(where, ec);
    CHECK_FALSE(ec);
    second.listen();
    CHECK(second.local_endpoint() == where);
}

TEST_CASE("tcp acceptor: with reuse_port two listeners of two contexts share a port") {
    if (on_windows) {
        GYRE_SKIP("Windows has no reuse_port");
    }
    io_context one;
    io_context two;
    tcp::acceptor first(one, tcp::v4());
    first.set_option(tcp::acceptor::reuse_port(true));
    first.bind(loopback());
    first.listen();
    tcp::acceptor second(two, tcp::v4());
    second.set_option(tcp::acceptor::reuse_port(true));
    second.bind(first.local_endpoint());
    second.listen();
    int accepted[2] = {};
    const auto accept_all = [](tcp::acceptor& acceptor, int& count, auto& self) -> void {
        acceptor.async_accept([&acceptor, &count, &self](error_code ec, tcp::socket) {
            if (!ec) {
                ++count;
                self(acceptor, count, self);
            }
        });
    };
    accept_all(first, accepted[0], accept_all);
    accept_all(second, accepted[1], accept_all);
    std::vector<tcp::socket> clients;
    const auto end = std::chrono::steady_clock::now() + patience;
    constexpr int most = 1000;
    while ((accepted[0] == 0 || accepted[1] == 0) && clients.size() < most &&
           std::chrono::steady_clock::now() < end) {
        clients.push_back(connect_to(one, first));
        one.poll();
        two.poll();
    }
    CHECK(accepted[0] > 0);
    CHECK(accepted[1] > 0);
    first.close();
    second.close();
    run(one);
    run(two);
    CHECK(accepted[0] + accepted[1] == static_cast<int>(clients.size()));
}

#if !defined(_WIN32)  // no dup()
TEST_CASE("tcp acceptor: takes over a listening descriptor") {
    io_context ctx;
    full_listener raw;
    const int fd = ::dup(raw.listener());
    tcp::acceptor acceptor(ctx, tcp::v4(), fd);
    CHECK(acceptor.local_endpoint() == raw.endpoint());
    result r;
    acceptor.async_accept([&](error_code e, tcp::socket s) {
        r.keep()(e);
        CHECK(s.is_open());
    });
    run(ctx);  // one that filled the queue
    CHECK(r == once());
}
#endif

TEST_CASE("tcp acceptor: a moved one takes its pending accepts along") {
    io_context ctx;
    tcp::acceptor acceptor(ctx, loopback());
    result r;
    tcp::socket into(ctx);
    acceptor.async_accept(into, r.keep());
    ctx.poll();
    tcp::acceptor moved(std::move(acceptor));
    CHECK_FALSE(acceptor.is_open());
    tcp::socket client = connect_to(ctx, moved);
    run(ctx);
    CHECK(r == once());
    check_connected(client, into);
}

TEST_CASE("tcp acceptor: destroying a context destroys accepts that own their acceptors") {
    const descriptor_limit limit(6000);
    auto alive = std::make_shared<int>(0);
    {
        io_context ctx;
        io_context clients;
        std::vector<tcp::socket> open;
        for (int i = 0; i < 1000; ++i) {
            auto acceptor = std::make_shared<tcp::acceptor>(ctx, loopback());
            auto into = std::make_shared<tcp::socket>(ctx);
            acceptor->async_accept(
                *into, [acceptor, into, alive](error_code) { FAIL("a handler was called"); });
            acceptor->async_accept(
                [acceptor, alive](error_code, tcp::socket) { FAIL("a handler was called"); });
            if (i % 10 == 0) {
                open.push_back(connect_to(clients, *acceptor));
            }
        }
        CHECK(alive.use_count() == 2001);
    }
    CHECK(alive.use_count() == 1);
}

TEST_CASE("tcp acceptor: async_wait tells of a connection without taking it") {
    io_context ctx;
    tcp::acceptor acceptor(ctx, loopback());
    result r;
    acceptor.async_wait(tcp::acceptor::wait_read, r.keep());
    ctx.poll();
    CHECK(r == never);
    tcp::socket client = connect_to(ctx, acceptor);
    run(ctx);
    CHECK(r == once());
    acceptor.non_blocking(true);
    tcp::socket server = acceptor.accept();
    check_connected(client, server);
}
