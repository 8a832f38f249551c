// SPDX-License-Identifier: BSL-1.0
// The echo server of asio_family.hpp by Gyre, by the narrowest headers that will do.

#include <gyre/buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/write.hpp>
#if BENCH_WHOLE
#include <gyre/read.hpp>
#endif

#include "library/gyre_options.hpp"

namespace net = gyre;
#define BENCH_OPTIONS bench::usual_options()

#include "echo/asio_family.hpp"
