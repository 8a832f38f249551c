// SPDX-License-Identifier: BSL-1.0
// Sends back whatever arrives, with a loop for each processor.
//
//     echo_pool_server ADDRESS PORT         port 0: one that the system chooses
//
// It shows loops that share nothing: each has its own acceptor for the one endpoint and its own
// connections, and no handler of one touches anything of another.
//
// SIGTERM or Ctrl-C ends the program gracefully: what has arrived is sent back first, for five
// seconds at most.

#include <gyre/buffer.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/loop_pool.hpp>
#include <gyre/signal_set.hpp>
#include <gyre/socket_base.hpp>
#include <gyre/write.hpp>

#include "command_line.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <exception>
#include <iostream>
#include <latch>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <utility>
#include <vector>

using gyre::ip::tcp;

namespace {

/// What belongs to one loop: stored in its context, so that it outlives the handlers that own the
/// connections, and not the context.
class shard {
public:
    tcp::endpoint listen(gyre::io_context& loop, const tcp::endpoint& endpoint) {
        acceptor_.emplace(loop, endpoint.protocol());
        acceptor_->set_option(gyre::socket_base::reuse_address(true));
        acceptor_->set_option(gyre::socket_base::reuse_port(true));
        acceptor_->bind(endpoint);
        acceptor_->listen();
        return acceptor_->local_endpoint();
    }

    // These two in the loop.
    void accept() {
        acceptor_->async_accept([this](gyre::error_code error, tcp::socket socket) {
            if (!error) {
                receive(std::make_unique<connection>(std::move(socket), all_));
            }
            if (acceptor_->is_open()) {
                accept();
            }
        });
    }
    void end() {
        acceptor_->close();
        for (connection* each : all_) {
            gyre::error_code gone;
            each->socket.shutdown(tcp::socket::shutdown_receive, gone);
        }
    }

private:
    struct connection {
        connection(tcp::socket s, std::set<connection*>& c) : socket(std::move(s)), all(c) {
            all.insert(this);
        }
        connection(const connection&) = delete;
        connection& operator=(const connection&) = delete;
        ~connection() { all.erase(this); }

        tcp::socket socket;
        std::set<connection*>& all;
        std::array<char, 4096> bytes;
    };
    using owner = std::unique_ptr<connection>;

    static void receive(owner one) {
        connection& self = *one;
        self.socket.async_read_some(
            gyre::buffer(self.bytes),
            [one = std::move(one)](gyre::error_code error, std::size_t size) mutable {
                if (!error) {
                    send(std::move(one), size);
                }
            });
    }
    static void send(owner one, std::size_t size) {
        connection& self = *one;
        gyre::async_write(self.socket, gyre::buffer(self.bytes, size),
                          [one = std::move(one)](gyre::error_code error, std::size_t) mutable {
                              if (!error) {
                                  receive(std::move(one));
                              }
                          });
    }

    std::optional<tcp::acceptor> acceptor_;
    std::set<connection*> all_;
};

}  // namespace

int main(int argc, char** argv) {
    const auto endpoint = argc == 3 ? example::endpoint_of(argv[1], argv[2]) : std::nullopt;
    if (!endpoint) {
        std::cerr << "usage: echo_pool_server ADDRESS PORT\n";
        return 2;
    }
    try {
        gyre::loop_pool pool;
        tcp::endpoint chosen = *endpoint;
        for (std::size_t i = 0; i != pool.size(); ++i) {
            shard& one = pool[i].slot<shard>();
            chosen = one.listen(pool[i], chosen);
            pool.post_to(i, [&one] { one.accept(); });
        }
        std::latch told(1);
        gyre::signal_set signals(pool[0], SIGINT, SIGTERM);
        signals.async_wait([&](gyre::error_code error, int) {
            if (!error) {
                told.count_down();
            }
        });
        std::cout << "listening on " << chosen << std::endl;
        told.wait();
        for (std::size_t i = 0; i != pool.size(); ++i) {
            pool.post_to(i, [&one = pool[i].slot<shard>()] { one.end(); });
        }
        const std::vector<std::size_t> left = pool.drain_for(std::chrono::seconds(5));
        std::cout << "left undone: " << std::accumulate(left.begin(), left.end(), std::size_t{0})
                  << std::endl;
    } catch (const std::exception& e) {
        std::cerr << "echo_pool_server: " << e.what() << '\n';
        return 1;
    }
}
