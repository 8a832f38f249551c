// SPDX-License-Identifier: BSL-1.0
// What the micro-benchmarks share: the two libraries under one set of names, timing, counting
// allocations, and the line of JSON a figure is. Knows no particular benchmark. Included by one
// source file of a program only: it replaces operator new.
#pragma once

#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#if GYRE_BENCH_ASIO
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#endif

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <utility>

namespace bench {

inline std::uint64_t allocations = 0;

struct gyre_library {
    static constexpr const char* name = "gyre";
    using io_context = gyre::io_context;
    using timer = gyre::steady_timer;

    template <class Function>
    static void post(io_context& context, Function&& function) {
        gyre::post(context, std::forward<Function>(function));
    }
};

#if GYRE_BENCH_ASIO
struct asio_library {
    static constexpr const char* name = "asio";
    using io_context = asio::io_context;
    using timer = asio::steady_timer;

    template <class Function>
    static void post(io_context& context, Function&& function) {
        asio::post(context, std::forward<Function>(function));
    }
};
#endif

/// One repetition: what is inside begin() and end() counts.
class stopwatch {
public:
    void begin() {
        allocations_ = allocations;
        start_ = std::chrono::steady_clock::now();
    }
    void end(std::uint64_t ops) {
        const auto time = std::chrono::steady_clock::now() - start_;
        ops_ += ops;
        ns_ += std::chrono::duration<double, std::nano>(time).count();
        allocated_ += allocations - allocations_;
    }

    std::uint64_t ops() const { return ops_; }
    double ns_per_op() const { return ns_ / static_cast<double>(ops_); }
    double allocations_per_op() const {
        return static_cast<double>(allocated_) / static_cast<double>(ops_);
    }

private:
    std::chrono::steady_clock::time_point start_;
    std::uint64_t allocations_ = 0;
    std::uint64_t allocated_ = 0;
    std::uint64_t ops_ = 0;
    double ns_ = 0;
};

/// Prints the quickest of the repetitions; `one(stopwatch&)` makes one.
template <class Library, class Repetition>
void measure(const char* name, int repetitions, Repetition&& one) {
    stopwatch best;
    for (int i = 0; i < repetitions; ++i) {
        stopwatch watch;
        one(watch);
        if (i == 0 || watch.ns_per_op() < best.ns_per_op()) {
            best = watch;
        }
    }
    std::printf("{\"name\": \"%s\", \"library\": \"%s\", \"ops\": %llu, \"ns_per_op\": %.1f, "
                "\"allocations_per_op\": %.3f}\n",
                name, Library::name, static_cast<unsigned long long>(best.ops()), best.ns_per_op(),
                best.allocations_per_op());
    std::fflush(stdout);
}

/// Calls `benchmark.template operator()<Library>()` for each library there is.
template <class Benchmark>
void for_each_library(Benchmark&& benchmark) {
    benchmark.template operator()<gyre_library>();
#if GYRE_BENCH_ASIO
    benchmark.template operator()<asio_library>();
#endif
}

/// The same numbers in each run (xorshift64).
class random_numbers {
public:
    std::uint64_t operator()(std::uint64_t below) {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return state_ % below;
    }

private:
    std::uint64_t state_ = 0x9e3779b97f4a7c15;
};

}  // namespace bench

void* operator new(std::size_t size) {
    ++bench::allocations;
    if (void* memory = std::malloc(size == 0 ? 1 : size)) {
        return memory;
    }
    throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    ++bench::allocations;
    const auto unit = static_cast<std::size_t>(alignment);
    if (void* memory = std::aligned_alloc(unit, (size + unit - 1) / unit * unit)) {
        return memory;
    }
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
