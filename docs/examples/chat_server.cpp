// SPDX-License-Identifier: BSL-1.0
// A room in which everybody reads what everybody says, line by line.
//
//     chat_server ADDRESS PORT         port 0: one that the system chooses
//
// Who comes in is told the last 100 lines. It shows sessions that others write to: each has a queue
// of lines of its own, of which one is being sent; lines are shared, not copied. Who does not read
// what he is sent, or says a line that is too long, is shown out: the queue is bounded.

#include <gyre/buffer.hpp>
#include <gyre/dynamic_buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/read_until.hpp>
#include <gyre/write.hpp>

#include "chat.hpp"
#include "command_line.hpp"

#include <cstddef>
#include <deque>
#include <exception>
#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <utility>

using gyre::ip::tcp;

namespace {

using line = std::shared_ptr<const std::string>;

class session;

class room {
public:
    void enter(const std::shared_ptr<session>& who);
    void leave(const std::shared_ptr<session>& who) { present_.erase(who); }
    void say(const line& what);

private:
    std::set<std::shared_ptr<session>> present_;
    std::deque<line> history_;
};

class session : public std::enable_shared_from_this<session> {
public:
    session(tcp::socket socket, room& here) : socket_(std::move(socket)), room_(here) {}

    void start() {
        room_.enter(shared_from_this());
        listen();
    }

    void tell(const line& what) {
        if (waiting_.size() == 2 * example::chat_history) {
            leave();
            return;
        }
        waiting_.push_back(what);
        if (waiting_.size() == 1) {
            send();
        }
    }

private:
    void listen() {
        gyre::async_read_until(socket_, gyre::dynamic_buffer(said_, example::chat_line_max), '\n',
                               [self = shared_from_this()](gyre::error_code error, std::size_t n) {
                                   self->heard(error, n);
                               });
    }

    void heard(gyre::error_code error, std::size_t size) {
        if (error) {
            leave();
            return;
        }
        room_.say(std::make_shared<const std::string>(said_, 0, size));
        said_.erase(0, size);
        listen();
    }

    void send() {
        gyre::async_write(socket_, gyre::buffer(*waiting_.front()),
                          [self = shared_from_this()](gyre::error_code error, std::size_t) {
                              self->sent(error);
                          });
    }

    void sent(gyre::error_code error) {
        waiting_.pop_front();
        if (error) {
            leave();
        } else if (!waiting_.empty()) {
            send();
        }
    }

    // What is pending ends with an error, and with it the last owners of this session.
    void leave() {
        room_.leave(shared_from_this());
        gyre::error_code ignored;
        socket_.close(ignored);
    }

    tcp::socket socket_;
    room& room_;
    std::string said_;
    std::deque<line> waiting_;
};

void room::enter(const std::shared_ptr<session>& who) {
    present_.insert(who);
    for (const line& l : history_) {
        who->tell(l);
    }
}

void room::say(const line& what) {
    history_.push_back(what);
    if (history_.size() > example::chat_history) {
        history_.pop_front();
    }
    const auto everybody = present_;  // some may leave meanwhile
    for (const auto& each : everybody) {
        each->tell(what);
    }
}

void accept(tcp::acceptor& acceptor, room& here) {
    acceptor.async_accept([&](gyre::error_code error, tcp::socket socket) {
        if (!error) {
            std::make_shared<session>(std::move(socket), here)->start();
        }
        accept(acceptor, here);
    });
}

}  // namespace

int main(int argc, char** argv) {
    const auto endpoint = argc == 3 ? example::endpoint_of(argv[1], argv[2]) : std::nullopt;
    if (!endpoint) {
        std::cerr << "usage: chat_server ADDRESS PORT\n";
        return 2;
    }
    try {
        gyre::io_context context;
        room here;  // its sockets go before their context
        tcp::acceptor acceptor(context, *endpoint);
        accept(acceptor, here);
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        context.run();
    } catch (const std::exception& e) {
        std::cerr << "chat_server: " << e.what() << '\n';
        return 1;
    }
}
