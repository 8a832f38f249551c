// SPDX-License-Identifier: BSL-1.0
// A descriptor that is no socket: pipes, terminals, devices.
#pragma once

#include <gyre/detail/config.hpp>
#include <gyre/detail/handle_object.hpp>

#include <cstddef>
#include <system_error>

namespace gyre::inline v0::detail {

/// Owns a descriptor. One thread at a time, as with any I/O object.
class GYRE_API descriptor_object : public handle_object {
public:
    explicit descriptor_object(const any_io_executor& executor) : handle_object(executor) {}

    /// Takes over a descriptor that is open already; it stays the caller's if it fails.
    std::error_code assign(native_handle_type handle) noexcept;
    std::error_code read_some(io_buffer* buffers, std::size_t count, std::size_t& bytes) noexcept;
    std::error_code write_some(io_buffer* buffers, std::size_t count, std::size_t& bytes) noexcept;
};

/// Makes a pipe; both objects must be closed.
GYRE_API std::error_code connect_pipe(descriptor_object& read_end,
                                      descriptor_object& write_end) noexcept;

}  // namespace gyre::inline v0::detail
