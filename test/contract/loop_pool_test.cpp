// SPDX-License-Identifier: BSL-1.0
// Pools of loops: who runs what, how connections come to the loops, and how they end.
#include <gyre/ip/tcp.hpp>
#include <gyre/loop_pool.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/latch.hpp"
#include "support/pair.hpp"
#include "support/tcp_pair.hpp"
#include "support/wine.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <thread>
#include <vector>

using namespace gyre;
using namespace gyre::testing;
using namespace std::chrono_literals;

TEST_CASE("loop_pool: each loop runs in a thread of its own, and all at the same time") {
    const hang_guard guard;
    loop_pool pool(3);
    REQUIRE(pool.size() == 3);
    std::array<std::thread::id, 3> first;
    std::array<std::thread::id, 3> second;
    latch all_inside(3);
    latch over(3);
    for (std::size_t i = 0; i != 3; ++i) {
        pool.post_to(i, [&, i] {
            first[i] = std::this_thread::get_id();
            all_inside.arrive_and_wait();
            pool.post_to(i, [&, i] {
                second[i] = std::this_thread::get_id();
                over.count_down();
            });
        });
    }
    over.wait();
    CHECK(first == second);
    CHECK(std::set(first.begin(), first.end()).size() == 3);
    CHECK(first[0] != std::this_thread::get_id());
}

TEST_CASE("loop_pool: next() gives the loops in turn, to any thread") {
    const hang_guard guard;
    loop_pool pool(2);
    io_context& a = pool.next();
    io_context& b = pool.next();
    CHECK(&a != &b);
    CHECK(&pool.next() == &a);
    CHECK((&a == &pool[0] || &a == &pool[1]));
    CHECK(loop_pool().size() >= 1);
}

TEST_CASE("loop_pool: a drained pool has done all its work, and says so") {
    const hang_guard guard;
    loop_pool pool(2);
    std::atomic<int> calls = 0;
    std::vector<std::unique_ptr<steady_timer>> timers;
    for (std::size_t i = 0; i != 2; ++i) {
        timers.push_back(std::make_unique<steady_timer>(pool[i], 5ms));
        timers.back()->async_wait([&](error_code e) { calls += e ? 100 : 1; });
        for (int n = 0; n != 100; ++n) {
            pool.post_to(i, [&] { ++calls; });
        }
    }
    CHECK(pool.drain_for(10s) == std::vector<std::size_t>{0, 0});
    CHECK(calls == 202);
    timers.clear();
}

TEST_CASE(
    "loop_pool: what a drained pool could not do in time is counted, and destroyed uncalled") {
    const hang_guard guard;
    int calls = 0;
    const auto owned = std::make_shared<int>(0);
    {
        loop_pool pool(2);
        steady_timer never(pool[1], 1h);
        latch started(1);
        pool.post_to(1, [&] {
            for (int i = 0; i != 3; ++i) {
                never.async_wait([&, owned](error_code) { ++calls; });
            }
            started.count_down();
        });
        started.wait();
        CHECK(owned.use_count() == 4);
        CHECK(pool.drain_for(1ms) == std::vector<std::size_t>{0, 3});
        CHECK(owned.use_count() == 4);
    }
    CHECK(owned.use_count() == 1);
    CHECK(calls == 0);
}

TEST_CASE("loop_pool: a stopped pool leaves what waits, and destroying it leaks nothing") {
    const hang_guard guard;
    const auto owned = std::make_shared<int>(0);
    std::atomic<bool> goes_on = true;
    {
        std::optional<loop_pool> pool(std::in_place, 3);
        // All fronts at once: posts to itself and to others, timers, connections, foreign posts.
        for (std::size_t i = 0; i != 3; ++i) {
            pool->post_to(i, [&, i, owned] {
                struct again {
                    loop_pool* pool;
                    std::size_t i;
                    std::shared_ptr<int> owned;
                    std::atomic<bool>* goes_on;
                    void operator()() const {
                        if (*goes_on) {
                            pool->post_to((i + 1) % 3, again{*this});
                            pool->post_to(i, [o = owned] {});
                        }
                    }
                };
                again{&*pool, i, owned, &goes_on}();
            });
            auto timer = std::make_shared<steady_timer>((*pool)[i], 1h);
            timer->async_wait([timer, owned](error_code) {});
            auto acceptor = std::make_shared<tcp::acceptor>((*pool)[i], loopback());
            acceptor->async_accept([acceptor, owned](error_code, tcp::socket) {});
        }
        std::thread foreign([&] {
            for (int n = 0; n != 1000; ++n) {
                pool->next();
                pool->post_to(static_cast<std::size_t>(n) % 3, [owned] {});
            }
        });
        foreign.join();
        pool->stop();
        pool->join();
        goes_on = false;
        pool.reset();
    }
    CHECK(owned.use_count() == 1);
}

TEST_CASE(
    "loop_pool: handlers of one loop that own sockets of another are destroyed in any order") {
    const hang_guard guard;
    loop_pool pool(2);
    pool.stop();
    pool.join();
    for (std::size_t i = 0; i != 2; ++i) {
        auto own = std::make_shared<connection>(connected(pool[i]));
        own->client.async_wait(socket_base::wait_read, [own](error_code) {});
        gyre::post(pool[1 - i], [own = std::move(own)] {});
    }
}

TEST_CASE("loop_pool: acceptors of one endpoint share its connections") {
    if (on_windows) {
        GYRE_SKIP("Windows has no reuse_port");
    }
    const hang_guard guard;
    loop_pool pool(2);
    std::array<std::atomic<int>, 2> accepted{};
    std::vector<std::unique_ptr<tcp::acceptor>> acceptors;
    tcp::endpoint endpoint = loopback();
    for (std::size_t i = 0; i != 2; ++i) {
        auto made = std::make_unique<tcp::acceptor>(pool[i]);
        made->open(endpoint.protocol());
        made->set_option(socket_base::reuse_port(true));
        made->bind(endpoint);
        made->listen();
        endpoint = made->local_endpoint();
        acceptors.push_back(std::move(made));
    }
    struct accepting {
        tcp::acceptor* from;
        std::atomic<int>* count;
        void next() {
            from->async_accept([*this](error_code e, tcp::socket) mutable {
                if (!e) {
                    ++*count;
                    next();
                }
            });
        }
    };
    for (std::size_t i = 0; i != 2; ++i) {
        pool.post_to(i, [&, i] { accepting{acceptors[i].get(), &accepted[i]}.next(); });
    }
    io_context here;
    for (int n = 0; n != 100; ++n) {
        tcp::socket client(here);
        client.connect(endpoint);
    }
    await([&] { return accepted[0] + accepted[1] == 100; });
    CHECK(accepted[0] > 0);  // dealt out by a hash of the ports: 2^-100 that one gets all
    CHECK(accepted[1] > 0);
    for (std::size_t i = 0; i != 2; ++i) {
        pool.post_to(i, [&, i] { acceptors[i]->close(); });
    }
    CHECK(pool.drain_for(10s) == std::vector<std::size_t>{0, 0});
}

TEST_CASE("loop_pool: one acceptor hands its connections to the loops in turn") {
    const hang_guard guard;
    loop_pool pool(2);
    tcp::acceptor acceptor(pool[0], loopback());
    std::array<std::atomic<int>, 2> handled{};
    std::function<void()> accept = [&] {
        acceptor.async_accept(pool.next(), [&](error_code e, tcp::socket socket) {
            if (e) {
                return;
            }
            auto owned = std::make_shared<tcp::socket>(std::move(socket));
            gyre::post(owned->get_executor(),
                       [&, owned] { ++handled[pool[0].running_in_this_thread() ? 0 : 1]; });
            accept();
        });
    };
    pool.post_to(0, accept);
    io_context here;
    for (int n = 0; n != 20; ++n) {
        tcp::socket client(here);
        client.connect(acceptor.local_endpoint());
    }
    await([&] { return handled[0] + handled[1] == 20; });
    CHECK(handled[0] == 10);
    CHECK(handled[1] == 10);
    pool.post_to(0, [&] { acceptor.close(); });
    CHECK(pool.drain_for(10s) == std::vector<std::size_t>{0, 0});
}

TEST_CASE(
    "loop_pool: two loops that post to each other at full speed do not stand in each other's way") {
    const hang_guard guard;
    loop_pool pool(2);
    constexpr int hops = 20'000;
    std::atomic<int> left = 2 * hops;
    struct ball {
        loop_pool* pool;
        std::size_t where;
        int left;
        std::atomic<int>* all;
        void operator()() const {
            --*all;
            if (left > 1) {
                pool->post_to(1 - where, ball{pool, 1 - where, left - 1, all});
            }
        }
    };
    pool.post_to(0, ball{&pool, 0, hops, &left});
    pool.post_to(1, ball{&pool, 1, hops, &left});
    await([&] { return left == 0; });
    CHECK(pool.drain_for(10s) == std::vector<std::size_t>{0, 0});
}
