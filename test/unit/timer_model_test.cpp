// SPDX-License-Identifier: BSL-1.0
// Timers of the whole reactor against a model: a sorted map of what has to fire when, and in which
// order, over random arms, re-arms, cancellations and jumps of the clock, by the thread that runs
// the loop and by another one while that is busy, so that changes travel through ring and inbox.
//
// The clock is the test's; the two threads take turns and never run at the same time.
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/manual_world.hpp"

#include <chrono>
#include <compare>
#include <cstdint>
#include <iterator>
#include <random>
#include <semaphore>
#include <set>
#include <thread>
#include <vector>

namespace {

using std::chrono::nanoseconds;
using clock_type = std::chrono::steady_clock;

/// What the model knows of a wait, in the order in which waits have to fire: by deadline, equal
/// ones as the timers were armed, those of one timer as they were started. What is due already when
/// it is started goes before all that have become due by the next turn.
struct expected_wait {
    gyre::time_ns deadline;
    std::uint64_t arm;     // the number of the first wait since the timer was set
    std::uint64_t number;  // of this wait
    std::size_t timer;

    auto operator<=>(const expected_wait&) const = default;
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

/// How the walk's changes get to the loop.
enum class way {
    direct,    ///< at once: counts can be trusted
    by_ring,   ///< later, in the order in which they were made
    by_inbox,  ///< later, when the ring had no room: equal deadlines in any order
};

/// Timers, their model, and the checks.
class timer_walk {
public:
    timer_walk(gyre::testing::manual_world& world, gyre::io_context& context, std::size_t timers,
               way how, std::uint64_t seed)
        : world_(world), how_(how), random_(seed), state_(timers) {
        for (std::size_t i = 0; i != timers; ++i) {
            timers_.emplace_back(context);
        }
        context.poll();  // learns the time
    }

    /// One random operation.
    void operate() {
        const std::size_t t = random_() % timers_.size();
        const std::size_t pending = state_[t].pending;
        std::size_t cancelled = 0;
        switch (random_() % 8) {
        case 0: cancelled = timers_[t].cancel(); break;
        case 1: cancelled = timers_[t].expires_at(time(world_.now() - near())); break;
        case 2: cancelled = timers_[t].expires_at(time(edge())); break;
        case 7:  // another wait for the same time
            if (pending != 0) {
                wait(t);
            }
            return;
        default: cancelled = timers_[t].expires_after(nanoseconds(distance())); break;
        }
        REQUIRE(cancelled == (how_ == way::direct ? pending : 0));
        abort(t);
        if (random_() % 4 != 0) {
            wait(t);
        }
    }

    /// Mostly little steps, now and then a leap over all buckets of a level.
    void advance() {
        const std::uint64_t r = random_();
        world_.advance(static_cast<gyre::time_ns>(r % 64 == 0 ? r >> 24 >> r / 64 % 40 : r % 1500));
    }

    /// After the loop ran: everything due has fired in its order, nothing else.
    void check_fired() {
        std::vector<expected_wait> expected;
        const gyre::time_ns now = world_.now();
        while (!due_.empty() && due_.begin()->deadline <= now) {
            expected.push_back(*due_.begin());
            --state_[due_.begin()->timer].pending;
            due_.erase(due_.begin());
        }
        REQUIRE(aborted_seen_ == aborted_);
        REQUIRE(fired_.size() == expected.size());
        for (std::size_t i = 0; i != expected.size(); ++i) {
            REQUIRE(fired_[i].deadline == expected[i].deadline);
            if (how_ != way::by_inbox) {
                REQUIRE(fired_[i].number == expected[i].number);
            }
        }
        total_ += fired_.size();
        fired_.clear();
    }

    void cancel_all() {
        for (std::size_t t = 0; t != timers_.size(); ++t) {
            timers_[t].cancel();
            abort(t);
        }
    }
    std::uint64_t fired() const { return total_; }

private:
    struct timer_state {
        std::size_t pending = 0;
        std::uint64_t arm = 0;
    };

    static clock_type::time_point time(gyre::time_ns t) {
        return clock_type::time_point(nanoseconds(t));
    }
    // Few distinct values: many equal deadlines.
    gyre::time_ns near() { return static_cast<gyre::time_ns>(random_() % 50 * 100); }
    gyre::time_ns distance() {
        const std::uint64_t r = random_();
        return r % 8 != 0 ? near() : static_cast<gyre::time_ns>(r >> 4 >> r / 8 % 60);
    }
    // Around the ends of buckets of all sizes, often the same.
    gyre::time_ns edge() {
        const gyre::time_ns width = gyre::time_ns{1} << (14 + 7 * (random_() % 5));
        return world_.now() / width * width + static_cast<gyre::time_ns>(random_() % 3) * width +
               static_cast<gyre::time_ns>(random_() % 3) - 1;
    }

    void wait(std::size_t t) {
        expected_wait w{timers_[t].expiry().time_since_epoch().count(), 0, ++last_number_, t};
        if (state_[t].pending++ == 0) {
            state_[t].arm = w.number;
        }
        w.arm = state_[t].arm;
        if (w.deadline <= world_.now()) {
            w.deadline = gyre::immediately;
            w.arm = how_ == way::direct ? w.number : w.arm;
        }
        due_.insert(w);
        timers_[t].async_wait([this, w](std::error_code e) {
            if (e) {
                ++aborted_seen_;
            } else {
                fired_.push_back(w);
            }
        });
    }
    void abort(std::size_t t) {
        for (auto it = due_.begin(); it != due_.end() && state_[t].pending != 0;) {
            const bool found = it->timer == t;
            state_[t].pending -= found ? 1 : 0;
            aborted_ += found ? 1 : 0;
            it = found ? due_.erase(it) : std::next(it);
        }
    }

    gyre::testing::manual_world& world_;
    way how_;
    std::mt19937_64 random_;
    std::vector<gyre::steady_timer> timers_;
    std::vector<timer_state> state_;
    std::set<expected_wait> due_;
    std::vector<expected_wait> fired_;
    std::uint64_t last_number_ = 0;
    std::uint64_t aborted_ = 0;
    std::uint64_t aborted_seen_ = 0;
    std::uint64_t total_ = 0;
};

}  // namespace

TEST_CASE("timers: a random walk by the loop's own thread agrees with the model", "[timer_model]") {
    const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3));
    CAPTURE(seed);
    gyre::testing::manual_world world;
    gyre::io_context_options options = world.options();
    options.timers_per_turn = seed == 1 ? 256 : seed;
    gyre::io_context context(options);
    timer_walk walk(world, context, 40, way::direct, seed);
    std::mt19937_64 random(seed);
    for (int turn = 0; turn != 40'000; ++turn) {
        for (std::uint64_t n = random() % 16; n != 0; --n) {
            walk.operate();
        }
        walk.advance();
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
    const way how = GENERATE(way::by_ring, way::by_inbox);
    CAPTURE(how);
    gyre::testing::manual_world world;
    gyre::io_context_options options = world.options();
    options.ring_capacity = how == way::by_ring ? 1000 : 4;
    gyre::io_context context(options);
    timer_walk walk(world, context, 40, how, 1000);
    {
        std::mt19937_64 random(1000);
        stepped_loop loop(context);
        for (int turn = 0; turn != 15'000; ++turn) {
            for (std::uint64_t n = random() % 16; n != 0; --n) {
                walk.operate();
            }
            walk.advance();
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
