// SPDX-License-Identifier: BSL-1.0
// What the build option buffer_checks adds. A program of its own: it defines GYRE_BUFFER_CHECKS.
#include <gyre/assertion.hpp>
#include <gyre/buffer.hpp>
#include <gyre/buffers_iterator.hpp>

#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <vector>

using namespace gyre;

namespace {

struct broken {};

/// The assertion handler throws while this lives.
class throwing_assertions {
public:
    throwing_assertions() = default;
    throwing_assertions(const throwing_assertions&) = delete;
    throwing_assertions& operator=(const throwing_assertions&) = delete;
    ~throwing_assertions() { set_assertion_handler(before_); }

private:
    assertion_handler before_ =
        set_assertion_handler([](const char*, const char*, int) { throw broken(); });
};

template <class Buffers>
void check_edges(const Buffers& buffers) {
    const throwing_assertions guard;
    const auto begin = buffers_begin(buffers);
    const auto end = buffers_end(buffers);
    const auto size = static_cast<std::ptrdiff_t>(buffer_size(buffers));
    CHECK_THROWS_AS(*end, broken);
    CHECK_THROWS_AS(begin[size], broken);
    CHECK_THROWS_AS(end + 1, broken);
    CHECK_THROWS_AS(begin - 1, broken);
    CHECK_THROWS_AS(begin + (size + 1), broken);
    CHECK_THROWS_AS(end - (size + 1), broken);
    std::ptrdiff_t seen = 0;
    for (auto it = begin; it != end; ++it) {
        static_cast<void>(*it);
        ++seen;
    }
    CHECK(seen == size);
    CHECK((begin + size == end));
}

}  // namespace

TEST_CASE("buffer checks: an iterator that leaves its sequence is an assertion") {
    std::string text = "0123456789";
    check_edges(buffer(text));
    check_edges(const_buffer());
    check_edges(std::vector<mutable_buffer>());
    check_edges(std::vector<const_buffer>(3));
    check_edges(std::array{buffer(text, 3), mutable_buffer(), buffer(text) + 3});
    check_edges(std::vector<const_buffer>{{}, buffer(text, 9), {}, buffer(text) + 9, {}});
}

TEST_CASE("buffer checks: they change no layout") {
    CHECK(sizeof(buffers_iterator<const_buffer>) == 4 * sizeof(void*));
    CHECK(sizeof(buffers_iterator<std::vector<const_buffer>>) == 5 * sizeof(void*));
}
