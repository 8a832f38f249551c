// SPDX-License-Identifier: BSL-1.0
// What the tests of sockets begin with: connected pairs on the loopback interface, and a run() that
// can't hang. Knows public headers only.
#pragma once

#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/pair.hpp"
#include "support/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <poll.h>

namespace gyre::testing {

using ip::tcp;

/// Runs until there is no work left, which must happen.
inline void run(io_context& context) {
    context.restart();
    context.run_for(patience);
    REQUIRE(context.stopped());
}

/// Runs handlers until the condition holds, which must happen.
template <class Condition>
void run_until(io_context& context, Condition condition) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        context.restart();
        REQUIRE(context.run_one_until(end) == 1);
    }
}

inline tcp::endpoint loopback(std::uint16_t port = 0) { return {ip::address_v4::loopback(), port}; }

/// Both ends of a connection that Gyre made.
struct connection {
    tcp::socket client;
    tcp::socket server;
};

inline connection connected(io_context& context) {
    tcp::acceptor acceptor(context, loopback());
    tcp::socket client(context);
    client.connect(acceptor.local_endpoint());
    return {std::move(client), acceptor.accept()};
}

/// A socket of Gyre whose peer is a non-blocking descriptor.
struct adopted {
    tcp::socket socket;
    unique_fd peer;
};

inline adopted adopt(io_context& context) {
    fd_pair pair = tcp_pair();
    return {tcp::socket(context, tcp::v4(), pair.a.release()), std::move(pair.b)};
}

/// Whether the descriptor becomes readable (or whatever) in time.
inline bool ready(int fd, short events = POLLIN, int milliseconds = 20'000) {
    pollfd p{fd, events, 0};
    return ::poll(&p, 1, milliseconds) == 1;
}

inline void put(int fd, std::string_view text) {
    REQUIRE(::send(fd, text.data(), text.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(text.size()));
}

/// So many bytes, or all until the end of the stream if that comes first.
inline std::string take(int fd, std::size_t size) {
    std::string text;
    char block[4096];
    while (text.size() < size && ready(fd)) {
        const std::size_t wanted =
            size - text.size() < sizeof block ? size - text.size() : sizeof block;
        const ssize_t n = ::recv(fd, block, wanted, 0);
        if (n <= 0) {
            break;
        }
        text.append(block, static_cast<std::size_t>(n));
    }
    return text;
}

/// What is sent and received arrives in order, so bytes that came are there once these are.
inline void await_bytes(tcp::socket& socket, std::size_t bytes = 1) {
    for (int i = 0; i < 20'000 && socket.available() < bytes; ++i) {
        ready(socket.native_handle(), POLLIN, 1);
    }
    REQUIRE(socket.available() >= bytes);
}

/// Small buffers, so that little data fills them.
inline void shrink(int fd) {
    const int size = 4096;
    REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
    REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) == 0);
}

/// As adopt(), over a local connection: for many at once, since ports of TCP are of no use for a
/// minute after they were closed.
inline adopted adopt_one_of_many(io_context& context) {
    fd_pair pair = unix_pair();
    return {tcp::socket(context, tcp::v4(), pair.a.release()), std::move(pair.b)};
}

/// A connection that takes little before it is full, and has room again as soon as the peer reads:
/// a local one, for TCP acknowledges and reopens its window when it likes.
inline adopted adopt_local(io_context& context) {
    fd_pair pair = unix_pair();
    shrink(pair.a.get());
    shrink(pair.b.get());
    return {tcp::socket(context, tcp::v4(), pair.a.release()), std::move(pair.b)};
}

/// Writes 'f' until not a byte more is taken; returns how many were. `settles`: for how many
/// milliseconds there may be room again although the peer does not read.
inline std::size_t fill(tcp::socket& socket, int settles = 0) {
    const std::string block(4096, 'f');
    std::size_t total = 0;
    socket.non_blocking(true);
    do {
        for (const std::size_t size : {block.size(), std::size_t{1}}) {
            error_code ec;
            while (const std::size_t n = socket.write_some(buffer(block, size), ec)) {
                total += n;
            }
            REQUIRE(ec == error::would_block);
        }
    } while (ready(socket.native_handle(), POLLOUT, settles));
    socket.non_blocking(false);
    return total;
}

/// A port that nobody listens on, for as long as this lives.
class closed_port {
public:
    explicit closed_port(io_context& context)
        : holder_(context, loopback()), endpoint_(holder_.local_endpoint()) {}
    const tcp::endpoint& endpoint() const { return endpoint_; }

private:
    tcp::socket holder_;  // bound, not listening
    tcp::endpoint endpoint_;
};

/// A listener whose queue is full: a connection attempt to it hangs.
class full_listener {
public:
    full_listener() : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        auto* const raw = reinterpret_cast<sockaddr*>(&address);
        REQUIRE(::bind(listener_.get(), raw, length) == 0);
        REQUIRE(::listen(listener_.get(), 0) == 0);
        REQUIRE(::getsockname(listener_.get(), raw, &length) == 0);
        endpoint_ = loopback(ntohs(address.sin_port));
        for (unique_fd& fd : fillers_) {
            fd.reset(::socket(AF_INET, SOCK_STREAM, 0));
            set_nonblocking(fd.get());
            (void)!::connect(fd.get(), raw, length);
            ready(fd.get(), POLLOUT, 20);
        }
    }
    const tcp::endpoint& endpoint() const { return endpoint_; }
    int listener() const { return listener_.get(); }

private:
    unique_fd listener_;
    unique_fd fillers_[4];
    tcp::endpoint endpoint_;
};

}  // namespace gyre::testing
