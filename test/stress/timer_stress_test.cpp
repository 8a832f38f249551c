// SPDX-License-Identifier: BSL-1.0
// Several threads arm, cancel, move and destroy timers of one context at random while others run
// it: each wait ends exactly once, never early, and is aborted only if somebody did it. With
// GYRE_STRESS=full in the environment a hundred times longer.

#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using gyre::error_code;
using gyre::io_context;
using gyre::steady_timer;
using gyre::testing::full_stress;
using gyre::testing::hang_guard;
using steady = std::chrono::steady_clock;

namespace {

const error_code aborted = gyre::error::operation_aborted;

std::size_t steps() { return full_stress() ? 10'000'000 : 100'000; }
std::chrono::seconds limit() { return full_stress() ? 1800s : 20s; }

// What became of all waits.
struct outcome {
    std::atomic<std::size_t> started{0};
    std::atomic<std::size_t> fired{0};
    std::atomic<std::size_t> aborts{0};
    std::atomic<std::size_t> twice{0};
    std::atomic<std::size_t> early{0};
    std::atomic<std::size_t> ghosts{0};
    std::atomic<std::size_t> destroyed{0};
};

// One wait: knows when it may end, and by how.
class wait_handler {
public:
    wait_handler(outcome& o, steady::time_point at, bool may_fire)
        : outcome_(&o), at_(at), may_fire_(may_fire) {
        ++o.started;
    }
    wait_handler(wait_handler&& other) noexcept
        : outcome_(std::exchange(other.outcome_, nullptr)),
          at_(other.at_),
          may_fire_(other.may_fire_),
          called_(other.called_) {}
    wait_handler& operator=(const wait_handler&) = delete;
    ~wait_handler() {
        if (outcome_ != nullptr && !called_) {
            ++outcome_->destroyed;
        }
    }

    void operator()(error_code error) {
        outcome_->twice += std::exchange(called_, true) ? 1 : 0;
        if (error == aborted) {
            ++outcome_->aborts;
            return;
        }
        ++outcome_->fired;
        outcome_->early += error || steady::now() < at_ ? 1 : 0;
        outcome_->ghosts += may_fire_ ? 0 : 1;
    }

private:
    outcome* outcome_;
    steady::time_point at_;
    bool may_fire_;
    bool called_ = false;
};

using timer_set = std::vector<std::optional<steady_timer>>;

// Uses timers of its own as a random user would. In the end each waits for a short time.
timer_set churn(io_context& ctx, outcome& o, unsigned seed) {
    std::minstd_rand random(seed);
    timer_set timers(32);
    for (auto& timer : timers) {
        timer.emplace(ctx);
    }
    for (std::size_t step = 0; step < steps(); ++step) {
        auto& timer = timers[random() % timers.size()];
        if (step % 64 == 0) {
            std::this_thread::yield();
        }
        switch (random() % 8) {
        case 0: timer->cancel(); break;
        case 1: timer->cancel_one(); break;
        case 2: timer.emplace(ctx); break;
        case 3: *timer = steady_timer(ctx, 1h); break;
        case 4:
            timer->expires_after(std::chrono::microseconds(random() % 2000));
            timer->async_wait(wait_handler(o, timer->expiry(), true));
            break;
        case 5:
            timer->expires_after(1h);
            timer->async_wait(wait_handler(o, timer->expiry(), false));
            break;
        default: timer->async_wait(wait_handler(o, timer->expiry(), true));
        }
    }
    for (auto& timer : timers) {
        timer->expires_after(std::chrono::microseconds(random() % 2000));
        timer->async_wait(wait_handler(o, timer->expiry(), true));
    }
    return timers;
}

void check(const outcome& o) {
    CHECK(o.twice == 0);
    CHECK(o.early == 0);
    CHECK(o.ghosts == 0);
    CHECK(o.destroyed == 0);
    CHECK(o.fired + o.aborts == o.started);
    CHECK(o.fired > 0);
    CHECK(o.aborts > 0);
}

}  // namespace

TEST_CASE("timers: threads that churn them against one runner lose none and end none twice") {
    const hang_guard guard(limit());
    gyre::io_context_options options;
    options.ring_capacity = GENERATE(std::size_t{1}, std::size_t{16}, std::size_t{1000});
    options.timers_per_turn = GENERATE(std::size_t{1}, std::size_t{256});
    io_context ctx(options);
    outcome o;
    auto work = gyre::make_work_guard(ctx);
    std::thread loop([&] { ctx.run(); });
    std::vector<std::thread> threads;
    std::vector<timer_set> kept(3);
    for (unsigned i = 0; i < 3; ++i) {
        threads.emplace_back([&, i] { kept[i] = churn(ctx, o, i + 1); });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    work.reset();
    loop.join();
    check(o);
}

TEST_CASE("timers: threads that churn them against three runners lose none and end none twice") {
    const hang_guard guard(limit());
    io_context ctx;
    outcome o;
    auto work = gyre::make_work_guard(ctx);
    std::vector<std::thread> runners;
    for (int i = 0; i < 3; ++i) {
        runners.emplace_back([&] { ctx.run(); });
    }
    timer_set first;
    timer_set second;
    std::thread one([&] { first = churn(ctx, o, 5); });
    std::thread two([&] { second = churn(ctx, o, 6); });
    one.join();
    two.join();
    work.reset();
    for (std::thread& runner : runners) {
        runner.join();
    }
    check(o);
}

TEST_CASE("timers: threads that churn them with nobody in run() leave everything for later") {
    const hang_guard guard(limit());
    io_context ctx;
    outcome o;
    timer_set first;
    timer_set second;
    std::thread one([&] { first = churn(ctx, o, 7); });
    std::thread two([&] { second = churn(ctx, o, 8); });
    one.join();
    two.join();
    CHECK(o.fired + o.aborts == 0);
    ctx.run();
    check(o);
}

TEST_CASE("timers: churned by the handlers of the loop itself they end once as well") {
    const hang_guard guard(limit());
    io_context ctx;
    outcome o;
    std::vector<timer_set> kept(3);
    for (unsigned i = 0; i < 3; ++i) {
        gyre::post(ctx, [&, i] { kept[i] = churn(ctx, o, i + 11); });
    }
    ctx.run();
    check(o);
}

TEST_CASE("timers: a context destroyed in the middle destroys each remaining handler once") {
    const hang_guard guard(limit());
    outcome o;
    {
        io_context ctx;
        std::vector<std::unique_ptr<steady_timer>> timers;
        std::thread loop([&] { ctx.run_for(20ms); });
        for (unsigned i = 0; i < 2000; ++i) {
            timers.push_back(
                std::make_unique<steady_timer>(ctx, std::chrono::microseconds(i * 30)));
            timers.back()->async_wait(wait_handler(o, timers.back()->expiry(), true));
            if (i % 5 == 0) {
                timers[i / 2]->cancel();
            }
        }
        loop.join();
        timers.resize(1000);
    }
    CHECK(o.twice == 0);
    CHECK(o.early == 0);
    CHECK(o.fired + o.aborts + o.destroyed == o.started);
    CHECK(o.started == 2000);
}
