// SPDX-License-Identifier: BSL-1.0
// What the daytime servers answer.
#pragma once

#include <fmt/chrono.h>

#include <chrono>
#include <string>

namespace example {

/// The time of day as a line of text (RFC 867).
inline std::string time_of_day() {
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    return fmt::format("{:%A, %B %d, %Y %H:%M:%S}-UTC\r\n", fmt::gmtime(now));
}

}  // namespace example
