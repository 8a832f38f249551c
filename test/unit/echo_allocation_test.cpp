// SPDX-License-Identifier: BSL-1.0
// That an echo costs no memory once it is under way: every way to the heap is counted. (The C
// library's functions are replaced where the linker lets us, which glibc does.)
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/post.hpp>
#include <gyre/read.hpp>
#include <gyre/write.hpp>

#include "support/catch.hpp"
#include "support/tcp_pair.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define GYRE_COUNTS_MALLOC 0
#else
#define GYRE_COUNTS_MALLOC 1
#endif

namespace {

std::atomic<bool> counting{false};
std::atomic<std::size_t> allocations{0};

void note_allocation() noexcept {
    if (counting.load(std::memory_order_relaxed)) {
        allocations.fetch_add(1, std::memory_order_relaxed);
    }
}

}  // namespace

#if GYRE_COUNTS_MALLOC
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) {
    note_allocation();
    return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
    note_allocation();
    return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) {
    note_allocation();
    return __libc_realloc(memory, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
    note_allocation();
    return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
    note_allocation();
    return __libc_memalign(alignment, size);
}
}
#endif

namespace {

/// How many times memory is taken while it lives; operator new takes its own from malloc.
class allocation_count {
public:
    allocation_count() {
        allocations = 0;
        counting = true;
    }
    allocation_count(const allocation_count&) = delete;
    allocation_count& operator=(const allocation_count&) = delete;
    ~allocation_count() { counting = false; }

    std::size_t stop() {
        counting = false;
        return allocations;
    }
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
    if (!GYRE_COUNTS_MALLOC) {
        GYRE_SKIP("malloc can't be replaced here");
    }
    allocation_count count;
    auto* volatile by_new = new int(1);
    void* volatile by_malloc = std::malloc(10);
    const std::size_t seen = count.stop();
    delete by_new;
    std::free(by_malloc);
    CHECK(seen == 2);
}

TEST_CASE("echo allocation: echoes under way take no memory") {
    if (!GYRE_COUNTS_MALLOC) {
        GYRE_SKIP("malloc can't be replaced here");
    }
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

TEST_CASE("echo allocation: waits, cancellations and short connections take none either") {
    if (!GYRE_COUNTS_MALLOC) {
        GYRE_SKIP("malloc can't be replaced here");
    }
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
