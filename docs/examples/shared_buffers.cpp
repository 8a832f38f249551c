// SPDX-License-Identifier: BSL-1.0
// Sends the same text to everybody who connects, and closes.
//
//     shared_buffers ADDRESS PORT TEXT     port 0: one that the system chooses
//
// It shows buffers that count their references: consign() keeps the text and the socket until the
// handler of the write has been called, however many writes there are.

#include <gyre/buffer.hpp>
#include <gyre/consign.hpp>
#include <gyre/detached.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/write.hpp>

#include "command_line.hpp"

#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

using gyre::ip::tcp;

namespace {

using shared_text = std::shared_ptr<const std::string>;

void accept(tcp::acceptor& acceptor, const shared_text& text) {
    acceptor.async_accept([&acceptor, text](gyre::error_code error, tcp::socket socket) {
        if (!error) {
            auto peer = std::make_shared<tcp::socket>(std::move(socket));
            gyre::async_write(*peer, gyre::buffer(*text),
                              gyre::consign(gyre::detached, peer, text));
        }
        accept(acceptor, text);
    });
}

}  // namespace

int main(int argc, char** argv) {
    const auto endpoint = argc == 4 ? example::endpoint_of(argv[1], argv[2]) : std::nullopt;
    if (!endpoint) {
        std::cerr << "usage: shared_buffers ADDRESS PORT TEXT\n";
        return 2;
    }
    try {
        gyre::io_context context;
        tcp::acceptor acceptor(context, *endpoint);
        accept(acceptor, std::make_shared<const std::string>(argv[3]));
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        context.run();
    } catch (const std::exception& e) {
        std::cerr << "shared_buffers: " << e.what() << '\n';
        return 1;
    }
}
