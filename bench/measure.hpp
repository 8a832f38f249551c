// SPDX-License-Identifier: BSL-1.0
// What the micro-benchmarks share: the two libraries under one set of names, timing, counting
// allocations, and the line of JSON a figure is. Knows no particular benchmark. Included by one
// source file of a program only: it replaces malloc().
#pragma once

#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#if GYRE_BENCH_ASIO
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#endif

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <utility>

namespace bench {

inline std::uint64_t allocations = 0;

struct gyre_library {
    using io_context = gyre::io_context;
    using timer = gyre::steady_timer;

    template <class Function>
    static void post(io_context& context, Function&& function) {
        gyre::post(context, std::forward<Function>(function));
    }
};

#if GYRE_BENCH_ASIO
struct asio_library {
    using io_context = asio::io_context;
    using timer = asio::steady_timer;

    template <class Function>
    static void post(io_context& context, Function&& function) {
        asio::post(context, std::forward<Function>(function));
    }
};
#endif

/// What one repetition cost: what is inside begin() and end() counts, in time of this thread's
/// processor, so that a busy machine disturbs little.
class stopwatch {
public:
    void begin() {
        allocations_ = allocations;
        start_ns_ = cpu_ns();
    }
    void end(std::uint64_t ops) {
        ns_ += static_cast<double>(cpu_ns() - start_ns_);
        ops_ += ops;
        allocated_ += allocations - allocations_;
    }

    std::uint64_t ops() const { return ops_; }
    double ns_per_op() const { return ns_ / static_cast<double>(ops_); }
    double allocations_per_op() const {
        return static_cast<double>(allocated_) / static_cast<double>(ops_);
    }

private:
    static std::int64_t cpu_ns() {
        std::timespec t{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return t.tv_sec * 1'000'000'000 + t.tv_nsec;
    }

    std::int64_t start_ns_ = 0;
    std::uint64_t allocations_ = 0;
    std::uint64_t allocated_ = 0;
    std::uint64_t ops_ = 0;
    double ns_ = 0;
};

/// The quickest repetition of one library.
class best_of {
public:
    void add(const stopwatch& repetition) {
        if (best_.ops() == 0 || repetition.ns_per_op() < best_.ns_per_op()) {
            best_ = repetition;
        }
    }
    void print(const char* name, const char* library) const {
        std::printf("{\"name\": \"%s\", \"library\": \"%s\", \"ops\": %llu, "
                    "\"ns_per_op\": %.1f, \"allocations_per_op\": %.3f}\n",
                    name, library, static_cast<unsigned long long>(best_.ops()), best_.ns_per_op(),
                    best_.allocations_per_op());
        std::fflush(stdout);
    }

private:
    stopwatch best_;
};

/// Calls `one.template operator()<Library>()`, a repetition that returns its stopwatch, for the
/// libraries in turns.
template <class One>
void compare(const char* name, int repetitions, One one) {
    best_of gyre;
#if GYRE_BENCH_ASIO
    best_of asio;
#endif
    for (int i = 0; i < repetitions; ++i) {
        gyre.add(one.template operator()<gyre_library>());
#if GYRE_BENCH_ASIO
        asio.add(one.template operator()<asio_library>());
#endif
    }
    gyre.print(name, "gyre");
#if GYRE_BENCH_ASIO
    asio.print(name, "asio");
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

#if defined(__GLIBC__)
// Whatever allocates comes by here: operator new of libstdc++ too, and Asio's aligned_alloc().
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size) {
    ++bench::allocations;
    return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
    ++bench::allocations;
    return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) {
    ++bench::allocations;
    return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
    ++bench::allocations;
    return __libc_memalign(alignment, size);
}
}
#endif
