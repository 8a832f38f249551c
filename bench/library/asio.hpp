// SPDX-License-Identifier: BSL-1.0
// Asio, as the other files of this folder have their libraries.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include "library/options.hpp"

namespace net = asio;

namespace bench {

struct context_of {
    explicit context_of(const loop_options& options) { set_timer_slack(options); }

    asio::io_context context;
};

}  // namespace bench

#include "library/asio_family.hpp"
#include "library/timeout_by_timer.hpp"
