// SPDX-License-Identifier: BSL-1.0
// Asks a daytime server (RFC 867) for the time and prints what it says.
//
//     daytime_client ADDRESS PORT
//
// It shows a conversation of several steps under one deadline: connect, read to the end of the
// stream, print; a timer closes the socket if that takes too long, and whatever is pending then
// reports operation_aborted.

#include <gyre/buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/read.hpp>
#include <gyre/steady_timer.hpp>

#include "command_line.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <exception>
#include <iostream>
#include <string_view>

using gyre::ip::tcp;

namespace {

class client {
public:
    explicit client(gyre::io_context& context) : socket_(context), deadline_(context) {}

    void start(const tcp::endpoint& server) {
        deadline_.expires_after(std::chrono::seconds(5));
        deadline_.async_wait([this](gyre::error_code error) {
            if (!error) {
                socket_.close(error);
            }
        });
        socket_.async_connect(server, [this](gyre::error_code error) {
            if (error) {
                finish(error);
            } else {
                receive();
            }
        });
    }

    gyre::error_code result() const { return result_; }

private:
    // The answer has no mark at its end but the end of the stream.
    void receive() {
        gyre::async_read(socket_, gyre::buffer(text_),
                         [this](gyre::error_code error, std::size_t n) {
                             if (error == gyre::error::eof && n > 0) {
                                 std::cout << std::string_view(text_.data(), n);
                                 error.clear();
                             } else if (!error) {
                                 error = gyre::error::message_size;
                             }
                             finish(error);
                         });
    }

    void finish(gyre::error_code error) {
        result_ = error;
        deadline_.cancel();
    }

    tcp::socket socket_;
    gyre::steady_timer deadline_;
    std::array<char, 256> text_;
    gyre::error_code result_;
};

}  // namespace

int main(int argc, char** argv) {
    const auto server = argc == 3 ? example::endpoint_of(argv[1], argv[2]) : std::nullopt;
    if (!server) {
        std::cerr << "usage: daytime_client ADDRESS PORT\n";
        return 2;
    }
    try {
        gyre::io_context context;
        client asking(context);
        asking.start(*server);
        context.run();
        if (asking.result()) {
            std::cerr << "daytime_client: " << asking.result().message() << '\n';
            return 1;
        }
    } catch (const std::exception& e) {
        std::cerr << "daytime_client: " << e.what() << '\n';
        return 1;
    }
}
