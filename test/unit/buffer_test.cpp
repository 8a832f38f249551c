// SPDX-License-Identifier: BSL-1.0
//
// Buffers, what they are made of, sequences of them, and the two internal forms of a sequence.

#include <gyre/buffer.hpp>
#include <gyre/detail/buffer_array.hpp>
#include <gyre/detail/consuming_buffers.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

using gyre::buffer;
using gyre::const_buffer;
using gyre::mutable_buffer;
using namespace gyre::buffer_literals;

namespace {

template <class B>
std::string text_of(const B& sequence) {
    std::string text;
    const auto end = gyre::buffer_sequence_end(sequence);
    for (auto it = gyre::buffer_sequence_begin(sequence); it != end; ++it) {
        const const_buffer b(*it);
        text.append(static_cast<const char*>(b.data()), b.size());
    }
    return text;
}

template <class C>
concept makes_buffer = requires(C&& c) {
    buffer(std::forward<C>(c));
};

template <class C>
concept makes_bounded_buffer = requires(C&& c) {
    buffer(std::forward<C>(c), 1);
};

struct registered : mutable_buffer {
    using mutable_buffer::mutable_buffer;
    int id = 0;
};

struct turns_into_buffer {
    operator const_buffer() const { return {}; }
};

}  // namespace

TEST_CASE("buffer: a default one is empty, and moving its start stops at the end") {
    CHECK(mutable_buffer().data() == nullptr);
    CHECK(const_buffer().size() == 0);

    char text[] = "abcdef";
    mutable_buffer m(text, 6);
    m += 2;
    CHECK(m.data() == text + 2);
    CHECK(m.size() == 4);
    CHECK((m + 1).data() == text + 3);
    CHECK((1 + m).size() == 3);
    CHECK((m + 100).data() == text + 6);
    CHECK((m + 100).size() == 0);

    const_buffer c = m;
    CHECK(c.data() == text + 2);
    c += 4;
    CHECK(c.size() == 0);
    c += 1;
    CHECK(c.data() == text + 6);
    CHECK((const_buffer(text, 6) + 5).size() == 1);
    CHECK((5 + const_buffer(text, 6)).data() == text + 5);
    CHECK((mutable_buffer() + 3).data() == nullptr);
    static_assert(!std::is_convertible_v<const_buffer, mutable_buffer>);
}

TEST_CASE("buffer: pointers and buffers give buffers of the same constness, cut to a maximum") {
    char memory[8] = {};
    void* p = memory;
    const void* cp = memory;
    static_assert(std::is_same_v<decltype(buffer(p, 8)), mutable_buffer>);
    static_assert(std::is_same_v<decltype(buffer(cp, 8)), const_buffer>);
    static_assert(std::is_same_v<decltype(buffer(mutable_buffer(), 8)), mutable_buffer>);
    static_assert(std::is_same_v<decltype(buffer(const_buffer())), const_buffer>);
    CHECK(buffer(p, 8).size() == 8);
    CHECK(buffer(memory + 1, 3).data() == memory + 1);
    mutable_buffer m = buffer(p, 8);
    CHECK(buffer(m).data() == memory);
    CHECK(buffer(m, 5).size() == 5);
    CHECK(buffer(m, 9).size() == 8);
    const const_buffer c = m;
    CHECK(buffer(c).size() == 8);
    CHECK(buffer(c, 0).size() == 0);
    CHECK(buffer(c, 0).data() == memory);
}

TEST_CASE("buffer: arrays and containers give all their bytes, or at most so many") {
    std::uint32_t c_array[3] = {};
    const std::uint32_t const_c_array[3] = {};
    std::array<std::uint16_t, 4> array{};
    std::vector<std::uint64_t> vector(5);
    std::string string = "string";
    std::string_view view = "view";
    std::span<std::uint32_t> span(c_array);
    std::span<const std::uint32_t, 3> const_span(const_c_array);

    const auto check = [](auto made, const void* data, std::size_t size) {
        CHECK(made.data() == data);
        CHECK(made.size() == size);
    };
    check(buffer(c_array), c_array, 12);
    check(buffer(c_array, 5), c_array, 5);
    check(buffer(const_c_array), const_c_array, 12);
    check(buffer(array), array.data(), 8);
    check(buffer(array, 100), array.data(), 8);
    check(buffer(vector), vector.data(), 40);
    check(buffer(vector, 39), vector.data(), 39);
    check(buffer(string), string.data(), 6);
    check(buffer(string, 2), string.data(), 2);
    check(buffer(view), view.data(), 4);
    check(buffer(span), c_array, 12);
    check(buffer(span.subspan(1), 3), c_array + 1, 3);
    check(buffer(const_span), const_c_array, 12);
    CHECK(buffer("literal").size() == 8);

    std::vector<char> empty;
    CHECK(buffer(empty).size() == 0);
}

TEST_CASE("buffer: the constness of a buffer is that of the elements") {
    static_assert(std::is_same_v<decltype(buffer(std::declval<int(&)[2]>())), mutable_buffer>);
    static_assert(std::is_same_v<decltype(buffer(std::declval<const int(&)[2]>())), const_buffer>);
    static_assert(std::is_same_v<decltype(buffer("x")), const_buffer>);
    static_assert(std::is_same_v<decltype(buffer(std::declval<std::string&>())), mutable_buffer>);
    static_assert(
        std::is_same_v<decltype(buffer(std::declval<const std::string&>())), const_buffer>);
    static_assert(std::is_same_v<decltype(buffer(std::declval<std::string_view>())), const_buffer>);
    static_assert(
        std::is_same_v<decltype(buffer(std::declval<std::array<int, 2>&>())), mutable_buffer>);
    static_assert(
        std::is_same_v<decltype(buffer(std::declval<std::array<const int, 2>&>())), const_buffer>);
    static_assert(
        std::is_same_v<decltype(buffer(std::declval<const std::vector<int>&>(), 1)), const_buffer>);
    static_assert(std::is_same_v<decltype(buffer(std::declval<std::span<int>>())), mutable_buffer>);
    static_assert(
        std::is_same_v<decltype(buffer(std::declval<const std::span<int>&>())), mutable_buffer>);
    static_assert(
        std::is_same_v<decltype(buffer(std::declval<std::span<const int>>(), 1)), const_buffer>);
    SUCCEED();
}

TEST_CASE("buffer: temporaries that own their bytes are rejected, views are not") {
    static_assert(!makes_buffer<std::string>);
    static_assert(!makes_buffer<const std::string>);
    static_assert(!makes_bounded_buffer<std::string>);
    static_assert(!makes_buffer<std::vector<char>>);
    static_assert(!makes_bounded_buffer<std::vector<char>>);
    static_assert(!makes_buffer<std::array<char, 4>>);
    static_assert(!makes_buffer<const std::array<char, 4>>);
    static_assert(makes_buffer<std::string&>);
    static_assert(makes_buffer<const std::string&>);
    static_assert(makes_buffer<std::string_view>);
    static_assert(makes_bounded_buffer<std::span<char>>);
    static_assert(makes_buffer<const std::span<const char>>);
    SUCCEED();
}

TEST_CASE("buffer: elements whose bytes mean nothing are rejected") {
    static_assert(!makes_buffer<std::vector<std::string>&>);
    static_assert(!makes_buffer<std::vector<bool>&>);
    static_assert(!makes_buffer<std::vector<const_buffer>&>);
    static_assert(!makes_buffer<mutable_buffer(&)[2]>);
    static_assert(!makes_buffer<std::list<char>&>);
    static_assert(!makes_buffer<volatile char(&)[2]>);
    static_assert(!makes_buffer<int&>);
    SUCCEED();
}

TEST_CASE("buffer: a _buf literal leaves out the final zero and keeps inner ones") {
    static_assert("abc"_buf.size() == 3);
    CHECK("a\0b"_buf.size() == 3);
    CHECK(text_of("abc"_buf) == "abc");
    CHECK(""_buf.size() == 0);
}

TEST_CASE("buffer sequence: single buffers, arrays and bidirectional ranges are sequences") {
    using gyre::const_buffer_sequence;
    using gyre::mutable_buffer_sequence;
    static_assert(mutable_buffer_sequence<mutable_buffer>);
    static_assert(const_buffer_sequence<mutable_buffer>);
    static_assert(!mutable_buffer_sequence<const_buffer>);
    static_assert(const_buffer_sequence<const_buffer>);
    static_assert(mutable_buffer_sequence<registered>);
    static_assert(mutable_buffer_sequence<std::vector<mutable_buffer>>);
    static_assert(const_buffer_sequence<std::vector<mutable_buffer>>);
    static_assert(!mutable_buffer_sequence<std::vector<const_buffer>>);
    static_assert(const_buffer_sequence<std::list<const_buffer>>);
    static_assert(const_buffer_sequence<std::array<const_buffer, 2>>);
    static_assert(const_buffer_sequence<std::span<const const_buffer>>);
    static_assert(mutable_buffer_sequence<mutable_buffer[3]>);
    static_assert(mutable_buffer_sequence<std::vector<registered>>);
    static_assert(!const_buffer_sequence<const_buffer[2][2]>);
    static_assert(!const_buffer_sequence<std::string>);
    static_assert(!const_buffer_sequence<std::vector<char>>);
    static_assert(!const_buffer_sequence<char[3]>);
    static_assert(!const_buffer_sequence<int>);
    // Its buffer would be a temporary, and the sequence a pointer to that.
    static_assert(!const_buffer_sequence<turns_into_buffer>);
    static_assert(const_buffer_sequence<std::vector<turns_into_buffer>>);
    static_assert(gyre::is_mutable_buffer_sequence<mutable_buffer>::value);
    static_assert(!gyre::is_mutable_buffer_sequence<const_buffer>::value);
    static_assert(gyre::is_const_buffer_sequence<std::deque<const_buffer>>::value);
    SUCCEED();
}

TEST_CASE("buffer_size: is the sum over the sequence") {
    char a[5];
    char b[7];
    CHECK(gyre::buffer_size(buffer(a)) == 5);
    CHECK(gyre::buffer_size(const_buffer()) == 0);
    CHECK(gyre::buffer_size(std::array{buffer(a), buffer(b)}) == 12);
    CHECK(gyre::buffer_size(std::vector<mutable_buffer>()) == 0);
    CHECK(gyre::buffer_size(std::list<const_buffer>{buffer(a), {}, buffer(b)}) == 12);
    const const_buffer c_array[] = {buffer(a), buffer(b), buffer(b)};
    CHECK(gyre::buffer_size(c_array) == 19);
}

TEST_CASE("buffer_copy: ends with the source, the target or the maximum") {
    std::string target(6, '.');
    CHECK(gyre::buffer_copy(buffer(target), "abc"_buf) == 3);
    CHECK(target == "abc...");
    CHECK(gyre::buffer_copy(buffer(target), "ABCDEFGH"_buf) == 6);
    CHECK(target == "ABCDEF");
    CHECK(gyre::buffer_copy(buffer(target), "xyz"_buf, 2) == 2);
    CHECK(target == "xyCDEF");
    CHECK(gyre::buffer_copy(buffer(target), "xyz"_buf, 0) == 0);
    CHECK(gyre::buffer_copy(mutable_buffer(), "xyz"_buf) == 0);
    CHECK(gyre::buffer_copy(buffer(target), const_buffer()) == 0);
    CHECK(gyre::buffer_copy(std::vector<mutable_buffer>(), "xyz"_buf) == 0);
    CHECK(target == "xyCDEF");
}

TEST_CASE("buffer_copy: crosses the borders of both sequences, empty buffers included") {
    const std::string source = "the quick brown fox";
    for (std::size_t cut = 0; cut <= source.size(); ++cut) {
        for (std::size_t split = 0; split <= source.size(); ++split) {
            std::string target(source.size(), '.');
            const std::list<const_buffer> from = {
                {}, buffer(source, cut), {}, buffer(source) + cut, {}};
            const mutable_buffer to[] = {buffer(target, split), mutable_buffer(),
                                         buffer(target) + split};
            CAPTURE(cut, split);
            REQUIRE(gyre::buffer_copy(to, from) == source.size());
            REQUIRE(target == source);

            std::string part(source.size(), '.');
            const std::array to_part = {buffer(part, split), buffer(part) + split};
            REQUIRE(gyre::buffer_copy(to_part, from, cut) == cut);
            REQUIRE(part == source.substr(0, cut) + std::string(source.size() - cut, '.'));
        }
    }
}

TEST_CASE("buffer_copy: a maximum in the middle of a later buffer is kept") {
    const std::array source = {"abcd"_buf, "efgh"_buf};
    for (std::size_t max = 0; max <= 9; ++max) {
        std::string target(10, '.');
        const std::array to = {buffer(target, 3), buffer(target) + 3};
        CAPTURE(max);
        CHECK(gyre::buffer_copy(to, source, max) == std::min<std::size_t>(max, 8));
        CHECK(target.substr(0, max) == std::string("abcdefgh.").substr(0, max));
        CHECK(target.substr(max) == std::string(10 - max, '.'));
    }
}

TEST_CASE("buffer_array: has the room that the type of the sequence tells") {
    using gyre::detail::buffer_array;
    static_assert(buffer_array<mutable_buffer>::capacity == 1);
    static_assert(buffer_array<registered>::capacity == 1);
    static_assert(buffer_array<std::array<const_buffer, 5>>::capacity == 5);
    static_assert(buffer_array<std::array<const_buffer, 0>>::capacity == 1);
    static_assert(buffer_array<std::array<const_buffer, 1000>>::capacity == 16);
    static_assert(buffer_array<mutable_buffer[3]>::capacity == 3);
    static_assert(buffer_array<std::span<const_buffer, 2>>::capacity == 2);
    static_assert(buffer_array<std::span<const_buffer>>::capacity == 16);
    static_assert(buffer_array<std::vector<const_buffer>>::capacity == 16);
    static_assert(std::is_standard_layout_v<gyre::detail::io_buffer>);
    static_assert(offsetof(gyre::detail::io_buffer, data) == 0);
    static_assert(offsetof(gyre::detail::io_buffer, size) == sizeof(void*));
    SUCCEED();
}

TEST_CASE("buffer_array: takes the buffers in order and leaves out empty ones") {
    const std::string text = "abcdefgh";
    const std::vector<const_buffer> buffers = {
        {}, buffer(text, 2), {}, buffer(text) + 5, const_buffer(text.data(), 0)};
    const gyre::detail::buffer_array array(buffers);
    REQUIRE(array.count() == 2);
    CHECK(array.data()[0].data == text.data());
    CHECK(array.data()[0].size == 2);
    CHECK(array.data()[1].data == text.data() + 5);
    CHECK(array.data()[1].size == 3);
    CHECK(array.total_size() == 5);
    CHECK_FALSE(array.all_empty());
    CHECK(array.complete());

    const gyre::detail::buffer_array single(buffer(text));
    CHECK(single.count() == 1);
    CHECK(single.total_size() == 8);
    CHECK(single.complete());
}

TEST_CASE("buffer_array: an empty sequence still has an element to point to") {
    const gyre::detail::buffer_array array(std::vector<mutable_buffer>(3));
    CHECK(array.all_empty());
    CHECK(array.count() == 0);
    CHECK(array.total_size() == 0);
    CHECK(array.data()->data == nullptr);
    CHECK(array.data()->size == 0);
    CHECK(array.complete());
}

TEST_CASE("buffer_array: says when a sequence is longer than what it can take") {
    char byte = 0;
    std::vector<mutable_buffer> buffers(16, buffer(&byte, 1));
    buffers.insert(buffers.begin() + 4, 10, mutable_buffer());
    CHECK(gyre::detail::buffer_array(buffers).count() == 16);
    CHECK(gyre::detail::buffer_array(buffers).complete());
    buffers.push_back(mutable_buffer());
    CHECK(gyre::detail::buffer_array(buffers).complete());
    buffers.push_back(buffer(&byte, 1));
    const gyre::detail::buffer_array cut(buffers);
    CHECK(cut.count() == 16);
    CHECK(cut.total_size() == 16);
    CHECK_FALSE(cut.complete());
}

namespace {

// Transfers everything in steps, as a composed operation would, and returns what it saw.
template <class Buffers>
std::string drain(const Buffers& buffers, std::size_t max_bytes, std::size_t consumed_a_step) {
    gyre::detail::consuming_buffers<Buffers> left(buffers);
    const std::size_t total = gyre::buffer_size(buffers);
    std::string seen;
    while (!left.empty()) {
        const auto step = left.prepare(max_bytes);
        const std::string text = text_of(step);
        REQUIRE(!text.empty());
        REQUIRE(text.size() <= max_bytes);
        const std::size_t n = std::min(consumed_a_step, text.size());
        seen += text.substr(0, n);
        left.consume(n);
        REQUIRE(left.total_consumed() == seen.size());
        REQUIRE(left.total_size() == total);
    }
    REQUIRE(text_of(left.prepare(max_bytes)).empty());
    return seen;
}

}  // namespace

TEST_CASE("consuming_buffers: every way of taking steps sees every byte once and in order") {
    const std::string text = "sphinx of black quartz";
    for (std::size_t max_bytes = 1; max_bytes <= text.size() + 1; ++max_bytes) {
        for (std::size_t n = 1; n <= max_bytes; ++n) {
            CAPTURE(max_bytes, n);
            const const_buffer parts[] = {
                {}, buffer(text, 3), {}, {}, buffer(text.data() + 3, 6), buffer(text) + 9, {}};
            REQUIRE(drain(parts, max_bytes, n) == text);
            REQUIRE(drain(std::list<const_buffer>(std::begin(parts), std::end(parts)), max_bytes,
                          n) == text);
            REQUIRE(drain(std::vector<const_buffer>(std::begin(parts), std::end(parts)), max_bytes,
                          n) == text);
            REQUIRE(drain(buffer(text), max_bytes, n) == text);
        }
    }
}

TEST_CASE("consuming_buffers: a step has at most sixteen buffers") {
    std::string text(40, ' ');
    std::vector<mutable_buffer> buffers;
    for (std::size_t i = 0; i != text.size(); ++i) {
        text[i] = static_cast<char>('0' + i);
        buffers.push_back(buffer(&text[i], 1));
    }
    gyre::detail::consuming_buffers left(buffers);
    const auto step = left.prepare(1000);
    static_assert(gyre::mutable_buffer_sequence<std::remove_cv_t<decltype(step)>>);
    CHECK(step.size() == 16);
    CHECK(text_of(step) == text.substr(0, 16));
    left.consume(15);
    CHECK(text_of(left.prepare(1000)) == text.substr(15, 16));
    CHECK(drain(buffers, 1000, 1000) == text);
}

TEST_CASE("consuming_buffers: a copy goes on from where the original was") {
    const std::string text = "0123456789";
    std::vector<const_buffer> buffers = {buffer(text, 4), buffer(text) + 4};
    gyre::detail::consuming_buffers original(buffers);
    buffers.clear();
    original.consume(5);
    auto copy = original;
    original.consume(5);
    CHECK(original.empty());
    CHECK(text_of(copy.prepare(3)) == "567");
    const auto moved = std::move(copy);
    CHECK(text_of(moved.prepare(100)) == "56789");
    CHECK(moved.total_consumed() == 5);
}

TEST_CASE("consuming_buffers: nothing to do is empty from the start, and too much is cut") {
    CHECK(gyre::detail::consuming_buffers(std::vector<mutable_buffer>(2)).empty());
    CHECK(gyre::detail::consuming_buffers(mutable_buffer()).empty());
    const std::array parts = {"ab"_buf, ""_buf, "cd"_buf};
    gyre::detail::consuming_buffers left(parts);
    CHECK(left.prepare(0).empty());
    left.consume(100);
    CHECK(left.empty());
    CHECK(left.total_consumed() == 4);
    gyre::detail::consuming_buffers one("ab"_buf);
    one.consume(3);
    CHECK(one.total_consumed() == 2);
}
