// SPDX-License-Identifier: BSL-1.0
//
// From the error_code& form of a function to its throwing form. Out of line, so that no user's
// translation unit carries the code that builds and throws an exception.

#pragma once

#include <gyre/detail/config.hpp>

#include <system_error>

namespace gyre::inline v0::detail {

/// Throws std::system_error with `ec` if `ec` is set, and else does nothing. `what` names the
/// function that failed and becomes the start of the exception's text; it must not be null.
GYRE_API void throw_error(const std::error_code& ec, const char* what);

}  // namespace gyre::inline v0::detail
