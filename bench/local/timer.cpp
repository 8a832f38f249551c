// SPDX-License-Identifier: BSL-1.0
// What timers cost while many of them are pending. All but fire, and other threads' arming, is done
// inside handlers, a hundred at a time; the calls of the handlers count, where the library calls
// them for cancelled waits too. Deadlines are spread over half a minute.
//
//     insert_cancel           [pending=N] [ops=N]  the same timers come and go beside others
//     fresh                   [pending=N] [ops=N]  new timers come, then go, timed apart
//     earlier | extend        [pending=N] [ops=N]  a pending timer is set anew, in mixed order
//     fire  [slow=N]          [pending=N] [ops=N]  all have come due before the loop runs; slow:
//                                                  where arming takes N times as long, and the time
//                                                  till then is slept and not spun away
//     due                     [ops=N]              each handler arms the timer for a past time
//     lateness                [ops=N] [slack=1]    of a timer of 1 ms; slack: without the kernel's
//     foreign                 [threads=N] [ops=N]  armed by other threads while the loop runs

#include BENCH_LIBRARY
#include "local/armers.hpp"
#include "local/population.hpp"
#include "support/measure.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
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
constexpr std::uint64_t stride = 7919;  // a prime: mixes the order

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

/// Timers that have not been armed before: all are armed, then all cancelled in mixed order. Their
/// loops are new as well, so that nothing is left of earlier ones.
class newcomers {
public:
    explicit newcomers(std::uint64_t count) : ready_(loop_, act{this}) {
        bench::random_numbers random;
        for (std::uint64_t i = 0; i < count; ++i) {
            timers_.emplace_back(loop_, nothing{});
            times_.push_back(random.between(nearest, nearest + span));
        }
    }

    // A cancellation ends with the call of the cancelled handlers, where there are such.
    void run(stopwatch* inserting, stopwatch* cancelling) {
        inserting_ = inserting;
        cancelling_ = cancelling;
        ready_.post();
        loop_.run();
    }

private:
    struct act {
        newcomers* whole;
        void operator()() const { whole->next(); }
    };

    void next() {
        if (armed_) {
            cancelling_->end(timers_.size());
            loop_.stop();
            return;
        }
        armed_ = true;
        inserting_->begin();
        for (std::uint64_t i = 0; i < timers_.size(); ++i) {
            timers_[i].after(times_[i]);
        }
        inserting_->end(timers_.size());
        cancelling_->begin();
        for (std::uint64_t i = 0, at = 0; i < timers_.size(); ++i) {
            at = (at + stride) % timers_.size();
            timers_[at].cancel();
        }
        ready_.post();
    }

    bench::loop loop_{bench::loop_options{}};
    bench::task<act> ready_;
    std::deque<plain_timer> timers_;
    std::vector<nanoseconds> times_;
    stopwatch* inserting_ = nullptr;
    stopwatch* cancelling_ = nullptr;
    bool armed_ = false;
};

// The first ones warm up.
void fresh(std::uint64_t pending, std::uint64_t ops) {
    std::deque<newcomers> all;
    stopwatch warm_up;
    stopwatch inserting;
    stopwatch cancelling;
    all.emplace_back(std::min<std::uint64_t>(pending, 10'000)).run(&warm_up, &warm_up);
    for (std::uint64_t done = 0; done < ops; done += pending) {
        all.emplace_back(pending).run(&inserting, &cancelling);
    }
    bench::finish(inserting.figures("insert_") + ", " + cancelling.figures("cancel_"));
}

/// Sets one timer after the other anew, in an order that no cache foresees.
template <class Change>
void rearm(std::uint64_t pending, std::uint64_t ops, Change change) {
    population all(pending);
    stopwatch watch;
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
        if (slow > 1) {
            std::this_thread::sleep_until(start + 2 * lead + 2ms);
        }
        while (steady_clock::now() < start + 2 * lead + 2ms) {}
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

/// A timer whose handler arms it again; Arm says for when, and what is noted.
template <class Arm>
class chain {
public:
    chain(const bench::loop_options& options, std::uint64_t ops)
        : loop_(options), timer_(loop_, link{this}), ops_(ops), left_(ops) {}

    std::string run() {
        arm_.before(ops_);
        arm_(timer_);
        watch_.begin();
        loop_.run();
        watch_.end(ops_);
        return arm_.figures() + watch_.figures();
    }

private:
    struct link {
        chain* whole;
        void operator()() const { whole->called(); }
    };

    void called() {
        arm_.after();
        if (--left_ == 0) {
            loop_.stop();
        } else {
            arm_(timer_);
        }
    }

    bench::loop loop_;
    bench::timer<link> timer_;
    Arm arm_;
    stopwatch watch_;
    std::uint64_t ops_;
    std::uint64_t left_;
};

struct for_the_past {
    void before(std::uint64_t) { now = steady_clock::now(); }
    template <class Timer>
    void operator()(Timer& timer) {
        timer.at(now - 1s, now);
    }
    void after() {}
    std::string figures() const { return ""; }

    steady_clock::time_point now;
};

struct in_a_millisecond {
    void before(std::uint64_t ops) { late.reserve(ops); }
    template <class Timer>
    void operator()(Timer& timer) {
        due = bench::clock_ns(CLOCK_MONOTONIC) + 1'000'000;
        timer.after(1ms);
    }
    void after() { late.push_back(bench::clock_ns(CLOCK_MONOTONIC) - due); }
    std::string figures() const { return bench::percentiles("late", late) + ", "; }

    std::int64_t due = 0;
    std::vector<std::int64_t> late;
};

void due(std::uint64_t ops) {
    bench::finish(chain<for_the_past>(bench::loop_options{}, ops).run());
}

void lateness(std::uint64_t ops, bool exact) {
    bench::finish(chain<in_a_millisecond>({.exact_timers = exact}, ops).run());
}

// --- foreign ----------------------------------------------------------------------------------

// The same timers again and again: what a server does that has come to its load. The first time
// warms up; most of it is the kernel's, which clears the memory that is new.
void foreign(unsigned threads, std::uint64_t ops) {
    bench::armers all(threads, ops / 4);
    stopwatch warm_up(stopwatch::of::process);
    stopwatch watch(stopwatch::of::process);
    all.run(warm_up);
    for (int i = 0; i < 4; ++i) {
        all.cancel_all();
        all.run(watch);
    }
    bench::finish(watch.figures());
}

void run(const bench::arguments& asked) {
    const std::uint64_t pending = asked.number("pending", 100);
    const std::uint64_t ops = asked.number("ops", 500'000);
    if (asked.is("insert_cancel")) {
        insert_cancel(pending, ops);
    } else if (asked.is("fresh")) {
        fresh(pending, ops);
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
