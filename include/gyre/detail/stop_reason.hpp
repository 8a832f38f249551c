// SPDX-License-Identifier: BSL-1.0
// Why an operation ends that was not done.
#pragma once

#include <gyre/detail/config.hpp>

#include <cstdint>
#include <system_error>

namespace gyre::inline v0::detail {

enum class stop_reason : std::uint8_t {
    none,
    cancelled,  ///< somebody cancelled it: error::operation_aborted
    timed_out,  ///< its deadline came: error::timed_out
};

/// What it reports; with none, what a cancelled one does.
GYRE_API std::error_code error_of(stop_reason reason) noexcept;

}  // namespace gyre::inline v0::detail
