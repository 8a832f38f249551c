// SPDX-License-Identifier: BSL-1.0
// What the parts of the native POSIX platform share, and the few calls that differ from system to
// system. Private to lib/platform; knows nothing of loops.
#pragma once

#include "platform/native.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <system_error>

#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

namespace gyre::inline v0::detail {

#if defined(__linux__)
/// What a call with one buffer is asked for at most: Linux takes any length and transfers what it
/// will (write(2), NOTES).
constexpr std::size_t clipped(std::size_t size) noexcept { return size; }

/// What std::chrono::steady_clock shows, by one call instead of two.
inline time_ns monotonic_now() noexcept {
    std::timespec now;
    static_cast<void>(::clock_gettime(CLOCK_MONOTONIC, &now));
    return now.tv_sec * time_ns{1'000'000'000} + now.tv_nsec;
}
#else
/// What a call with one buffer is asked for at most: some systems refuse lengths beyond an int.
constexpr std::size_t clipped(std::size_t size) noexcept {
    return std::min(size, std::size_t{1} << 30);
}

inline time_ns monotonic_now() noexcept {
    using std::chrono::nanoseconds;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<nanoseconds>(now).count();
}
#endif

inline std::error_code last_error() noexcept { return {errno, std::system_category()}; }

/// close(2) as far as its caller can do anything about it. descriptor_ops_posix.cpp.
std::error_code close_handle(native_handle_type handle) noexcept;

/// O_NONBLOCK, asked first and set only if it is missing. descriptor_ops_posix.cpp.
std::error_code make_nonblocking(native_handle_type handle) noexcept;

/// O_NONBLOCK and FD_CLOEXEC, for systems that can't create descriptors so.
std::error_code make_fit_for_loop(native_handle_type handle) noexcept;

/// Iovecs out of what an operation carries: the same bytes under another name. No buffer, which
/// POSIX does not allow, and a single one, which has to be clipped, go through `scratch`.
struct io_vector {
    const iovec* data;
    int count;
};
io_vector to_vector(const io_request& request, iovec& scratch) noexcept;

/// writev() with SIGPIPE held back by the signal mask. Four system calls.
ssize_t write_with_sigpipe_blocked(int fd, const iovec* pieces, int count) noexcept;

// What differs between systems: native_linux.cpp and native_generic.cpp have the same functions.

/// Flags of send and sendmsg that keep SIGPIPE away; 0 where silence_socket() does it.
#if defined(MSG_NOSIGNAL)
inline constexpr int silent_send_flags = MSG_NOSIGNAL;
#else
inline constexpr int silent_send_flags = 0;
#endif

/// io_kind::receive_many and send_many. datagrams_linux.cpp, datagrams_generic.cpp.
void receive_many(const io_request& request, io_result& result) noexcept;
void send_many(const io_request& request, io_result& result) noexcept;

/// Keeps SIGPIPE away from a socket for good, where that is an option of the socket.
std::error_code silence_socket(native_handle_type handle) noexcept;

/// writev() that never raises SIGPIPE.
ssize_t write_silently(int fd, const iovec* pieces, int count) noexcept;

/// Whether accept() reports this error of a connection that it has taken off the queue.
bool concerns_one_connection(int code) noexcept;

/// Whether getaddrinfo() says by this code that the name exists without such an address.
bool means_no_address(int code) noexcept;

/// poll(2) of one entry, for at most `left` nanoseconds; no_deadline is for ever.
int poll_one(pollfd& entry, time_ns left) noexcept;

/// See thread_ops::pin().
void pin_thread(std::size_t n) noexcept;

/// See thread_ops::set_timer_slack().
std::uint64_t exchange_timer_slack(std::uint64_t slack_ns) noexcept;

}  // namespace gyre::inline v0::detail
