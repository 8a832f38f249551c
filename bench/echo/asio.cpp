// SPDX-License-Identifier: BSL-1.0
// The echo server of asio_family.hpp by Asio, by the narrowest headers that will do.

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#if BENCH_LOOPS > 1
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#endif
#if BENCH_WHOLE
#include <asio/read.hpp>
#endif

namespace net = asio;

#include "echo/asio_family.hpp"
