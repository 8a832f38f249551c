// SPDX-License-Identifier: BSL-1.0
// Says in a chat what is typed, and prints what others say.
//
//     chat_client ADDRESS PORT         ends at the end of the input, or when the server does
//
// It shows the keyboard and a connection in one thread: both are waited for by the same loop.

#include <gyre/buffer.hpp>
#include <gyre/dynamic_buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/posix/stream_descriptor.hpp>
#include <gyre/read_until.hpp>
#include <gyre/write.hpp>

#include "chat.hpp"
#include "command_line.hpp"

#include <cstddef>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>

#include <unistd.h>

using gyre::ip::tcp;

namespace {

class client {
public:
    client(gyre::io_context& context, const tcp::endpoint& server)
        : socket_(context), keyboard_(context, ::dup(STDIN_FILENO)) {
        socket_.async_connect(server, [this](gyre::error_code error) {
            if (error) {
                stop(error);
                return;
            }
            listen();
            type();
        });
    }

    gyre::error_code result() const { return result_; }

private:
    void listen() {
        gyre::async_read_until(socket_, gyre::dynamic_buffer(heard_), '\n',
                               [this](gyre::error_code error, std::size_t size) {
                                   if (error) {
                                       stop(error);
                                       return;
                                   }
                                   std::cout << std::string_view(heard_).substr(0, size)
                                             << std::flush;
                                   heard_.erase(0, size);
                                   listen();
                               });
    }

    void type() {
        gyre::async_read_until(keyboard_, gyre::dynamic_buffer(typed_, example::chat_line_max),
                               '\n', [this](gyre::error_code error, std::size_t size) {
                                   if (error) {  // no more will be said: hear what is left, and go
                                       gyre::error_code gone;
                                       socket_.shutdown(tcp::socket::shutdown_send, gone);
                                   } else {
                                       say(size);
                                   }
                               });
    }

    void say(std::size_t size) {
        gyre::async_write(socket_, gyre::buffer(typed_.data(), size),
                          [this, size](gyre::error_code error, std::size_t) {
                              if (error) {
                                  stop(error);
                                  return;
                              }
                              typed_.erase(0, size);
                              type();
                          });
    }

    void stop(gyre::error_code error) {
        result_ = error == gyre::error::eof ? gyre::error_code() : error;
        gyre::error_code ignored;
        socket_.close(ignored);
        keyboard_.close(ignored);
    }

    tcp::socket socket_;
    gyre::posix::stream_descriptor keyboard_;
    std::string heard_;
    std::string typed_;
    gyre::error_code result_;
};

}  // namespace

int main(int argc, char** argv) {
    const auto endpoint = argc == 3 ? example::endpoint_of(argv[1], argv[2]) : std::nullopt;
    if (!endpoint) {
        std::cerr << "usage: chat_client ADDRESS PORT\n";
        return 2;
    }
    try {
        gyre::io_context context;
        const client me(context, *endpoint);
        context.run();
        if (me.result()) {
            std::cerr << "chat_client: " << me.result().message() << '\n';
            return 1;
        }
    } catch (const std::exception& e) {
        std::cerr << "chat_client: " << e.what() << '\n';
        return 1;
    }
}
