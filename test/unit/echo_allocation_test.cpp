// SPDX-License-Identifier: BSL-1.0
// That an echo costs no memory once it is under way: every way to the heap is counted.
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/post.hpp>
#include <gyre/read.hpp>
#include <gyre/write.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/tcp_pair.hpp"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

namespace {

/// How many times memory is taken since it was made.
class allocation_count {
public:
    std::size_t stop() const { return allocations - before_; }

private:
    const std::size_t before_ = allocations;
};

/// Both ends of an echo, by single or by composed transfers.
struct echo {
    connection c;
    bool composed;
    std::array<char, 64> server_data{};
    std::array<char, 64> client_data{};
    std::size_t rounds = 0;

    void serve() {
        const auto got = [this](error_code ec, std::size_t n) {
            if (!ec) {
                const auto sent = [this](error_code e, std::size_t) {
                    if (!e) {
                        serve();
                    }
                };
                if (composed) {
                    async_write(c.server, buffer(server_data, n), sent);
                } else {
                    c.server.async_write_some(buffer(server_data, n), sent);
                }
            }
        };
        if (composed) {
            async_read(c.server, buffer(server_data), got);
        } else {
            c.server.async_read_some(buffer(server_data), got);
        }
    }

    void ask() {
        c.client.async_write_some(buffer(client_data), [this](error_code ec, std::size_t n) {
            CHECK_FALSE(ec);
            if (n != client_data.size()) {
                std::abort();
            }
            async_read(c.client, buffer(client_data), [this](error_code e, std::size_t) {
                if (!e) {
                    ++rounds;
                    ask();
                }
            });
        });
    }
};

}  // namespace

TEST_CASE("echo allocation: the counter counts what operator new and malloc take") {
    allocation_count count;
    auto* volatile by_new = new int(1);
    void* volatile by_malloc = std::malloc(10);
    const std::size_t seen = count.stop();
    delete by_new;
    std::free(by_malloc);
    CHECK(seen >= 1);  // not malloc under a sanitizer
}

TEST_CASE("echo allocation: echoes under way take no memory") {
    io_context ctx;
    std::vector<std::unique_ptr<echo>> echoes;
    for (int i = 0; i < 20; ++i) {
        connection c = connected(ctx);
        echoes.emplace_back(new echo{std::move(c), i % 2 == 0});
        echoes.back()->serve();
        echoes.back()->ask();
    }
    const auto rounds = [&] {
        std::size_t total = 0;
        for (const auto& e : echoes) {
            total += e->rounds;
        }
        return total;
    };
    run_until(ctx, [&] { return rounds() > 2000; });
    const std::size_t before = rounds();
    allocation_count count;
    while (rounds() < before + 10'000) {
        if (ctx.run_one_for(patience) == 0) {
            break;
        }
    }
    CHECK(count.stop() == 0);
    CHECK(rounds() >= before + 10'000);
    for (const auto& e : echoes) {
        e->c.client.close();
        e->c.server.close();
    }
    run(ctx);
}

TEST_CASE("echo allocation: waits, cancellations and short connections take none either", "[D13]") {
    io_context ctx;
    tcp::acceptor acceptor(ctx, loopback());
    const tcp::endpoint where = acceptor.local_endpoint();
    tcp::socket server(ctx);
    tcp::socket client(ctx);
    char text[8];
    int wrong = 0;
    const auto round = [&] {
        const auto fine = [&wrong](error_code ec, std::size_t = 0) { wrong += ec ? 1 : 0; };
        const auto aborted = [&wrong](error_code ec, std::size_t = 0) {
            wrong += ec == error::operation_aborted ? 0 : 1;
        };
        ctx.restart();
        acceptor.async_accept(server, fine);
        client.async_connect(where, fine);
        ctx.run_for(patience);
        server.async_read_some(buffer(text), aborted);
        server.async_wait(tcp::socket::wait_error, aborted);
        ctx.restart();
        ctx.poll();
        wrong += server.cancel() == 2 ? 0 : 1;
        client.async_wait(tcp::socket::wait_write, fine);
        ctx.run_for(patience);
        client.set_option(tcp::socket::linger(true, 0));  // leaves no port in TIME_WAIT
        client.close();
        server.close();
    };
    for (int i = 0; i < 20; ++i) {
        round();
    }
    allocation_count count;
    for (int i = 0; i < 200; ++i) {
        round();
    }
    CHECK(count.stop() == 0);
    CHECK(wrong == 0);
}
