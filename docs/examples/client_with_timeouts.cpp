// SPDX-License-Identifier: BSL-1.0
// Sends a line to a server and prints the line that it answers, each step within its time.
//
//     client_with_timeouts ADDRESS PORT TEXT MILLISECONDS
//
// It shows a deadline on each operation: no timer of one's own, no socket that has to be closed,
// and error::timed_out says which step it was.

#include <gyre/buffer.hpp>
#include <gyre/cancel_after.hpp>
#include <gyre/dynamic_buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/read_until.hpp>
#include <gyre/write.hpp>

#include "command_line.hpp"

#include <chrono>
#include <cstddef>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

using gyre::ip::tcp;

namespace {

class client {
    // A handler that goes on if there was no error, with a deadline around it.
    template <class Next>
    auto in_time(const char* step, Next next) {
        return gyre::cancel_after(patience_, [step, next](gyre::error_code error,
                                                          std::size_t size = 0) {
            if (error) {
                std::cerr << "client_with_timeouts: " << step << ": " << error.message() << '\n';
            } else {
                next(size);
            }
        });
    }

public:
    client(gyre::io_context& context, std::string text, std::chrono::milliseconds patience)
        : socket_(context), text_(std::move(text) + '\n'), patience_(patience) {}

    void start(const tcp::endpoint& server) {
        socket_.async_connect(server, in_time("connect", [this](std::size_t) { send(); }));
    }

    int result() const { return result_; }

private:
    void send() {
        gyre::async_write(socket_, gyre::buffer(text_),
                          in_time("write", [this](std::size_t) { receive(); }));
    }

    void receive() {
        text_.clear();
        gyre::async_read_until(socket_, gyre::dynamic_buffer(text_), '\n',
                               in_time("read", [this](std::size_t size) {
                                   std::cout << std::string_view(text_).substr(0, size);
                                   result_ = 0;
                               }));
    }

    tcp::socket socket_;
    std::string text_;
    std::chrono::milliseconds patience_;
    int result_ = 1;
};

}  // namespace

int main(int argc, char** argv) {
    const auto endpoint = argc == 5 ? example::endpoint_of(argv[1], argv[2]) : std::nullopt;
    const auto patience = argc == 5 ? example::number_of<int>(argv[4]) : std::nullopt;
    if (!endpoint || !patience || *patience <= 0 || *patience > 3'600'000) {
        std::cerr << "usage: client_with_timeouts ADDRESS PORT TEXT MILLISECONDS\n";
        return 2;
    }
    try {
        gyre::io_context context;
        client asking(context, argv[3], std::chrono::milliseconds(*patience));
        asking.start(*endpoint);
        context.run();
        return asking.result();
    } catch (const std::exception& e) {
        std::cerr << "client_with_timeouts: " << e.what() << '\n';
        return 1;
    }
}
