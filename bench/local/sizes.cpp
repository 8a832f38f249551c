// SPDX-License-Identifier: BSL-1.0
// How large Gyre's public objects are: one JSON line.

#include <gyre/any_io_executor.hpp>
#include <gyre/buffer.hpp>
#include <gyre/cancellation_signal.hpp>
#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/steady_timer.hpp>

#include <cstdio>

int main() {
    std::printf("{\"io_context\": %zu, \"tcp::socket\": %zu, \"tcp::acceptor\": %zu, "
                "\"tcp::endpoint\": %zu, \"steady_timer\": %zu, \"any_io_executor\": %zu, "
                "\"executor_work_guard\": %zu, \"cancellation_signal\": %zu}\n",
                sizeof(gyre::io_context), sizeof(gyre::ip::tcp::socket),
                sizeof(gyre::ip::tcp::acceptor), sizeof(gyre::ip::tcp::endpoint),
                sizeof(gyre::steady_timer), sizeof(gyre::any_io_executor),
                sizeof(gyre::executor_work_guard<>), sizeof(gyre::cancellation_signal));
}
