// SPDX-License-Identifier: BSL-1.0
// Throws std::length_error out of line, so that no header includes what that takes.
#pragma once

#include <gyre/detail/config.hpp>

namespace gyre::inline v0::detail {

/// Throws std::length_error with that text.
[[noreturn]] GYRE_API void throw_length_error(const char* what);

}  // namespace gyre::inline v0::detail
