// SPDX-License-Identifier: BSL-1.0
// The echo server of asio_family.hpp by Gyre, by the narrowest headers that will do.

#include <gyre/buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/write.hpp>
#if BENCH_LOOPS > 1
#include <gyre/loop_pool.hpp>
#include <gyre/post.hpp>

#include <chrono>
#endif
#if BENCH_WHOLE
#include <gyre/read.hpp>
#endif

#include "library/gyre_options.hpp"

namespace net = gyre;
#define BENCH_OPTIONS bench::usual_options()
#if BENCH_LOOPS > 1
struct loop_pool : gyre::loop_pool {
    explicit loop_pool(std::size_t loops)
        : gyre::loop_pool(options{.loops = loops, .context = bench::usual_options()}) {}
    void drain() { drain_for(std::chrono::hours(1)); }
};
#define BENCH_POOL loop_pool
#endif

#include "echo/asio_family.hpp"
