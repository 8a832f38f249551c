// SPDX-License-Identifier: BSL-1.0
// The echo server of asio_family.hpp by Boost.Asio, by the narrowest headers that will do.

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#if BENCH_LOOPS > 1
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#endif
#if BENCH_WHOLE
#include <boost/asio/read.hpp>
#endif

namespace net {
using namespace boost::asio;
using boost::system::error_code;
}  // namespace net

#include "echo/asio_family.hpp"
