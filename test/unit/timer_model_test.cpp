// SPDX-License-Identifier: BSL-1.0
// Timers of the whole reactor against a model: a std::multimap of what has to fire when, over
// random arms, re-arms, cancellations and jumps of the clock, by the thread that runs the loop
// and by another one while that is busy, so that changes travel through ring and inbox.
//
// The clock is the test's; the two threads take turns and never run at the same time.
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/manual_world.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <random>
#include <semaphore>
#include <thread>
#include <vector>

namespace {

using std::chrono::nanoseconds;
using clock_type = std::chrono::steady_clock;

/// What the model knows of a wait: which timer, in which order it was started.
struct expected_wait {
    std::size_t timer;
    std::uint64_t number;
};

/// A loop in a thread of its own, which either is inside a handler, waiting for the test, or
/// turns until nothing is due.
class stepped_loop {
public:
    explicit stepped_loop(gyre::io_context& context)
        : context_(context), thread_([this] { run(); }) {
        inside_.acquire();
    }
    ~stepped_loop() {
        over_ = true;
        go_on_.release();
        thread_.join();
    }

    /// Lets the loop run all that is due, and come back into its handler.
    void turn() {
        go_on_.release();
        inside_.acquire();
    }

private:
    void run() {
        while (!over_) {
            gyre::post(context_, [this] {
                inside_.release();
                go_on_.acquire();
            });
            context_.restart();
            context_.poll();
        }
        context_.restart();
        context_.poll();
    }

    gyre::io_context& context_;
    std::binary_semaphore inside_{0};
    std::binary_semaphore go_on_{0};
    bool over_ = false;
    std::thread thread_;
};

/// Timers, their model, and the checks.
class timer_walk {
public:
    timer_walk(gyre::testing::manual_world& world, gyre::io_context& context, std::size_t timers,
               std::uint64_t seed)
        : world_(world), random_(seed), numbers_(timers, 0), expiry_(timers) {
        for (std::size_t i = 0; i != timers; ++i) {
            timers_.emplace_back(context);
        }
    }

    /// One random operation; `exact` says that counts can be trusted.
    void operate(bool exact) {
        const std::size_t t = random_() % timers_.size();
        const std::size_t pending = pending_of(t);
        std::size_t cancelled = 0;
        switch (random_() % 8) {
        case 0: cancelled = timers_[t].cancel(); break;
        case 1:
            cancelled = timers_[t].expires_at(time(world_.now() - step()));
            expiry_[t] = timers_[t].expiry().time_since_epoch().count();
            break;
        default:
            cancelled = timers_[t].expires_after(nanoseconds(step()));
            expiry_[t] = timers_[t].expiry().time_since_epoch().count();
            break;
        case 7:  // another wait for the same time
            if (pending == 0) {
                return;
            }
            wait(t);
            return;
        }
        if (exact) {
            REQUIRE(cancelled == pending);
        } else {
            REQUIRE(cancelled == 0);
        }
        abort(t);
        if (random_() % 4 != 0) {
            wait(t);
        }
    }

    /// After the loop ran: everything due has fired, nothing else.
    void check_fired() {
        const gyre::time_ns now = world_.now();
        while (!due_.empty() && due_.begin()->first <= now) {
            forget(due_.begin());
        }
        REQUIRE(aborted_seen_ == aborted_);
        REQUIRE(fired_ == expected_fired_);
        REQUIRE(wrong_ == 0);
    }

    std::size_t pending() const { return due_.size(); }
    void cancel_all() {
        for (std::size_t t = 0; t != timers_.size(); ++t) {
            timers_[t].cancel();
            abort(t);
        }
    }
    std::uint64_t fired() const { return fired_; }

private:
    using model = std::multimap<gyre::time_ns, expected_wait>;

    static clock_type::time_point time(gyre::time_ns t) {
        return clock_type::time_point(nanoseconds(t));
    }
    gyre::time_ns step() {
        // Few distinct values: many equal deadlines; now and then one far away.
        const std::uint64_t r = random_();
        return static_cast<gyre::time_ns>(r % 64 == 0 ? r % 10'000'000 : r % 50 * 100);
    }

    void wait(std::size_t t) {
        const std::uint64_t number = ++last_number_;
        due_.emplace(expiry_[t], expected_wait{t, number});
        ++numbers_[t];
        const gyre::time_ns at = expiry_[t];
        const bool due_already = at <= world_.now();  // fires in the order of arming
        timers_[t].async_wait([this, at, due_already](std::error_code e) {
            if (e) {
                ++aborted_seen_;
                return;
            }
            ++fired_;
            wrong_ += world_.now() < at ? 1 : 0;
            if (!due_already) {
                wrong_ += at < last_fired_ ? 1 : 0;
                last_fired_ = at;
            }
        });
    }
    std::size_t pending_of(std::size_t t) const { return numbers_[t]; }
    void abort(std::size_t t) {
        for (auto it = due_.begin(); it != due_.end() && numbers_[t] != 0;) {
            if (it->second.timer == t) {
                it = due_.erase(it);
                --numbers_[t];
                ++aborted_;
            } else {
                ++it;
            }
        }
    }
    void forget(model::iterator it) {
        --numbers_[it->second.timer];
        ++expected_fired_;
        due_.erase(it);
    }

public:
    /// The order of firing is checked within one pass over due timers.
    void begin_pass() { last_fired_ = 0; }

private:
    gyre::testing::manual_world& world_;
    std::mt19937_64 random_;
    std::vector<gyre::steady_timer> timers_;
    std::vector<std::size_t> numbers_;
    std::vector<gyre::time_ns> expiry_;
    model due_;
    std::uint64_t last_number_ = 0;
    std::uint64_t aborted_ = 0;
    std::uint64_t aborted_seen_ = 0;
    std::uint64_t fired_ = 0;
    std::uint64_t expected_fired_ = 0;
    std::uint64_t wrong_ = 0;
    gyre::time_ns last_fired_ = 0;
};

}  // namespace

TEST_CASE("timers: a random walk by the loop's own thread agrees with the model", "[timer_model]") {
    const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3));
    CAPTURE(seed);
    gyre::testing::manual_world world;
    gyre::io_context context(world.options());
    timer_walk walk(world, context, 40, seed);
    std::mt19937_64 random(seed);
    for (int turn = 0; turn != 40'000; ++turn) {
        for (std::uint64_t n = random() % 16; n != 0; --n) {
            walk.operate(true);
        }
        world.advance(static_cast<gyre::time_ns>(random() % 1500));
        walk.begin_pass();
        context.restart();
        context.poll();
        walk.check_fired();
    }
    CHECK(walk.fired() > 10'000);
    walk.cancel_all();
    context.restart();
    context.poll();
    walk.check_fired();
}

TEST_CASE("timers: a random walk by another thread, through ring and inbox, agrees with the model",
          "[timer_model]") {
    const std::size_t ring = GENERATE(std::size_t{1000}, std::size_t{4});
    CAPTURE(ring);
    gyre::testing::manual_world world;
    gyre::io_context_options options = world.options();
    options.ring_capacity = ring;
    gyre::io_context context(options);
    timer_walk walk(world, context, 40, ring);
    {
        std::mt19937_64 random(ring);
        stepped_loop loop(context);
        for (int turn = 0; turn != 15'000; ++turn) {
            for (std::uint64_t n = random() % 16; n != 0; --n) {
                walk.operate(false);
            }
            world.advance(static_cast<gyre::time_ns>(random() % 1500));
            walk.begin_pass();
            loop.turn();
            walk.check_fired();
        }
        CHECK(walk.fired() > 1'000);
    }
    walk.cancel_all();
    context.restart();
    context.poll();
    walk.check_fired();
}
