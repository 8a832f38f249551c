// SPDX-License-Identifier: BSL-1.0
// Sends back whatever arrives over a local socket.
//
//     local_server PATH
//
// It shows that a session does not care what kind of stream it has, and who owns the file: binding
// makes it, so whoever binds removes it.

#include <gyre/buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/local/stream_protocol.hpp>
#include <gyre/signal_set.hpp>
#include <gyre/write.hpp>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <utility>

using gyre::local::stream_protocol;

namespace {

class session : public std::enable_shared_from_this<session> {
public:
    explicit session(stream_protocol::socket socket) : socket_(std::move(socket)) {}

    void receive() {
        socket_.async_read_some(gyre::buffer(bytes_),
                                [self = shared_from_this()](gyre::error_code error, std::size_t n) {
                                    if (!error) {
                                        self->send(n);
                                    }
                                });
    }

private:
    void send(std::size_t size) {
        gyre::async_write(socket_, gyre::buffer(bytes_, size),
                          [self = shared_from_this()](gyre::error_code error, std::size_t) {
                              if (!error) {
                                  self->receive();
                              }
                          });
    }

    stream_protocol::socket socket_;
    std::array<char, 4096> bytes_;
};

void accept(stream_protocol::acceptor& acceptor) {
    acceptor.async_accept([&](gyre::error_code error, stream_protocol::socket socket) {
        if (!error) {
            std::make_shared<session>(std::move(socket))->receive();
            accept(acceptor);
        }
    });
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: local_server PATH\n";
        return 2;
    }
    try {
        gyre::io_context context;
        stream_protocol::acceptor acceptor(context, stream_protocol::endpoint(argv[1]));
        accept(acceptor);
        gyre::signal_set signals(context, SIGINT, SIGTERM);
        signals.async_wait([&](gyre::error_code, int) { context.stop(); });
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        context.run();
        std::remove(argv[1]);
    } catch (const std::exception& e) {
        std::cerr << "local_server: " << e.what() << '\n';
        return 1;
    }
}
