// SPDX-License-Identifier: BSL-1.0
// The echo server, written once for the libraries that speak Asio's language: whoever includes it
// has included the library and named it `net`. Serves as many connections as it is told, in one
// thread or a few, and ends when the last of them has ended; so a run of n round trips is a run of
// n.
#pragma once

#ifndef BENCH_OPTIONS
#define BENCH_OPTIONS  // of the context
#endif

#include "support/server.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <utility>
#if BENCH_THREADS > 1
#include <thread>
#endif
#if BENCH_LOOPS > 1
#ifndef BENCH_POOL  // of loops, if the library has one
#include "echo/context_pool.hpp"
#define BENCH_POOL context_pool
#endif
#include <semaphore>
#endif

namespace {

using net::ip::tcp;

struct connection {
    explicit connection(tcp::socket s) : socket(std::move(s)) {}

    tcp::socket socket;
    std::array<char, bench::buffer_size> bytes;
};

void send(std::unique_ptr<connection> owner, std::size_t size);

void receive(std::unique_ptr<connection> owner) {
    connection& self = *owner;
    auto received = [owner = std::move(owner)](net::error_code error, std::size_t size) mutable {
        if (!error) {
            send(std::move(owner), size);
        }
    };
#if BENCH_WHOLE
    net::async_read(self.socket, net::buffer(self.bytes), std::move(received));
#else
    self.socket.async_read_some(net::buffer(self.bytes), std::move(received));
#endif
}

void send(std::unique_ptr<connection> owner, std::size_t size) {
    connection& self = *owner;
    net::async_write(self.socket, net::buffer(self.bytes, size),
                     [owner = std::move(owner)](net::error_code error, std::size_t) mutable {
                         if (!error) {
                             receive(std::move(owner));
                         }
                     });
}

void accept(tcp::acceptor& acceptor, int left) {
    acceptor.async_accept([&acceptor, left](net::error_code error, tcp::socket socket) {
        if (!error) {
            socket.set_option(tcp::no_delay(true), error);
            receive(std::make_unique<connection>(std::move(socket)));
        }
        if (left > 1) {
            accept(acceptor, left - 1);
        }
    });
}

#if BENCH_LOOPS > 1
// To the loops in turn; each begins with its connections in its own thread.
void share_out(tcp::acceptor& acceptor, BENCH_POOL& pool, int left, std::binary_semaphore& all) {
    acceptor.async_accept(
        pool.next(), [&acceptor, &pool, left, &all](net::error_code error, tcp::socket socket) {
            if (!error) {
                socket.set_option(tcp::no_delay(true), error);
                auto one = std::make_unique<connection>(std::move(socket));
                const auto where = one->socket.get_executor();
                net::post(where, [one = std::move(one)]() mutable { receive(std::move(one)); });
            }
            if (left > 1) {
                share_out(acceptor, pool, left - 1, all);
            } else {
                all.release();
            }
        });
}
#endif

}  // namespace

int main(int argc, char** argv) {
    const int connections = bench::connections_asked(argc, argv);
#if BENCH_LOOPS > 1
    BENCH_POOL pool(BENCH_LOOPS);
    std::binary_semaphore all(0);
    tcp::acceptor listener(pool[0], tcp::endpoint(net::ip::make_address("127.0.0.1"), 0));
    net::post(pool[0], [&] { share_out(listener, pool, connections, all); });
    bench::announce(listener.local_endpoint().port());
    all.acquire();
    pool.drain();
    return 0;
#endif
    net::io_context context{BENCH_OPTIONS};
    tcp::acceptor acceptor(context, tcp::endpoint(net::ip::make_address("127.0.0.1"), 0));
    accept(acceptor, connections);
    bench::announce(acceptor.local_endpoint().port());
#if BENCH_THREADS > 1
    std::array<std::jthread, BENCH_THREADS - 1> others;
    for (std::jthread& one : others) {
        one = std::jthread([&context] { context.run(); });
    }
#endif
    context.run();
}
