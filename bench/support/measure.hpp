// SPDX-License-Identifier: BSL-1.0
// What the programs that measure themselves share: the command line, a stopwatch, the line of JSON
// that they end with, numbers that are the same in each run. Knows no library.
//
//     PROGRAM CASE [KEY=NUMBER...]
#pragma once

#include "support/counters.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include <dlfcn.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace bench {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

inline constexpr unsigned seconds_at_most = 120;

class arguments {
public:
    arguments(int argc, char** argv) : words_(argv + 1, argv + argc) {
        if (words_.empty()) {
            std::fprintf(stderr, "usage: %s CASE [KEY=NUMBER...]\n", argv[0]);
            std::exit(2);
        }
        ::alarm(seconds_at_most);
    }

    bool is(std::string_view name) const { return words_.front() == name; }

    std::uint64_t number(std::string_view key, std::uint64_t otherwise) const {
        for (const std::string_view word : words_) {
            if (word.size() > key.size() && word.starts_with(key) && word[key.size()] == '=') {
                return std::strtoull(word.data() + key.size() + 1, nullptr, 10);
            }
        }
        return otherwise;
    }

    [[noreturn]] void unknown() const {
        std::fprintf(stderr, "no such case: %s\n", words_.front().data());
        std::exit(2);
    }

private:
    std::vector<std::string_view> words_;
};

inline std::int64_t clock_ns(clockid_t clock) {
    std::timespec t{};
    ::clock_gettime(clock, &t);
    return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

/// Where threads hand something over the loop has the last processor for itself, so that both sides
/// run at the same time in each run. Changes nothing on a machine with one processor.
enum class side { loop, others };
inline void take_side(side which) {
    const auto processors = static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_CONF));
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    for (unsigned i = 0; i < processors; ++i) {
        if ((i + 1 == processors) == (which == side::loop)) {
            CPU_SET(i, &allowed);
        }
    }
    ::sched_setaffinity(0, sizeof allowed, &allowed);
}

/// Zeros unless counters.cpp is preloaded.
inline bench_counters counted() {
    static const auto read =
        reinterpret_cast<void (*)(bench_counters*)>(::dlsym(RTLD_DEFAULT, "bench_counters_now"));
    bench_counters now;
    if (read != nullptr) {
        read(&now);
    }
    return now;
}

/// Adds up what lies between begin() and end(): processor time of this thread, or of the whole
/// process, so that a busy machine disturbs little.
class stopwatch {
public:
    enum class of { thread, process };

    explicit stopwatch(of whose = of::thread)
        : clock_(whose == of::thread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_PROCESS_CPUTIME_ID) {
        // Reading that clock is a system call: what a pair of them costs is taken off.
        constexpr int pairs = 200;
        const std::int64_t start = clock_ns(clock_);
        for (int i = 0; i < pairs; ++i) {
            clock_ns(clock_);
        }
        overhead_ns_ = (clock_ns(clock_) - start) / (pairs + 1);
    }

    void begin() {
        before_ = counted();
        sleeps_before_ = sleeps();
        wall_start_ = clock_ns(CLOCK_MONOTONIC);
        start_ = clock_ns(clock_);
    }

    void end(std::uint64_t ops) {
        cpu_ns_ += clock_ns(clock_) - start_ - overhead_ns_;
        wall_ns_ += clock_ns(CLOCK_MONOTONIC) - wall_start_;
        sleeps_ += sleeps() - sleeps_before_;
        const bench_counters after = counted();
        allocations_ += after.allocations - before_.allocations;
        wakes_ += after.wakes - before_.wakes;
        ops_ += ops;
    }

    /// CPU time of one operation.
    double cpu_ns() const { return static_cast<double>(cpu_ns_) / static_cast<double>(ops_); }

    /// The figures of one operation, as members of a JSON object.
    std::string figures(const char* prefix = "") const {
        const auto each = static_cast<double>(ops_);
        char text[400];
        std::snprintf(text, sizeof text,
                      "\"%scpu_ns\": %.3f, \"%swall_ns\": %.3f, \"%sallocations\": %.5f, "
                      "\"%swakes\": %.5f, \"%ssleeps\": %.5f",
                      prefix, static_cast<double>(cpu_ns_) / each, prefix,
                      static_cast<double>(wall_ns_) / each, prefix,
                      static_cast<double>(allocations_) / each, prefix,
                      static_cast<double>(wakes_) / each, prefix,
                      static_cast<double>(sleeps_) / each);
        return text;
    }

private:
    // How often this thread went to sleep.
    static std::int64_t sleeps() {
        rusage usage{};
        ::getrusage(RUSAGE_THREAD, &usage);
        return usage.ru_nvcsw;
    }

    clockid_t clock_;
    std::int64_t overhead_ns_ = 0;
    bench_counters before_;
    std::int64_t sleeps_before_ = 0;
    std::int64_t wall_start_ = 0;
    std::int64_t start_ = 0;
    std::int64_t cpu_ns_ = 0;
    std::int64_t wall_ns_ = 0;
    std::int64_t sleeps_ = 0;
    std::uint64_t allocations_ = 0;
    std::uint64_t wakes_ = 0;
    std::uint64_t ops_ = 0;
};

/// Ends the program with its line of figures. Loop and timers are not destroyed: what that costs is
/// not asked.
[[noreturn]] inline void finish(const std::string& figures) {
    std::printf("{%s}\n", figures.c_str());
    std::fflush(stdout);
    std::_Exit(0);
}

/// `sample` in nanoseconds: median and 99th percentile, as members of a JSON object.
inline std::string percentiles(const char* name, std::vector<std::int64_t> sample) {
    std::sort(sample.begin(), sample.end());
    char text[200];
    std::snprintf(text, sizeof text, "\"%s_ns\": %jd, \"%s_p99_ns\": %jd", name,
                  std::intmax_t(sample[sample.size() / 2]), name,
                  std::intmax_t(sample[sample.size() * 99 / 100]));
    return text;
}

/// xorshift64.
class random_numbers {
public:
    std::uint64_t operator()(std::uint64_t below) {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return state_ % below;
    }
    nanoseconds between(nanoseconds least, nanoseconds most) {
        return least + nanoseconds((*this)(static_cast<std::uint64_t>((most - least).count())));
    }

private:
    std::uint64_t state_ = 0x9e3779b97f4a7c15;
};

}  // namespace bench
