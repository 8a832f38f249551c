// SPDX-License-Identifier: BSL-1.0
// Whatever keeps the loop busy, everything else gets its turn: posts, timers and sockets.

#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/counting_poller.hpp"
#include "support/echo.hpp"
#include "support/hang_guard.hpp"
#include "support/tcp_pair.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace gyre;
using namespace gyre::testing;

namespace {

// Keeps the loop busy until it is told to end.
class noise {
public:
    enum kind { posts, due_timer, zero_delays, traffic };

    noise(io_context& ctx, kind k) : ctx_(ctx), timer_(ctx) {
        switch (k) {
        case posts: post_on(); break;
        case due_timer:
            timer_.expires_at(steady_timer::time_point::min());
            wait_on(false);
            break;
        case zero_delays: wait_on(true); break;
        case traffic: talk_on(); break;
        }
    }
    noise(const noise&) = delete;
    noise& operator=(const noise&) = delete;

    std::size_t calls() const { return calls_; }
    void end() {
        over_ = true;
        for (const auto& p : pairs_) {
            p->client.socket.close();
            p->server.socket.close();
        }
    }

private:
    // Both ends send back what they receive.
    struct pair {
        echo client;
        echo server;
    };

    void post_on() {
        post(ctx_, [this] {
            ++calls_;
            if (!over_) {
                post_on();
            }
        });
    }
    void wait_on(bool set_anew) {
        if (set_anew) {
            timer_.expires_after(0ns);
        }
        timer_.async_wait([this, set_anew](error_code) {
            ++calls_;
            if (!over_) {
                wait_on(set_anew);
            }
        });
    }
    void talk_on() {
        for (int i = 0; i < 20; ++i) {
            connection c = connected(ctx_);
            c.client.write_some(buffer("ping", 4));
            pairs_.emplace_back(new pair{{std::move(c.client)}, {std::move(c.server)}});
            pairs_.back()->client.start();
            pairs_.back()->server.start();
        }
    }

    io_context& ctx_;
    steady_timer timer_;
    std::vector<std::unique_ptr<pair>> pairs_;
    std::size_t calls_ = 0;
    bool over_ = false;
};

const auto kinds = {noise::posts, noise::due_timer, noise::zero_delays, noise::traffic};

}  // namespace

TEST_CASE("starvation: whatever keeps the loop busy, posts, timers and sockets are served") {
    const hang_guard guard;
    io_context ctx;
    noise busy(ctx, GENERATE(from_range(kinds)));
    int left = 3;
    const auto done = [&] {
        if (--left == 0) {
            busy.end();
        }
    };

    int posts = 0;
    std::function<void()> post_again = [&] { ++posts == 1000 ? done() : post(ctx, post_again); };
    post(ctx, post_again);

    int fires = 0;
    steady_timer timer(ctx);
    std::function<void(error_code)> wait_again = [&](error_code) {
        if (++fires == 10) {
            return done();
        }
        timer.expires_after(500us);
        timer.async_wait(std::ref(wait_again));
    };
    timer.async_wait(std::ref(wait_again));

    int trips = 0;
    connection c = connected(ctx);
    echo server{std::move(c.server)};
    server.start();
    std::array<char, 64> in{};
    std::function<void()> ping = [&] {
        c.client.write_some(buffer("ping", 4));
        c.client.async_read_some(buffer(in), [&](error_code ec, std::size_t) {
            CHECK_FALSE(ec);
            if (++trips < 50) {
                return ping();
            }
            server.socket.close();
            done();
        });
    };
    ping();

    run(ctx);
    CHECK(posts == 1000);
    CHECK(fires == 10);
    CHECK(trips == 50);
}

TEST_CASE("starvation: ten thousand timers fire among busy sockets, and those go on", "[L37]") {
    const hang_guard guard;
    io_context ctx;
    connection c = connected(ctx);
    echo server{std::move(c.server)};
    server.start();
    std::size_t trips = 0;
    std::size_t trips_at_first = 0;
    std::array<char, 64> in{};
    std::function<void()> ping = [&] {
        c.client.write_some(buffer("ping", 4));
        c.client.async_read_some(buffer(in), [&](error_code ec, std::size_t) {
            if (!ec) {
                ++trips;
                ping();
            }
        });
    };
    ping();
    noise busy(ctx, noise::traffic);

    constexpr int count = 10'000;
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::unique_ptr<steady_timer>> timers;
    int fires = 0;
    bool early = false;
    for (int i = 0; i < count; ++i) {
        timers.push_back(std::make_unique<steady_timer>(
            ctx, begin + 5ms + std::chrono::microseconds(i * 7919 % count * 5)));
        timers.back()->async_wait([&, t = timers.back().get()](error_code ec) {
            early = early || ec || std::chrono::steady_clock::now() < t->expiry();
            if (++fires == 1) {
                trips_at_first = trips;
            } else if (fires == count) {
                busy.end();
                c.client.close();
                server.socket.close();
            }
        });
    }
    run(ctx);
    CHECK(fires == count);
    CHECK_FALSE(early);
    CHECK(trips > trips_at_first);
}

TEST_CASE("starvation: a zero delay armed anew in its handlers keeps the loop's budget") {
    const hang_guard guard;
    poller_watch watch;
    io_context_options options = poller_watch::options();
    options.time_per_turn = 10'000'000'000;
    io_context ctx(options);
    // The poller is only asked while a handle is registered.
    tcp::acceptor acceptor(ctx, tcp::endpoint(tcp::v4(), 0));
    acceptor.async_accept([](error_code, const tcp::socket&) {});
    steady_timer timer(ctx);
    std::size_t fired = 0;
    std::function<void(error_code)> again = [&](error_code) {
        if (++fired == 640) {
            ctx.stop();
        }
        timer.expires_after(0ns);
        timer.async_wait(std::ref(again));
    };
    timer.async_wait(std::ref(again));
    CHECK(ctx.run() == 640);
    CHECK(watch.waits >= 640 / options.handlers_per_turn - 1);
}

TEST_CASE("starvation: stop() and posts are served while a zero delay is armed for ever") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx);
    std::function<void(error_code)> again = [&](error_code) {
        timer.expires_after(0ns);
        timer.async_wait(std::ref(again));
    };
    timer.async_wait(std::ref(again));
    post(ctx, [&] { post(ctx, [&] { ctx.stop(); }); });
    ctx.run();
    CHECK(ctx.stopped());
}
