// SPDX-License-Identifier: BSL-1.0
// Lookups that end in the pool's threads while others cancel them, by resolver, by signal, by
// destruction of the resolver and of the whole context: each handler is called once, or destroyed
// with its context, and no lookup touches what is gone. With GYRE_STRESS=full fifty times longer.

#include <gyre/associated_cancellation_slot.hpp>
#include <gyre/cancellation_signal.hpp>
#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/basic_resolver.hpp>
#include <gyre/ip/tcp.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/name_world.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

using gyre::cancellation_signal;
using gyre::cancellation_slot;
using gyre::error_code;
using gyre::io_context;
using gyre::ip::tcp;
using gyre::testing::full_stress;
using gyre::testing::hang_guard;
using gyre::testing::name_world;
using results_type = tcp::resolver::results_type;

namespace {

std::size_t scaled(std::size_t n) { return full_stress() ? 50 * n : n; }
std::chrono::seconds limit() { return std::chrono::seconds(full_stress() ? 900 : 20); }

// What became of all lookups.
struct outcome {
    std::atomic<std::size_t> started{0};
    std::atomic<std::size_t> found{0};
    std::atomic<std::size_t> aborts{0};
    std::atomic<std::size_t> refused{0};
    std::atomic<std::size_t> wrong{0};
    std::atomic<std::size_t> destroyed{0};

    std::size_t ended() const { return found + aborts + refused + wrong + destroyed; }
};

class handler {
public:
    using cancellation_slot_type = cancellation_slot;

    handler(outcome& o, cancellation_slot slot) : outcome_(&o), slot_(slot) { ++o.started; }
    handler(handler&& other) noexcept
        : outcome_(std::exchange(other.outcome_, nullptr)), slot_(other.slot_) {}
    handler& operator=(const handler&) = delete;
    ~handler() {
        if (outcome_ != nullptr) {
            ++outcome_->destroyed;
        }
    }

    cancellation_slot_type get_cancellation_slot() const noexcept { return slot_; }

    void operator()(error_code error, const results_type& results) {
        outcome& o = *std::exchange(outcome_, nullptr);
        if (error == gyre::error::operation_aborted) {
            o.aborts += results.empty() ? 1 : 0;
        } else if (error == gyre::error::try_again) {
            ++o.refused;
        } else {
            ++(!error && results.size() == 2 && results.begin()->endpoint().port() == 80 ? o.found
                                                                                         : o.wrong);
        }
    }

private:
    outcome* outcome_;
    cancellation_slot slot_;
};

// Starts and cancels lookups of its own resolvers at random. A signal must not be emitted while a
// handler runs in a thread that gave the token away: only with one runner.
void play(io_context& ctx, outcome& o, unsigned seed, std::size_t steps, bool emits) {
    std::mt19937 random(seed);
    std::vector<std::unique_ptr<tcp::resolver>> resolvers;
    for (int i = 0; i < 4; ++i) {
        resolvers.push_back(std::make_unique<tcp::resolver>(ctx));
    }
    cancellation_signal signal;
    for (std::size_t i = 0; i < steps; ++i) {
        auto& resolver = resolvers[random() % resolvers.size()];
        switch (random() % 16) {
        case 0: resolver->cancel(); break;
        case 1: resolver = std::make_unique<tcp::resolver>(ctx); break;
        case 2:
            if (emits) {
                signal.emit(gyre::cancellation_type::all);
            }
            break;
        case 3:
            resolver->async_resolve("name", "80", handler(o, signal.slot()));
            if (emits) {
                signal.emit(gyre::cancellation_type::all);
            }
            break;
        case 4: {
            auto& other = resolvers[random() % resolvers.size()];
            tcp::resolver moved(std::move(*other));
            *resolver = std::move(moved);
            break;
        }
        case 5: resolver->async_resolve("127.0.0.1", "80", handler(o, {})); break;
        case 6: resolver->async_resolve("name", "80", handler(o, signal.slot())); break;
        case 7: std::this_thread::yield(); break;
        default: resolver->async_resolve("name", "80", handler(o, {}));
        }
    }
}

}  // namespace

TEST_CASE("resolver stress: lookups and their cancellation by many threads, while others run") {
    const hang_guard guard(limit());
    name_world world;
    outcome o;
    io_context ctx(world.options());
    {
        auto work = gyre::make_work_guard(ctx);
        std::vector<std::thread> runners;
        const int count = GENERATE(1, 2);
        for (int i = 0; i < count; ++i) {
            runners.emplace_back([&] { ctx.run(); });
        }
        std::vector<std::thread> players;
        for (unsigned p = 0; p < 3; ++p) {
            players.emplace_back([&, p] { play(ctx, o, p + 1, scaled(10000), count == 1); });
        }
        for (std::thread& player : players) {
            player.join();
        }
        work.reset();
        for (std::thread& runner : runners) {
            runner.join();
        }
    }
    CHECK(o.ended() == o.started);
    CHECK(o.destroyed == 0);
    CHECK(o.wrong == 0);
    CHECK(o.found > 0);
    CHECK(o.aborts > 0);
}

TEST_CASE("resolver stress: contexts end while lookups of theirs do") {
    const hang_guard guard(limit());
    name_world world;
    outcome o;
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 2; ++t) {
        threads.emplace_back([&, t] {
            std::mt19937 random(t);
            for (std::size_t i = 0; i < scaled(1000); ++i) {
                io_context ctx(world.options());
                tcp::resolver resolver(ctx);
                const unsigned lookups = random() % 8;
                for (unsigned n = 0; n < lookups; ++n) {
                    resolver.async_resolve("name", "80", handler(o, {}));
                }
                const unsigned turns = random() % 4;
                for (unsigned n = 0; n < turns; ++n) {
                    ctx.poll();
                    std::this_thread::yield();
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(o.ended() == o.started);
    CHECK(o.wrong == 0);
    CHECK(world.await_no_jobs());
    CHECK(o.ended() == o.started);
}
