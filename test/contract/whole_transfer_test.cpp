// SPDX-License-Identifier: BSL-1.0
// Reading and writing all of it over a socket, which is one operation without steps: in pieces of
// every size, over several buffers, and broken off in the middle.
#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/read.hpp>
#include <gyre/write.hpp>

#include "support/catch.hpp"
#include "support/scripted_stream.hpp"
#include "support/tcp_pair.hpp"
#include "support/wine.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

namespace {

/// Three buffers, the second one empty.
std::array<mutable_buffer, 3> in_three(std::string& memory, std::size_t first) {
    return {mutable_buffer(memory.data(), first), mutable_buffer(),
            mutable_buffer(memory.data() + first, memory.size() - first)};
}

/// Turns the loop until the socket has been emptied.
void drain(io_context& context, tcp::socket& socket) {
    const auto end = std::chrono::steady_clock::now() + patience;
    do {
        context.poll();
    } while (socket.available() != 0 && std::chrono::steady_clock::now() < end);
}

/// Turns the loop until nothing more goes into the socket.
void choke(io_context& context, tcp::socket& socket) {
    do {
        context.poll();
    } while (ready(socket.native_handle(), POLLOUT, 60));
    context.poll();
}

}  // namespace

TEST_CASE("whole read: however the bytes come, every buffer is filled before the handler is told") {
    const std::string text = sample(7);
    for (std::size_t first = 0; first <= text.size(); ++first) {
        for (std::size_t split = 0; split <= text.size(); ++split) {
            io_context ctx;
            adopted a = adopt(ctx);
            std::string memory(text.size(), '-');
            result r;
            async_read(a.socket, in_three(memory, first), r.keep());
            for (const std::string& piece : {text.substr(0, split), text.substr(split)}) {
                if (!piece.empty()) {
                    REQUIRE(r == never);
                    put(a.peer.get(), piece);
                    await_bytes(a.socket, piece.size());
                    drain(ctx, a.socket);
                }
            }
            run(ctx);
            REQUIRE(r == once({}, text.size()));
            REQUIRE(memory == text);
        }
    }
}

TEST_CASE("whole read: a peer that sends one byte at a time costs one handler") {
    const std::string text = sample(50);
    io_context ctx;
    adopted a = adopt(ctx);
    std::string memory(text.size(), '-');
    result r;
    async_read(a.socket, buffer(memory), r.keep());
    std::size_t handlers = 0;
    for (const char byte : text) {
        put(a.peer.get(), std::string(1, byte));
        await_bytes(a.socket);
        handlers += ctx.poll();
    }
    CHECK(handlers == 1);
    CHECK(r == once({}, text.size()));
    CHECK(memory == text);
}

TEST_CASE("whole read: takes no byte of what comes behind") {
    io_context ctx;
    adopted a = adopt(ctx);
    std::string memory(4, '-');
    result r;
    async_read(a.socket, buffer(memory), r.keep());
    put(a.peer.get(), "fourmore");
    run(ctx);
    CHECK(r == once({}, 4));
    CHECK(memory == "four");
    char rest[8];
    CHECK(a.socket.read_some(buffer(rest)) == 4);
}

TEST_CASE("whole read: the end of the stream in the middle is eof, with the bytes before it") {
    for (std::size_t sent = 0; sent < 6; ++sent) {
        io_context ctx;
        adopted a = adopt(ctx);
        std::string memory(6, '-');
        result r;
        async_read(a.socket, in_three(memory, 3), r.keep());
        if (sent != 0) {
            put(a.peer.get(), sample(sent));
            await_bytes(a.socket, sent);
            drain(ctx, a.socket);
        }
        a.peer.reset();
        run(ctx);
        CHECK(r == once(error::eof, sent));
        CHECK(memory.substr(0, sent) == sample(sent));
    }
}

TEST_CASE("whole read: a reset in the middle is connection_reset, with the bytes before it") {
    if (on_wine()) {
        GYRE_SKIP("Wine 8 calls a reset the end of the stream");
    }
    io_context ctx;
    adopted a = adopt(ctx);
    std::string memory(6, '-');
    result r;
    async_read(a.socket, buffer(memory), r.keep());
    put(a.peer.get(), "abc");
    await_bytes(a.socket, 3);
    drain(ctx, a.socket);
    reset(a.peer);
    run(ctx);
    CHECK(r == once(error::connection_reset, 3));
}

TEST_CASE("whole read: waits of the same direction behind it keep their turn") {
    io_context ctx;
    adopted a = adopt(ctx);
    std::string first(4, '-');
    std::string second(4, '-');
    std::vector<int> order;
    async_read(a.socket, buffer(first), [&](error_code, std::size_t) { order.push_back(1); });
    async_read(a.socket, buffer(second), [&](error_code, std::size_t) { order.push_back(2); });
    put(a.peer.get(), "ab");
    await_bytes(a.socket, 2);
    drain(ctx, a.socket);
    put(a.peer.get(), "cdefgh");
    run(ctx);
    CHECK(order == std::vector<int>{1, 2});
    CHECK(first == "abcd");
    CHECK(second == "efgh");
}

TEST_CASE("whole write: several buffers go through a full socket in pieces, intact") {
    io_context ctx;
    adopted a = adopt(ctx);
    shrink(a.socket.native_handle());
    shrink(a.peer.get());
    const std::string text = sample(300'000);
    const std::array<const_buffer, 4> pieces{buffer(text, 1), const_buffer(),
                                             const_buffer(text.data() + 1, 100'000),
                                             const_buffer(text.data() + 100'001, 199'999)};
    result r;
    async_write(a.socket, pieces, r.keep());
    std::string got;
    while (got.size() < text.size()) {
        ctx.poll();
        got += take(a.peer.get(), 1);
        char block[4096];
        for (ssize_t n = 0; (n = ::recv(a.peer.get(), block, sizeof block, 0)) > 0;) {
            got.append(block, static_cast<std::size_t>(n));
        }
    }
    run(ctx);
    CHECK(r == once({}, text.size()));
    CHECK((got == text));
}

TEST_CASE("whole write: one that the system took at once is not taken by a cancellation") {
    io_context ctx;
    adopted a = adopt(ctx);
    result r;
    async_write(a.socket, buffer("hello", 5), r.keep());
    CHECK(a.socket.cancel() == 0);
    run(ctx);
    CHECK(r == once({}, 5));
    CHECK(take(a.peer.get(), 5) == "hello");
}

TEST_CASE("whole write: broken off in the middle, it reports exactly the bytes that went") {
    io_context ctx;
    adopted a = adopt(ctx);
    shrink(a.socket.native_handle());
    shrink(a.peer.get());
    const std::string text = sample(1'000'000);
    const std::array<const_buffer, 2> pieces{buffer(text, 10),
                                             const_buffer(text.data() + 10, text.size() - 10)};
    result r;
    async_write(a.socket, pieces, r.keep());
    choke(ctx, a.socket);
    REQUIRE(r == never);
    CHECK(a.socket.cancel() == 1);
    run(ctx);
    CHECK(r.calls == 1);
    CHECK(r.error == error::operation_aborted);
    CHECK(r.bytes > 0);
    CHECK(r.bytes < text.size());
    a.socket.close();
    CHECK((take(a.peer.get(), text.size()) == text.substr(0, r.bytes)));
}

TEST_CASE("whole write: a peer that resets in the middle ends it with the bytes that went") {
    io_context ctx;
    adopted a = adopt(ctx);
    shrink(a.socket.native_handle());
    shrink(a.peer.get());
    const std::string text = sample(1'000'000);
    result r;
    async_write(a.socket, buffer(text), r.keep());
    choke(ctx, a.socket);
    REQUIRE(r == never);
    reset(a.peer);
    run(ctx);
    CHECK(r.calls == 1);
    CHECK((r.error == error::connection_reset || r.error == error::broken_pipe));
    CHECK(r.bytes > 0);
    CHECK(r.bytes < text.size());
}

TEST_CASE("whole transfers: of nothing succeed, one after the other, and not at once") {
    io_context ctx;
    adopted a = adopt(ctx);
    std::vector<int> order;
    const auto note = [&](int n) {
        return [&order, n](error_code ec, std::size_t bytes) {
            order.push_back(ec || bytes != 0 ? -n : n);
        };
    };
    async_read(a.socket, mutable_buffer(), note(1));
    async_write(a.socket, const_buffer(), note(2));
    async_read(a.socket, std::array<mutable_buffer, 2>{}, note(3));
    async_write(a.socket, std::array<const_buffer, 2>{}, note(4));
    CHECK(order.empty());
    run(ctx);
    CHECK(order.size() == 4);
    for (const int n : order) {
        CHECK(n > 0);
    }
}

TEST_CASE("whole transfers: on a closed socket they report bad_descriptor") {
    io_context ctx;
    tcp::socket socket(ctx);
    char memory[4];
    result in;
    result out;
    async_read(socket, buffer(memory), in.keep());
    async_write(socket, buffer(memory), out.keep());
    CHECK(in == never);
    run(ctx);
    CHECK(in == once(error::bad_descriptor));
    CHECK(out == once(error::bad_descriptor));
}

TEST_CASE("whole transfers: started by another thread while the loop runs, they are done there") {
    io_context ctx;
    adopted a = adopt(ctx);
    std::string memory(6, '-');
    result in;
    result out;
    std::optional<executor_work_guard<io_context::executor_type>> guard(ctx.get_executor());
    std::thread loop([&] { ctx.run(); });
    put(a.peer.get(), "abc");
    async_read(a.socket, buffer(memory), in.keep());
    async_write(a.socket, buffer("hello", 5), out.keep());
    put(a.peer.get(), "def");
    CHECK(take(a.peer.get(), 5) == "hello");
    guard.reset();
    loop.join();
    CHECK(in == once({}, 6));
    CHECK(out == once({}, 5));
    CHECK(memory == "abcdef");
}
