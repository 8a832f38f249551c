// SPDX-License-Identifier: BSL-1.0
// What a timeout on an operation costs: bytes are read from a socket one by one, each read with a
// timeout that never comes, or without one. For the libraries that have operations.
//
//     plain|timed [ops=N]

#include BENCH_LIBRARY
#include "support/measure.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <sys/socket.h>

namespace {

struct descriptors {
    descriptors() {
        int pair[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
            std::perror("socketpair");
            std::exit(1);
        }
        reads = pair[0];
        writes = pair[1];
    }
    int reads;
    int writes;
};

class reader {
public:
    reader(std::uint64_t ops, bool timed)
        : socket_(loop_.context), deadline_(loop_.context), timed_(timed), ops_(ops) {
        socket_.assign(net::ip::tcp::v4(), pair_.reads);
    }

    std::string run() {
        next();
        loop_.run();
        return watch_.figures();
    }

private:
    static constexpr std::uint64_t warm_up = 10'000;
    static constexpr std::chrono::seconds timeout{30};

    void next() {
        if (::send(pair_.writes, "x", 1, MSG_NOSIGNAL) != 1) {
            std::perror("send");
            std::exit(1);
        }
        const auto buffer = net::buffer(&byte_, 1);
        if (timed_) {
            bench::read_with_timeout(socket_, deadline_, buffer, timeout,
                                     [this](const auto& error) { done(!error); });
        } else {
            socket_.async_read_some(buffer, [this](const auto& error, auto) { done(!error); });
        }
    }

    void done(bool well) {
        if (!well) {
            std::fputs("a read failed\n", stderr);
            std::exit(1);
        }
        if (++done_ == warm_up) {
            watch_.begin();
        } else if (done_ == warm_up + ops_) {
            watch_.end(ops_);
            loop_.stop();
            return;
        }
        next();
    }

    descriptors pair_;
    bench::loop loop_{bench::loop_options{}};
    net::ip::tcp::socket socket_;
    net::steady_timer deadline_;
    const bool timed_;
    char byte_ = 0;
    std::uint64_t ops_;
    std::uint64_t done_ = 0;
    bench::stopwatch watch_;
};

}  // namespace

int main(int argc, char** argv) {
    const bench::arguments asked(argc, argv);
    if (!asked.is("plain") && !asked.is("timed")) {
        asked.unknown();
    }
    reader all(asked.number("ops", 100'000), asked.is("timed"));
    bench::finish(all.run());
}
