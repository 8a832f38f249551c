// SPDX-License-Identifier: BSL-1.0
// Fetches a page of HTTP/1.0 through a SOCKS 4 proxy and prints what the server says.
//
//     socks4_client PROXY PROXY-PORT ADDRESS PORT PATH
//
// It shows a binary protocol over a stream: a request of several buffers, an answer of fixed size,
// and then the connection belongs to somebody else. The protocol is that of "SOCKS: A protocol for
// TCP proxy across firewalls" (Ying-Da Lee), CONNECT.

#include <gyre/buffer.hpp>
#include <gyre/cancel_after.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/read.hpp>
#include <gyre/write.hpp>

#include "command_line.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

using gyre::ip::tcp;

namespace {

constexpr unsigned char version = 4;
constexpr unsigned char connect_command = 1;
constexpr unsigned char granted = 90;

class client {
    template <class Next>
    auto in_time(Next next) {
        return gyre::cancel_after(std::chrono::seconds(5),
                                  [this, next](gyre::error_code error, std::size_t size = 0) {
                                      if (error) {
                                          fail(error.message());
                                      } else {
                                          next(size);
                                      }
                                  });
    }

public:
    client(gyre::io_context& context, const tcp::endpoint& target, std::string path)
        : socket_(context) {
        const auto address = target.address().to_v4().to_bytes();
        request_ = {version,
                    connect_command,
                    static_cast<unsigned char>(target.port() >> 8),
                    static_cast<unsigned char>(target.port() & 0xff),
                    address[0],
                    address[1],
                    address[2],
                    address[3],
                    0};  // no user
        get_ = "GET " + std::move(path) + " HTTP/1.0\r\n\r\n";
    }

    void start(const tcp::endpoint& proxy) {
        socket_.async_connect(proxy, in_time([this](std::size_t) { ask_proxy(); }));
    }

    int result() const { return result_; }

private:
    void ask_proxy() {
        gyre::async_write(socket_, gyre::buffer(request_),
                          in_time([this](std::size_t) { hear_proxy(); }));
    }

    void hear_proxy() {
        gyre::async_read(socket_, gyre::buffer(reply_), in_time([this](std::size_t) {
                             if (reply_[0] != 0 || reply_[1] != granted) {
                                 fail("the proxy refuses");
                             } else {
                                 ask_server();
                             }
                         }));
    }

    void ask_server() {
        gyre::async_write(socket_, gyre::buffer(get_),
                          in_time([this](std::size_t) { hear_server(); }));
    }

    void hear_server() {
        socket_.async_read_some(gyre::buffer(block_),
                                [this](gyre::error_code error, std::size_t size) {
                                    if (!error) {
                                        std::cout << std::string_view(block_.data(), size);
                                        hear_server();
                                    } else if (error == gyre::error::eof) {
                                        std::cout << std::flush;
                                        result_ = 0;
                                    } else {
                                        fail(error.message());
                                    }
                                });
    }

    void fail(std::string_view why) { std::cerr << "socks4_client: " << why << '\n'; }

    tcp::socket socket_;
    std::array<unsigned char, 9> request_;
    std::array<unsigned char, 8> reply_;
    std::string get_;
    std::array<char, 4096> block_;
    int result_ = 1;
};

}  // namespace

int main(int argc, char** argv) {
    const auto proxy = argc == 6 ? example::endpoint_of(argv[1], argv[2]) : std::nullopt;
    const auto target = argc == 6 ? example::endpoint_of(argv[3], argv[4]) : std::nullopt;
    if (!proxy || !target || !target->address().is_v4()) {
        std::cerr << "usage: socks4_client PROXY PROXY-PORT IPv4-ADDRESS PORT PATH\n";
        return 2;
    }
    try {
        gyre::io_context context;
        client asking(context, *target, argv[5]);
        asking.start(*proxy);
        context.run();
        return asking.result();
    } catch (const std::exception& e) {
        std::cerr << "socks4_client: " << e.what() << '\n';
        return 1;
    }
}
