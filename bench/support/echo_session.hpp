// SPDX-License-Identifier: BSL-1.0
// One connection of an echo server, for the twins whose library tells only what is ready: receives,
// sends back, and says what to wait for next. Knows no library.
#pragma once

#include "support/server.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace bench {

class echo_session {
public:
    enum class next { read, write, end };

    explicit echo_session(int descriptor) : descriptor_(descriptor) {}

    int descriptor() const { return descriptor_; }

    next readable() {
        const ssize_t size = ::recv(descriptor_, bytes_.data() + have_, bytes_.size() - have_, 0);
        if (size <= 0) {
            return size < 0 && errno == EAGAIN ? next::read : next::end;
        }
        have_ += static_cast<std::uint32_t>(size);
        return whole && have_ < bytes_.size() ? next::read : writable();
    }

    next writable() {
        const ssize_t size =
            ::send(descriptor_, bytes_.data() + sent_, have_ - sent_, MSG_NOSIGNAL);
        if (size < 0) {
            return errno == EAGAIN ? next::write : next::end;
        }
        sent_ += static_cast<std::uint32_t>(size);
        if (sent_ < have_) {
            return next::write;
        }
        have_ = sent_ = 0;
        return next::read;
    }

private:
    int descriptor_;
    std::uint32_t have_ = 0;
    std::uint32_t sent_ = 0;
    std::array<char, buffer_size> bytes_;
};

/// Listens on the loopback interface, at a port that the kernel chose, and announces it.
inline int listen_on_loopback() {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const name = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener, name, size) != 0 || ::listen(listener, backlog) != 0 ||
        ::getsockname(listener, name, &size) != 0) {
        std::perror("listen");
        std::exit(1);
    }
    announce(ntohs(address.sin_port));
    return listener;
}

inline void send_at_once(int descriptor) {
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// A connection that waits, or -1.
inline int accept_one(int listener) {
    const int descriptor = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
        send_at_once(descriptor);
    }
    return descriptor;
}

}  // namespace bench
