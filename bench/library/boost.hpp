// SPDX-License-Identifier: BSL-1.0
// Boost.Asio, as the other files of this folder have their libraries.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "library/options.hpp"

namespace net {
using namespace boost::asio;
using boost::system::error_code;
}  // namespace net

namespace bench {

struct context_of {
    explicit context_of(const loop_options& options) { set_timer_slack(options); }

    boost::asio::io_context context;
};

}  // namespace bench

#include "library/asio_family.hpp"
#include "library/timeout_by_timer.hpp"
