// SPDX-License-Identifier: BSL-1.0
// The composed transfers: every form, over streams that split as they like, and over sockets.
#include <gyre/associated_cancellation_slot.hpp>
#include <gyre/bind_executor.hpp>
#include <gyre/cancellation_signal.hpp>
#include <gyre/completion_condition.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/read.hpp>
#include <gyre/write.hpp>

#include "support/catch.hpp"
#include "support/scripted_stream.hpp"
#include "support/tcp_pair.hpp"

#include <algorithm>
#include <array>
#include <list>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

namespace {

constexpr std::size_t all = static_cast<std::size_t>(-1);

std::string sample(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>('a' + (i * 7 + i / 26) % 26);
    }
    return text;
}

/// Room for 100 bytes as one kind of sequence after the other; calls f(sequence, memory).
template <class F>
void for_each_mutable_sequence(F f) {
    {
        std::string memory(100, '-');
        f(buffer(memory), memory);
    }
    {
        std::string memory(100, '-');
        f(mutable_buffer(memory.data(), memory.size()), memory);
    }
    {
        std::string memory(100, '-');
        f(std::array<mutable_buffer, 3>{mutable_buffer(&memory[0], 30),
                                        mutable_buffer(&memory[30], 0),
                                        mutable_buffer(&memory[30], 70)},
          memory);
    }
    {
        std::string memory(100, '-');
        std::vector<mutable_buffer> buffers;
        for (std::size_t i = 0; i < 100; ++i) {
            buffers.emplace_back(&memory[i], 1);
        }
        f(buffers, memory);
    }
    {
        std::string memory(100, '-');
        f(std::list<mutable_buffer>{mutable_buffer(&memory[0], 1), mutable_buffer(&memory[1], 99)},
          memory);
    }
}

/// 100 bytes as one kind of sequence after the other; calls f(sequence).
template <class F>
void for_each_const_sequence(const std::string& text, F f) {
    REQUIRE(text.size() == 100);
    f(buffer(text));
    f(const_buffer(text.data(), text.size()));
    std::string copy = text;
    f(mutable_buffer(copy.data(), copy.size()));
    f(std::array<const_buffer, 3>{const_buffer(&text[0], 0), const_buffer(&text[0], 30),
                                  const_buffer(&text[30], 70)});
    f(std::array<mutable_buffer, 2>{mutable_buffer(&copy[0], 99), mutable_buffer(&copy[99], 1)});
    std::vector<const_buffer> buffers;
    for (std::size_t i = 0; i < 100; ++i) {
        buffers.emplace_back(&text[i], 1);
    }
    f(buffers);
    f(std::list<const_buffer>{const_buffer(&text[0], 50), const_buffer(&text[50], 50)});
}

/// Never more than three bytes a step, until 17 at least were moved.
std::size_t by_threes(const error_code& ec, std::size_t moved) { return ec || moved >= 17 ? 0 : 3; }
/// A predicate: over at 17 bytes.
bool at_17(const error_code& ec, std::size_t moved) { return ec || moved >= 17; }

/// Calls f(condition, least, most) for each condition: how many of 100 bytes it lets through when
/// a step moves at most `step` bytes. (A step may move fewer if there are many buffers.)
template <class F>
void for_each_condition(std::size_t step, F f) {
    const auto up = [step](std::size_t n) {  // to the end of the step in which n is reached
        const std::size_t s = std::min<std::size_t>(step, 100);
        return std::min<std::size_t>(100, (n + s - 1) / s * s);
    };
    f(transfer_all(), 100, 100);
    f(transfer_at_least(0), 0, 0);
    for (const std::size_t n : {1, 10, 42, 100}) {
        f(transfer_at_least(n), n, up(n));
    }
    f(transfer_at_least(1000), 100, 100);
    for (const std::size_t n : {0, 1, 10, 42, 100}) {
        f(transfer_exactly(n), n, n);
    }
    f(transfer_exactly(1000), 100, 100);
    f(&by_threes, 17, step == 1 ? 17 : 18);
    f(&at_17, 17, up(17));
}

template <class Handler>
struct cancellable {
    using cancellation_slot_type = cancellation_slot;

    cancellation_slot get_cancellation_slot() const noexcept { return slot; }
    template <class... Results>
    void operator()(Results&&... results) {
        handler(std::forward<Results>(results)...);
    }

    cancellation_slot slot;
    Handler handler;
};

}  // namespace

TEST_CASE("read: every form fills every kind of sequence, however the stream splits") {
    io_context ctx;
    const std::string text = sample(100);
    for (const std::size_t step : {std::size_t{1}, std::size_t{10}, all}) {
        for_each_mutable_sequence([&](const auto& buffers, std::string& memory) {
            const auto check = [&](auto form) {
                std::fill(memory.begin(), memory.end(), '-');
                scripted_stream s(ctx, text);
                s.step(step);
                CHECK(form(s) == 100);
                CHECK(memory == text);
            };
            check([&](auto& s) { return read(s, buffers); });
            check([&](auto& s) {
                error_code ec = error::eof;
                const std::size_t n = read(s, buffers, ec);
                CHECK_FALSE(ec);
                return n;
            });
            check([&](auto& s) { return read(s, buffers, transfer_all()); });
            check([&](auto& s) {
                result r;
                async_read(s, buffers, r.keep());
                CHECK(r == never);
                run(ctx);
                CHECK(r.calls == 1);
                CHECK_FALSE(r.error);
                return r.bytes;
            });
        });
    }
}

TEST_CASE("read: conditions decide how much is read, and not a byte more is taken") {
    io_context ctx;
    const std::string text = sample(200);
    for (const std::size_t step : {std::size_t{1}, std::size_t{10}, all}) {
        for_each_condition(step, [&](auto condition, std::size_t least, std::size_t most) {
            for_each_mutable_sequence([&](const auto& buffers, std::string& memory) {
                const auto check = [&](auto form) {
                    std::fill(memory.begin(), memory.end(), '-');
                    scripted_stream s(ctx, text);
                    s.step(step);
                    error_code ec = error::eof;
                    const std::size_t n = form(s, ec);
                    CHECK_FALSE(ec);
                    CHECK(n >= least);
                    CHECK(n <= most);
                    CHECK(s.read_so_far() == n);
                    CHECK(memory == text.substr(0, n) + std::string(100 - n, '-'));
                };
                check([&](auto& s, error_code& ec) { return read(s, buffers, condition, ec); });
                check([&](auto& s, error_code& ec) {
                    ec.clear();
                    return read(s, buffers, condition);
                });
                check([&](auto& s, error_code& ec) {
                    result r;
                    async_read(s, buffers, condition, r.keep());
                    run(ctx);
                    CHECK(r.calls == 1);
                    ec = r.error;
                    return r.bytes;
                });
            });
        });
    }
}

TEST_CASE("write: every form empties every kind of sequence, however the stream splits") {
    io_context ctx;
    const std::string text = sample(100);
    for (const std::size_t step : {std::size_t{1}, std::size_t{10}, all}) {
        for_each_const_sequence(text, [&](const auto& buffers) {
            const auto check = [&](auto form) {
                scripted_stream s(ctx);
                s.step(step);
                CHECK(form(s) == 100);
                CHECK(s.written() == text);
            };
            check([&](auto& s) { return write(s, buffers); });
            check([&](auto& s) {
                error_code ec = error::eof;
                const std::size_t n = write(s, buffers, ec);
                CHECK_FALSE(ec);
                return n;
            });
            check([&](auto& s) { return write(s, buffers, transfer_all()); });
            check([&](auto& s) {
                result r;
                async_write(s, buffers, r.keep());
                CHECK(r == never);
                run(ctx);
                CHECK(r.calls == 1);
                CHECK_FALSE(r.error);
                return r.bytes;
            });
        });
    }
}

TEST_CASE("write: conditions decide how much is written") {
    io_context ctx;
    const std::string text = sample(100);
    for (const std::size_t step : {std::size_t{1}, std::size_t{10}, all}) {
        for_each_condition(step, [&](auto condition, std::size_t least, std::size_t most) {
            for_each_const_sequence(text, [&](const auto& buffers) {
                const auto check = [&](auto form) {
                    scripted_stream s(ctx);
                    s.step(step);
                    error_code ec = error::eof;
                    const std::size_t n = form(s, ec);
                    CHECK_FALSE(ec);
                    CHECK(n >= least);
                    CHECK(n <= most);
                    CHECK(s.written() == text.substr(0, n));
                };
                check([&](auto& s, error_code& ec) { return write(s, buffers, condition, ec); });
                check([&](auto& s, error_code& ec) {
                    ec.clear();
                    return write(s, buffers, condition);
                });
                check([&](auto& s, error_code& ec) {
                    result r;
                    async_write(s, buffers, condition, r.keep());
                    run(ctx);
                    CHECK(r.calls == 1);
                    ec = r.error;
                    return r.bytes;
                });
            });
        });
    }
}

TEST_CASE("read: an error ends it with the bytes that came before") {
    io_context ctx;
    const std::string text = sample(100);
    std::string memory(100, '-');
    for (const std::size_t step : {std::size_t{1}, std::size_t{10}, all}) {
        scripted_stream failing(ctx, text);
        failing.step(step);
        failing.fail(error::connection_reset, 33);
        error_code ec;
        CHECK(read(failing, buffer(memory), ec) == 33);
        CHECK(ec == error::connection_reset);
        CHECK(memory.substr(0, 33) == text.substr(0, 33));
        CHECK_THROWS_AS(read(failing, buffer(memory)), system_error);

        scripted_stream ending(ctx, text.substr(0, 60));
        ending.step(step);
        result r;
        async_read(ending, buffer(memory), r.keep());
        run(ctx);
        CHECK(r == once(error::eof, 60));
        // A condition that is content with the error goes no further either.
        int asked = 0;
        const auto content = [&asked](error_code, std::size_t) -> std::size_t {
            if (++asked > 1000) {
                throw std::runtime_error("asked without end");
            }
            return 100;
        };
        scripted_stream again(ctx, text.substr(0, 60));
        again.step(step);
        CHECK(read(again, buffer(memory), content, ec) == 60);
        CHECK(ec == error::eof);
        result stubborn;
        asked = 0;
        scripted_stream third(ctx, text.substr(0, 60));
        async_read(third, buffer(memory), content, stubborn.keep());
        run(ctx);
        CHECK(stubborn == once(error::eof, 60));
    }
}

TEST_CASE("write: an error ends it with the bytes that went before") {
    io_context ctx;
    const std::string text = sample(100);
    for (const std::size_t step : {std::size_t{1}, std::size_t{10}, all}) {
        scripted_stream failing(ctx);
        failing.step(step);
        failing.fail(error::broken_pipe, 33);
        error_code ec;
        CHECK(write(failing, buffer(text), ec) == 33);
        CHECK(ec == error::broken_pipe);
        CHECK(failing.written() == text.substr(0, 33));
        scripted_stream other(ctx);
        other.step(step);
        other.fail(error::broken_pipe, 33);
        result r;
        async_write(other, buffer(text), r.keep());
        run(ctx);
        CHECK(r == once(error::broken_pipe, 33));
    }
}

TEST_CASE("read and write: of nothing succeed, and later where asynchronous") {
    io_context ctx;
    scripted_stream s(ctx, "text");
    error_code ec = error::eof;
    CHECK(read(s, mutable_buffer(), ec) == 0);
    CHECK_FALSE(ec);
    CHECK(write(s, const_buffer()) == 0);
    CHECK(read(s, std::vector<mutable_buffer>()) == 0);
    std::array<result, 4> r;
    async_read(s, mutable_buffer(), r[0].keep());
    async_write(s, const_buffer(), r[1].keep());
    async_write(s, std::vector<const_buffer>(3), r[2].keep());
    adopted a = adopt(ctx);
    async_read(a.socket, mutable_buffer(), r[3].keep());
    for (const result& x : r) {
        CHECK(x == never);
    }
    run(ctx);
    for (const result& x : r) {
        CHECK(x == once());
    }
    CHECK(s.read_so_far() == 0);
    CHECK(s.written().empty());
}

TEST_CASE("read: a condition is asked before the first step and after each, with what was moved") {
    io_context ctx;
    const std::string text = sample(100);
    std::string memory(100, '-');
    for (const bool async : {false, true}) {
        scripted_stream s(ctx, text);
        s.step(10);
        std::vector<std::size_t> asked;
        const auto condition = [&](const error_code& ec, std::size_t moved) -> std::size_t {
            CHECK_FALSE(ec);
            asked.push_back(moved);
            return moved >= 30 ? 0 : 7;
        };
        if (async) {
            result r;
            async_read(s, buffer(memory), condition, r.keep());
            CHECK(asked == std::vector<std::size_t>{0});
            run(ctx);
            CHECK(r == once({}, 35));
        } else {
            CHECK(read(s, buffer(memory), condition) == 35);
        }
        CHECK(asked == std::vector<std::size_t>{0, 7, 14, 21, 28, 35});
        CHECK(s.largest_request() == 7);
    }
}

TEST_CASE("read and write: a step asks for 64 KiB at most") {
    io_context ctx;
    const std::string text = sample(300'000);
    std::string memory(300'000, '-');
    scripted_stream in(ctx, text);
    CHECK(read(in, buffer(memory)) == memory.size());
    CHECK(memory == text);
    CHECK(in.largest_request() == 65'536);
    scripted_stream out(ctx);
    result r;
    async_write(out, buffer(text), r.keep());
    run(ctx);
    CHECK(r == once({}, text.size()));
    CHECK(out.written() == text);
    CHECK(out.largest_request() == 65'536);
}

TEST_CASE("async_read: the sequence is copied, and the handler may only be movable") {
    io_context ctx;
    adopted a = adopt(ctx);
    std::string memory(100, '-');
    const std::string text = sample(100);
    result r;
    {
        std::vector<mutable_buffer> buffers{mutable_buffer(&memory[0], 50),
                                            mutable_buffer(&memory[50], 50)};
        async_read(a.socket, buffers,
                   [&r, only = std::make_unique<int>(1)](auto ec, auto n) { r.keep()(ec, n); });
        buffers.assign(2, mutable_buffer());
    }
    for (std::size_t i = 0; i < 100; i += 10) {
        put(a.peer.get(), text.substr(i, 10));
        ctx.poll();
    }
    run(ctx);
    CHECK(r == once({}, 100));
    CHECK(memory == text);
}

TEST_CASE("async_read: its steps and its handler run where the handler's executor says") {
    io_context other;  // outlives what is bound to it
    io_context io;
    adopted a = adopt(io);
    char memory[8];
    result r;
    bool condition_there = true;
    bool handler_there = false;
    std::size_t asked = 0;
    async_read(
        a.socket, buffer(memory),
        [&](const error_code& ec, std::size_t n) -> std::size_t {
            condition_there = condition_there && (asked++ == 0 || other.running_in_this_thread());
            return ec || n == 8 ? 0 : 8;
        },
        bind_executor(other.get_executor(), [&](error_code ec, std::size_t n) {
            handler_there = other.running_in_this_thread();
            r.keep()(ec, n);
        }));
    const auto end = std::chrono::steady_clock::now() + patience;
    put(a.peer.get(), "data");
    bool held = true;  // as work of both contexts, between the steps as well
    for (int i = 0; r.calls == 0 && held && std::chrono::steady_clock::now() < end; ++i) {
        held = !io.stopped() && !other.stopped();
        io.poll();
        other.poll();
        if (i == 10) {
            put(a.peer.get(), "more");
        }
    }
    CHECK(r == once({}, 8));
    CHECK(held);
    CHECK(condition_there);
    CHECK(handler_there);
}

TEST_CASE("async_read: cancelled by the socket in the middle, it reports the bytes so far") {
    io_context ctx;
    adopted a = adopt(ctx);
    char memory[8];
    result r;
    async_read(a.socket, buffer(memory), r.keep());
    put(a.peer.get(), "abc");
    const auto end = std::chrono::steady_clock::now() + patience;
    while (a.socket.available() != 0 && std::chrono::steady_clock::now() < end) {
        ctx.poll();
    }
    CHECK(r == never);
    if (GENERATE(false, true)) {
        CHECK(a.socket.cancel() == 1);
    } else {
        a.socket.close();
    }
    run(ctx);
    CHECK(r == once(error::operation_aborted, 3));
    CHECK(std::string(memory, 3) == "abc");
}

TEST_CASE("async_read: cancelled by its signal in the middle, it reports the bytes so far") {
    io_context ctx;
    adopted a = adopt(ctx);
    cancellation_signal signal;
    char memory[8];
    result r;
    using handler = decltype(r.keep());
    async_read(a.socket, buffer(memory), cancellable<handler>{signal.slot(), r.keep()});
    put(a.peer.get(), "abc");
    const auto end = std::chrono::steady_clock::now() + patience;
    while (a.socket.available() != 0 && std::chrono::steady_clock::now() < end) {
        ctx.poll();
    }
    signal.emit(cancellation_type::partial);
    CHECK(r == never);
    run(ctx);
    CHECK(r == once(error::operation_aborted, 3));
    put(a.peer.get(), "def");
    CHECK(a.socket.read_some(buffer(memory)) == 3);  // nothing was lost
}

TEST_CASE("async_write: cancelled between two steps, it reports operation_aborted and the bytes") {
    // The first step is made when the operation is started; the second one when its handler is
    // called. In between nothing waits for the socket.
    io_context ctx;
    adopted a = adopt(ctx);
    cancellation_signal signal;
    const std::string text = sample(1'000'000);
    result r;
    using handler = decltype(r.keep());
    const auto in_steps = [](error_code ec, std::size_t) { return ec ? 0 : 65'536; };
    async_write(a.socket, buffer(text), in_steps, cancellable<handler>{signal.slot(), r.keep()});
    const int how = GENERATE(0, 1, 2);
    if (how == 0) {
        CHECK(a.socket.cancel() == 1);
    } else if (how == 1) {
        a.socket.close();
    } else {
        signal.emit(cancellation_type::all);
    }
    CHECK(r == never);
    run(ctx);
    CHECK(r.calls == 1);
    CHECK(r.error == error::operation_aborted);
    CHECK(r.bytes > 0);
    CHECK(r.bytes <= 65'536);
    a.socket.close();
    CHECK(take(a.peer.get(), text.size()) == text.substr(0, r.bytes));
}

TEST_CASE("async_write: cancelled in the middle, it reports the bytes that went") {
    io_context ctx;
    adopted a = adopt(ctx);
    shrink(a.socket.native_handle());
    shrink(a.peer.get());
    const std::string text = sample(1'000'000);
    result r;
    async_write(a.socket, buffer(text), r.keep());
    while (ready(a.socket.native_handle(), POLLOUT, 60)) {
        ctx.poll();
    }
    ctx.poll();
    REQUIRE(r == never);
    CHECK(a.socket.cancel() == 1);
    run(ctx);
    CHECK(r.calls == 1);
    CHECK(r.error == error::operation_aborted);
    CHECK(r.bytes > 0);
    CHECK(r.bytes < text.size());
    a.socket.close();
    CHECK(take(a.peer.get(), text.size()) == text.substr(0, r.bytes));  // exactly these
}

TEST_CASE("async_read: a whole one that has nothing left to do is not taken by a cancellation") {
    io_context other;  // outlives what is bound to it
    io_context io;
    adopted a = adopt(io);
    cancellation_signal signal;
    char memory[4];
    result r;
    using handler = decltype(r.keep());
    async_read(a.socket, buffer(memory),
               bind_executor(other.get_executor(), cancellable<handler>{signal.slot(), r.keep()}));
    put(a.peer.get(), "done");
    const auto end = std::chrono::steady_clock::now() + patience;
    while (a.socket.available() != 0 && std::chrono::steady_clock::now() < end) {
        io.poll();
    }
    signal.emit(cancellation_type::all);
    CHECK(a.socket.cancel() == 0);
    run(other);
    CHECK(r == once({}, 4));
}

TEST_CASE("read and write: 16 MiB go both ways at once through small buffers, intact") {
    io_context ctx;
    connection c = connected(ctx);
    const std::string first = sample(16 << 20);
    std::string second = first;
    std::reverse(second.begin(), second.end());
    std::string got_first(first.size(), '-');
    std::string got_second(second.size(), '-');
    std::array<result, 4> r;
    async_write(c.client, buffer(first), r[0].keep());
    async_write(c.server, buffer(second), r[1].keep());
    async_read(c.server, buffer(got_first), r[2].keep());
    async_read(c.client, buffer(got_second), r[3].keep());
    run(ctx);
    for (const result& x : r) {
        CHECK(x == once({}, first.size()));
    }
    CHECK((got_first == first));
    CHECK((got_second == second));
}

TEST_CASE("read and write: blocking forms work over sockets") {
    io_context ctx;
    adopted a = adopt(ctx);
    put(a.peer.get(), "0123456789");
    char memory[10];
    CHECK(read(a.socket, buffer(memory), transfer_exactly(4)) == 4);
    CHECK(read(a.socket, buffer(memory), transfer_at_least(1)) == 6);
    CHECK(write(a.socket, std::array<const_buffer, 2>{buffer("ab", 2), buffer("cd", 2)}) == 4);
    CHECK(take(a.peer.get(), 4) == "abcd");
    put(a.peer.get(), "xy");
    a.peer.reset();
    error_code ec;
    CHECK(read(a.socket, buffer(memory), ec) == 2);
    CHECK(ec == error::eof);
}
