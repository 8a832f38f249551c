// SPDX-License-Identifier: BSL-1.0
// Raw descriptors for the tests of pollers: connected pairs that close themselves. Uses the system
// directly and nothing of Gyre, so that what it tells a test is independent of what is tested.
#pragma once

#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#if !defined(_WIN32)
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>
#endif

namespace gyre::testing {

#if defined(_WIN32)

inline int close_fd(int fd) { return ::closesocket(static_cast<SOCKET>(fd)); }
inline ssize_t read_fd(int fd, void* data, std::size_t size) { return ::recv(fd, data, size, 0); }
inline ssize_t write_fd(int fd, const void* data, std::size_t size) {
    return ::send(fd, data, size, 0);
}
inline void set_nonblocking(int fd, bool on = true) {
    u_long mode = on ? 1 : 0;
    REQUIRE(::ioctlsocket(static_cast<SOCKET>(fd), static_cast<long>(FIONBIO), &mode) == 0);
}

#else

inline int close_fd(int fd) { return ::close(fd); }
inline ssize_t read_fd(int fd, void* data, std::size_t size) { return ::read(fd, data, size); }
inline ssize_t write_fd(int fd, const void* data, std::size_t size) {
    return ::write(fd, data, size);
}
inline void set_nonblocking(int fd, bool on = true) {
    const int flags = ::fcntl(fd, F_GETFL);
    REQUIRE(::fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) == 0);
}

#endif

/// Owns a descriptor.
class unique_fd {
public:
    unique_fd() = default;
    explicit unique_fd(int fd) : fd_(fd) {}
    unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
    unique_fd& operator=(unique_fd&& other) noexcept {
        reset(other.release());
        return *this;
    }
    ~unique_fd() { reset(); }

    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }
    void reset(int fd = -1) {
        if (fd_ >= 0) {
            close_fd(fd_);
        }
        fd_ = fd;
    }

private:
    int fd_ = -1;
};

/// Resets the connection instead of ending it.
inline void reset(unique_fd& fd) {
    const linger at_once{1, 0};
    REQUIRE(::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    fd.reset();
}

/// Two connected, non-blocking ends. Of a pipe, `a` reads and `b` writes.
struct fd_pair {
    unique_fd a;
    unique_fd b;
};

inline fd_pair tcp_pair() {
    const unique_fd listener(::socket(AF_INET, SOCK_STREAM, 0));
    // A port of a connection that was closed a while ago will do: there are not so many.
    const int on = 1;
    REQUIRE(::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listener.get(), raw, length) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);
    REQUIRE(::getsockname(listener.get(), raw, &length) == 0);
    unique_fd client(::socket(AF_INET, SOCK_STREAM, 0));
    REQUIRE(::connect(client.get(), raw, length) == 0);
    unique_fd server(::accept(listener.get(), nullptr, nullptr));
    REQUIRE(server.get() >= 0);
    set_nonblocking(client.get());
    set_nonblocking(server.get());
    return {std::move(client), std::move(server)};
}

#if defined(_WIN32)

/// There is no socketpair(), and a pipe can't be waited for: connections of TCP that send at once.
inline fd_pair unix_pair() {
    fd_pair pair = tcp_pair();
    const int on = 1;
    for (const int fd : {pair.a.get(), pair.b.get()}) {
        REQUIRE(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
    }
    return pair;
}

#else

inline fd_pair pipe_pair() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    fd_pair made{unique_fd(ends[0]), unique_fd(ends[1])};
    set_nonblocking(ends[0]);
    set_nonblocking(ends[1]);
    return made;
}

inline fd_pair unix_pair() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
    fd_pair made{unique_fd(ends[0]), unique_fd(ends[1])};
    set_nonblocking(ends[0]);
    set_nonblocking(ends[1]);
    return made;
}

#endif

inline void put_byte(int fd) { REQUIRE(write_fd(fd, "x", 1) == 1); }

inline void take_byte(int fd) {
    char byte = 0;
    REQUIRE(read_fd(fd, &byte, 1) == 1);
}

/// Writes until the peer's buffer takes no more.
inline void fill(int fd) {
    const std::array<char, 4096> block{};
    while (write_fd(fd, block.data(), block.size()) > 0) {}
}

/// Reads all that is there.
inline void drain(int fd) {
    std::array<char, 4096> block{};
    while (read_fd(fd, block.data(), block.size()) > 0) {}
}

#if defined(_WIN32)

/// There is none.
class descriptor_limit {
public:
    explicit descriptor_limit(unsigned) {}
};

#else

/// The soft limit of open descriptors, put back at the end.
class descriptor_limit {
public:
    explicit descriptor_limit(rlim_t wanted) {
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &old_) == 0);
        set(wanted);
    }
    descriptor_limit(const descriptor_limit&) = delete;
    descriptor_limit& operator=(const descriptor_limit&) = delete;
    ~descriptor_limit() { ::setrlimit(RLIMIT_NOFILE, &old_); }

    void set(rlim_t wanted) {
        rlimit changed = old_;
        changed.rlim_cur = wanted < old_.rlim_max ? wanted : old_.rlim_max;
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &changed) == 0);
    }

private:
    rlimit old_{};
};

/// How many of the first thousand descriptors are open.
inline int open_descriptors() {
    int count = 0;
    for (int fd = 0; fd < 1000; ++fd) {
        count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

/// The number that the next descriptor will get.
inline int next_descriptor() {
    const unique_fd probe(::dup(0));
    REQUIRE(probe.get() >= 0);
    return probe.get();
}

#endif

}  // namespace gyre::testing
