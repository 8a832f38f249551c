// SPDX-License-Identifier: BSL-1.0
// Sends back each datagram to whoever sent it, by blocking calls.
//
//     blocking_udp_echo_server ADDRESS PORT     port 0: one that the system chooses
//
// It shows what need not end a server: what the network says of an earlier answer, such as that
// nobody listens there any more, is reported by the next call.

#include <gyre/buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/udp.hpp>

#include "command_line.hpp"

#include <array>
#include <cstddef>
#include <exception>
#include <iostream>

using gyre::ip::udp;

int main(int argc, char** argv) {
    const auto endpoint = argc == 3 ? example::endpoint_of<udp>(argv[1], argv[2]) : std::nullopt;
    if (!endpoint) {
        std::cerr << "usage: blocking_udp_echo_server ADDRESS PORT\n";
        return 2;
    }
    try {
        gyre::io_context context;
        udp::socket socket(context, *endpoint);
        std::cout << "listening on " << socket.local_endpoint() << std::endl;
        std::array<char, 65536> bytes;
        for (;;) {
            udp::endpoint sender;
            gyre::error_code error;
            const std::size_t size = socket.receive_from(gyre::buffer(bytes), sender, 0, error);
            if (!error) {
                socket.send_to(gyre::buffer(bytes, size), sender, 0, error);
            }
        }
    } catch (const std::exception& e) {
        std::cerr << "blocking_udp_echo_server: " << e.what() << '\n';
        return 1;
    }
}
