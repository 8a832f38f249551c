// SPDX-License-Identifier: BSL-1.0
// The echo server of the comparison, written once for both libraries: whoever includes it has
// included the library and named it `net`. Serves as many connections as it is told, all in one
// thread, and ends when the last of them has ended; so a run of n round trips is a run of n.
#pragma once

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <utility>

namespace {

using net::ip::tcp;

struct connection {
    explicit connection(tcp::socket s) : socket(std::move(s)) {}

    tcp::socket socket;
    std::array<char, 4096> bytes;
};

void send(std::unique_ptr<connection> owner, std::size_t size);

void receive(std::unique_ptr<connection> owner) {
    connection& self = *owner;
    self.socket.async_read_some(
        net::buffer(self.bytes),
        [owner = std::move(owner)](std::error_code error, std::size_t size) mutable {
            if (!error) {
                send(std::move(owner), size);
            }
        });
}

void send(std::unique_ptr<connection> owner, std::size_t size) {
    connection& self = *owner;
    net::async_write(self.socket, net::buffer(self.bytes, size),
                     [owner = std::move(owner)](std::error_code error, std::size_t) mutable {
                         if (!error) {
                             receive(std::move(owner));
                         }
                     });
}

void accept(tcp::acceptor& acceptor, int left) {
    acceptor.async_accept([&acceptor, left](std::error_code error, tcp::socket socket) {
        if (!error) {
            receive(std::make_unique<connection>(std::move(socket)));
        }
        if (left > 1) {
            accept(acceptor, left - 1);
        }
    });
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2 || std::atoi(argv[1]) < 1) {
        std::fputs("usage: echo_gyre|echo_asio CONNECTIONS\n", stderr);
        return 2;
    }
    net::io_context context;
    tcp::acceptor acceptor(context, tcp::endpoint(net::ip::make_address("127.0.0.1"), 0));
    accept(acceptor, std::atoi(argv[1]));
    std::printf("listening on 127.0.0.1:%d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    context.run();
}
