// SPDX-License-Identifier: BSL-1.0
// What native_linux.cpp does, by the means of every POSIX system.
#include "platform/native_posix.hpp"

#include "poll/deadline.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace gyre::inline v0::detail {
namespace {

#if defined(SO_NOSIGPIPE)
int set_silent(native_handle_type handle) noexcept {
    const int on = 1;
    return ::setsockopt(handle, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
}
#else
int set_silent(native_handle_type) noexcept { return 0; }
#endif

#if defined(F_SETNOSIGPIPE)
// macOS sends the signal to the process, so that to block it in one thread does not keep it away.
// The flag is the descriptor's.
ssize_t write_without_signal(int fd, const iovec* pieces, int count) noexcept {
    static_cast<void>(::fcntl(fd, F_SETNOSIGPIPE, 1));
    return ::writev(fd, pieces, count);
}
#else
ssize_t write_without_signal(int fd, const iovec* pieces, int count) noexcept {
    return write_with_sigpipe_blocked(fd, pieces, count);
}
#endif

#if defined(EAI_NODATA) && defined(EAI_ADDRFAMILY)
constexpr bool is_no_address(int code) noexcept {
    return code == EAI_NODATA || code == EAI_ADDRFAMILY;
}
#else
constexpr bool is_no_address(int) noexcept {
    return false;  // POSIX has one code for this and for an unknown name: EAI_NONAME
}
#endif

}  // namespace

std::error_code silence_socket(native_handle_type handle) noexcept {
    return set_silent(handle) == 0 ? std::error_code() : last_error();
}

ssize_t write_silently(int fd, const iovec* pieces, int count) noexcept {
    return write_without_signal(fd, pieces, count);
}

bool concerns_one_connection(int code) noexcept {
    return code == ECONNABORTED || code == EPROTO;  // EPROTO: what older systems say for it
}

bool means_no_address(int code) noexcept { return is_no_address(code); }

int poll_one(pollfd& entry, time_ns left) noexcept {
    return ::poll(&entry, 1, to_milliseconds(left));
}

void pin_thread(std::size_t) noexcept {}

std::uint64_t exchange_timer_slack(std::uint64_t) noexcept { return 0; }

}  // namespace gyre::inline v0::detail
