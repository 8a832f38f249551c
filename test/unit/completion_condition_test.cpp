// SPDX-License-Identifier: BSL-1.0
//
// The three conditions, and how a user's own result is understood.

#include <gyre/completion_condition.hpp>

#include "support/catch.hpp"

#include <cstddef>

using gyre::detail::adapt_condition_result;
using gyre::detail::default_transfer_size;

namespace {

const gyre::error_code ok;
const gyre::error_code failed = gyre::error::connection_reset;

}  // namespace

TEST_CASE("transfer_all: goes on in steps of the default size until an error") {
    const auto condition = gyre::transfer_all();
    CHECK(condition(ok, 0) == 65536);
    CHECK(condition(ok, 1) == default_transfer_size);
    CHECK(condition(ok, static_cast<std::size_t>(-1)) == default_transfer_size);
    CHECK(condition(failed, 0) == 0);
    CHECK(condition(failed, 10) == 0);
}

TEST_CASE("transfer_at_least: is done at the minimum, and does not bound a step by it") {
    const auto condition = gyre::transfer_at_least(10);
    CHECK(condition(ok, 0) == default_transfer_size);
    CHECK(condition(ok, 9) == default_transfer_size);
    CHECK(condition(ok, 10) == 0);
    CHECK(condition(ok, 11) == 0);
    CHECK(condition(failed, 0) == 0);
    CHECK(gyre::transfer_at_least(0)(ok, 0) == 0);
}

TEST_CASE("transfer_exactly: never asks for a byte more than is left") {
    const auto condition = gyre::transfer_exactly(10);
    CHECK(condition(ok, 0) == 10);
    CHECK(condition(ok, 9) == 1);
    CHECK(condition(ok, 10) == 0);
    CHECK(condition(ok, 11) == 0);
    CHECK(condition(failed, 3) == 0);
    CHECK(gyre::transfer_exactly(0)(ok, 0) == 0);

    const auto large = gyre::transfer_exactly(default_transfer_size + 5);
    CHECK(large(ok, 0) == default_transfer_size);
    CHECK(large(ok, 5) == default_transfer_size);
    CHECK(large(ok, 6) == default_transfer_size - 1);
}

TEST_CASE("adapt_condition_result: numbers bound the next step, and true means done") {
    CHECK(adapt_condition_result(std::size_t{0}) == 0);
    CHECK(adapt_condition_result(std::size_t{42}) == 42);
    CHECK(adapt_condition_result(42) == 42);
    CHECK(adapt_condition_result(1) == 1);
    CHECK(adapt_condition_result(true) == 0);
    CHECK(adapt_condition_result(false) == default_transfer_size);
}

TEST_CASE("completion_condition: is met by the library's conditions and by a user's") {
    const auto predicate = [](const gyre::error_code& ec, std::size_t n) { return ec || n > 3; };
    const auto bound = [](gyre::error_code, std::size_t) -> std::size_t { return 1; };
    const auto takes_no_size = [](const gyre::error_code&) { return true; };
    const auto returns_nothing = [](const gyre::error_code&, std::size_t) {};
    static_assert(gyre::completion_condition<decltype(gyre::transfer_all())>);
    static_assert(gyre::completion_condition<decltype(gyre::transfer_at_least(1))>);
    static_assert(gyre::completion_condition<decltype(gyre::transfer_exactly(1))>);
    static_assert(gyre::completion_condition<decltype(predicate)>);
    static_assert(gyre::completion_condition<decltype(bound)>);
    static_assert(!gyre::completion_condition<decltype(takes_no_size)>);
    static_assert(!gyre::completion_condition<decltype(returns_nothing)>);
    CHECK(adapt_condition_result(predicate(ok, 3)) == default_transfer_size);
    CHECK(adapt_condition_result(predicate(ok, 4)) == 0);
    CHECK(adapt_condition_result(bound(ok, 4)) == 1);
}
