// SPDX-License-Identifier: BSL-1.0
// What the chat's server and client have in common.
#pragma once

#include <cstddef>

namespace example {

/// A line of the chat ends with '\n'; one that is longer, its end included, is refused.
inline constexpr std::size_t chat_line_max = 512;

/// What somebody who comes in is told of what was said before.
inline constexpr std::size_t chat_history = 100;

}  // namespace example
