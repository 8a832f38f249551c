// SPDX-License-Identifier: BSL-1.0
// Sends back whatever arrives, on any number of connections, in one thread.
//
//     echo_server ADDRESS PORT         port 0: one that the system chooses
//
// It shows handlers that own what they work on: a connection is moved from each handler into the
// next one, and closes itself when a handler lets go of it. Nothing counts references.
//
// SIGTERM or Ctrl-C ends the program when all that has arrived was sent back; a second one at once.

#include <gyre/buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/signal_set.hpp>
#include <gyre/write.hpp>

#include "command_line.hpp"

#include <array>
#include <csignal>
#include <cstddef>
#include <exception>
#include <iostream>
#include <memory>
#include <set>
#include <utility>

using gyre::ip::tcp;

namespace {

struct connection;
using connections = std::set<connection*>;

struct connection {
    connection(tcp::socket s, connections& c) : socket(std::move(s)), all(c) { all.insert(this); }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection() { all.erase(this); }

    tcp::socket socket;
    connections& all;
    std::array<char, 4096> bytes;
};

void send(std::unique_ptr<connection> owner, std::size_t size);

// The reference outlives the move of its owner into the handler.
void receive(std::unique_ptr<connection> owner) {
    connection& self = *owner;
    self.socket.async_read_some(
        gyre::buffer(self.bytes),
        [owner = std::move(owner)](gyre::error_code error, std::size_t size) mutable {
            // The end of the stream is an error like any other: the connection is over.
            if (!error) {
                send(std::move(owner), size);
            }
        });
}

void send(std::unique_ptr<connection> owner, std::size_t size) {
    connection& self = *owner;
    gyre::async_write(self.socket, gyre::buffer(self.bytes, size),
                      [owner = std::move(owner)](gyre::error_code error, std::size_t) mutable {
                          if (!error) {
                              receive(std::move(owner));
                          }
                      });
}

void accept(tcp::acceptor& acceptor, connections& all) {
    acceptor.async_accept([&](gyre::error_code error, tcp::socket socket) {
        if (!acceptor.is_open()) {
            return;
        }
        if (error) {
            // No descriptor left, or a peer that went away while it queued: the next accept is
            // neither lost by that nor does it spin.
            std::cerr << "echo_server: accept: " << error.message() << '\n';
        } else {
            // A peer may be gone already; reading from it will tell.
            socket.set_option(tcp::no_delay(true), error);
            receive(std::make_unique<connection>(std::move(socket), all));
        }
        accept(acceptor, all);
    });
}

// Nothing new is let in; each connection reads what has arrived, and then sees the end of its
// stream. With the last of them run() has nothing left to do.
void stop_when_told(gyre::signal_set& signals, tcp::acceptor& acceptor, connections& all) {
    signals.async_wait([&](gyre::error_code error, int) {
        if (error) {
            return;
        }
        signals.clear();  // the next signal does what it did before there was a set: it ends us
        std::cout << "stopping" << std::endl;
        acceptor.close(error);
        for (connection* each : all) {
            each->socket.shutdown(tcp::socket::shutdown_receive, error);
        }
    });
}

}  // namespace

int main(int argc, char** argv) {
    const auto endpoint = argc == 3 ? example::endpoint_of(argv[1], argv[2]) : std::nullopt;
    if (!endpoint) {
        std::cerr << "usage: echo_server ADDRESS PORT\n";
        return 2;
    }
    try {
        connections all;  // outlives the context, which destroys connections
        gyre::io_context context(1);
        tcp::acceptor acceptor(context, *endpoint);
        gyre::signal_set signals(context, SIGINT, SIGTERM);
        accept(acceptor, all);
        stop_when_told(signals, acceptor, all);
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        context.run();
    } catch (const std::exception& e) {
        std::cerr << "echo_server: " << e.what() << '\n';
        return 1;
    }
}
