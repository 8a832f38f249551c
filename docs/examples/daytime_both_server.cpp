// SPDX-License-Identifier: BSL-1.0
// Tells the time of day (RFC 867) over TCP and over UDP, from one loop.
//
//     daytime_both_server ADDRESS PORT      port 0: one that the system chooses
//
// It shows two servers that know nothing of each other in one context and one thread, under the
// same port number.

#include <gyre/buffer.hpp>
#include <gyre/consign.hpp>
#include <gyre/detached.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/ip/udp.hpp>
#include <gyre/write.hpp>

#include "command_line.hpp"
#include "time_of_day.hpp"

#include <array>
#include <cstddef>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

using gyre::ip::tcp;
using gyre::ip::udp;

namespace {

class tcp_server {
public:
    tcp_server(gyre::io_context& context, const tcp::endpoint& endpoint)
        : acceptor_(context, endpoint) {
        accept();
    }
    tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

private:
    struct answer {
        tcp::socket socket;
        std::string text;
    };

    void accept() {
        acceptor_.async_accept([this](gyre::error_code error, tcp::socket socket) {
            if (error) {
                std::cerr << "daytime_both_server: accept: " << error.message() << '\n';
            } else {
                auto owner =
                    std::make_unique<answer>(answer{std::move(socket), example::time_of_day()});
                answer& self = *owner;
                gyre::async_write(self.socket, gyre::buffer(self.text),
                                  gyre::consign(gyre::detached, std::move(owner)));
            }
            accept();
        });
    }

    tcp::acceptor acceptor_;
};

class udp_server {
public:
    udp_server(gyre::io_context& context, const udp::endpoint& endpoint)
        : socket_(context, endpoint) {
        receive();
    }

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
    const auto endpoint = argc == 3 ? example::endpoint_of(argv[1], argv[2]) : std::nullopt;
    if (!endpoint) {
        std::cerr << "usage: daytime_both_server ADDRESS PORT\n";
        return 2;
    }
    try {
        gyre::io_context context;
        const tcp_server over_tcp(context, *endpoint);
        const tcp::endpoint chosen = over_tcp.endpoint();
        const udp_server over_udp(context, udp::endpoint(chosen.address(), chosen.port()));
        std::cout << "listening on " << chosen << std::endl;
        context.run();
    } catch (const std::exception& e) {
        std::cerr << "daytime_both_server: " << e.what() << '\n';
        return 1;
    }
}
