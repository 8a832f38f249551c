// SPDX-License-Identifier: BSL-1.0
// The bytes of a sequence as a range: against the same bytes in one string.
#include <gyre/buffers_iterator.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <list>
#include <string>
#include <type_traits>
#include <vector>

using namespace gyre;

namespace {

/// The text cut into buffers at two places, with empty buffers everywhere.
std::vector<mutable_buffer> pieces(std::string& text, std::size_t a, std::size_t b) {
    const mutable_buffer all = buffer(text);
    return {{}, buffer(all, a), {}, {}, buffer(all + a, b - a), all + b, {}};
}

}  // namespace

TEST_CASE("buffers_iterator: is a random access iterator, over writable bytes where they are") {
    using over_const = buffers_iterator<const_buffer>;
    using over_mutable = buffers_iterator<std::vector<mutable_buffer>, std::byte>;
    static_assert(std::random_access_iterator<over_const>);
    static_assert(std::random_access_iterator<over_mutable>);
    static_assert(std::random_access_iterator<buffers_iterator<std::list<const_buffer>>>);
    static_assert(sizeof(over_const) == 4 * sizeof(void*));  // with and without checks
    static_assert(std::is_same_v<decltype(*over_const()), const char&>);
    static_assert(std::is_same_v<decltype(*over_mutable()), std::byte&>);
    static_assert(
        std::is_same_v<buffers_iterator<const_buffer, unsigned char>::value_type, unsigned char>);
    SUCCEED();
}

TEST_CASE("buffers_iterator: goes through all bytes, however they are cut") {
    std::string text = "0123456789";
    for (std::size_t a = 0; a <= text.size(); ++a) {
        for (std::size_t b = a; b <= text.size(); ++b) {
            CAPTURE(a, b);
            const auto sequence = pieces(text, a, b);
            const auto begin = buffers_begin(sequence);
            const auto end = buffers_end(sequence);
            REQUIRE(end - begin == 10);
            REQUIRE(std::string(begin, end) == text);
            REQUIRE(std::string(std::make_reverse_iterator(end),
                                std::make_reverse_iterator(begin)) == "9876543210");
            const std::list<const_buffer> list(sequence.begin(), sequence.end());
            REQUIRE(std::string(buffers_begin(list), buffers_end(list)) == text);
        }
    }
    CHECK(std::string(buffers_begin(buffer(text)), buffers_end(buffer(text))) == text);
}

TEST_CASE("buffers_iterator: jumps from anywhere to anywhere") {
    std::string text = "0123456789";
    for (std::size_t a = 0; a <= 10; a += 2) {
        const auto sequence = pieces(text, a, a + (10 - a) / 2);
        const auto begin = buffers_begin(sequence);
        for (std::ptrdiff_t from = 0; from <= 10; ++from) {
            for (std::ptrdiff_t to = 0; to <= 10; ++to) {
                CAPTURE(a, from, to);
                auto it = begin + from;
                it += to - from;
                REQUIRE(it - begin == to);
                REQUIRE((it == begin + to));
                REQUIRE(((begin + from < it) == (from < to)));
                REQUIRE(((begin + from >= it) == (from >= to)));
                if (to != 10) {
                    REQUIRE(*it == text[static_cast<std::size_t>(to)]);
                    REQUIRE((begin + from)[to - from] == *it);
                }
                it -= to - from;
                REQUIRE((it == from + begin));
            }
        }
    }
}

TEST_CASE("buffers_iterator: steps before and after") {
    std::string text = "ab";
    const std::array sequence{buffer(text, 1), buffer(text) + 1};
    auto it = buffers_begin(sequence);
    CHECK(*it++ == 'a');
    CHECK(*it == 'b');
    CHECK(*it-- == 'b');
    CHECK(*++it == 'b');
    CHECK(*--it == 'a');
    *it = 'x';
    CHECK(text == "xb");
}

TEST_CASE("buffers_iterator: nothing has equal ends") {
    CHECK((buffers_begin(const_buffer()) == buffers_end(const_buffer())));
    const std::vector<const_buffer> none;
    CHECK((buffers_begin(none) == buffers_end(none)));
    const std::vector<const_buffer> empty(3);
    CHECK((buffers_begin(empty) == buffers_end(empty)));
    CHECK((buffers_iterator<const_buffer>() == buffers_iterator<const_buffer>()));
}

TEST_CASE("buffers_iterator: algorithms write through it") {
    std::string text = "hgfedcba";
    const auto sequence = pieces(text, 3, 5);
    std::sort(buffers_begin(sequence), buffers_end(sequence));
    CHECK(text == "abcdefgh");
}

TEST_CASE("buffers_iterator: of a single buffer does not refer to the buffer") {
    const std::string text = "text";
    const auto begin = buffers_begin(const_buffer(text.data(), 4));
    const auto end = buffers_end(const_buffer(text.data(), 4));
    CHECK(std::string(begin, end) == "text");
}
