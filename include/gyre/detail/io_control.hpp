// SPDX-License-Identifier: BSL-1.0
// Commands of io_control whose numbers only the system's headers know.
#pragma once

#include <gyre/detail/config.hpp>

#include <cstddef>

namespace gyre::inline v0::detail {

/// How many bytes can be read without waiting. A value; any thread.
class bytes_readable_command {
public:
    bytes_readable_command() noexcept = default;
    explicit bytes_readable_command(std::size_t bytes) noexcept : value_(static_cast<int>(bytes)) {}

    std::size_t get() const noexcept { return static_cast<std::size_t>(value_); }

    /// What io_control() hands to the system.
    GYRE_API int name() const noexcept;
    void* data() noexcept { return &value_; }

private:
    int value_ = 0;
};

}  // namespace gyre::inline v0::detail
