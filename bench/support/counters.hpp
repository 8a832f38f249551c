// SPDX-License-Identifier: BSL-1.0
// What counters.cpp tells a program that runs with it preloaded.
#pragma once

#include <cstdint>

struct bench_counters {
    std::uint64_t allocations = 0;
    std::uint64_t wakes = 0;  // system calls that may wake another thread
};

extern "C" void bench_counters_now(bench_counters* into);
