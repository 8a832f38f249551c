// SPDX-License-Identifier: BSL-1.0
// What it costs to give a function to the loop and to have it called.
//
//     chain   [ops=N]            each function posts the next one
//     at_once [count=N] [ops=N]  so many are posted from outside, then run, again and again
//     foreign [threads=N] [ops=N]  other threads post to a loop that runs
//     latency [ops=N]            another thread posts to a loop that sleeps

#include BENCH_LIBRARY
#include "support/measure.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <semaphore>
#include <thread>
#include <vector>

#include <sys/socket.h>

namespace {

using bench::stopwatch;

struct nothing {
    void operator()() const {}
};

/// Makes a loop what it is in any program: one that has a descriptor to look at.
class listening {
public:
    explicit listening(bench::loop& loop) : watcher_(loop, descriptor(), nothing{}) {
        watcher_.start();
    }

private:
    static int descriptor() {
        int pair[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
            std::perror("socketpair");
            std::exit(1);
        }
        return pair[0];
    }

    bench::watcher<nothing> watcher_;
};

// --- chain ------------------------------------------------------------------------------------

struct chain;

struct link {
    chain* whole;
    void operator()() const;
};

struct chain {
    explicit chain(std::uint64_t ops)
        : idle(loop), next(loop, link{this}), left(ops + warm_up), ops(ops) {}

    static constexpr std::uint64_t warm_up = 10'000;

    bench::loop loop{bench::loop_options{}};
    listening idle;
    bench::task<link> next;
    stopwatch watch;
    std::uint64_t left;
    std::uint64_t ops;
};

void link::operator()() const {
    if (whole->left == whole->ops) {
        whole->watch.begin();
    }
    if (whole->left-- == 0) {
        whole->watch.end(whole->ops);
        whole->loop.stop();
        return;
    }
    whole->next.post();
}

void post_chain(std::uint64_t ops) {
    chain all(ops);
    all.next.post();
    all.loop.run();
    bench::finish(all.watch.figures());
}

// --- at once ----------------------------------------------------------------------------------

struct crowd;

struct member {
    crowd* whole;
    void operator()() const;
};

struct crowd {
    explicit crowd(std::uint64_t count) : idle(loop) {
        for (std::uint64_t i = 0; i < count; ++i) {
            tasks.emplace_back(loop, member{this});
        }
    }

    void round() {
        left = tasks.size();
        for (auto& task : tasks) {
            task.post();
        }
        loop.run();
    }

    bench::loop loop{bench::loop_options{}};
    listening idle;
    std::deque<bench::task<member>> tasks;
    std::uint64_t left = 0;
};

void member::operator()() const {
    if (--whole->left == 0) {
        whole->loop.stop();
    }
}

// A crowd that is as large as all there is to do comes but once, into a loop that has seen none.
void post_at_once(std::uint64_t count, std::uint64_t ops) {
    crowd all(count);
    stopwatch watch;
    if (count < ops) {
        all.round();
    }
    watch.begin();
    for (std::uint64_t done = 0; done < ops; done += count) {
        all.round();
    }
    watch.end((ops + count - 1) / count * count);
    bench::finish(watch.figures());
}

// --- foreign ----------------------------------------------------------------------------------

// So many posts of a thread may be under way before it waits: memory has a bound.
constexpr std::uint64_t block = 1000;
constexpr int blocks_under_way = 10;

struct poster {
    explicit poster(bench::loop& where, std::atomic<unsigned>& threads_left)
        : loop(&where), left(&threads_left) {}

    void post(std::uint64_t count) {
        to_come = count;
        for (std::uint64_t i = 0; i < count; ++i) {
            if (i % block == 0) {
                room.acquire();
            }
            bench::hand_over(*loop, [this] { called(); });
        }
    }

    void called() {
        if (++calls % block == 0) {
            room.release();
        }
        if (calls == to_come && left->fetch_sub(1) == 1) {
            loop->stop();
        }
    }

    bench::loop* loop;
    std::atomic<unsigned>* left;
    std::counting_semaphore<> room{blocks_under_way};
    std::atomic<std::uint64_t> to_come = 0;
    alignas(64) std::uint64_t calls = 0;
};

void foreign_round(bench::loop& loop, unsigned threads, std::uint64_t each) {
    std::atomic<unsigned> left = threads;
    std::deque<poster> posters;
    std::vector<std::thread> running;
    for (unsigned i = 0; i < threads; ++i) {
        posters.emplace_back(loop, left);
    }
    for (poster& one : posters) {
        running.emplace_back([&one, each] {
            bench::take_side(bench::side::others);
            one.post(each);
        });
    }
    bench::take_side(bench::side::loop);
    loop.run();
    for (std::thread& one : running) {
        one.join();
    }
}

void post_foreign(unsigned threads, std::uint64_t ops) {
    bench::loop loop(bench::loop_options{.other_threads = true});
    listening idle(loop);
    stopwatch watch(stopwatch::of::process);
    const std::uint64_t each = ops / threads / block * block;
    foreign_round(loop, threads, 5 * block);
    watch.begin();
    foreign_round(loop, threads, each);
    watch.end(each * threads);
    bench::finish(watch.figures());
}

// --- latency ----------------------------------------------------------------------------------

void post_latency(std::uint64_t ops) {
    bench::loop loop(bench::loop_options{.other_threads = true});
    listening idle(loop);
    struct {
        std::atomic<std::int64_t> arrived = 0;
        std::vector<std::int64_t> late;
        std::vector<std::int64_t> posting;
    } all;
    stopwatch watch(stopwatch::of::process);
    std::thread other([&] {
        bench::take_side(bench::side::others);
        for (std::uint64_t i = 0; i < ops; ++i) {
            // Long enough for the loop to fall asleep; if it has not, the median doesn't care.
            std::this_thread::sleep_for(std::chrono::microseconds(300));
            all.arrived = 0;
            const std::int64_t start = bench::clock_ns(CLOCK_MONOTONIC);
            bench::hand_over(loop, [&all = all] {
                all.arrived = bench::clock_ns(CLOCK_MONOTONIC);
                all.arrived.notify_one();
            });
            all.posting.push_back(bench::clock_ns(CLOCK_MONOTONIC) - start);
            all.arrived.wait(0);
            all.late.push_back(all.arrived - start);
        }
        bench::hand_over(loop, [&loop] { loop.stop(); });
    });
    bench::take_side(bench::side::loop);
    watch.begin();
    loop.run();
    watch.end(ops);
    other.join();
    bench::finish(bench::percentiles("latency", all.late) + ", " +
                  bench::percentiles("posting", all.posting) + ", " + watch.figures());
}

}  // namespace

int main(int argc, char** argv) {
    const bench::arguments asked(argc, argv);
    if (asked.is("chain")) {
        post_chain(asked.number("ops", 1'000'000));
    } else if (asked.is("at_once")) {
        post_at_once(asked.number("count", 1000), asked.number("ops", 1'000'000));
    } else if (asked.is("foreign")) {
        post_foreign(static_cast<unsigned>(asked.number("threads", 1)),
                     asked.number("ops", 1'000'000));
    } else if (asked.is("latency")) {
        post_latency(asked.number("ops", 500));
    }
    asked.unknown();
}
