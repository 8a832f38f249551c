// SPDX-License-Identifier: BSL-1.0
// The load of the echo servers: sockets and epoll, no library. Checks every byte that comes back,
// and that nothing comes after them. The exit code is 0 only if all was right; then it prints how
// long a trip took, as a line of JSON.
//
//     load PORT [connections=N] [size=BYTES] [trips=N]   round trips in turns, over all connections
//     load PORT short=1 [connections=N] [trips=N]        a connection a trip, N at a time

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

constexpr unsigned seconds_at_most = 280;

struct settings {
    std::uint16_t port = 0;
    std::uint64_t connections = 1;
    std::uint64_t size = 64;
    std::uint64_t trips = 1000;
    bool is_short = false;
};

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "load: %s: %s\n", what, errno != 0 ? std::strerror(errno) : "wrong");
    std::exit(1);
}

void require(bool fine, const char* what) {
    if (!fine) {
        fail(what);
    }
}

/// Bytes to send and to compare with, from another place for each trip of each connection.
class pattern {
public:
    explicit pattern(std::uint64_t size) : bytes_(size + shifts) {
        std::uint32_t state = 1;
        for (char& byte : bytes_) {
            state = state * 1664525 + 1013904223;
            byte = static_cast<char>(state >> 24);
        }
    }
    const char* of(std::uint64_t connection, std::uint64_t trip) const {
        return bytes_.data() + (connection * 13 + trip * 31) % shifts;
    }

private:
    static constexpr std::uint64_t shifts = 997;
    std::vector<char> bytes_;
};

struct connection {
    int descriptor = -1;
    std::uint64_t trips = 0;  // still to make
    std::uint64_t trip = 0;
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    bool armed_to_send = false;
};

class load {
public:
    explicit load(const settings& asked)
        : asked_(asked),
          pattern_(asked.size),
          room_(asked.size),
          epoll_(::epoll_create1(EPOLL_CLOEXEC)),
          connections_(asked.connections) {}

    void run() {
        for (std::uint64_t i = 0; i < asked_.connections; ++i) {
            connection& one = connections_[i];
            one.trips =
                asked_.trips / asked_.connections + (i < asked_.trips % asked_.connections ? 1 : 0);
            open(one, !asked_.is_short);
        }
        const std::uint64_t before = trips_done_;
        const std::int64_t start = now();
        for (connection& one : connections_) {
            begin_trip(one);
        }
        epoll_event events[256];
        while (trips_done_ < asked_.trips) {
            const int count = ::epoll_wait(epoll_, events, 256, -1);
            for (int i = 0; i < count; ++i) {
                ready(connections_[events[i].data.u64], events[i].events);
            }
        }
        const auto trips = static_cast<double>(std::max<std::uint64_t>(trips_done_ - before, 1));
        const double each = static_cast<double>(now() - start) / trips;
        if (!asked_.is_short) {
            for (connection& one : connections_) {
                end(one);
            }
        }
        std::printf("{\"wall_ns\": %.1f}\n", each);
    }

private:
    static std::int64_t now() {
        std::timespec t{};
        ::clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1'000'000'000 + t.tv_nsec;
    }

    std::uint64_t number_of(const connection& one) const {
        return static_cast<std::uint64_t>(&one - connections_.data());
    }
    const char* message_of(const connection& one) const {
        return pattern_.of(number_of(one), one.trip);
    }

    void control(int how, const connection& one, std::uint32_t what) {
        epoll_event event{};
        event.events = what;
        event.data.u64 = number_of(one);
        require(::epoll_ctl(epoll_, how, one.descriptor, &event) == 0, "epoll_ctl");
    }

    // With its first trip made at once: so the server has taken the connection, and however many
    // there are none waits in a queue that is full.
    void open(connection& one, bool with_trip) {
        one.descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(asked_.port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        require(::connect(one.descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) ==
                    0,
                "connect");
        const int on = 1;
        ::setsockopt(one.descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (with_trip && one.trips > 0) {
            first_trip(one);
        }
        control(EPOLL_CTL_ADD, one, EPOLLIN);
    }

    // Blocking: the server may be unable to take all before it has given something back.
    void first_trip(connection& one) {
        const std::uint64_t step = 4096;
        for (std::uint64_t at = 0; at < asked_.size; at += step) {
            const std::uint64_t size = std::min(step, asked_.size - at);
            require(::send(one.descriptor, message_of(one) + at, size, MSG_NOSIGNAL) ==
                        static_cast<ssize_t>(size),
                    "send");
        }
        while (one.received < asked_.size) {
            receive(one, 0);
        }
        finish_trip(one);
    }

    void begin_trip(connection& one) {
        if (one.trips > 0) {
            send(one);
        }
    }

    void send(connection& one) {
        const ssize_t size = ::send(one.descriptor, message_of(one) + one.sent,
                                    asked_.size - one.sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        require(size >= 0 || errno == EAGAIN, "send");
        one.sent += size < 0 ? 0 : static_cast<std::uint64_t>(size);
        const bool more = one.sent < asked_.size;
        if (more != one.armed_to_send) {
            one.armed_to_send = more;
            control(EPOLL_CTL_MOD, one, more ? EPOLLIN | EPOLLOUT : EPOLLIN);
        }
    }

    void receive(connection& one, int flags) {
        errno = 0;
        const ssize_t size =
            ::recv(one.descriptor, room_.data(), asked_.size - one.received, flags);
        if (size < 0 && errno == EAGAIN) {
            return;
        }
        require(size > 0, "receive");
        require(std::memcmp(room_.data(), message_of(one) + one.received,
                            static_cast<std::size_t>(size)) == 0,
                "a byte that came back");
        one.received += static_cast<std::uint64_t>(size);
    }

    void ready(connection& one, std::uint32_t what) {
        if (what & EPOLLOUT) {
            send(one);
        }
        if (what & ~std::uint32_t{EPOLLOUT}) {
            receive(one, MSG_DONTWAIT);
        }
        if (one.received < asked_.size) {
            return;
        }
        finish_trip(one);
        if (asked_.is_short) {
            ::close(one.descriptor);
            if (one.trips > 0) {
                open(one, false);
            }
        }
        begin_trip(one);
    }

    void finish_trip(connection& one) {
        ++trips_done_;
        --one.trips;
        ++one.trip;
        one.sent = one.received = 0;
    }

    // Nothing but the end may follow.
    void end(connection& one) {
        ::shutdown(one.descriptor, SHUT_WR);
        char byte;
        errno = 0;
        require(::recv(one.descriptor, &byte, 1, 0) == 0, "what follows the last byte");
        ::close(one.descriptor);
    }

    settings asked_;
    pattern pattern_;
    std::vector<char> room_;
    int epoll_;
    std::vector<connection> connections_;
    std::uint64_t trips_done_ = 0;
};

settings read_settings(int argc, char** argv) {
    settings asked;
    asked.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0);
    for (int i = 2; i < argc; ++i) {
        const std::string_view word = argv[i];
        const std::string_view key = word.substr(0, word.find('='));
        if (key.size() == word.size()) {
            fail(argv[i]);
        }
        const std::uint64_t value = std::strtoull(argv[i] + key.size() + 1, nullptr, 10);
        if (key == "connections") {
            asked.connections = value;
        } else if (key == "size") {
            asked.size = value;
        } else if (key == "trips") {
            asked.trips = value;
        } else if (key == "short") {
            asked.is_short = value != 0;
        } else {
            fail(argv[i]);
        }
    }
    require(asked.port != 0 && asked.connections > 0 && asked.size > 0, "arguments");
    return asked;
}

}  // namespace

int main(int argc, char** argv) {
    ::alarm(seconds_at_most);
    load(read_settings(argc, argv)).run();
}
