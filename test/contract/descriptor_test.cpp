// SPDX-License-Identifier: BSL-1.0
// Descriptors that are no sockets: pipes, terminals, event descriptors, files.
#include <gyre/connect_pipe.hpp>
#include <gyre/dynamic_buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/posix/stream_descriptor.hpp>
#include <gyre/read.hpp>
#include <gyre/read_until.hpp>
#include <gyre/write.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/native_world.hpp"
#include "support/tcp_pair.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

using namespace gyre;
using namespace gyre::testing;
using posix::stream_descriptor;

namespace {

struct pipe_ends {
    explicit pipe_ends(io_context& ctx) : in(ctx), out(ctx) { connect_pipe(in, out); }
    readable_pipe in;
    writable_pipe out;
};

// Writes until the pipe is full; returns how much.
std::size_t fill(writable_pipe& out) {
    const std::string block(4096, 'f');
    std::size_t total = 0;
    error_code ec;
    out.non_blocking(true);
    while (const std::size_t n = out.write_some(buffer(block), ec)) {
        total += n;
    }
    REQUIRE(ec == error::would_block);
    out.non_blocking(false);
    return total;
}

int one_file() {
    std::FILE* file = std::tmpfile();
    REQUIRE(file != nullptr);
    const int fd = ::dup(::fileno(file));
    std::fclose(file);
    return fd;
}

}  // namespace

TEST_CASE("pipe: carries bytes by blocking calls, and ends when the writing end is closed") {
    io_context ctx;
    pipe_ends p(ctx);
    CHECK(p.out.write_some(buffer("hello", 5)) == 5);
    char text[8];
    CHECK(p.in.read_some(buffer(text)) == 5);
    CHECK(std::string(text, 5) == "hello");
    p.out.close();
    error_code ec;
    CHECK(p.in.read_some(buffer(text), ec) == 0);
    CHECK(ec == error::eof);
    CHECK_THROWS_AS(p.in.read_some(buffer(text)), std::system_error);
    CHECK(p.in.read_some(mutable_buffer(), ec) == 0);
    CHECK_FALSE(ec);
}

TEST_CASE("pipe: a blocking read waits for bytes that come later") {
    const hang_guard guard;
    watched_world world;
    io_context ctx(world.options());
    pipe_ends p(ctx);
    std::thread other([&] {
        world.await_wait();
        (void)!::write(p.out.native_handle(), "late", 4);
    });
    char text[8];
    CHECK(p.in.read_some(buffer(text)) == 4);
    other.join();
}

TEST_CASE("pipe: asynchronous transfers, whole ones and up to a delimiter, in their order") {
    io_context ctx;
    pipe_ends p(ctx);
    std::string head;
    std::string body(300'000, ' ');
    const std::string sent(300'000, 'b');
    bool read = false;
    bool written = false;
    async_read_until(p.in, dynamic_buffer(head), '\n', [&](error_code e, std::size_t n) {
        REQUIRE_FALSE(e);
        CHECK(head.substr(0, n) == "head\n");
        const std::size_t there = head.size() - n;
        async_read(p.in, buffer(body.data(), body.size() - there),
                   [&, there](error_code r, std::size_t m) {
                       CHECK_FALSE(r);
                       CHECK(m == body.size() - there);
                       read = true;
                   });
    });
    async_write(p.out, std::array{buffer("head\n", 5), buffer(sent)},
                [&](error_code e, std::size_t n) {
                    CHECK_FALSE(e);
                    CHECK(n == 5 + sent.size());
                    written = true;
                });
    run(ctx);
    CHECK((read && written));
}

TEST_CASE("pipe: writing where nobody reads is broken_pipe, and raises no SIGPIPE", "[L36]") {
    io_context ctx;
    pipe_ends p(ctx);
    p.in.close();
    error_code ec;
    CHECK(p.out.write_some(buffer("x", 1), ec) == 0);  // the signal would end the program
    CHECK(ec == error::broken_pipe);
    bool told = false;
    p.out.async_write_some(buffer("x", 1), [&](error_code e, std::size_t n) {
        CHECK(e == error::broken_pipe);
        CHECK(n == 0);
        told = true;
    });
    run(ctx);
    CHECK(told);
    sigset_t pending;
    ::sigpending(&pending);
    CHECK(sigismember(&pending, SIGPIPE) == 0);
}

TEST_CASE("pipe: a write waits for room, and is aborted without having written") {
    io_context ctx;
    pipe_ends p(ctx);
    const std::size_t filled = fill(p.out);
    bool aborted = false;
    p.out.async_write_some(buffer("lost", 4), [&](error_code e, std::size_t n) {
        CHECK(e == error::operation_aborted);
        CHECK(n == 0);
        aborted = true;
    });
    ctx.poll();
    CHECK_FALSE(aborted);
    CHECK(p.out.cancel() == 1);
    run(ctx);
    CHECK(aborted);
    bool written = false;
    p.out.async_write_some(buffer("more", 4), [&](error_code e, std::size_t n) {
        CHECK_FALSE(e);
        CHECK(n == 4);
        written = true;
    });
    std::string all(filled + 4, ' ');
    async_read(p.in, buffer(all), [](error_code e, std::size_t) { CHECK_FALSE(e); });
    run(ctx);
    CHECK(written);
    CHECK(all.substr(filled) == "more");
}

TEST_CASE("pipe: a cancelled read takes no bytes, not even ones that have come") {
    io_context ctx;
    pipe_ends p(ctx);
    char text[8];
    error_code result;
    p.in.async_read_some(buffer(text), [&](error_code e, std::size_t) { result = e; });
    p.out.write_some(buffer("kept", 4));
    CHECK(p.in.cancel() == 1);
    run(ctx);
    CHECK(result == error::operation_aborted);
    CHECK(p.in.read_some(buffer(text)) == 4);
}

TEST_CASE(
    "pipe: closing aborts, destroying the context destroys handlers, and closed ones refuse") {
    auto owned = std::make_shared<int>(0);
    io_context ctx;
    pipe_ends p(ctx);
    char text[8];
    error_code result;
    p.in.async_read_some(buffer(text), [&](error_code e, std::size_t) { result = e; });
    p.in.close();
    run(ctx);
    CHECK(result == error::operation_aborted);
    p.in.async_read_some(buffer(text), [&](error_code e, std::size_t) { result = e; });
    run(ctx);
    CHECK(result == error::bad_descriptor);
    error_code ec;
    p.in.read_some(buffer(text), ec);
    CHECK(ec == error::bad_descriptor);
    p.in.read_some(mutable_buffer(), ec);
    CHECK(ec == error::bad_descriptor);
    p.in.cancel(ec);
    CHECK(ec == error::bad_descriptor);
    p.in.release(ec);
    CHECK(ec == error::bad_descriptor);
    {
        io_context other;
        pipe_ends q(other);
        q.in.async_read_some(buffer(text), [owned](error_code, std::size_t) { FAIL(); });
        ::close(q.in.release());
        ::close(q.out.release());
    }
    CHECK(owned.use_count() == 1);
}

TEST_CASE("connect_pipe: an open end is an error, and the other one stays closed") {
    io_context ctx;
    pipe_ends p(ctx);
    readable_pipe in(ctx);
    writable_pipe out(ctx);
    error_code ec;
    connect_pipe(in, p.out, ec);
    CHECK(ec == error::already_open);
    connect_pipe(p.in, out, ec);
    CHECK(ec == error::already_open);
    CHECK_FALSE((in.is_open() || out.is_open()));
}

TEST_CASE("stream_descriptor: adopts, becomes non-blocking, and gives the descriptor away") {
    io_context ctx;
    fd_pair pair = unix_pair();
    const int fd = pair.a.release();
    stream_descriptor d(ctx, fd);
    CHECK(d.is_open());
    CHECK(d.native_handle() == fd);
    CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    error_code ec;
    d.assign(fd, ec);
    CHECK(ec == error::already_open);
    stream_descriptor moved(std::move(d));
    CHECK_FALSE(d.is_open());
    error_code result;
    char text[4];
    moved.async_read_some(buffer(text), [&](error_code e, std::size_t) { result = e; });
    CHECK(moved.release() == fd);
    run(ctx);
    CHECK(result == error::operation_aborted);
    put(pair.b.get(), "x");
    CHECK(::read(fd, text, 4) == 1);
    ::close(fd);
    stream_descriptor bad(ctx);
    bad.assign(-1, ec);
    CHECK(ec == error::bad_descriptor);
    CHECK_FALSE(bad.is_open());
}

TEST_CASE("descriptor: anything that the poller takes can be waited for") {
    io_context ctx;
    fd_pair pair = unix_pair();
    posix::descriptor d(ctx, pair.a.release());
    bool writable = false;
    bool readable = false;
    d.async_wait(posix::descriptor::wait_write, [&](error_code e) {
        CHECK_FALSE(e);
        writable = true;
        put(pair.b.get(), "x");
    });
    d.async_wait(posix::descriptor::wait_read, [&](error_code e) {
        CHECK_FALSE(e);
        readable = true;
    });
    run(ctx);
    CHECK((writable && readable));
    posix::descriptor::bytes_readable there;
    d.io_control(there);
    CHECK(there.get() == 1);
    d.wait(posix::descriptor::wait_read);
}

TEST_CASE("stream_descriptor: a terminal, line by line") {
    io_context ctx;
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) {
        WARN("no terminals here");
        return;
    }
    const int slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
    REQUIRE(slave >= 0);
    stream_descriptor keyboard(ctx, master);
    stream_descriptor terminal(ctx, slave);
    std::string line;
    bool read = false;
    async_read_until(terminal, dynamic_buffer(line), '\n', [&](error_code e, std::size_t n) {
        CHECK_FALSE(e);
        CHECK(line.substr(0, n) == "typed\n");
        read = true;
    });
    async_write(keyboard, buffer("typed\n", 6), [](error_code e, std::size_t) { CHECK_FALSE(e); });
    run(ctx);
    CHECK(read);
}

TEST_CASE("stream_descriptor: a file is read and written at once, but can't be waited for") {
    io_context ctx;
    stream_descriptor file(ctx, one_file());
    bool written = false;
    async_write(file, buffer("content", 7), [&](error_code e, std::size_t n) {
        CHECK_FALSE(e);
        CHECK(n == 7);
        written = true;
    });
    run(ctx);
    CHECK(written);
    REQUIRE(::lseek(file.native_handle(), 0, SEEK_SET) == 0);
    std::string text(7, ' ');
    error_code read;
    async_read(file, buffer(text), [&](error_code e, std::size_t) { read = e; });
    run(ctx);
    CHECK_FALSE(read);
    CHECK(text == "content");
    error_code end;
    file.async_read_some(buffer(text), [&](error_code e, std::size_t) { end = e; });
    run(ctx);
    CHECK(end == error::eof);
    error_code waited = error::eof;
    file.async_wait(posix::descriptor::wait_read, [&](error_code e) { waited = e; });
    run(ctx);
    // poll(2) calls a file ready; epoll refuses it.
    CHECK((!waited || waited == error::operation_not_supported));
}

TEST_CASE("pipe: started, cancelled and closed by another thread while the context runs") {
    const hang_guard guard;
    io_context ctx;
    auto work = make_work_guard(ctx);
    std::thread loop([&] { ctx.run(); });
    pipe_ends p(ctx);
    char text[8];
    std::atomic<int> ended{0};
    p.in.async_read_some(buffer(text), [&](error_code e, std::size_t n) {
        CHECK_FALSE(e);
        CHECK(n == 3);
        ++ended;
    });
    p.out.async_write_some(buffer("far", 3), [&](error_code e, std::size_t) {
        CHECK_FALSE(e);
        ++ended;
    });
    await([&] { return ended == 2; });
    p.in.async_read_some(buffer(text), [&](error_code e, std::size_t) {
        CHECK(e == error::operation_aborted);
        ++ended;
    });
    p.in.close();
    await([&] { return ended == 3; });
    work.reset();
    loop.join();
}
