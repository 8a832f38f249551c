// SPDX-License-Identifier: BSL-1.0
// Sends back whatever arrives, by blocking calls and a thread for each connection.
//
//     blocking_echo_server ADDRESS PORT     port 0: one that the system chooses
//
// It shows that a program needs no loop: synchronous calls never run one.

#include <gyre/buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/write.hpp>

#include "command_line.hpp"

#include <array>
#include <cstddef>
#include <exception>
#include <iostream>
#include <thread>
#include <utility>

using gyre::ip::tcp;

namespace {

void serve(tcp::socket socket) {
    std::array<char, 4096> bytes;
    for (;;) {
        gyre::error_code error;
        const std::size_t size = socket.read_some(gyre::buffer(bytes), error);
        if (!error) {
            gyre::write(socket, gyre::buffer(bytes, size), error);
        }
        if (error) {
            return;  // the end of the stream, or the peer is gone
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    const auto endpoint = argc == 3 ? example::endpoint_of(argv[1], argv[2]) : std::nullopt;
    if (!endpoint) {
        std::cerr << "usage: blocking_echo_server ADDRESS PORT\n";
        return 2;
    }
    try {
        gyre::io_context context;
        tcp::acceptor acceptor(context, *endpoint);
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        for (;;) {
            std::thread(serve, acceptor.accept()).detach();
        }
    } catch (const std::exception& e) {
        std::cerr << "blocking_echo_server: " << e.what() << '\n';
        return 1;
    }
}
