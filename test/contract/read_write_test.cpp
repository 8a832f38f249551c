// SPDX-License-Identifier: BSL-1.0
// The composed transfers: every form, over streams that split as they like.
#include <gyre/completion_condition.hpp>
#include <gyre/io_context.hpp>
#include <gyre/read.hpp>
#include <gyre/write.hpp>

#include "support/catch.hpp"
#include "support/scripted_stream.hpp"
#include "support/tcp_pair.hpp"

#include <algorithm>
#include <array>
#include <list>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

namespace {

constexpr std::size_t all = static_cast<std::size_t>(-1);

/// 100 bytes of memory as one kind of sequence after the other; calls f(sequence, memory).
template <class Buffer, class F>
void for_each_sequence(F f) {
    std::string memory(100, '-');
    const auto piece = [&](std::size_t at, std::size_t size) { return Buffer(&memory[at], size); };
    f(buffer(memory), memory);
    f(piece(0, 100), memory);
    f(std::array<Buffer, 3>{piece(0, 30), piece(30, 0), piece(30, 70)}, memory);
    f(std::list<Buffer>{piece(0, 1), piece(1, 99)}, memory);
    std::vector<Buffer> bytes;
    for (std::size_t i = 0; i < 100; ++i) {
        bytes.push_back(piece(i, 1));
    }
    f(bytes, memory);
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

/// The two directions, for what reads and writes have in common.
struct reading {
    using buffer_type = mutable_buffer;
    template <class... Arguments>
    static std::size_t now(Arguments&&... arguments) {
        return read(std::forward<Arguments>(arguments)...);
    }
    template <class... Arguments>
    static void later(Arguments&&... arguments) {
        async_read(std::forward<Arguments>(arguments)...);
    }
    /// A stream that gives more than what there is room for, and the memory empty.
    static scripted_stream begin(io_context& ctx, const std::string& text, std::string& memory) {
        memory.assign(memory.size(), '-');
        return scripted_stream(ctx, text + text);
    }
    /// Whether these bytes were moved and no others.
    static bool moved(const scripted_stream& s, const std::string& memory,
                      const std::string& bytes) {
        return s.read_so_far() == bytes.size() &&
               memory == bytes + std::string(memory.size() - bytes.size(), '-');
    }
};
struct writing {
    using buffer_type = const_buffer;
    template <class... Arguments>
    static std::size_t now(Arguments&&... arguments) {
        return write(std::forward<Arguments>(arguments)...);
    }
    template <class... Arguments>
    static void later(Arguments&&... arguments) {
        async_write(std::forward<Arguments>(arguments)...);
    }
    static scripted_stream begin(io_context& ctx, const std::string& text, std::string& memory) {
        memory = text;
        return scripted_stream(ctx);
    }
    static bool moved(const scripted_stream& s, const std::string&, const std::string& bytes) {
        return s.written() == bytes;
    }
};

/// Every form that takes `more` behind the buffers: a condition, or nothing.
template <class Direction, class Buffers, class... More>
void check_forms(const Buffers& buffers, std::string& memory, std::size_t step, std::size_t least,
                 std::size_t most, const More&... more) {
    io_context ctx;
    const std::string text = sample(100);
    for (int form = 0; form < 3; ++form) {
        scripted_stream s = Direction::begin(ctx, text, memory);
        s.step(step);
        std::size_t n = 0;
        error_code ec = error::eof;
        if (form == 0) {
            n = Direction::now(s, buffers, more...);
            ec.clear();
        } else if (form == 1) {
            n = Direction::now(s, buffers, more..., ec);
        } else {
            result r;
            Direction::later(s, buffers, more..., r.keep());
            CHECK((r == never));
            run(ctx);
            CHECK(r.calls == 1);
            ec = r.error;
            n = r.bytes;
        }
        INFO("form " << form << ", at most " << step << " a step, " << n << " moved");
        CHECK_FALSE(ec);
        CHECK((n >= least && n <= most));
        CHECK(Direction::moved(s, memory, text.substr(0, n)));
    }
}

template <class Direction>
void check_direction() {
    using buffer_type = typename Direction::buffer_type;
    for (const std::size_t step : {std::size_t{1}, std::size_t{10}, all}) {
        for_each_sequence<buffer_type>([&](const auto& buffers, std::string& memory) {
            check_forms<Direction>(buffers, memory, step, 100, 100);
            for_each_condition(step, [&](auto condition, std::size_t least, std::size_t most) {
                check_forms<Direction>(buffers, memory, step, least, most, condition);
            });
        });
    }
}

}  // namespace

TEST_CASE("read: every form and condition, over every sequence, however the stream splits") {
    check_direction<reading>();
}

TEST_CASE("write: every form and condition, over every sequence, however the stream splits") {
    check_direction<writing>();
    // What can be read into can be written from.
    for_each_sequence<mutable_buffer>([&](const auto& buffers, std::string& memory) {
        check_forms<writing>(buffers, memory, 10, 100, 100);
    });
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
