// SPDX-License-Identifier: BSL-1.0
// A loop with many pending timers, in which batches of operations on timers are timed. Whoever
// includes it has included a library.
#pragma once

#include "support/measure.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <vector>

namespace bench {

struct nothing {
    void operator()() const {}
};
using plain_timer = timer<nothing>;

// Where their deadlines lie.
inline constexpr nanoseconds nearest = std::chrono::seconds(60);
inline constexpr nanoseconds span = std::chrono::seconds(30);

/// A loop with timers that will not be due while something is measured.
class population {
public:
    explicit population(std::uint64_t size) : start(steady_clock::now()) {
        loop.update_time();
        for (std::uint64_t i = 0; i < size; ++i) {
            timers.emplace_back(loop, nothing{});
            expiries.push_back(start + some_time());
            timers.back().at(expiries.back(), start);
        }
    }

    nanoseconds some_time() { return random.between(nearest, nearest + span); }

    /// Calls batch(first) inside handlers until ops are done, size operations at a time. Some go
    /// before, to warm up; `watch`, if any, is run over the rest.
    template <class Batch>
    void drive(std::uint64_t ops, std::uint64_t size, stopwatch* watch, Batch batch) {
        const std::uint64_t warm_up = 25'000 / size * size;
        const std::uint64_t end = warm_up + (ops + size - 1) / size * size;
        step<Batch> next{this, &batch, watch, size, warm_up, end};
        bench::task<call<Batch>> task(loop, call<Batch>{&next});
        next.task = &task;
        task.post();
        loop.run();
    }

    bench::loop loop{loop_options{}};
    steady_clock::time_point start;
    random_numbers random;
    std::deque<plain_timer> timers;
    std::vector<steady_clock::time_point> expiries;

private:
    template <class Batch>
    struct step;

    template <class Batch>
    struct call {
        step<Batch>* of;
        void operator()() const { of->once(); }
    };

    template <class Batch>
    struct step {
        void once() {
            if (done == warm_up && watch != nullptr) {
                watch->begin();
            }
            if (done == end) {
                if (watch != nullptr) {
                    watch->end(end - warm_up);
                }
                whole->loop.stop();
                return;
            }
            (*batch)(done, done >= warm_up);
            done += size;
            task->post();
        }

        population* whole;
        Batch* batch;
        stopwatch* watch;
        std::uint64_t size;
        std::uint64_t warm_up;
        std::uint64_t end;
        std::uint64_t done = 0;
        bench::task<call<Batch>>* task = nullptr;
    };
};

}  // namespace bench
