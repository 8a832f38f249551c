// SPDX-License-Identifier: BSL-1.0
// What timers cost while many of them are pending. All but fire, and other threads' arming, is done
// inside handlers, a hundred at a time; the calls of the handlers count, where the library calls
// them for cancelled waits too. Deadlines are spread over half a minute.
//
//     insert_cancel | halves  [pending=N] [ops=N]  timers come and go; halves: timed apart
//     earlier | extend        [pending=N] [ops=N]  a pending timer is set anew, in mixed order
//     fire  [slow=N]          [pending=N] [ops=N]  all have come due before the loop runs; slow:
//                                                  for a machine on which arming takes N times
//                                                  longer
//     due                     [ops=N]              each handler arms the timer for a past time
//     lateness                [ops=N] [slack=1]    of a timer of 1 ms; slack: without the kernel's
//     foreign                 [threads=N] [ops=N]  armed by other threads while the loop runs

#include BENCH_LIBRARY
#include "local/population.hpp"
#include "support/measure.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <semaphore>
#include <thread>
#include <vector>

namespace {

using bench::nanoseconds;
using bench::steady_clock;
using bench::stopwatch;
using namespace std::chrono_literals;

using bench::nearest;
using bench::nothing;
using bench::plain_timer;
using bench::population;
using bench::span;

// --- pending ----------------------------------------------------------------------------------

constexpr std::uint64_t batch_size = 100;

/// Timers that are armed and cancelled beside a population, for times that were thrown before.
struct visitors {
    explicit visitors(population& where) {
        for (std::uint64_t i = 0; i < batch_size; ++i) {
            timers.emplace_back(where.loop, nothing{});
        }
        for (int i = 0; i < 4096; ++i) {
            times.push_back(where.some_time());
        }
    }

    void insert(std::uint64_t first) {
        for (std::uint64_t i = 0; i < batch_size; ++i) {
            timers[i].after(times[(first + i) % times.size()]);
        }
    }
    void cancel() {
        for (auto& timer : timers) {
            timer.cancel();
        }
    }

    std::deque<plain_timer> timers;
    std::vector<nanoseconds> times;
};

void insert_cancel(std::uint64_t pending, std::uint64_t ops) {
    population all(pending);
    visitors some(all);
    stopwatch watch;
    all.drive(ops, batch_size, &watch, [&](std::uint64_t first, bool) {
        some.insert(first);
        some.cancel();
    });
    bench::finish(watch.figures());
}

// A cancellation ends with the call of the cancelled handlers, where there are such: that is by the
// beginning of the next batch.
void halves(std::uint64_t pending, std::uint64_t ops) {
    population all(pending);
    visitors some(all);
    stopwatch inserting;
    stopwatch cancelling;
    bool cancelled = false;
    all.drive(ops, batch_size, nullptr, [&](std::uint64_t first, bool warm) {
        if (cancelled) {
            cancelling.end(batch_size);
        }
        if (warm) {
            inserting.begin();
        }
        some.insert(first);
        if (warm) {
            inserting.end(batch_size);
            cancelling.begin();
            cancelled = true;
        }
        some.cancel();
    });
    bench::finish(inserting.figures("insert_") + ", " + cancelling.figures("cancel_"));
}

/// Sets one timer after the other anew, in an order that no cache foresees.
template <class Change>
void rearm(std::uint64_t pending, std::uint64_t ops, Change change) {
    population all(pending);
    stopwatch watch;
    const std::uint64_t stride = 7919;  // a prime
    std::uint64_t next = 0;
    all.drive(ops, batch_size, &watch, [&](std::uint64_t first, bool) {
        for (std::uint64_t i = first; i < first + batch_size; ++i) {
            next = (next + stride) % pending;
            all.expiries[next] = change(all, all.expiries[next], i);
            all.timers[next].at(all.expiries[next], all.start);
        }
    });
    bench::finish(watch.figures());
}

void earlier(std::uint64_t pending, std::uint64_t ops) {
    // All of them together bring no timer nearer than half of where the nearest is.
    const nanoseconds most = span / (1 + 2 * ops / pending);
    rearm(pending, ops, [most](population& all, steady_clock::time_point before, std::uint64_t) {
        return before - all.random.between(0ns, most);
    });
}

// What a server does with the idle timeout of a connection at each message.
void extend(std::uint64_t pending, std::uint64_t ops) {
    rearm(pending, ops, [](population& all, steady_clock::time_point, std::uint64_t i) {
        return all.start + nearest + span + i * 1us;
    });
}

// --- firing -----------------------------------------------------------------------------------

struct fired {
    bench::loop* loop;
    std::uint64_t* left;

    void operator()() const {
        if (--*left == 0) {
            loop->stop();
        }
    }
};

void fire(std::uint64_t pending, std::uint64_t ops, std::uint64_t slow) {
    bench::loop loop{bench::loop_options{}};
    stopwatch watch;
    bench::random_numbers random;
    std::uint64_t left = 0;
    std::deque<bench::timer<fired>> timers;
    for (std::uint64_t i = 0; i < pending; ++i) {
        timers.emplace_back(loop, fired{&loop, &left});
    }
    const nanoseconds lead = (100us + 1us * static_cast<std::int64_t>(pending)) * slow;
    const std::uint64_t rounds = std::max<std::uint64_t>(ops / pending, 1);
    // Once to warm up.
    for (std::uint64_t round = 0; round <= rounds; ++round) {
        left = pending;
        loop.update_time();
        const auto start = steady_clock::now();
        for (auto& timer : timers) {
            timer.at(start + lead + random.between(0ns, lead), start);
        }
        // Those that count milliseconds may round up, by one and again by one.
        std::this_thread::sleep_until(start + 2 * lead + 2ms);
        if (round > 0) {
            watch.begin();
        }
        loop.run();
        if (round > 0) {
            watch.end(pending);
        }
    }
    bench::finish(watch.figures());
}

/// A timer whose handler arms it again. What `armed` and `late` say is for lateness.
class chain {
public:
    chain(const bench::loop_options& options, nanoseconds time, std::uint64_t ops)
        : loop_(options), timer_(loop_, link{this}), time_(time), left_(ops) {}

    void run(std::uint64_t ops) {
        arm();
        watch_.begin();
        loop_.run();
        watch_.end(ops);
    }

    std::vector<std::int64_t> late;
    stopwatch watch_;

private:
    struct link {
        chain* whole;
        void operator()() const { whole->called(); }
    };

    void arm() {
        armed_ = bench::clock_ns(CLOCK_MONOTONIC);
        timer_.after(time_);
    }

    void called() {
        late.push_back(bench::clock_ns(CLOCK_MONOTONIC) - armed_ - time_.count());
        if (--left_ == 0) {
            loop_.stop();
        } else {
            arm();
        }
    }

    bench::loop loop_;
    bench::timer<link> timer_;
    nanoseconds time_;
    std::int64_t armed_ = 0;
    std::uint64_t left_;
};

void due(std::uint64_t ops) {
    chain all(bench::loop_options{}, -1s, ops);
    all.run(ops);
    bench::finish(all.watch_.figures());
}

void lateness(std::uint64_t ops, bool exact) {
    chain all(bench::loop_options{.exact_timers = exact}, 1ms, ops);
    all.run(ops);
    bench::finish(bench::percentiles("late", all.late) + ", " + all.watch_.figures());
}

// --- foreign ----------------------------------------------------------------------------------

constexpr std::uint64_t block = 1000;

/// Arms timers of its own, a block at a time; a post tells that the loop has got as far.
class armer {
public:
    armer(bench::loop& loop, std::uint64_t count, std::atomic<unsigned>& left)
        : loop_(&loop), left_(&left) {
        for (std::uint64_t i = 0; i < count; ++i) {
            timers_.emplace_back(loop, nothing{});
            times_.push_back(random_.between(nearest, nearest + span));
        }
    }

    void arm_all() {
        for (std::uint64_t i = 0; i < timers_.size(); ++i) {
            if (i % block == 0) {
                room_.acquire();
            }
            arm_from_outside(*loop_, timers_[i], times_[i]);
            if ((i + 1) % block == 0) {
                bench::hand_over(*loop_, [this] { room_.release(); });
            }
        }
        bench::hand_over(*loop_, [this] { ready(); });
    }

    // In the loop's thread.
    void cancel_all() {
        for (plain_timer& timer : timers_) {
            timer.cancel();
        }
        bench::hand_over(*loop_, [this] { ready(); });
    }

private:
    void ready() {
        if (left_->fetch_sub(1) == 1) {
            loop_->stop();
        }
    }

    bench::loop* loop_;
    std::atomic<unsigned>* left_;
    bench::random_numbers random_;
    std::deque<plain_timer> timers_;
    std::vector<nanoseconds> times_;
    std::counting_semaphore<> room_{10};
};

class armers {
public:
    armers(unsigned threads, std::uint64_t ops) {
        for (unsigned i = 0; i < threads; ++i) {
            all_.emplace_back(loop_, ops / threads, left_);
        }
        bench::take_side(bench::side::loop);
    }

    void arm() {
        std::vector<std::thread> running;
        left_ = static_cast<unsigned>(all_.size());
        for (armer& one : all_) {
            running.emplace_back([&one] {
                bench::take_side(bench::side::others);
                one.arm_all();
            });
        }
        loop_.run();
        for (std::thread& one : running) {
            one.join();
        }
    }

    void cancel() {
        left_ = static_cast<unsigned>(all_.size());
        for (armer& one : all_) {
            bench::hand_over(loop_, [armer = &one] { armer->cancel_all(); });
        }
        loop_.run();
    }

private:
    bench::loop loop_{bench::loop_options{.other_threads = true}};
    std::atomic<unsigned> left_ = 0;
    std::deque<armer> all_;
};

// Once to warm up: memory has been touched then.
void foreign(unsigned threads, std::uint64_t ops) {
    armers all(threads, ops / (threads * block) * (threads * block));
    stopwatch watch(stopwatch::of::process);
    all.arm();
    all.cancel();
    watch.begin();
    all.arm();
    watch.end(ops / (threads * block) * (threads * block));
    bench::finish(watch.figures());
}

void run(const bench::arguments& asked) {
    const std::uint64_t pending = asked.number("pending", 100);
    const std::uint64_t ops = asked.number("ops", 500'000);
    if (asked.is("insert_cancel")) {
        insert_cancel(pending, ops);
    } else if (asked.is("halves")) {
        halves(pending, ops);
    } else if (asked.is("earlier")) {
        earlier(pending, ops);
    } else if (asked.is("extend")) {
        extend(pending, ops);
    } else if (asked.is("fire")) {
        fire(pending, ops, asked.number("slow", 1));
    } else if (asked.is("due")) {
        due(asked.number("ops", 20'000));
    } else if (asked.is("lateness")) {
        lateness(asked.number("ops", 300), asked.number("slack", 0) != 0);
    } else if (asked.is("foreign")) {
        foreign(static_cast<unsigned>(asked.number("threads", 1)), ops);
    }
    asked.unknown();
}

}  // namespace

int main(int argc, char** argv) { run(bench::arguments(argc, argv)); }
