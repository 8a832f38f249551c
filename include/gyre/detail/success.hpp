// SPDX-License-Identifier: BSL-1.0
// A std::error_code that says success without the call that its default constructor makes to find
// its category: two of them a round trip are seen in a profile.
#pragma once

#include <gyre/detail/config.hpp>

#include <system_error>

namespace gyre::inline v0::detail {

/// The system's category; null before the library's static objects are initialised.
GYRE_API extern const std::error_category* const success_category;

inline std::error_code error_of(int value, const std::error_category* category) noexcept {
    return category != nullptr ? std::error_code(value, *category) : std::error_code();
}

inline std::error_code success() noexcept { return error_of(0, success_category); }

}  // namespace gyre::inline v0::detail
