// SPDX-License-Identifier: BSL-1.0
// A server's end of a connection that sends back what it receives, by single reads and writes.
#pragma once

#include <gyre/ip/tcp.hpp>

#include <array>
#include <cstddef>

namespace gyre::testing {

/// Must live until it is closed and its handlers have been called.
struct echo {
    ip::tcp::socket socket;
    std::array<char, 64> data{};

    void start() {
        socket.async_read_some(buffer(data), [this](error_code ec, std::size_t n) {
            if (!ec) {
                socket.async_write_some(buffer(data, n), [this](error_code e, std::size_t) {
                    if (!e) {
                        start();
                    }
                });
            }
        });
    }
};

}  // namespace gyre::testing
