// SPDX-License-Identifier: BSL-1.0
//
// The one way to Catch2, whichever generation is installed: 2.13 (Debian 12) or 3. Also declares
// what the support code offers to test cases.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_approx.hpp>
#include <catch2/catch_message.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/catch_tostring.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif

#include <cstddef>
#include <string_view>

namespace gyre::testing {

/// Counts things that a test case must give back (live slots, for one). Asked before and after
/// every case that is not tagged [leaks-allowed]; the case fails if the two answers differ. Null at
/// first: a suite sets it during static initialisation or in a case.
extern std::size_t (*extra_leak_check)() noexcept;

/// Counts the running case as skipped, unless an assertion fails in it all the same.
void mark_skipped(std::string_view reason);

}  // namespace gyre::testing

/// Leaves a test case whose needs this system doesn't meet. For the body of the case itself.
#define GYRE_SKIP(reason)                                                                          \
    do {                                                                                           \
        ::gyre::testing::mark_skipped(reason);                                                     \
        return;                                                                                    \
    } while (false)
