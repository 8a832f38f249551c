// SPDX-License-Identifier: BSL-1.0
// Threads that arm timers of a loop that runs in another. Whoever includes it has included a
// library.
#pragma once

#include "local/population.hpp"
#include "support/measure.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <semaphore>
#include <thread>
#include <vector>

namespace bench {

/// Arms timers of its own, a block at a time; a post tells that the loop has got as far.
class armer {
public:
    armer(loop& where, std::uint64_t blocks, std::atomic<unsigned>& left)
        : loop_(&where), left_(&left) {
        random_numbers random;
        for (std::uint64_t i = 0; i < blocks * block; ++i) {
            timers_.emplace_back(where, nothing{});
            times_.push_back(random.between(nearest, nearest + span));
        }
    }

    static constexpr std::uint64_t block = 1000;

    void arm_all() {
        for (std::uint64_t i = 0; i < timers_.size(); ++i) {
            if (i % block == 0) {
                room_.acquire();
            }
            arm_from_outside(*loop_, timers_[i], times_[i]);
            if ((i + 1) % block == 0) {
                hand_over(*loop_, [this] { room_.release(); });
            }
        }
        hand_over(*loop_, [this] {
            if (left_->fetch_sub(1) == 1) {
                loop_->stop();
            }
        });
    }

    void cancel_all() {
        for (plain_timer& timer : timers_) {
            timer.cancel();
        }
    }

private:
    loop* loop_;
    std::atomic<unsigned>* left_;
    std::deque<plain_timer> timers_;
    std::vector<nanoseconds> times_;
    std::counting_semaphore<> room_{10};
};

/// A loop and the threads around it.
class armers {
public:
    armers(unsigned threads, std::uint64_t ops) : blocks_(ops / (threads * armer::block)) {
        for (unsigned i = 0; i < threads; ++i) {
            all_.emplace_back(loop_, blocks_, left_);
        }
    }

    void run(stopwatch& watch) {
        take_side(side::loop);
        left_ = static_cast<unsigned>(all_.size());
        watch.begin();
        std::vector<std::thread> running;
        for (armer& one : all_) {
            running.emplace_back([&one] {
                take_side(side::others);
                one.arm_all();
            });
        }
        loop_.run();
        for (std::thread& one : running) {
            one.join();
        }
        watch.end(all_.size() * blocks_ * armer::block);
    }

    /// All is as it was before, but for the memory that waits took: there is some now.
    void cancel_all() {
        hand_over(loop_, [this] {
            for (armer& one : all_) {
                one.cancel_all();
            }
            hand_over(loop_, [this] { loop_.stop(); });
        });
        loop_.run();
    }

private:
    bench::loop loop_{loop_options{.other_threads = true}};
    std::uint64_t blocks_;
    std::atomic<unsigned> left_{0};
    std::deque<armer> all_;
};

}  // namespace bench
