// SPDX-License-Identifier: BSL-1.0
// Asks several echo servers the same thing at once, and waits for all of them.
//
//     futures TEXT ADDRESS PORT [ADDRESS PORT]...
//
// It shows a program that blocks while a thread behind it runs the loop: each step is a future, an
// error is an exception where the result is asked for.

#include <gyre/buffer.hpp>
#include <gyre/cancel_after.hpp>
#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/read.hpp>
#include <gyre/use_future.hpp>
#include <gyre/write.hpp>

#include "command_line.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <future>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

using gyre::ip::tcp;

namespace {

struct question {
    question(gyre::io_context& context, std::size_t size) : socket(context), answer(size, ' ') {}

    tcp::socket socket;
    std::string answer;
};

void ask(gyre::io_context& context, const std::string& text,
         const std::vector<tcp::endpoint>& servers) {
    const auto in_time = gyre::cancel_after(std::chrono::seconds(5), gyre::use_future);
    std::deque<question> questions;
    std::vector<std::future<void>> connected;
    for (const tcp::endpoint& server : servers) {
        question& q = questions.emplace_back(context, text.size());
        connected.push_back(q.socket.async_connect(server, in_time));
    }
    for (std::future<void>& each : connected) {
        each.get();
    }
    std::vector<std::future<std::size_t>> answered;
    for (question& q : questions) {
        gyre::async_write(q.socket, gyre::buffer(text), in_time).get();
        answered.push_back(gyre::async_read(q.socket, gyre::buffer(q.answer), in_time));
    }
    for (std::size_t i = 0; i != answered.size(); ++i) {
        answered[i].get();
        std::cout << servers[i] << ": " << questions[i].answer << '\n';
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<tcp::endpoint> servers;
    for (int i = 2; i + 1 < argc; i += 2) {
        if (const auto endpoint = example::endpoint_of(argv[i], argv[i + 1])) {
            servers.push_back(*endpoint);
        }
    }
    if (argc < 4 || argc % 2 != 0 || servers.size() != static_cast<std::size_t>(argc - 2) / 2) {
        std::cerr << "usage: futures TEXT ADDRESS PORT [ADDRESS PORT]...\n";
        return 2;
    }
    gyre::io_context context;
    auto work = gyre::make_work_guard(context);
    std::thread loop([&context] { context.run(); });
    int status = 0;
    try {
        ask(context, argv[1], servers);
    } catch (const std::exception& e) {
        std::cerr << "futures: " << e.what() << '\n';
        status = 1;
    }
    work.reset();
    loop.join();
    return status;
}
