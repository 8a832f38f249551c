// SPDX-License-Identifier: BSL-1.0
// Waiting for readiness alone, for users who make the transfer by themselves.
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/poller.hpp>
#include <gyre/post.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/native_world.hpp"
#include "support/tcp_pair.hpp"
#include "support/wine.hpp"

#include <array>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

namespace {

bool hears_of_urgent_data(const io_context& ctx) {
    std::error_code error;
    const std::unique_ptr<poller> other(find_poller(ctx.poller_name())->make(error));
    return !has(other->features(), poller_features::no_priority);
}

}  // namespace

TEST_CASE("async_wait: wait_read ends when bytes come, and takes none") {
    io_context ctx;
    adopted a = adopt(ctx);
    result r;
    a.socket.async_wait(tcp::socket::wait_read, r.keep());
    ctx.poll();
    CHECK(r == never);
    put(a.peer.get(), "data");
    run(ctx);
    CHECK(r == once());
    CHECK(a.socket.available() == 4);
}

TEST_CASE("async_wait: wait_read ends at the end of the stream and at a reset") {
    io_context ctx;
    adopted a = adopt(ctx);
    result r;
    a.socket.async_wait(tcp::socket::wait_read, r.keep());
    ctx.poll();
    if (GENERATE(false, true)) {
        reset(a.peer);
    } else {
        a.peer.reset();
    }
    run(ctx);
    CHECK(r == once());
    char byte = 0;
    error_code ec;
    a.socket.read_some(buffer(&byte, 1), ec);
    CHECK((ec == error::eof || ec == error::connection_reset));
}

TEST_CASE("async_wait: wait_write ends at once while there is room, else when there is") {
    io_context ctx;
    adopted a = adopt_local(ctx);
    result r;
    a.socket.async_wait(tcp::socket::wait_write, r.keep());
    run(ctx);
    CHECK(r == once());
    const std::size_t filled = fill(a.socket);
    result later;
    a.socket.async_wait(tcp::socket::wait_write, later.keep());
    ctx.restart();
    ctx.poll();
    CHECK(later == never);
    take(a.peer.get(), filled);
    run(ctx);
    CHECK(later == once());
}

TEST_CASE("async_wait: who takes half of the bytes is told of the rest, again and again") {
    io_context ctx;
    adopted a = adopt(ctx);
    a.socket.non_blocking(true);
    put(a.peer.get(), "0123456789");
    std::string got;
    const auto wait = [&](auto& self) -> void {
        a.socket.async_wait(tcp::socket::wait_read, [&](error_code ec) {
            CHECK_FALSE(ec);
            char byte = 0;
            CHECK(a.socket.read_some(buffer(&byte, 1)) == 1);
            got.push_back(byte);
            if (got.size() < 10) {
                self(self);
            }
        });
    };
    wait(wait);
    run(ctx);
    CHECK(got == "0123456789");
}

TEST_CASE("async_wait: is told again after it was left alone for a while") {
    io_context ctx;
    adopted a = adopt(ctx);
    put(a.peer.get(), "ab");
    for (int i = 0; i < 5; ++i) {
        result r;
        a.socket.async_wait(tcp::socket::wait_read, r.keep());
        run(ctx);
        CHECK(r == once());
        ctx.restart();
        post(ctx, [] {});
        ctx.poll();  // nobody waits meanwhile
    }
}

TEST_CASE("async_wait: is never answered from memory", "[D14]") {
    io_context ctx;
    adopted a = adopt(ctx);
    for (int i = 0; i < 5; ++i) {
        result first, second;
        a.socket.async_wait(tcp::socket::wait_read, first.keep());
        put(a.peer.get(), "data");
        run(ctx);
        CHECK(first == once());
        char text[4];
        CHECK(a.socket.read_some(buffer(text)) == 4);  // behind the loop's back
        a.socket.async_wait(tcp::socket::wait_read, second.keep());
        ctx.restart();
        ctx.poll();
        ctx.poll();
        CHECK(second == never);
        a.socket.cancel();
        run(ctx);
    }
}

TEST_CASE("async_wait: waits of one direction queue, and each is told") {
    io_context ctx;
    adopted a = adopt(ctx);
    std::vector<int> order;
    for (int i = 0; i < 5; ++i) {
        a.socket.async_wait(tcp::socket::wait_read, [&order, i](error_code ec) {
            CHECK_FALSE(ec);
            order.push_back(i);
        });
    }
    ctx.poll();
    CHECK(order.empty());
    put_byte(a.peer.get());
    run(ctx);
    CHECK(order == std::vector{0, 1, 2, 3, 4});
}

TEST_CASE("async_wait: the directions do not disturb each other", "[D2]") {
    io_context ctx;
    adopted a = adopt_local(ctx);
    const std::size_t filled = fill(a.socket);
    result read, write, error;
    a.socket.async_wait(tcp::socket::wait_read, read.keep());
    a.socket.async_wait(tcp::socket::wait_write, write.keep());
    a.socket.async_wait(tcp::socket::wait_error, error.keep());
    ctx.poll();
    put_byte(a.peer.get());
    run_until(ctx, [&] { return read.calls != 0; });
    ctx.poll();
    CHECK(read == once());
    CHECK(write == never);
    CHECK(error == never);
    take(a.peer.get(), filled);
    run_until(ctx, [&] { return write.calls != 0; });
    CHECK(write == once());
    CHECK(error == never);
    CHECK(a.socket.cancel() == 1);
    run(ctx);
    CHECK(error == once(gyre::error::operation_aborted));
}

TEST_CASE("async_wait: wait_error ends at out-of-band data, and bytes alone do not end it") {
    io_context ctx;
    if (!hears_of_urgent_data(ctx)) {
        GYRE_SKIP("this poller can't wait for urgent data");
    }
    adopted a = adopt(ctx);
    result r;
    a.socket.async_wait(tcp::socket::wait_error, r.keep());
    put(a.peer.get(), "ab");
    await_bytes(a.socket, 2);
    ctx.poll();
    CHECK(r == never);
    REQUIRE(::send(a.peer.get(), "!", 1, MSG_OOB) == 1);
    run(ctx);
    CHECK(r == once());
    char byte = 0;
    CHECK(a.socket.receive(buffer(&byte, 1), tcp::socket::message_out_of_band) == 1);
    CHECK(byte == '!');
    char text[8];
    CHECK(a.socket.read_some(buffer(text)) == 2);
    CHECK((on_wine() || a.socket.at_mark()));
}

TEST_CASE("async_wait: a read that waits is not ended by out-of-band data") {
    io_context ctx;
    if (!hears_of_urgent_data(ctx)) {
        GYRE_SKIP("this poller can't wait for urgent data");
    }
    adopted a = adopt(ctx);
    char text[8];
    result read, error;
    a.socket.async_read_some(buffer(text), read.keep());
    a.socket.async_wait(tcp::socket::wait_error, error.keep());
    ctx.poll();
    REQUIRE(::send(a.peer.get(), "!", 1, MSG_OOB) == 1);
    run_until(ctx, [&] { return error.calls != 0; });
    CHECK(error == once());
    ctx.poll();
    CHECK(read == never);
    char byte = 0;
    CHECK(a.socket.receive(buffer(&byte, 1), tcp::socket::message_out_of_band) == 1);
    put(a.peer.get(), "data");
    run(ctx);
    CHECK(read == once({}, 4));
}

TEST_CASE("async_wait: wait_error ends at a reset") {
    io_context ctx;
    adopted a = adopt(ctx);
    result r;
    a.socket.async_wait(tcp::socket::wait_error, r.keep());
    ctx.poll();
    reset(a.peer);
    run(ctx);
    CHECK(r == once());
}

#if !defined(_WIN32)  // a file is no socket
TEST_CASE("async_wait: a regular file is refused, at its first wait if not before") {
    io_context ctx;
    char path[] = "/tmp/gyre-test-XXXXXX";
    const int fd = ::mkstemp(path);
    REQUIRE(fd >= 0);
    ::unlink(path);
    unique_fd file(fd);
    tcp::socket s(ctx);
    error_code ec;
    s.assign(tcp::v4(), fd, ec);
    if (ec) {
        CHECK((ec == error::operation_not_supported || ec == error::not_socket));
        CHECK_FALSE(s.is_open());
        return;
    }
    file.release();  // owned by the socket now
    std::array<result, 3> r;
    char byte = 0;
    s.async_wait(tcp::socket::wait_read, r[0].keep());
    s.async_wait(tcp::socket::wait_write, r[1].keep());
    s.async_read_some(buffer(&byte, 1), r[2].keep());
    run(ctx);
    CHECK(r[0] == once(error::operation_not_supported));
    CHECK(r[1] == once(error::operation_not_supported));
    CHECK(r[2].calls == 1);
    CHECK((r[2].error == error::operation_not_supported || r[2].error == error::not_socket));
}
#endif

TEST_CASE("async_wait: a descriptor that two sockets were given is refused to the second one") {
    io_context ctx;
    adopted a = adopt(ctx);
    tcp::socket second(ctx, tcp::v4(), a.socket.native_handle());
    result r, refused;
    a.socket.async_wait(tcp::socket::wait_read, r.keep());
    second.async_wait(tcp::socket::wait_read, refused.keep());
    run_until(ctx, [&] { return refused.calls != 0; });
    CHECK(refused.error == std::errc::file_exists);
    put_byte(a.peer.get());
    run(ctx);
    CHECK(r == once());
    second.release();
}

TEST_CASE("async_wait: the blocking form waits, whatever non_blocking() says") {
    const hang_guard guard;
    watched_world world;
    io_context ctx(world.options());
    adopted a = adopt(ctx);
    a.socket.non_blocking(true);
    a.socket.wait(tcp::socket::wait_write);
    world.await_wait();
    std::thread other([&] {
        world.await_wait();
        (void)!::send(a.peer.get(), "x", 1, 0);
    });
    a.socket.wait(tcp::socket::wait_read);
    CHECK(a.socket.available() == 1);
    other.join();
    std::thread third([&] {
        world.await_wait();
        (void)!::send(a.peer.get(), "!", 1, MSG_OOB);
    });
    a.socket.wait(tcp::socket::wait_error);
    third.join();
    char byte = 0;
    CHECK(a.socket.receive(buffer(&byte, 1), tcp::socket::message_out_of_band) == 1);
}

TEST_CASE("async_wait: a write that was made and a wait for room behind it both end") {
    io_context ctx;
    adopted a = adopt(ctx);
    result write, wait, second;
    a.socket.async_write_some(buffer("data", 4), write.keep());
    a.socket.async_wait(tcp::socket::wait_write, wait.keep());
    a.socket.async_write_some(buffer("more", 4), second.keep());
    run(ctx);
    CHECK(write == once({}, 4));
    CHECK(wait == once());
    CHECK(second == once({}, 4));
    CHECK(take(a.peer.get(), 8) == "datamore");
}

TEST_CASE("async_wait: a read in front of a wait takes the bytes, and the wait goes on") {
    io_context ctx;
    adopted a = adopt(ctx);
    char text[8];
    result read, wait;
    a.socket.async_read_some(buffer(text), read.keep());
    a.socket.async_wait(tcp::socket::wait_read, wait.keep());
    ctx.poll();
    put(a.peer.get(), "data");
    run_until(ctx, [&] { return read.calls != 0; });
    CHECK(read == once({}, 4));
    put(a.peer.get(), "more");  // it may have been told with the read: a hint
    run(ctx);
    CHECK(wait == once());
    CHECK(a.socket.available() == 4);
}

TEST_CASE("async_wait: thousands of waits on a busy pair of sockets are rarely spurious") {
    io_context ctx;
    connection c = connected(ctx);
    for (tcp::socket* s : {&c.client, &c.server}) {
        s->non_blocking(true);
        shrink(s->native_handle());
    }
    constexpr std::size_t total = 200'000;
    std::mt19937 random(42);
    struct side {
        tcp::socket& socket;
        std::mt19937& random;
        std::size_t sent = 0, received = 0, told = 0, spurious = 0;
        bool intact = true;
        void write() {
            socket.async_wait(tcp::socket::wait_write, [this](error_code e) {
                REQUIRE_FALSE(e);
                std::array<char, 3000> block;
                const std::size_t most = std::min<std::size_t>(1 + random() % 3000, total - sent);
                for (std::size_t i = 0; i < most; ++i) {
                    block[i] = static_cast<char>((sent + i) % 251);
                }
                error_code ec;
                const std::size_t n = socket.write_some(buffer(block, most), ec);
                ++told;
                spurious += ec ? 1 : 0;
                sent += n;
                if (sent < total) {
                    write();
                }
            });
        }
        void read() {
            socket.async_wait(tcp::socket::wait_read, [this](error_code e) {
                REQUIRE_FALSE(e);
                std::array<char, 3000> block;
                error_code ec;
                const std::size_t n = socket.read_some(buffer(block, 1 + random() % 3000), ec);
                ++told;
                spurious += ec ? 1 : 0;
                for (std::size_t i = 0; i < n; ++i) {
                    intact = intact && block[i] == static_cast<char>((received + i) % 251);
                }
                received += n;
                if (received < total) {
                    read();
                }
            });
        }
    } client{c.client, random}, server{c.server, random};
    for (side* s : {&client, &server}) {
        s->write();
        s->read();
    }
    run(ctx);
    for (side* s : {&client, &server}) {
        CHECK(s->received == total);
        CHECK(s->intact);
        CHECK(s->spurious * 20 <= s->told);
    }
}
