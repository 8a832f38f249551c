// SPDX-License-Identifier: BSL-1.0
// read_at and write_at over a scripted device: every form, every kind of buffer, every condition.
#include <gyre/completion_condition.hpp>
#include <gyre/io_context.hpp>
#include <gyre/read_at.hpp>
#include <gyre/write_at.hpp>

#include "support/catch.hpp"
#include "support/dynamic_buffers.hpp"
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

std::size_t by_threes(const error_code& ec, std::size_t moved) { return ec || moved >= 17 ? 0 : 3; }

/// Calls f(condition, least, most): how many of 50 bytes a condition lets through.
template <class F>
void for_each_condition(std::size_t step, F f) {
    const auto up = [step](std::size_t n) {
        const std::size_t s = std::min<std::size_t>(step, 50);
        return std::min<std::size_t>(50, (n + s - 1) / s * s);
    };
    f(transfer_all(), 50, 50);
    for (const std::size_t n : {0, 1, 10, 42}) {
        f(transfer_at_least(n), n, up(n));
        f(transfer_exactly(n), n, n);
    }
    f(transfer_exactly(1000), 50, 50);
    f(&by_threes, 17, step == 1 ? 17 : 18);
}

/// Calls f(form): form(offset, device, buffers, condition) returns what came of it.
template <class F>
void for_each_read(io_context& ctx, F f) {
    f([](auto& d, std::uint64_t offset, auto&& b, auto condition) {
        result r = once(error::access_denied);
        r.bytes = read_at(d, offset, std::forward<decltype(b)>(b), condition, r.error);
        return r;
    });
    f([](auto& d, std::uint64_t offset, auto&& b, auto condition) {
        return once({}, read_at(d, offset, std::forward<decltype(b)>(b), condition));
    });
    f([&ctx](auto& d, std::uint64_t offset, auto&& b, auto condition) {
        result r;
        async_read_at(d, offset, std::forward<decltype(b)>(b), condition, r.keep());
        if (r != never) {
            throw std::logic_error("called inside");
        }
        run(ctx);
        return r;
    });
}

template <class F>
void for_each_write(io_context& ctx, F f) {
    f([](auto& d, std::uint64_t offset, auto&& b, auto condition) {
        result r = once(error::access_denied);
        r.bytes = write_at(d, offset, std::forward<decltype(b)>(b), condition, r.error);
        return r;
    });
    f([](auto& d, std::uint64_t offset, auto&& b, auto condition) {
        return once({}, write_at(d, offset, std::forward<decltype(b)>(b), condition));
    });
    f([&ctx](auto& d, std::uint64_t offset, auto&& b, auto condition) {
        result r;
        async_write_at(d, offset, std::forward<decltype(b)>(b), condition, r.keep());
        if (r != never) {
            throw std::logic_error("called inside");
        }
        run(ctx);
        return r;
    });
}

/// Room for 50 bytes as each kind of sequence and of dynamic buffer: f(argument, content).
template <class F>
void for_each_target(F f) {
    std::string memory(50, '-');
    const auto content = [&] { return memory.substr(0, memory.find('-')); };
    const auto fresh = [&] { memory.assign(50, '-'); };
    f([&] { return buffer(memory); }, content);
    fresh();
    f(
        [&] {
            return std::array{buffer(memory, 20), mutable_buffer(), buffer(memory) + 20};
        },
        content);
    fresh();
    f(
        [&] {
            std::vector<mutable_buffer> one_by_one;
            for (char& c : memory) {
                one_by_one.emplace_back(&c, 1);
            }
            return one_by_one;
        },
        content);
    fresh();
    const mutable_buffer c_array[] = {buffer(memory, 1), buffer(memory) + 1};
    f(
        [&]() -> auto& { return c_array; }, content);
    for_each_dynamic_buffer("", 50, f);
}

/// 50 bytes as each kind of sequence and of dynamic buffer: f(argument, rest).
template <class F>
void for_each_source(const std::string& text, F f) {
    const auto unchanged = [&](std::size_t) { return true; };
    f([&] { return buffer(text); }, unchanged);
    f([&] { return std::list<const_buffer>{buffer(text, 7), {}, buffer(text) + 7}; }, unchanged);
    for_each_dynamic_buffer(text, all, [&](auto argument, auto content) {
        f(argument, [&](std::size_t written) { return content() == text.substr(written); });
    });
}

}  // namespace

TEST_CASE("read_at: reads from its offset on what the condition lets through") {
    io_context ctx;
    const std::string text = sample(200);
    for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{150}}) {
        for (const std::size_t step : {std::size_t{1}, std::size_t{10}, all}) {
            for_each_condition(step, [&](auto condition, std::size_t least, std::size_t most) {
                for_each_read(ctx, [&](auto form) {
                    for_each_target([&](auto argument, auto content) {
                        CAPTURE(offset, step, least, most);
                        scripted_device d(ctx, text);
                        d.step(step);
                        const result r = form(d, offset, argument(), condition);
                        CHECK(r == once({}, r.bytes));
                        CHECK(r.bytes >= least);
                        CHECK(r.bytes <= most);
                        CHECK(content() == text.substr(static_cast<std::size_t>(offset), r.bytes));
                    });
                });
            });
        }
    }
}

TEST_CASE("read_at: without a condition fills the buffers or meets the end") {
    io_context ctx;
    const std::string text = sample(60);
    for_each_target([&](auto argument, auto content) {
        scripted_device d(ctx, text);
        d.step(9);
        CHECK(read_at(d, 5, argument()) == 50);
        CHECK(content() == text.substr(5, 50));
    });
    for_each_target([&](auto argument, auto content) {
        scripted_device d(ctx, text);
        d.step(9);
        error_code ec;
        CHECK(read_at(d, 40, argument(), ec) == 20);
        CHECK(ec == error::eof);
        CHECK(content() == text.substr(40));
    });
    for_each_target([&](auto argument, auto content) {
        scripted_device d(ctx, text);
        result r;
        async_read_at(d, 40, argument(), r.keep());
        CHECK(r == never);
        run(ctx);
        CHECK(r == once(error::eof, 20));
        CHECK(content() == text.substr(40));
    });
    for_each_target([&](auto argument, auto content) {
        scripted_device d(ctx, text);
        CHECK_THROWS_AS(read_at(d, 1000, argument()), system_error);
        CHECK(content().empty());
    });
}

TEST_CASE("write_at: writes to its offset on what the condition lets through") {
    io_context ctx;
    const std::string text = sample(50);
    for (const std::size_t offset : {std::size_t{0}, std::size_t{3}, std::size_t{100}}) {
        for (const std::size_t step : {std::size_t{1}, std::size_t{10}, all}) {
            for_each_condition(step, [&](auto condition, std::size_t least, std::size_t most) {
                for_each_write(ctx, [&](auto form) {
                    for_each_source(text, [&](auto argument, auto rest_is_right) {
                        CAPTURE(offset, step, least, most);
                        scripted_device d(ctx, std::string(100, '.'));
                        d.step(step);
                        const result r = form(d, offset, argument(), condition);
                        CHECK(r == once({}, r.bytes));
                        CHECK(r.bytes >= least);
                        CHECK(r.bytes <= most);
                        std::string wanted(std::max<std::size_t>(100, offset + r.bytes), '.');
                        wanted.replace(offset, r.bytes, text.substr(0, r.bytes));
                        CHECK(d.memory() == wanted);
                        CHECK(rest_is_right(r.bytes));
                    });
                });
            });
        }
    }
}

TEST_CASE("write_at: without a condition writes all, or up to an error") {
    io_context ctx;
    const std::string text = sample(50);
    for_each_source(text, [&](auto argument, auto rest_is_right) {
        scripted_device d(ctx);
        d.step(9);
        CHECK(write_at(d, 0, argument()) == 50);
        CHECK(d.memory() == text);
        CHECK(rest_is_right(50));
    });
    for_each_source(text, [&](auto argument, auto rest_is_right) {
        scripted_device d(ctx);
        d.step(9);
        d.fail(error::no_buffer_space, 20);
        error_code ec;
        CHECK(write_at(d, 0, argument(), ec) == 20);
        CHECK(ec == error::no_buffer_space);
        CHECK(rest_is_right(20));
        CHECK_THROWS_AS(write_at(d, 20, argument()), system_error);
    });
    for_each_source(text, [&](auto argument, auto rest_is_right) {
        scripted_device d(ctx);
        d.step(9);
        d.fail(error::no_buffer_space, 20);
        result r;
        async_write_at(d, 0, argument(), r.keep());
        CHECK(r == never);
        run(ctx);
        CHECK(r == once(error::no_buffer_space, 20));
        CHECK(d.memory() == text.substr(0, 20));
        CHECK(rest_is_right(20));
    });
}

TEST_CASE("read_at and write_at: every split moves every byte once") {
    io_context ctx;
    for (std::size_t size = 0; size <= 8; ++size) {
        const std::string text = sample(size);
        for_each_split(size, [&](const std::vector<std::size_t>& cuts) {
            std::string memory(size, '-');
            scripted_device from(ctx, text);
            from.cut(cuts);
            scripted_device to(ctx);
            to.cut(cuts);
            result r[2];
            async_read_at(from, 0, buffer(memory), r[0].keep());
            async_write_at(to, 0, buffer(text), r[1].keep());
            run(ctx);
            REQUIRE(r[0] == once({}, size));
            REQUIRE(r[1] == once({}, size));
            REQUIRE(memory == text);
            REQUIRE(to.memory() == text);
        });
    }
}

TEST_CASE("read_at: offsets beyond 4 GiB arrive whole") {
    struct far_device {
        std::vector<std::uint64_t> offsets{};
        std::size_t read_some_at(std::uint64_t offset, mutable_buffer b, error_code&) {
            offsets.push_back(offset);
            return std::min<std::size_t>(b.size(), 2);
        }
    } device;
    char memory[5];
    const std::uint64_t far = std::uint64_t{1} << 40;
    CHECK(read_at(device, far, buffer(memory)) == 5);
    CHECK(device.offsets == std::vector<std::uint64_t>{far, far + 2, far + 4});
}
