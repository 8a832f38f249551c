// SPDX-License-Identifier: BSL-1.0
// Sockets of TCP when the system has no descriptors or memory left.
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>

#include "support/catch.hpp"
#include "support/poller_calls.hpp"
#include "support/tcp_pair.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

TEST_CASE("tcp fault: without descriptors an accept says so, the loop rests, and it recovers") {
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

TEST_CASE("tcp fault: a listener that backs off can be cancelled and closed meanwhile") {
    io_context_options options;
    options.accept_pause = 3'600'000'000'000;
    io_context ctx(options);
    tcp::acceptor acceptor(ctx, loopback());
    tcp::socket client(ctx);
    client.connect(acceptor.local_endpoint());
    ctx.poll();
    result failed, cancelled, closed;
    tcp::socket into(ctx);
    {
        const descriptor_limit limit(static_cast<rlim_t>(next_descriptor()));
        acceptor.async_accept(into, failed.keep());
        run(ctx);
    }
    CHECK(failed == once(error::no_descriptors));
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

TEST_CASE("tcp fault: without descriptors open() and connect() say so") {
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
