// SPDX-License-Identifier: BSL-1.0
// Which handles a poller refuses, where the system would take them.
#pragma once

#include <gyre/native_handle.hpp>

#include <cerrno>
#include <system_error>

#include <sys/stat.h>

namespace gyre::inline v0::detail {

/// poll(2), io_uring and illumos's epoll call regular files and directories ready at all times;
/// Linux's epoll refuses them.
inline std::error_code check_handle(native_handle_type handle) noexcept {
    struct stat status {};
    if (::fstat(handle, &status) != 0) {
        return {errno, std::system_category()};
    }
    if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) {
        return {EPERM, std::system_category()};
    }
    return {};
}

}  // namespace gyre::inline v0::detail
