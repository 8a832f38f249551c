// SPDX-License-Identifier: BSL-1.0
//
// The ring of timer operations between threads: nothing lost, each producer's order kept, and an
// owner that sleeps on empty() never sleeps through a push.

#include "timer/op_ring.hpp"

#include "support/catch.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

using gyre::time_ns;
using gyre::detail::op_ring;
using gyre::detail::timer_op;
using result = gyre::detail::op_ring::push_result;

namespace {

constexpr std::uint32_t producers = 4;

// A thing for the owner to sleep on: wakes given while nobody sleeps are kept, and count as one.
class wake_event {
public:
    void notify() {
        std::lock_guard const lock(mutex_);
        notified_ = true;
        condition_.notify_one();
    }

    bool wait() {
        std::unique_lock lock(mutex_);
        bool const woken =
            condition_.wait_for(lock, std::chrono::seconds(20), [this] { return notified_; });
        notified_ = false;
        return woken;
    }

private:
    std::mutex mutex_;
    std::condition_variable condition_;
    bool notified_ = false;
};

// Checks, on the owner's side, that each producer's numbers come one after the other.
class in_order {
public:
    bool take(timer_op const& op) {
        // What the producer wrote before its push is the owner's to read after its pop.
        auto const written = *static_cast<std::uint32_t*>(op.slot);
        std::uint32_t& next = next_[op.generation];
        ++taken_;
        return op.arm == next++ && written == op.arm && op.deadline == time_ns{op.arm} * 3;
    }
    std::uint32_t taken() const { return taken_; }

private:
    std::array<std::uint32_t, producers> next_{};
    std::uint32_t taken_ = 0;
};

struct alignas(64) producer_slot {
    std::vector<std::uint32_t> numbers;
};

/// Joined when they go.
class joined_threads {
public:
    joined_threads() = default;
    joined_threads(joined_threads&&) = default;
    joined_threads& operator=(joined_threads&&) = delete;
    ~joined_threads() { join(); }

    template <class Function>
    void start(Function function) {
        threads_.emplace_back(std::move(function));
    }
    void join() {
        for (std::thread& each : threads_) {
            each.join();
        }
        threads_.clear();
    }

private:
    std::vector<std::thread> threads_;
};

template <class Push>
joined_threads start(std::array<producer_slot, producers>& slots, std::uint32_t each, Push push) {
    joined_threads threads;
    for (std::uint32_t id = 0; id != producers; ++id) {
        slots[id].numbers.resize(each);
        threads.start([&numbers = slots[id].numbers, id, each, push] {
            for (std::uint32_t n = 0; n != each; ++n) {
                numbers[n] = n;
                push(timer_op{&numbers[n], id, n, time_ns{n} * 3});
            }
        });
    }
    return threads;
}

}  // namespace

TEST_CASE("op_ring: four producers lose nothing and each one's order is kept") {
    constexpr std::uint32_t each = 250'000;
    auto const capacity = GENERATE(std::size_t{3}, 1000);
    op_ring ring(capacity);
    std::array<producer_slot, producers> slots;
    std::atomic<std::uint32_t> refused{0};
    auto threads = start(slots, each, [&](timer_op const& op) {
        while (ring.push(op) == result::full) {
            refused.fetch_add(1, std::memory_order_relaxed);
            std::this_thread::yield();
        }
    });

    in_order order;
    timer_op op{};
    auto const give_up = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    bool wrong = false;
    while (order.taken() != producers * each && std::chrono::steady_clock::now() < give_up) {
        if (ring.empty()) {
            std::this_thread::yield();
        } else {
            // Also what empty() promises its owner: there is one to pop.
            wrong = !ring.pop(op) || !order.take(op) || wrong;
        }
    }
    CHECK_FALSE(wrong);
    CHECK(order.taken() == producers * each);
    INFO("refused " << refused.load());
    threads.join();
    CHECK(ring.empty());
    CHECK_FALSE(ring.pop(op));

    // The count came out even: the reports are exact again.
    for (std::size_t held = 1; held <= capacity; ++held) {
        REQUIRE((ring.push({}) == result::pushed_half_full) == (held * 2 >= capacity));
    }
    CHECK(ring.push({}) == result::full);
}

TEST_CASE("op_ring: an owner that sleeps on empty() is woken for every push") {
    constexpr std::uint32_t each = 50'000;
    op_ring ring(1000);
    std::array<producer_slot, producers> slots;
    std::atomic<bool> asleep{false};
    wake_event wake;
    auto threads = start(slots, each, [&](timer_op const& op) {
        while (ring.push(op) == result::full) {
            std::this_thread::yield();
        }
        if (asleep.load(std::memory_order_seq_cst) && asleep.exchange(false)) {
            wake.notify();
        }
    });

    in_order order;
    timer_op op{};
    bool wrong = false;
    std::uint32_t sleeps = 0;
    bool overslept = false;
    while (order.taken() != producers * each && !overslept) {
        while (ring.pop(op)) {
            wrong = !order.take(op) || wrong;
        }
        if (order.taken() == producers * each) {
            break;
        }
        asleep.store(true, std::memory_order_seq_cst);
        if (ring.empty()) {
            ++sleeps;
            overslept = !wake.wait();
        }
        asleep.store(false, std::memory_order_seq_cst);
    }
    CHECK_FALSE(overslept);
    CHECK_FALSE(wrong);
    CHECK(order.taken() == producers * each);
    CHECK(sleeps > 0);
    if (overslept) {
        while (order.taken() != producers * each) {  // let the producers finish
            if (!ring.pop(op)) {
                std::this_thread::yield();
            } else {
                order.take(op);
            }
        }
    }
}
