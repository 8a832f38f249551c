// SPDX-License-Identifier: BSL-1.0
// Tells each client the time of day in one line of text, and closes (RFC 867).
//
//     daytime_server ADDRESS PORT      port 0: one that the system chooses
//
// It shows an answer that lives exactly as long as it takes to send it: the handler of the write
// owns socket and text, and has nothing else to do.

#include <gyre/buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/write.hpp>

#include "command_line.hpp"
#include "time_of_day.hpp"

#include <cstddef>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

using gyre::ip::tcp;

namespace {

struct answer {
    tcp::socket socket;
    std::string text;
};

void accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([&acceptor](gyre::error_code error, tcp::socket socket) {
        if (error) {
            std::cerr << "daytime_server: accept: " << error.message() << '\n';
        } else {
            auto owner =
                std::make_unique<answer>(answer{std::move(socket), example::time_of_day()});
            answer& self = *owner;
            gyre::async_write(self.socket, gyre::buffer(self.text),
                              [owner = std::move(owner)](gyre::error_code, std::size_t) {});
        }
        accept(acceptor);
    });
}

}  // namespace

int main(int argc, char** argv) {
    const auto endpoint = argc == 3 ? example::endpoint_of(argv[1], argv[2]) : std::nullopt;
    if (!endpoint) {
        std::cerr << "usage: daytime_server ADDRESS PORT\n";
        return 2;
    }
    try {
        gyre::io_context context;
        tcp::acceptor acceptor(context, *endpoint);
        accept(acceptor);
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        context.run();
    } catch (const std::exception& e) {
        std::cerr << "daytime_server: " << e.what() << '\n';
        return 1;
    }
}
