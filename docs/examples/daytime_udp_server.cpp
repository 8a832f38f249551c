// SPDX-License-Identifier: BSL-1.0
// Answers each datagram with the time of day (RFC 867).
//
//     daytime_udp_server ADDRESS PORT      port 0: one that the system chooses
//
// It shows answers that are on their way while the next question is waited for: each write owns its
// text.

#include <gyre/buffer.hpp>
#include <gyre/consign.hpp>
#include <gyre/detached.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/udp.hpp>

#include "command_line.hpp"
#include "time_of_day.hpp"

#include <array>
#include <cstddef>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

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
        socket_.async_receive_from(
            gyre::buffer(question_), sender_, [this](gyre::error_code error, std::size_t) {
                if (!error) {
                    auto text = std::make_unique<std::string>(example::time_of_day());
                    const auto answer = gyre::buffer(std::as_const(*text));
                    socket_.async_send_to(answer, sender_,
                                          gyre::consign(gyre::detached, std::move(text)));
                }
                receive();
            });
    }

    udp::socket socket_;
    udp::endpoint sender_;
    std::array<char, 1> question_;
};

}  // namespace

int main(int argc, char** argv) {
    const auto endpoint = argc == 3 ? example::endpoint_of<udp>(argv[1], argv[2]) : std::nullopt;
    if (!endpoint) {
        std::cerr << "usage: daytime_udp_server ADDRESS PORT\n";
        return 2;
    }
    try {
        gyre::io_context context;
        const server daytime(context, *endpoint);
        std::cout << "listening on " << daytime.endpoint() << std::endl;
        context.run();
    } catch (const std::exception& e) {
        std::cerr << "daytime_udp_server: " << e.what() << '\n';
        return 1;
    }
}
