// SPDX-License-Identifier: BSL-1.0
// Sockets of TCP when the system has no descriptors or memory left.
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/post.hpp>

#include "support/catch.hpp"
#include "support/failing_sockets.hpp"
#include "support/poller_calls.hpp"
#include "support/tcp_pair.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <new>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

#if !defined(_WIN32)  // which has no limit
TEST_CASE(
    "tcp exhaustion: without descriptors an accept says so, the loop rests, and it recovers") {
    poller_calls calls;
    io_context_options options = poller_calls::options();
    options.accept_pause = 20'000'000;
    io_context ctx(options);
    tcp::acceptor acceptor(ctx, loopback());
    std::vector<tcp::socket> clients;
    for (int i = 0; i < 3; ++i) {
        clients.emplace_back(ctx);
        clients.back().connect(acceptor.local_endpoint());
    }
    ctx.poll();
    int failures = 0;
    std::vector<tcp::socket> servers;
    std::optional<descriptor_limit> limit;
    limit.emplace(static_cast<rlim_t>(next_descriptor()));
    const auto accept = [&](auto& self) -> void {
        acceptor.async_accept([&](error_code ec, tcp::socket s) {
            if (ec) {
                CHECK(ec == error::no_descriptors);
                ++failures;
            } else {
                servers.push_back(std::move(s));
            }
            if (servers.size() < 3) {
                self(self);
            }
        });
    };
    accept(accept);
    ctx.restart();
    const auto began = std::chrono::steady_clock::now();
    ctx.run_for(std::chrono::milliseconds(200));
    const auto took = std::chrono::steady_clock::now() - began;
    // One try a pause, and the first: of a loop that spins there would be thousands.
    const auto pauses = static_cast<int>(took / std::chrono::milliseconds(20));
    CHECK(servers.empty());
    CHECK(failures >= 1);
    CHECK(failures <= pauses + 2);
    CHECK(calls.waits <= static_cast<std::size_t>(6 * pauses + 20));
    limit.reset();
    run(ctx);
    CHECK(servers.size() == 3);
}
#endif

TEST_CASE("tcp exhaustion: whatever the system is short of, the listener rests and recovers") {
    failing_sockets world;
    const std::errc what =
        GENERATE(std::errc::too_many_files_open, std::errc::too_many_files_open_in_system,
                 std::errc::no_buffer_space, std::errc::not_enough_memory);
    io_context_options options = world.options();
    options.accept_pause = 10'000'000;
    io_context ctx(options);
    tcp::acceptor acceptor(ctx, loopback());
    tcp::socket client(ctx);
    client.connect(acceptor.local_endpoint());
    tcp::socket into(ctx);
    result last;
    std::size_t failures = 0;
    const auto accept = [&](auto& self) -> void {
        acceptor.async_accept(into, [&](error_code ec) {
            last.keep()(ec);
            if (ec) {
                ++failures;
                self(self);
            }
        });
    };
    world.accept_error = std::make_error_code(what);
    accept(accept);
    const auto began = std::chrono::steady_clock::now();
    ctx.run_for(std::chrono::milliseconds(50));
    const auto took = std::chrono::steady_clock::now() - began;
    CHECK(last.error == what);
    CHECK(failures == world.accepts);
    CHECK(failures >= 1);
    CHECK(failures <= static_cast<std::size_t>(took / std::chrono::milliseconds(10)) + 2);
    world.accept_error.clear();
    run(ctx);
    CHECK_FALSE(last.error);
    CHECK(into.remote_endpoint() == client.local_endpoint());
}

TEST_CASE("tcp exhaustion: an accept that fails for another reason is tried again at once") {
    failing_sockets world;
    io_context_options options = world.options();
    options.accept_pause = 3'600'000'000'000;
    io_context ctx(options);
    tcp::acceptor acceptor(ctx, loopback());
    tcp::socket client(ctx);
    client.connect(acceptor.local_endpoint());
    tcp::socket into(ctx);
    std::array<result, 20> r;  // more than one turn accepts
    for (result& each : r) {
        acceptor.async_accept(into, each.keep());
    }
    world.accept_error = error::no_permission;  // a firewall's word for this one connection
    run(ctx);
    for (const result& each : r) {
        CHECK(each == once(error::no_permission));
    }
}

TEST_CASE("tcp exhaustion: a listener that backs off can be cancelled and closed meanwhile") {
    failing_sockets world;
    io_context_options options = world.options();
    options.accept_pause = 3'600'000'000'000;
    io_context ctx(options);
    tcp::acceptor acceptor(ctx, loopback());
    tcp::socket client(ctx);
    client.connect(acceptor.local_endpoint());
    ctx.poll();
    result failed, cancelled, closed;
    tcp::socket into(ctx);
    world.accept_error = error::no_descriptors;
    acceptor.async_accept(into, failed.keep());
    run(ctx);
    CHECK(failed == once(error::no_descriptors));
    world.accept_error.clear();
    CHECK_FALSE(into.is_open());
    acceptor.async_accept(into, cancelled.keep());
    ctx.restart();
    ctx.poll();
    CHECK(cancelled == never);
    CHECK(acceptor.cancel() == 1);
    acceptor.async_accept(into, closed.keep());
    acceptor.close();
    run(ctx);
    CHECK(cancelled == once(error::operation_aborted));
    CHECK(closed == once(error::operation_aborted));
}

TEST_CASE("tcp exhaustion: of two listeners that back off one is closed, the other recovers") {
    failing_sockets world;
    const std::size_t goes = GENERATE(0U, 1U);  // the one that backed off first, or last
    io_context_options options = world.options();
    options.accept_pause = 100'000'000;
    io_context ctx(options);
    std::array<tcp::acceptor, 2> listeners{tcp::acceptor(ctx, loopback()),
                                           tcp::acceptor(ctx, loopback())};
    std::array<tcp::socket, 2> clients{tcp::socket(ctx), tcp::socket(ctx)};
    std::array<tcp::socket, 2> into{tcp::socket(ctx), tcp::socket(ctx)};
    std::array<result, 2> failed;
    world.accept_error = std::make_error_code(std::errc::too_many_files_open);
    for (std::size_t i = 0; i != 2; ++i) {
        clients[i].connect(listeners[i].local_endpoint());
        listeners[i].async_accept(into[i], failed[i].keep());
        ctx.restart();
        run(ctx);
        CHECK(failed[i].error == std::errc::too_many_files_open);
    }
    world.accept_error.clear();
    listeners[goes].close();
    const std::size_t stays = 1 - goes;
    result accepted;
    listeners[stays].async_accept(into[stays], accepted.keep());
    ctx.restart();
    run(ctx);
    CHECK(accepted == once({}));
    CHECK(into[stays].remote_endpoint() == clients[stays].local_endpoint());
}

TEST_CASE("tcp exhaustion: at the bound of the slab sockets say so and leave the system's alone") {
    io_context_options options;
    options.slab_bytes_max = 1 << 16;
    io_context ctx(options);
    std::size_t fillers = 0;
    const auto fill = [&] {
        for (;;) {
            post(ctx, [&] { --fillers; });
            ++fillers;
        }
    };
    CHECK_THROWS_AS(fill(), std::bad_alloc);
    tcp::socket s(ctx);
    error_code ec;
    s.open(tcp::v4(), ec);
    CHECK(ec == error::no_memory);
    CHECK_FALSE(s.is_open());
    fd_pair pair = tcp_pair();
    s.assign(tcp::v4(), pair.a.get(), ec);
    CHECK(ec == error::no_memory);
    CHECK_FALSE(s.is_open());
    put_byte(pair.a.get());
    take_byte(pair.b.get());
    CHECK_THROWS_AS(s.assign(tcp::v4(), pair.a.get()), system_error);
    run(ctx);
    CHECK(fillers == 0);
}

#if !defined(_WIN32)  // which has no limit
TEST_CASE("tcp exhaustion: without descriptors open() and connect() say so") {
    io_context ctx;
    tcp::acceptor acceptor(ctx, loopback());
    tcp::socket s(ctx);
    result r;
    {
        const descriptor_limit limit(static_cast<rlim_t>(next_descriptor()));
        error_code ec;
        s.open(tcp::v4(), ec);
        CHECK(ec == error::no_descriptors);
        CHECK_FALSE(s.is_open());
        s.async_connect(acceptor.local_endpoint(), r.keep());
        CHECK(r == never);
    }
    run(ctx);
    CHECK(r == once(error::no_descriptors));
    CHECK_FALSE(s.is_open());
}
#endif
