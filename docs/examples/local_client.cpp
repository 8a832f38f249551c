// SPDX-License-Identifier: BSL-1.0
// Sends a text over a local socket and prints what comes back.
//
//     local_client PATH TEXT
//
// It shows blocking calls that say what went wrong by an exception.

#include <gyre/buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/local/stream_protocol.hpp>
#include <gyre/read.hpp>
#include <gyre/write.hpp>

#include <exception>
#include <iostream>
#include <string>

using gyre::local::stream_protocol;

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: local_client PATH TEXT\n";
        return 2;
    }
    try {
        gyre::io_context context;
        stream_protocol::socket socket(context);
        socket.connect(stream_protocol::endpoint(argv[1]));
        std::string text = argv[2];
        gyre::write(socket, gyre::buffer(text));
        gyre::read(socket, gyre::buffer(text));
        std::cout << text << '\n';
    } catch (const std::exception& e) {
        std::cerr << "local_client: " << e.what() << '\n';
        return 1;
    }
}
