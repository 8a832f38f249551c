// SPDX-License-Identifier: BSL-1.0
// A program of callbacks, by one header or by several: umbrella_test.py compares the two.
#ifdef BY_UMBRELLA
#include <gyre/gyre.hpp>
#else
#include <gyre/bind_executor.hpp>
#include <gyre/dynamic_buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/post.hpp>
#include <gyre/read_until.hpp>
#include <gyre/steady_timer.hpp>
#include <gyre/write.hpp>
#endif

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace {

namespace asio = gyre;
using asio::ip::tcp;

class session : public std::enable_shared_from_this<session> {
public:
    explicit session(tcp::socket socket)
        : socket_(std::move(socket)), timer_(socket_.get_executor()) {}

    void start() {
        timer_.expires_after(std::chrono::seconds(30));
        timer_.async_wait([self = shared_from_this()](asio::error_code e) {
            if (!e) {
                self->socket_.close();
            }
        });
        asio::async_read_until(socket_, asio::dynamic_buffer(line_), '\n',
                               [self = shared_from_this()](asio::error_code e, std::size_t n) {
                                   if (!e) {
                                       self->answer(n);
                                   }
                               });
    }

private:
    void answer(std::size_t n) {
        asio::async_write(socket_, asio::buffer(line_.data(), n),
                          [self = shared_from_this(), n](asio::error_code e, std::size_t) {
                              if (!e) {
                                  self->line_.erase(0, n);
                                  self->start();
                              }
                          });
    }

    tcp::socket socket_;
    asio::steady_timer timer_;
    std::string line_;
};

void accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([&acceptor](asio::error_code e, tcp::socket socket) {
        if (!e) {
            std::make_shared<session>(std::move(socket))->start();
            accept(acceptor);
        }
    });
}

}  // namespace

int main() {
    asio::io_context context;
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    asio::post(asio::bind_executor(context.get_executor(), [&] { accept(acceptor); }));
    context.run();
}
