// SPDX-License-Identifier: BSL-1.0
// The number by which the system knows a socket or descriptor, without any header of that system.
#pragma once

#include <cstdint>

namespace gyre::inline v0 {

/// A file descriptor; on Windows a SOCKET.
#if defined(_WIN32)
using native_handle_type = std::uintptr_t;
#else
using native_handle_type = int;
#endif

/// The value that no open socket or descriptor has.
inline constexpr native_handle_type invalid_native_handle = static_cast<native_handle_type>(-1);

}  // namespace gyre::inline v0
