// SPDX-License-Identifier: BSL-1.0
// Strings and vectors as dynamic buffers, by hand and against a model.
#include <gyre/dynamic_buffer.hpp>
#include <gyre/dynamic_buffer_concepts.hpp>
#include <gyre/streambuf.hpp>

#include "support/catch.hpp"
#include "support/dynamic_buffers.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <random>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

namespace {

constexpr std::size_t all = static_cast<std::size_t>(-1);

using over_string = dynamic_container_buffer<std::string>;
using over_vector = dynamic_container_buffer<std::vector<char>>;

std::string text(const_buffer b) { return {static_cast<const char*>(b.data()), b.size()}; }

/// A buffer in two parts, as the documentation of the concept has it.
struct model {
    std::string readable;
    std::size_t max_size;
    std::string room{};

    bool prepare(std::size_t n, char fill) {
        if (n > max_size - readable.size()) {
            return false;
        }
        room.assign(n, fill);
        return true;
    }
    void commit(std::size_t n) {
        readable += room.substr(0, n);
        room.clear();
    }
    void consume(std::size_t n) { readable.erase(0, n); }
};

/// The same random steps with a buffer and the model.
template <class B>
void compare(B& b, std::size_t max_size, unsigned seed) {
    std::mt19937 random(seed);
    model m{{}, max_size};
    const auto below = [&random](std::size_t n) { return random() % n; };
    for (int i = 0; i < 2000; ++i) {
        const std::size_t n = below(max_size / 2);
        const char fill = static_cast<char>('a' + i % 26);
        if (m.prepare(n, fill)) {
            std::memset(mutable_buffer(b.prepare(n)).data(), fill, n);
            const std::size_t committed = below(4) != 0 ? below(n + 3) : 0;
            m.commit(committed);
            b.commit(committed);
        } else {
            REQUIRE_THROWS_AS(b.prepare(n), std::length_error);
        }
        const std::size_t consumed = below(max_size / 3);
        m.consume(std::min(consumed, m.readable.size()));
        b.consume(consumed);
        REQUIRE(b.size() == m.readable.size());
        REQUIRE(text_of(b) == m.readable);
    }
}

}  // namespace

TEST_CASE("dynamic_buffer: models both kinds, other buffers and containers none") {
    static_assert(dynamic_buffer_v1<over_string> && dynamic_buffer_v2<over_string>);
    static_assert(dynamic_buffer_v1<over_vector> && dynamic_buffer_v2<over_vector>);
    static_assert(dynamic_buffer_v1<streambuf> && !dynamic_buffer_v2<streambuf>);
    static_assert(dynamic_buffer_v1<parted_buffer> && !dynamic_buffer_v2<parted_buffer>);
    static_assert(is_dynamic_buffer<over_string>::value && is_dynamic_buffer<streambuf>::value);
    static_assert(is_dynamic_buffer_v1<streambuf>::value);
    static_assert(!is_dynamic_buffer_v2<streambuf>::value);
    static_assert(!any_dynamic_buffer<mutable_buffer> && !any_dynamic_buffer<std::string>);
    static_assert(!any_dynamic_buffer<std::vector<mutable_buffer>>);
    static_assert(!const_buffer_sequence<over_string> && !const_buffer_sequence<streambuf>);
    std::vector<unsigned char> bytes;
    std::basic_string<char8_t> utf8;
    CHECK(dynamic_buffer(bytes).size() == 0);
    CHECK(dynamic_buffer(utf8, 3).max_size() == 3);
}

TEST_CASE("dynamic_buffer: what the container holds already is readable") {
    std::string s = "hello";
    auto b = dynamic_buffer(s);
    CHECK(b.size() == 5);
    CHECK(b.max_size() == all);
    CHECK(b.capacity() == s.capacity());
    CHECK(text(b.data()) == "hello");
    CHECK(text(std::as_const(b).data(1, 3)) == "ell");
    CHECK(text(b.data(1, 100)) == "ello");
    CHECK(text(b.data(100, 1)).empty());
    static_assert(std::is_same_v<decltype(b.data(0, 1)), mutable_buffer>);
    static_assert(std::is_same_v<decltype(std::as_const(b).data(0, 1)), const_buffer>);
    static_cast<char*>(b.data(0, 1).data())[0] = 'J';
    CHECK(s == "Jello");
}

TEST_CASE("dynamic_buffer: grows, shrinks and is consumed, and all copies see it") {
    std::string s = "ab";
    auto b = dynamic_buffer(s, 5);
    auto other = b;
    b.grow(3);
    CHECK(s.size() == 5);
    CHECK(other.size() == 5);
    CHECK_THROWS_AS(other.grow(1), std::length_error);
    CHECK(s.size() == 5);
    std::memcpy(b.data(2, 3).data(), "cde", 3);
    other.shrink(1);
    CHECK(s == "abcd");
    b.consume(1);
    CHECK(text(other.data()) == "bcd");
    b.consume(100);
    CHECK(s.empty());
    b.shrink(100);
    CHECK(other.size() == 0);
    b.grow(0);
    CHECK(s.empty());
}

TEST_CASE("dynamic_buffer: prepares and commits") {
    std::string s = "ab";
    auto b = dynamic_buffer(s, 6);
    const mutable_buffer room = b.prepare(4);
    CHECK(room.size() == 4);
    CHECK(b.size() == 2);
    CHECK(text(b.data()) == "ab");
    std::memcpy(room.data(), "cdef", 4);
    b.commit(3);
    CHECK(s == "abcde");
    b.commit(1);  // nothing is prepared any more
    CHECK(s == "abcde");
    CHECK_THROWS_AS(b.prepare(2), std::length_error);
    CHECK(b.prepare(0).size() == 0);
    static_cast<void>(b.prepare(1));
    b.consume(2);
    CHECK(b.size() == 3);
    b.commit(100);  // at most what was prepared
    CHECK(s.size() == 4);
    CHECK(s.substr(0, 3) == "cde");
    static_cast<void>(b.prepare(2));
    b.grow(1);  // what was prepared is gone
    CHECK(s.size() == 5);
    static_cast<void>(b.prepare(1));
    b.shrink(2);
    CHECK(s.size() == 3);
}

TEST_CASE("dynamic_buffer: bytes beyond max_size are out of sight and stay") {
    std::string s = "abcdef";
    auto b = dynamic_buffer(s, 4);
    CHECK(b.size() == 4);
    CHECK(b.capacity() == 4);
    CHECK(text(b.data()) == "abcd");
    CHECK(text(b.data(2, 10)) == "cd");
    CHECK_THROWS_AS(b.grow(1), std::length_error);
    CHECK_THROWS_AS(b.prepare(1), std::length_error);
    b.grow(0);
    static_cast<void>(b.prepare(0));
    b.commit(0);
    CHECK(s == "abcdef");
    b.consume(1);
    CHECK(s == "bcdef");
    CHECK(text(b.data()) == "bcde");
}

TEST_CASE("dynamic_buffer: random steps leave what a model says") {
    const unsigned seed = GENERATE(1u, 2u, 3u);
    CAPTURE(seed);
    std::string s;
    auto over_s = dynamic_buffer(s, 300);
    compare(over_s, 300, seed);
    std::vector<char> v;
    auto over_v = dynamic_buffer(v, 50);
    compare(over_v, 50, seed);
    streambuf b(200);
    compare(b, 200, seed);
}
