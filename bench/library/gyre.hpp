// SPDX-License-Identifier: BSL-1.0
// Gyre, as the other files of this folder have their libraries.
#pragma once

#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "library/options.hpp"

namespace net = gyre;

namespace bench {

struct context_of {
    explicit context_of(const loop_options& options) : context(translated(options)) {}

    static gyre::io_context_options translated(const loop_options& options) {
        gyre::io_context_options result;
        result.timer_slack = options.exact_timers ? 1 : 0;
        return result;
    }

    gyre::io_context context;
};

}  // namespace bench

#include "library/asio_family.hpp"
