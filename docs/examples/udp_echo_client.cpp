// SPDX-License-Identifier: BSL-1.0
// Sends a datagram and prints what comes back.
//
//     udp_echo_client ADDRESS PORT TEXT
//
// It shows a blocking program: a connected socket, which hears its peer only. A datagram may be
// lost on its way, so the answer is waited for with a deadline, and the question asked again.

#include <gyre/buffer.hpp>
#include <gyre/cancel_after.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/udp.hpp>

#include "command_line.hpp"

#include <chrono>
#include <cstddef>
#include <exception>
#include <iostream>
#include <string>

using gyre::ip::udp;

int main(int argc, char** argv) {
    const auto endpoint = argc == 4 ? example::endpoint_of<udp>(argv[1], argv[2]) : std::nullopt;
    if (!endpoint) {
        std::cerr << "usage: udp_echo_client ADDRESS PORT TEXT\n";
        return 2;
    }
    try {
        gyre::io_context context;
        udp::socket socket(context);
        socket.connect(*endpoint);
        std::string answer(65536, ' ');
        gyre::error_code error = gyre::error::timed_out;
        for (int tries = 0; tries != 3 && error == gyre::error::timed_out; ++tries) {
            socket.send(gyre::buffer(argv[3], std::char_traits<char>::length(argv[3])));
            socket.async_receive(gyre::buffer(answer),
                                 gyre::cancel_after(std::chrono::seconds(1),
                                                    [&](gyre::error_code e, std::size_t size) {
                                                        error = e;
                                                        answer.resize(e ? answer.size() : size);
                                                    }));
            context.restart();
            context.run();
        }
        if (error) {
            std::cerr << "udp_echo_client: " << error.message() << '\n';
            return 1;
        }
        std::cout << answer << '\n';
    } catch (const std::exception& e) {
        std::cerr << "udp_echo_client: " << e.what() << '\n';
        return 1;
    }
}
