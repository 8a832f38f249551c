// SPDX-License-Identifier: BSL-1.0
// The time of day (RFC 867) by blocking calls, asked for or told, over TCP or UDP.
//
//     daytime_blocking ask tcp|udp HOST SERVICE        names or numbers
//     daytime_blocking tell tcp|udp ADDRESS PORT       port 0: one that the system chooses
//
// It shows that each asynchronous operation has a synchronous twin, which reports by an exception
// or by an error_code.

#include <gyre/buffer.hpp>
#include <gyre/connect.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/basic_resolver.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/ip/udp.hpp>
#include <gyre/write.hpp>

#include "command_line.hpp"
#include "time_of_day.hpp"

#include <array>
#include <cstddef>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>

using gyre::ip::tcp;
using gyre::ip::udp;

namespace {

void ask_tcp(gyre::io_context& context, std::string_view host, std::string_view service) {
    tcp::socket socket(context);
    gyre::connect(socket, tcp::resolver(context).resolve(host, service));
    std::array<char, 256> text;
    for (;;) {
        gyre::error_code error;
        const std::size_t size = socket.read_some(gyre::buffer(text), error);
        if (error == gyre::error::eof) {
            return;
        }
        if (error) {
            throw gyre::system_error(error);
        }
        std::cout << std::string_view(text.data(), size);
    }
}

void ask_udp(gyre::io_context& context, std::string_view host, std::string_view service) {
    const udp::endpoint server = udp::resolver(context).resolve(host, service).begin()->endpoint();
    udp::socket socket(context);
    socket.connect(server);
    socket.send(gyre::const_buffer());
    std::array<char, 256> text;
    std::cout << std::string_view(text.data(), socket.receive(gyre::buffer(text)));
}

[[noreturn]] void tell_tcp(gyre::io_context& context, const tcp::endpoint& endpoint) {
    tcp::acceptor acceptor(context, endpoint);
    std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
    for (;;) {
        tcp::socket socket = acceptor.accept();
        const std::string text = example::time_of_day();
        gyre::error_code gone;
        gyre::write(socket, gyre::buffer(text), gone);
    }
}

[[noreturn]] void tell_udp(gyre::io_context& context, const udp::endpoint& endpoint) {
    udp::socket socket(context, endpoint);
    std::cout << "listening on " << socket.local_endpoint() << std::endl;
    for (;;) {
        std::array<char, 1> question;
        udp::endpoint sender;
        gyre::error_code error;
        socket.receive_from(gyre::buffer(question), sender, 0, error);
        if (!error) {
            const std::string text = example::time_of_day();
            socket.send_to(gyre::buffer(text), sender, 0, error);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view what = argc == 5 ? argv[1] : "";
    const std::string_view how = argc == 5 ? argv[2] : "";
    const bool over_tcp = how == "tcp";
    const auto endpoint = argc == 5 ? example::endpoint_of(argv[3], argv[4]) : std::nullopt;
    if ((!over_tcp && how != "udp") || (what != "ask" && !(what == "tell" && endpoint))) {
        std::cerr << "usage: daytime_blocking ask tcp|udp HOST SERVICE\n"
                     "       daytime_blocking tell tcp|udp ADDRESS PORT\n";
        return 2;
    }
    try {
        gyre::io_context context;
        if (what == "ask") {
            over_tcp ? ask_tcp(context, argv[3], argv[4]) : ask_udp(context, argv[3], argv[4]);
        } else if (over_tcp) {
            tell_tcp(context, *endpoint);
        } else {
            tell_udp(context, {endpoint->address(), endpoint->port()});
        }
    } catch (const std::exception& e) {
        std::cerr << "daytime_blocking: " << e.what() << '\n';
        return 1;
    }
}
