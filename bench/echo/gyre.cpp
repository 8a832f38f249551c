// SPDX-License-Identifier: BSL-1.0
// The echo server of asio_family.hpp by Gyre, by the narrowest headers that will do.

#include <gyre/buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/write.hpp>
#if BENCH_WHOLE
#include <gyre/read.hpp>
#endif

namespace net = gyre;

#include "echo/asio_family.hpp"
