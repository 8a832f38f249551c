// SPDX-License-Identifier: BSL-1.0
// Sends back each datagram to whoever sent it.
//
//     udp_echo_server ADDRESS PORT     port 0: one that the system chooses
//
// It shows that a datagram is answered in the order in which it came, and that what the network
// says of an earlier answer is no reason to stop.

#include <gyre/buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/udp.hpp>

#include "command_line.hpp"

#include <array>
#include <cstddef>
#include <exception>
#include <iostream>

using gyre::ip::udp;

namespace {

class server {
public:
    server(gyre::io_context& context, const udp::endpoint& endpoint) : socket_(context, endpoint) {
        receive();
    }

    udp::endpoint endpoint() const { return socket_.local_endpoint(); }

private:
    void receive() {
        socket_.async_receive_from(gyre::buffer(bytes_), sender_,
                                   [this](gyre::error_code error, std::size_t size) {
                                       if (error) {
                                           receive();
                                       } else {
                                           send(size);
                                       }
                                   });
    }

    void send(std::size_t size) {
        socket_.async_send_to(gyre::buffer(bytes_, size), sender_,
                              [this](gyre::error_code, std::size_t) { receive(); });
    }

    udp::socket socket_;
    udp::endpoint sender_;
    std::array<char, 65536> bytes_;
};

}  // namespace

int main(int argc, char** argv) {
    const auto endpoint = argc == 3 ? example::endpoint_of<udp>(argv[1], argv[2]) : std::nullopt;
    if (!endpoint) {
        std::cerr << "usage: udp_echo_server ADDRESS PORT\n";
        return 2;
    }
    try {
        gyre::io_context context;
        const server echo(context, *endpoint);
        std::cout << "listening on " << echo.endpoint() << std::endl;
        context.run();
    } catch (const std::exception& e) {
        std::cerr << "udp_echo_server: " << e.what() << '\n';
        return 1;
    }
}
