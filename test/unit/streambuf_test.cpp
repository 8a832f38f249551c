// SPDX-License-Identifier: BSL-1.0
// A streambuf between buffers and iostreams.
#include <gyre/streambuf.hpp>

#include "support/catch.hpp"
#include "support/dynamic_buffers.hpp"

#include <cstddef>
#include <cstring>
#include <istream>
#include <memory>
#include <ostream>
#include <random>
#include <stdexcept>
#include <string>
#include <type_traits>

using namespace gyre;
using namespace gyre::testing;

namespace {

/// Counts what it holds.
template <class T>
struct counting_allocator {
    using value_type = T;
    explicit counting_allocator(std::size_t* bytes) : held(bytes) {}
    template <class U>
    counting_allocator(const counting_allocator<U>& other) : held(other.held) {}
    T* allocate(std::size_t n) {
        *held += n * sizeof(T);
        return std::allocator<T>().allocate(n);
    }
    void deallocate(T* p, std::size_t n) {
        *held -= n * sizeof(T);
        std::allocator<T>().deallocate(p, n);
    }
    template <class U>
    bool operator==(const counting_allocator<U>& other) const {
        return held == other.held;
    }

    std::size_t* held;
};

}  // namespace

TEST_CASE("streambuf: an empty one is empty") {
    streambuf b;
    CHECK(b.size() == 0);
    CHECK(b.capacity() == 0);
    CHECK(b.max_size() == static_cast<std::size_t>(-1));
    CHECK(b.data().size() == 0);
    b.consume(10);
    b.commit(10);
    CHECK(b.size() == 0);
    CHECK(b.prepare(0).size() == 0);
    std::istream in(&b);
    CHECK(in.get() == std::istream::traits_type::eof());
    static_assert(!std::is_copy_constructible_v<streambuf>);
    static_assert(!std::is_move_constructible_v<streambuf>);
}

TEST_CASE("streambuf: what is committed is read by a stream, and reading consumes") {
    streambuf b;
    append(b, "12 apples\nand more");
    std::istream in(&b);
    int count = 0;
    std::string what;
    in >> count >> what;
    CHECK(count == 12);
    CHECK(what == "apples");
    std::string rest;
    std::getline(in, rest);
    CHECK(rest.empty());
    CHECK(text_of(b) == "and more");
    CHECK(in.peek() == 'a');
    b.consume(4);
    CHECK(in.get() == 'm');
    append(b, "!");  // behind what a stream has begun to read
    std::getline(in, rest);
    CHECK(rest == "ore!");
    CHECK(in.eof());
    append(b, "again");
    in.clear();
    in >> rest;
    CHECK(rest == "again");
}

TEST_CASE("streambuf: what a stream writes is readable at once") {
    streambuf b;
    std::ostream out(&b);
    out << "x=" << 42 << ';';
    CHECK(text_of(b) == "x=42;");
    const std::string large(10'000, 'y');
    out << large;
    CHECK(b.size() == 10'005);
    CHECK(text_of(b) == "x=42;" + large);
    b.consume(5);
    std::istream in(&b);
    std::string word;
    in >> word;
    CHECK(word == large);
    CHECK(in.rdbuf()->in_avail() <= 0);
    append(b, "zz");
    CHECK(in.rdbuf()->in_avail() == 2);
    out.flush();
    CHECK(out.good());
}

TEST_CASE("streambuf: never holds more than max_size, by whatever way") {
    streambuf b(8);
    CHECK_THROWS_AS(b.prepare(9), std::length_error);
    append(b, "12345");
    CHECK_THROWS_AS(b.prepare(4), std::length_error);
    CHECK(text_of(b) == "12345");
    CHECK(b.prepare(3).size() == 3);
    b.commit(0);
    std::ostream out(&b);
    out << "abcdef";
    CHECK(out.bad());
    CHECK(text_of(b) == "12345abc");
    CHECK(b.capacity() <= 8);
    out.clear();
    b.consume(6);
    out << "xyz";
    CHECK(out.good());
    CHECK(text_of(b) == "bcxyz");
    CHECK(b.prepare(3).size() == 3);
    b.commit(100);
    CHECK(b.size() == 8);
    streambuf none(0);
    std::ostream nothing(&none);
    nothing << 'x';
    CHECK(nothing.bad());
}

TEST_CASE("streambuf: memory that was consumed is used again") {
    streambuf b;
    append(b, std::string(1000, 'a'));
    const std::size_t capacity = b.capacity();
    for (int i = 0; i < 1000; ++i) {
        b.consume(500);
        append(b, std::string(500, static_cast<char>('a' + i % 26)));
    }
    CHECK(b.capacity() == capacity);
    b.consume(1000);
    CHECK(b.size() == 0);
    append(b, std::string(capacity, 'z'));
    CHECK(b.capacity() == capacity);
}

TEST_CASE("streambuf: streams and buffers at both ends, in any order, keep all bytes in order") {
    const unsigned seed = GENERATE(1u, 2u, 3u, 4u);
    CAPTURE(seed);
    std::mt19937 random(seed);
    streambuf b(4096);
    std::ostream out(&b);
    std::istream in(&b);
    std::string put;
    std::string got;
    for (int i = 0; i < 3000; ++i) {
        const std::size_t n = random() % 200;
        std::string piece(n, '\0');
        for (char& c : piece) {
            c = static_cast<char>(random());
        }
        if (b.size() + n <= b.max_size()) {
            if (random() % 2 != 0) {
                append(b, piece);
            } else {
                out.write(piece.data(), static_cast<std::streamsize>(n));
                REQUIRE(out.good());
            }
            put += piece;
        }
        const std::size_t wanted = random() % 200;
        if (random() % 2 != 0) {
            std::string taken(std::min(wanted, b.size()), '\0');
            in.read(taken.data(), static_cast<std::streamsize>(taken.size()));
            REQUIRE(in.good());
            got += taken;
        } else {
            got += text_of(b).substr(0, wanted);
            b.consume(wanted);
        }
        REQUIRE(put.size() - got.size() == b.size());
    }
    got += text_of(b);
    CHECK((put == got));
}

TEST_CASE("streambuf: takes its memory from its allocator") {
    std::size_t held = 0;
    {
        basic_streambuf<counting_allocator<char>> b(1 << 20, counting_allocator<char>(&held));
        CHECK(held == 0);
        append(b, std::string(5000, 'x'));
        CHECK(held >= 5000);
    }
    CHECK(held == 0);
}
