// SPDX-License-Identifier: BSL-1.0
// What the parts of the native Windows platform share. Private to lib/platform; knows nothing of
// loops.
//
// Facts are from the pages of Winsock's functions and from "Windows Sockets Error Codes".
#pragma once

#include <gyre/error.hpp>

#include "platform/native.hpp"
#include "platform/socket_headers.hpp"

#include <system_error>

namespace gyre::inline v0::detail {

/// The errno value that a code of Winsock stands for, so that an error has one name on all systems;
/// EIO for one that has none.
int errno_of(int winsock_code) noexcept;

inline std::error_code error_of(int winsock_code) noexcept {
    return {errno_of(winsock_code), gyre::error::get_system_category()};
}
inline std::error_code last_error() noexcept { return error_of(::WSAGetLastError()); }

/// Winsock has to be started by each process, once, before anything else of it is called. Never
/// ended: sockets may be closed after main().
void start_winsock() noexcept;

/// Non-blocking. socket_ops_windows.cpp.
std::error_code make_nonblocking(native_handle_type handle) noexcept;

/// Two sockets of this process that are connected with each other, by TCP over the loopback
/// address: what Windows has no call for. socket_ops_windows.cpp.
std::error_code open_loopback_pair(native_handle_type& first, native_handle_type& second) noexcept;

}  // namespace gyre::inline v0::detail
