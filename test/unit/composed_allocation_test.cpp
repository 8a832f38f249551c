// SPDX-License-Identifier: BSL-1.0
// That composed operations take no memory of their own once they are under way: their state travels
// in the slots of their steps.
#include <gyre/connect.hpp>
#include <gyre/dynamic_buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/read_until.hpp>
#include <gyre/streambuf.hpp>
#include <gyre/write.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/tcp_pair.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

namespace {

/// Lines to and fro: one end sends them in two pieces, the other reads them to their ends and sends
/// them back. Buffer is what lines are read into.
template <class Buffer>
struct line_echo {
    line_echo(io_context& ctx, int way) : c(connected(ctx)), way(way) {
        reserve(received);
        reserve(answer);
    }

    static void reserve(std::string& s) { s.reserve(4096); }
    static void reserve(streambuf& b) { b.commit(b.prepare(4096).size() * 0); }
    static auto dynamic(std::string& s) { return dynamic_buffer(s, 4096); }
    static streambuf& dynamic(streambuf& b) { return b; }

    void serve() {
        const auto got = [this](error_code ec, std::size_t n) {
            if (!ec) {
                echo(n);
            }
        };
        const auto line = [](auto begin, auto end) {
            for (auto it = begin; it != end; ++it) {
                if (*it == '\n') {
                    return std::pair(++it, true);
                }
            }
            return std::pair(end, false);
        };
        switch (way) {
        case 0: async_read_until(c.server, dynamic(received), '\n', got); break;
        case 1: async_read_until(c.server, dynamic(received), "\r\n", got); break;
        default: async_read_until(c.server, dynamic(received), line, got); break;
        }
    }
    void echo(std::size_t n) {
        async_write(c.server, dynamic(received), transfer_exactly(n),
                    [this](error_code ec, std::size_t) {
                        if (!ec) {
                            serve();
                        }
                    });
    }
    void ask() {
        async_write(c.client, std::array{buffer(text, 5), buffer(text) + 5},
                    [this](error_code ec, std::size_t) {
                        if (!ec) {
                            async_read(c.client, dynamic(answer), transfer_exactly(text.size()),
                                       [this](error_code e, std::size_t) {
                                           if (!e) {
                                               dynamic(answer).consume(text.size());
                                               ++rounds;
                                               ask();
                                           }
                                       });
                        }
                    });
    }

    connection c;
    int way;
    Buffer received;
    Buffer answer;
    const std::string text = "a line of text\r\n";
    std::size_t rounds = 0;
};

template <class Buffer>
void check_lines() {
    io_context ctx;
    std::vector<std::unique_ptr<line_echo<Buffer>>> echoes;
    for (int way = 0; way < 3; ++way) {
        echoes.push_back(std::make_unique<line_echo<Buffer>>(ctx, way));
        echoes.back()->serve();
        echoes.back()->ask();
    }
    const auto rounds = [&] {
        std::size_t least = echoes[0]->rounds;
        for (const auto& e : echoes) {
            least = e->rounds < least ? e->rounds : least;
        }
        return least;
    };
    run_until(ctx, [&] { return rounds() > 300; });
    const std::size_t before = allocations;
    const std::size_t start = rounds();
    while (rounds() < start + 2000) {
        if (ctx.run_one_for(patience) == 0) {
            break;
        }
    }
    CHECK(allocations - before == 0);
    CHECK(rounds() >= start + 2000);
    for (const auto& e : echoes) {
        e->c.client.close();
        e->c.server.close();
    }
    run(ctx);
}

}  // namespace

TEST_CASE("composed allocation: lines read into strings and written from them take no memory") {
    check_lines<std::string>();
}

TEST_CASE("composed allocation: lines read into streambufs and written from them take none") {
    check_lines<streambuf>();
}

TEST_CASE("composed allocation: connecting to the second of two endpoints takes none") {
    io_context ctx;
    const closed_port closed(ctx);
    tcp::acceptor acceptor(ctx, loopback());
    const std::array<tcp::endpoint, 2> range{closed.endpoint(), acceptor.local_endpoint()};
    tcp::socket client(ctx);
    tcp::socket server(ctx);
    int connections = 0;
    const auto round = [&] {
        async_connect(client, range, [&](error_code ec, const tcp::endpoint& e) {
            connections += !ec && e == range[1] ? 1 : 0;
        });
        acceptor.async_accept(server, [](error_code) {});
        ctx.restart();
        ctx.run_for(patience);
        client.set_option(tcp::socket::linger(true, 0));  // leaves no port in TIME_WAIT
        client.close();
        server.close();
    };
    for (int i = 0; i < 20; ++i) {
        round();
    }
    const std::size_t before = allocations;
    for (int i = 0; i < 200; ++i) {
        round();
    }
    CHECK(allocations - before == 0);
    CHECK(connections == 220);
}
