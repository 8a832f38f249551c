// SPDX-License-Identifier: BSL-1.0
// Fetches a file by HTTP/1.1 and prints it.
//
//     http_client ADDRESS[,ADDRESS...] PORT PATH
//
// It shows a client of a service that has several addresses: the first that answers is taken. Then
// one request, a head of lines up to an empty one, and a body that ends by its length or with the
// stream. The bytes behind the head are the beginning of the body.

#include <gyre/buffer.hpp>
#include <gyre/connect.hpp>
#include <gyre/dynamic_buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/read_until.hpp>
#include <gyre/steady_timer.hpp>
#include <gyre/write.hpp>

#include "command_line.hpp"
#include "http_head.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace http = example::http;
using gyre::ip::tcp;

namespace {

constexpr std::size_t head_max = 65'536;
constexpr std::chrono::seconds idle_max{10};

class client {
public:
    client(gyre::io_context& context, std::string path)
        : socket_(context), idle_(context), path_(std::move(path)) {}

    void start(const std::vector<tcp::endpoint>& servers) {
        await_peer();
        gyre::async_connect(socket_, servers,
                            [this](gyre::error_code error, const tcp::endpoint& server) {
                                if (error) {
                                    finish(error.message());
                                } else {
                                    ask(server.to_string());
                                }
                            });
    }

    /// Empty if all went well.
    const std::string& problem() const { return problem_; }

private:
    void ask(const std::string& host) {
        request_ = "GET " + path_ + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
        gyre::async_write(socket_, gyre::buffer(request_),
                          [this](gyre::error_code error, std::size_t) {
                              if (error) {
                                  finish(error.message());
                              } else {
                                  read_head();
                              }
                          });
    }

    void read_head() {
        await_peer();
        gyre::async_read_until(socket_, gyre::dynamic_buffer(received_, head_max), "\r\n\r\n",
                               [this](gyre::error_code error, std::size_t size) {
                                   if (error) {
                                       finish("no answer: " + error.message());
                                   } else {
                                       on_head(size);
                                   }
                               });
    }

    void on_head(std::size_t size) {
        const std::string head = received_.substr(0, size);
        received_.erase(0, size);
        const auto response = http::parse_response(head);
        if (!response) {
            finish("the answer is not HTTP");
        } else if (response->status < 200) {
            read_head();  // the answer proper follows
        } else if (response->status != 200) {
            finish(head.substr(0, head.find('\r')));
        } else if (response->encoded) {
            finish("the answer is encoded");
        } else {
            left_ = response->length;
            print(received_);
        }
    }

    // Prints so much of the text as belongs to the body, and goes on if that was not all.
    void print(std::string_view text) {
        text = text.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(
                                  left_.value_or(text.size()), text.size())));
        std::cout << text;
        if (left_) {
            *left_ -= text.size();
        }
        if (left_ == 0) {
            finish({});
        } else {
            read_body();
        }
    }

    void read_body() {
        await_peer();
        socket_.async_read_some(gyre::buffer(chunk_),
                                [this](gyre::error_code error, std::size_t n) {
                                    if (!error) {
                                        print(std::string_view(chunk_.data(), n));
                                    } else if (error == gyre::error::eof && !left_) {
                                        finish({});
                                    } else {
                                        finish("the answer is cut off: " + error.message());
                                    }
                                });
    }

    void await_peer() {
        idle_.expires_after(idle_max);
        idle_.async_wait([this](gyre::error_code error) {
            if (!error) {
                socket_.close(error);
            }
        });
    }

    void finish(const std::string& problem) {
        problem_ = problem;
        idle_.cancel();
    }

    tcp::socket socket_;
    gyre::steady_timer idle_;
    std::string path_;
    std::string request_;
    std::string received_;
    std::array<char, 16'384> chunk_;
    std::optional<std::uint64_t> left_;  // of the body, if its length is known
    std::string problem_;
};

/// Nothing if one of them is wrong.
std::vector<tcp::endpoint> endpoints_of(std::string_view addresses, std::string_view port) {
    std::vector<tcp::endpoint> all;
    do {
        const auto one = example::endpoint_of(http::take_until(addresses, ","), port);
        if (!one) {
            return {};
        }
        all.push_back(*one);
    } while (!addresses.empty());
    return all;
}

bool is_path(std::string_view text) {
    return text.starts_with('/') && http::is_visible(text) &&
           text.find('#') == std::string_view::npos;
}

}  // namespace

int main(int argc, char** argv) {
    const auto servers = argc == 4 ? endpoints_of(argv[1], argv[2]) : std::vector<tcp::endpoint>();
    if (servers.empty() || !is_path(argv[3])) {
        std::cerr << "usage: http_client ADDRESS[,ADDRESS...] PORT PATH\n";
        return 2;
    }
    try {
        gyre::io_context context;
        client fetching(context, argv[3]);
        fetching.start(servers);
        context.run();
        if (!fetching.problem().empty()) {
            std::cerr << "http_client: " << fetching.problem() << '\n';
            return 1;
        }
    } catch (const std::exception& e) {
        std::cerr << "http_client: " << e.what() << '\n';
        return 1;
    }
}
