// SPDX-License-Identifier: BSL-1.0
// A timeout as the users of these libraries write it (this release has no cancel_after()): a timer
// beside the operation cancels it, and is cancelled when the operation is over.
#pragma once

#include <chrono>
#include <cstddef>

namespace bench {

/// A read that has to come to its end in that time.
template <class Buffer, class Function>
void read_with_timeout(net::ip::tcp::socket& socket, net::steady_timer& timer, const Buffer& buffer,
                       std::chrono::nanoseconds time, Function function) {
    timer.expires_after(time);
    timer.async_wait([&socket](const auto& error) {
        if (!error) {
            socket.cancel();
        }
    });
    socket.async_read_some(buffer, [&timer, function](const auto& error, std::size_t) {
        timer.cancel();
        function(error);
    });
}

}  // namespace bench
