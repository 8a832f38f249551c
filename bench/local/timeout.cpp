// SPDX-License-Identifier: BSL-1.0
// What a timeout on an operation costs: bytes are read from a socket one by one, each read with a
// timeout that never comes, or without one. For the libraries that have operations.
//
//     plain|timed [ops=N]
//     beyond [ops=N]       both in turn, a thousand reads each, so that whatever slows the machine
//                          down slows both: what the timed ones took beyond the others

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
    reader() : socket_(loop_.context), deadline_(loop_.context) {
        socket_.assign(net::ip::tcp::v4(), pair_.reads);
        read(warm_up, false);
        read(warm_up, true);
    }

    std::string measure(std::uint64_t ops, bool timed) {
        bench::stopwatch watch;
        measure(watch, ops, timed);
        return watch.figures();
    }

    std::string compare(std::uint64_t ops) {
        bench::stopwatch plain;
        bench::stopwatch timed;
        for (std::uint64_t done = 0; done < ops; done += block) {
            measure(plain, block, false);
            measure(timed, block, true);
        }
        return "\"cpu_ns\": " + std::to_string(timed.cpu_ns() - plain.cpu_ns());
    }

private:
    static constexpr std::uint64_t warm_up = 10'000;
    static constexpr std::uint64_t block = 1'000;
    static constexpr std::chrono::seconds timeout{30};

    void measure(bench::stopwatch& watch, std::uint64_t ops, bool timed) {
        watch.begin();
        read(ops, timed);
        watch.end(ops);
    }

    void read(std::uint64_t ops, bool timed) {
        left_ = ops;
        timed_ = timed;
        next();
        loop_.context.restart();
        loop_.context.run();
    }

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
        if (--left_ == 0) {
            loop_.stop();
        } else {
            next();
        }
    }

    descriptors pair_;
    bench::loop loop_{bench::loop_options{}};
    net::ip::tcp::socket socket_;
    net::steady_timer deadline_;
    bool timed_ = false;
    char byte_ = 0;
    std::uint64_t left_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    const bench::arguments asked(argc, argv);
    const std::uint64_t ops = asked.number("ops", 100'000);
    reader all;
    if (asked.is("plain") || asked.is("timed")) {
        bench::finish(all.measure(ops, asked.is("timed")));
    } else if (asked.is("beyond")) {
        bench::finish(all.compare(ops));
    }
    asked.unknown();
}
