// SPDX-License-Identifier: BSL-1.0
// Gyre, as the other files of this folder have their libraries.
#pragma once

#include <gyre/cancel_after.hpp>
#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "library/gyre_options.hpp"
#include "library/options.hpp"

#include <chrono>
#include <cstddef>

namespace net = gyre;

namespace bench {

struct context_of {
    explicit context_of(const loop_options& options) : context(translated(options)) {}

    static gyre::io_context_options translated(const loop_options& options) {
        gyre::io_context_options result = usual_options();
        result.timer_slack = options.exact_timers ? 1 : 0;
        return result;
    }

    gyre::io_context context;
};

/// A read that has to come to its end in that time.
template <class Buffer, class Function>
void read_with_timeout(net::ip::tcp::socket& socket, net::steady_timer&, const Buffer& buffer,
                       std::chrono::nanoseconds time, Function function) {
    socket.async_read_some(buffer,
                           net::cancel_after(time, [function](net::error_code error, std::size_t) {
                               function(error);
                           }));
}

}  // namespace bench

#include "library/asio_family.hpp"
