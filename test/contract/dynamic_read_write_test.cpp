// SPDX-License-Identifier: BSL-1.0
// read and write with dynamic buffers: every form, every kind of buffer, every condition.
#include <gyre/completion_condition.hpp>
#include <gyre/dynamic_buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/read.hpp>
#include <gyre/stream_concepts.hpp>
#include <gyre/streambuf.hpp>
#include <gyre/write.hpp>

#include "support/catch.hpp"
#include "support/dynamic_buffers.hpp"
#include "support/scripted_stream.hpp"
#include "support/tcp_pair.hpp"

#include <algorithm>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

namespace {

constexpr std::size_t all = static_cast<std::size_t>(-1);

/// Never more than three bytes a step, until 17 at least were moved.
std::size_t by_threes(const error_code& ec, std::size_t moved) { return ec || moved >= 17 ? 0 : 3; }
/// A predicate: over at 17 bytes.
bool at_17(const error_code& ec, std::size_t moved) { return ec || moved >= 17; }

/// Calls f(condition, least, most): how many of 100 bytes a condition lets through.
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

/// Calls f(form) with each form of an operation that takes a condition: form(stream, argument,
/// condition) returns what came of it.
template <class Read, class AsyncRead, class F>
void for_each_form(io_context& ctx, Read read_form, AsyncRead async_form, F f) {
    f([=](auto& s, auto&& b, auto condition) {
        result r = once(error::access_denied);
        r.bytes = read_form(s, std::forward<decltype(b)>(b), condition, r.error);
        return r;
    });
    f([=](auto& s, auto&& b, auto condition) {
        try {
            error_code none;
            return once({}, read_form(s, std::forward<decltype(b)>(b), condition));
        } catch (const system_error& e) {
            return once(e.code());
        }
    });
    f([=, &ctx](auto& s, auto&& b, auto condition) {
        result r;
        async_form(s, std::forward<decltype(b)>(b), condition, r.keep());
        if (r != never) {
            throw std::logic_error("called inside");
        }
        run(ctx);
        return r;
    });
}

template <class F>
void for_each_read(io_context& ctx, F f) {
    for_each_form(
        ctx,
        [](auto& s, auto&& b, auto condition, auto&... ec) {
            return read(s, std::forward<decltype(b)>(b), condition, ec...);
        },
        [](auto& s, auto&& b, auto condition, auto handler) {
            async_read(s, std::forward<decltype(b)>(b), condition, handler);
        },
        f);
}

template <class F>
void for_each_write(io_context& ctx, F f) {
    for_each_form(
        ctx,
        [](auto& s, auto&& b, auto condition, auto&... ec) {
            return write(s, std::forward<decltype(b)>(b), condition, ec...);
        },
        [](auto& s, auto&& b, auto condition, auto handler) {
            async_write(s, std::forward<decltype(b)>(b), condition, handler);
        },
        f);
}

}  // namespace

TEST_CASE("stream concepts: sockets and the streams of the tests model them, others don't") {
    static_assert(sync_read_stream<tcp::socket> && sync_write_stream<tcp::socket>);
    static_assert(async_read_stream<tcp::socket> && async_write_stream<tcp::socket>);
    static_assert(sync_read_stream<scripted_stream> && sync_write_stream<scripted_stream>);
    static_assert(async_read_stream<scripted_stream> && async_write_stream<scripted_stream>);
    static_assert(sync_random_access_read_device<scripted_device>);
    static_assert(sync_random_access_write_device<scripted_device>);
    static_assert(async_random_access_read_device<scripted_device>);
    static_assert(async_random_access_write_device<scripted_device>);
    static_assert(!sync_read_stream<scripted_device> && !async_write_stream<scripted_device>);
    static_assert(!sync_random_access_read_device<tcp::socket>);
    static_assert(!async_read_stream<tcp::acceptor> && !sync_write_stream<int>);
    struct readable {
        std::size_t read_some(mutable_buffer, error_code&) { return 0; }
    };
    static_assert(sync_read_stream<readable> && !async_read_stream<readable>);
    static_assert(!sync_write_stream<readable>);
    SUCCEED();
}

TEST_CASE("read: conditions decide how much is appended to a dynamic buffer, and not a byte more") {
    io_context ctx;
    const std::string text = sample(100);
    for (const std::size_t step : {std::size_t{1}, std::size_t{10}, all}) {
        for_each_condition(step, [&](auto condition, std::size_t least, std::size_t most) {
            for_each_read(ctx, [&](auto form) {
                for_each_dynamic_buffer("old ", 104, [&](auto argument, auto content) {
                    CAPTURE(step, least, most);
                    scripted_stream s(ctx, text + text);
                    s.step(step);
                    const result r = form(s, argument(), condition);
                    CHECK(r == once({}, r.bytes));
                    CHECK(r.bytes >= least);
                    CHECK(r.bytes <= most);
                    CHECK(s.read_so_far() == r.bytes);
                    CHECK(content() == "old " + text.substr(0, r.bytes));
                });
            });
        });
    }
}

TEST_CASE("read: into a dynamic buffer without a condition goes to the end or to the limit") {
    io_context ctx;
    const std::string text = sample(2000);
    for (const std::size_t limit : {std::size_t{0}, std::size_t{1}, std::size_t{1999}, all}) {
        for_each_dynamic_buffer("", limit, [&](auto argument, auto content) {
            CAPTURE(limit);
            const bool ends = limit == all;
            const std::size_t n = std::min<std::size_t>(limit, 2000);
            const result wanted = once(ends ? error_code(error::eof) : error_code(), n);
            scripted_stream s(ctx, text);
            result r = once(error::access_denied);
            r.bytes = read(s, argument(), r.error);
            CHECK(r == wanted);
            CHECK((content() == text.substr(0, n)));
            argument().consume(n);
            scripted_stream second(ctx, text);
            r = {};
            async_read(second, argument(), r.keep());
            run(ctx);
            CHECK(r == wanted);
            CHECK((content() == text.substr(0, n)));
            scripted_stream third(ctx, text);
            argument().consume(n);
            if (ends) {
                CHECK_THROWS_AS(read(third, argument()), system_error);
            } else {
                CHECK(read(third, argument()) == n);
            }
        });
    }
}

TEST_CASE("read: into a dynamic buffer, every split of the stream gives the same bytes") {
    io_context ctx;
    for (std::size_t size = 0; size <= 8; ++size) {
        const std::string text = sample(size);
        for_each_split(size, [&](const std::vector<std::size_t>& cuts) {
            for_each_dynamic_buffer("", all, [&](auto argument, auto content) {
                scripted_stream s(ctx, text);
                s.cut(cuts);
                result r;
                async_read(s, argument(), r.keep());
                run(ctx);
                REQUIRE(r == once(error::eof, size));
                REQUIRE(content() == text);
            });
        });
    }
}

TEST_CASE("read: an error ends it with the bytes before, which are in the buffer") {
    io_context ctx;
    const std::string text = sample(20);
    for (std::size_t after = 0; after < 20; ++after) {
        for_each_dynamic_buffer("", all, [&](auto argument, auto content) {
            CAPTURE(after);
            scripted_stream s(ctx, text);
            s.step(3);
            s.fail(error::connection_reset, after);
            result r = once();
            r.bytes = read(s, argument(), r.error);
            CHECK(r == once(error::connection_reset, after));
            CHECK(content() == text.substr(0, after));
            r = {};
            async_read(s, argument(), transfer_at_least(5), r.keep());
            run(ctx);
            CHECK(r == once(error::connection_reset));
            CHECK(content() == text.substr(0, after));
        });
    }
}

TEST_CASE("write: conditions decide how much leaves a dynamic buffer") {
    io_context ctx;
    const std::string text = sample(100);
    for (const std::size_t step : {std::size_t{1}, std::size_t{10}, all}) {
        for_each_condition(step, [&](auto condition, std::size_t least, std::size_t most) {
            for_each_write(ctx, [&](auto form) {
                for_each_dynamic_buffer(text, all, [&](auto argument, auto content) {
                    CAPTURE(step, least, most);
                    scripted_stream s(ctx);
                    s.step(step);
                    const result r = form(s, argument(), condition);
                    CHECK(r == once({}, r.bytes));
                    CHECK(r.bytes >= least);
                    CHECK(r.bytes <= most);
                    CHECK(s.written() == text.substr(0, r.bytes));
                    CHECK(content() == text.substr(r.bytes));
                });
            });
        });
    }
}

TEST_CASE("write: a dynamic buffer is emptied, or keeps what did not go") {
    io_context ctx;
    const std::string text = sample(50);
    for_each_dynamic_buffer(text, all, [&](auto argument, auto content) {
        scripted_stream s(ctx);
        s.step(7);
        s.fail(error::broken_pipe, 20);
        result r = once();
        r.bytes = write(s, argument(), r.error);
        CHECK(r == once(error::broken_pipe, 20));
        CHECK(content() == text.substr(20));
        CHECK_THROWS_AS(write(s, argument()), system_error);
        CHECK(content() == text.substr(20));
        scripted_stream fine(ctx);
        fine.step(7);
        async_write(fine, argument(), transfer_exactly(10), (r = {}).keep());
        run(ctx);
        CHECK(r == once({}, 10));
        CHECK(content() == text.substr(30));
        async_write(fine, argument(), (r = {}).keep());
        CHECK(r == never);
        run(ctx);
        CHECK(r == once({}, 20));
        CHECK(content().empty());
        CHECK(fine.written() == text.substr(20));
        CHECK(write(fine, argument()) == 0);
        error_code ec = error::eof;
        CHECK(write(fine, argument(), ec) == 0);
        CHECK_FALSE(ec);
        async_write(fine, argument(), (r = {}).keep());
        CHECK(r == never);
        run(ctx);
        CHECK(r == once());
    });
}

TEST_CASE("write: what an ostream left in a streambuf goes out over a socket") {
    io_context ctx;
    adopted a = adopt(ctx);
    streambuf b;
    std::ostream out(&b);
    out << "answer: " << 42 << "\r\n";
    CHECK(write(a.socket, b) == 12);
    CHECK(take(a.peer.get(), 12) == "answer: 42\r\n");
    out << std::string(100'000, 'z');
    result r;
    async_write(a.socket, b, r.keep());
    std::string got;
    while (r == never) {
        ctx.restart();
        ctx.run_one_for(std::chrono::milliseconds(10));
        if (ready(a.peer.get(), POLLIN, 0)) {
            got += take(a.peer.get(), 4096);
        }
    }
    CHECK(r == once({}, 100'000));
    CHECK(b.size() == 0);
    got += take(a.peer.get(), 100'000 - got.size());
    CHECK((got == std::string(100'000, 'z')));
}

TEST_CASE("read: a dynamic buffer on a socket grows as the bytes come") {
    io_context ctx;
    adopted a = adopt(ctx);
    const std::string text = sample(10'000);
    std::string s;
    result r;
    async_read(a.socket, dynamic_buffer(s), transfer_exactly(text.size()), r.keep());
    for (std::size_t i = 0; i < text.size(); i += 1000) {
        put(a.peer.get(), text.substr(i, 1000));
        ctx.poll();
    }
    run(ctx);
    CHECK(r == once({}, text.size()));
    CHECK((s == text));
    a.peer.reset();
    CHECK(read(a.socket, dynamic_buffer(s), r.error) == 0);
    CHECK(r.error == error::eof);
    CHECK((s == text));
}
