// SPDX-License-Identifier: BSL-1.0
// Sockets of TCP used by another thread than the one that runs their context.
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>

#include "support/catch.hpp"
#include "support/counting_poller.hpp"
#include "support/hang_guard.hpp"
#include "support/latch.hpp"
#include "support/loop_thread.hpp"
#include "support/tcp_pair.hpp"

#include <array>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

TEST_CASE("tcp threads: another thread cancels what a sleeping loop waits for") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    adopted a = adopt(ctx);
    char text[8];
    shared_result r;
    a.socket.async_read_some(buffer(text), r.keep());
    loop_thread loop(ctx);
    watch.await_sleep();
    const int how = GENERATE(0, 1, 2);
    std::optional<tcp::socket> owner(std::move(a.socket));
    if (how == 0) {
        CHECK(owner->cancel() == 0);
    } else if (how == 1) {
        owner->close();
        CHECK_FALSE(owner->is_open());
    } else {
        owner.reset();
    }
    CHECK(r.get() == once(aborted));
    if (how != 0) {
        CHECK(take(a.peer.get(), 1).empty());  // closed
    } else {
        shared_result again;
        owner->async_read_some(buffer(text), again.keep());
        put(a.peer.get(), "data");
        CHECK(again.get() == once({}, 4));
    }
    loop.join();
    CHECK(r.calls() == 1);
}

TEST_CASE("tcp threads: another thread starts operations while the loop sleeps") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    tcp::acceptor acceptor(ctx, loopback());
    loop_thread loop(ctx);
    tcp::socket server(ctx);
    tcp::socket client(ctx);
    shared_result accept, connect, write, read, wait;
    watch.await_sleep();
    acceptor.async_accept(server, accept.keep());
    watch.await_sleep();
    client.async_connect(acceptor.local_endpoint(), connect.keep());
    CHECK(accept.get() == once());
    CHECK(connect.get() == once());
    char text[8];
    watch.await_sleep();
    server.async_read_some(buffer(text), read.keep());
    watch.await_sleep();
    client.async_write_some(buffer("data", 4), write.keep());
    CHECK(write.get() == once({}, 4));
    CHECK(read.get() == once({}, 4));
    watch.await_sleep();
    client.async_wait(tcp::socket::wait_write, wait.keep());
    CHECK(wait.get() == once());
    server.close();
    client.close();
    acceptor.close();
}

TEST_CASE("tcp threads: start, cancel and close of another thread are applied in that order") {
    const hang_guard guard;
    io_context ctx;
    loop_thread loop(ctx);
    for (int i = 0; i < 200; ++i) {
        adopted a = adopt_one_of_many(ctx);
        char x[8], y[8];
        shared_result cancelled, closed;
        a.socket.async_read_some(buffer(x), cancelled.keep());
        a.socket.cancel();
        a.socket.async_read_some(buffer(y), closed.keep());
        a.socket.close();
        REQUIRE(cancelled.get() == once(aborted));
        REQUIRE(closed.get() == once(aborted));
    }
}

TEST_CASE("tcp threads: what another thread does to a closed socket fails later, as it should") {
    const hang_guard guard;
    io_context ctx;
    loop_thread loop(ctx);
    adopted a = adopt(ctx);
    a.socket.close();
    char text[8];
    shared_result r;
    a.socket.async_read_some(buffer(text), r.keep());
    CHECK(r.get() == once(error::bad_descriptor));
    error_code ec;
    a.socket.read_some(buffer(text), ec);
    CHECK(ec == error::bad_descriptor);
}

TEST_CASE("tcp threads: sockets that threads close at once are closed though nobody runs") {
    const hang_guard guard;
    io_context ctx;
    for (int round = 0; round < 200; ++round) {
        std::array<adopted, 4> sockets{adopt(ctx), adopt(ctx), adopt(ctx), adopt(ctx)};
        latch start(sockets.size());
        std::vector<std::thread> threads;
        for (adopted& each : sockets) {
            threads.emplace_back([&] {
                start.arrive_and_wait();
                each.socket.close();
            });
        }
        for (std::thread& t : threads) {
            t.join();
        }
        for (adopted& each : sockets) {
            REQUIRE(take(each.peer.get(), 1).empty());
        }
    }
}

TEST_CASE("tcp threads: release() by another thread than the running one changes nothing") {
    const hang_guard guard;
    poller_watch watch;
    io_context ctx(poller_watch::options());
    adopted a = adopt(ctx);
    char text[8];
    shared_result r;
    a.socket.async_read_some(buffer(text), r.keep());
    error_code ec;
    {
        loop_thread loop(ctx);
        watch.await_sleep();
        CHECK(a.socket.release(ec) == invalid_native_handle);
        CHECK(ec == error::try_again);
        CHECK(a.socket.is_open());
        put(a.peer.get(), "data");
        CHECK(r.get() == once({}, 4));
    }
    const int fd = a.socket.release(ec);
    CHECK_FALSE(ec);
    CHECK(close_fd(fd) == 0);
}
