// SPDX-License-Identifier: BSL-1.0
// Sends back whatever arrives, each connection in a process of its own.
//
//     fork_server ADDRESS PORT         port 0: one that the system chooses
//
// It shows a context that lives on both sides of a fork: the parent goes on listening and reaps its
// children, of which SIGCHLD tells; the child closes what it does not need, and serves. SIGTERM or
// Ctrl-C ends the parent.

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
#include <string>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

using gyre::ip::tcp;

namespace {

class server {
public:
    server(gyre::io_context& context, const tcp::endpoint& endpoint)
        : context_(context),
          acceptor_(context, endpoint),
          peer_(context),
          children_(context, SIGCHLD),
          stop_(context, SIGINT, SIGTERM) {
        accept();
        reap();
        stop_.async_wait([this](gyre::error_code error, int) {
            if (!error) {
                context_.stop();
            }
        });
    }

    tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

private:
    void accept() {
        acceptor_.async_accept(peer_, [this](gyre::error_code error) {
            if (!error) {
                fork();
            }
            if (acceptor_.is_open()) {
                accept();
            }
        });
    }

    void fork() {
        context_.notify_fork(gyre::io_context::fork_prepare);
        const pid_t process = ::fork();
        if (process == 0) {
            context_.notify_fork(gyre::io_context::fork_child);
            acceptor_.close();
            children_.cancel();
            children_.clear();
            stop_.cancel();
            stop_.clear();
            greet();
        } else {
            context_.notify_fork(gyre::io_context::fork_parent);
            if (process < 0) {
                std::cerr << "fork_server: fork failed\n";
            }
            gyre::error_code ignored;
            peer_.close(ignored);
        }
    }

    // One signal may stand for several children.
    void reap() {
        children_.async_wait([this](gyre::error_code error, int) {
            if (error) {
                return;
            }
            int status = 0;
            for (pid_t process = 0; (process = ::waitpid(-1, &status, WNOHANG)) > 0;) {
                std::cout << "ended: " << process << std::endl;
            }
            reap();
        });
    }

    void greet() {
        greeting_ = "process " + std::to_string(::getpid()) + '\n';
        gyre::async_write(peer_, gyre::buffer(greeting_),
                          [this](gyre::error_code error, std::size_t) {
                              if (!error) {
                                  receive();
                              }
                          });
    }

    void receive() {
        peer_.async_read_some(gyre::buffer(bytes_), [this](gyre::error_code error, std::size_t n) {
            if (!error) {
                send(n);
            }
        });
    }

    void send(std::size_t size) {
        gyre::async_write(peer_, gyre::buffer(bytes_, size),
                          [this](gyre::error_code error, std::size_t) {
                              if (!error) {
                                  receive();
                              }
                          });
    }

    gyre::io_context& context_;
    tcp::acceptor acceptor_;
    tcp::socket peer_;
    gyre::signal_set children_;
    gyre::signal_set stop_;
    std::string greeting_;
    std::array<char, 4096> bytes_;
};

}  // namespace

int main(int argc, char** argv) {
    const auto endpoint = argc == 3 ? example::endpoint_of(argv[1], argv[2]) : std::nullopt;
    if (!endpoint) {
        std::cerr << "usage: fork_server ADDRESS PORT\n";
        return 2;
    }
    try {
        gyre::io_context context;
        const server serving(context, *endpoint);
        std::cout << "listening on " << serving.endpoint() << std::endl;
        context.run();  // the child's returns when its connection is over
    } catch (const std::exception& e) {
        std::cerr << "fork_server: " << e.what() << '\n';
        return 1;
    }
}
