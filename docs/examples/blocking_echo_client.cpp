// SPDX-License-Identifier: BSL-1.0
// Sends a text to an echo server and prints what comes back, by blocking calls.
//
//     blocking_echo_client ADDRESS PORT TEXT
//
// It shows how much to read: as much as was sent. More may never come, and less may come at once.

#include <gyre/buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/read.hpp>
#include <gyre/write.hpp>

#include "command_line.hpp"

#include <exception>
#include <iostream>
#include <string>
#include <string_view>

using gyre::ip::tcp;

int main(int argc, char** argv) {
    const auto endpoint = argc == 4 ? example::endpoint_of(argv[1], argv[2]) : std::nullopt;
    if (!endpoint) {
        std::cerr << "usage: blocking_echo_client ADDRESS PORT TEXT\n";
        return 2;
    }
    try {
        const std::string_view text = argv[3];
        gyre::io_context context;
        tcp::socket socket(context);
        socket.connect(*endpoint);
        gyre::write(socket, gyre::buffer(text));
        std::string answer(text.size(), ' ');
        gyre::read(socket, gyre::buffer(answer));
        std::cout << answer << '\n';
    } catch (const std::exception& e) {
        std::cerr << "blocking_echo_client: " << e.what() << '\n';
        return 1;
    }
}
