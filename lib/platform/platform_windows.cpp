// SPDX-License-Identifier: BSL-1.0
// The native platform of Windows, and how it waits for a single handle.
#include "platform/native_windows.hpp"

#include <gyre/error.hpp>

#include "poll/deadline.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace gyre::inline v0::detail {
namespace {

/// Of one call of select(); a longer wait is several.
constexpr time_ns longest_wait = 3'600'000'000'000;

// Each of these is positive if the socket is ready, 0 if the time is over, or negative.

/// By select(), to which a failed connection is an exception: WSAPoll() did not report that before
/// Windows 10, 2004.
int select_writable(native_handle_type handle, time_ns left) noexcept {
    constexpr time_ns microsecond = 1000;
    const time_ns rounded = (std::min(left, longest_wait) + microsecond - 1) / microsecond;
    timeval limit{static_cast<long>(rounded / 1'000'000), static_cast<long>(rounded % 1'000'000)};
    fd_set writable;
    FD_ZERO(&writable);
    FD_SET(handle, &writable);
    fd_set failed = writable;
    return ::select(0, nullptr, &writable, &failed, left == no_deadline ? nullptr : &limit);
}

int poll_readable(native_handle_type handle, interest direction, time_ns left) noexcept {
    WSAPOLLFD entry{};
    entry.fd = handle;
    entry.events = any(direction & interest::read) ? POLLRDNORM : POLLRDBAND;
    return ::WSAPoll(&entry, 1, to_milliseconds(left));
}

void sleep_until(time_ns deadline) noexcept {
    const std::chrono::nanoseconds since(deadline);
    using clock = std::chrono::steady_clock;
    std::this_thread::sleep_until(
        clock::time_point(std::chrono::duration_cast<clock::duration>(since)));
}

class windows_platform final : public native_parts {
public:
    std::error_code wait_one(native_handle_type handle, interest direction,
                             time_ns deadline) noexcept override {
        if (direction == interest::none) {
            if (deadline != immediately) {
                sleep_until(deadline);
            }
            return gyre::error::timed_out;
        }
        if (handle == invalid_native_handle) {
            return gyre::error::bad_descriptor;
        }
        for (;;) {
            const time_ns left = time_left(deadline);
            const int ready = any(direction & interest::write)
                                  ? select_writable(handle, left)
                                  : poll_readable(handle, direction, left);
            if (ready != 0) {
                return ready > 0 ? std::error_code() : last_error();
            }
            if (time_left(deadline) == 0) {
                return gyre::error::timed_out;
            }
        }
    }
};

constinit windows_platform instance;

}  // namespace

platform& native_platform() noexcept {
    start_winsock();
    return instance;
}

}  // namespace gyre::inline v0::detail
