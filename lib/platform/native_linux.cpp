// SPDX-License-Identifier: BSL-1.0
// The calls that Linux answers better than POSIX asks for, or in its own way.
#include "platform/native_posix.hpp"

#include "poll/deadline.hpp"

#include <atomic>

#include <netdb.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>

namespace gyre::inline v0::detail {
namespace {

// RWF_NOSIGNAL of Linux 6.18 (include/uapi/linux/fs.h), which is younger than most libc headers.
constexpr int rwf_nosignal = 0x00000100;

enum class support { unknown, present, absent };

// Relaxed everywhere: a stale value costs one system call and changes no result.
constinit std::atomic<support> nosignal_support{support::unknown};

/// writev(2) with flags; ENOSYS where the C library does not have it (Android before API level 33).
#if GYRE_HAS_PWRITEV2
ssize_t write_with_flags(int fd, const iovec* pieces, int count, int flags) noexcept {
    return ::pwritev2(fd, pieces, count, -1, flags);  // -1: the current position
}
#else
ssize_t write_with_flags(int, const iovec*, int, int) noexcept {
    errno = ENOSYS;
    return -1;
}
#endif

}  // namespace

std::error_code silence_socket(native_handle_type) noexcept { return {}; }

ssize_t write_silently(int fd, const iovec* pieces, int count) noexcept {
    const support known = nosignal_support.load(std::memory_order_relaxed);
    if (known == support::absent) {
        return write_with_sigpipe_blocked(fd, pieces, count);
    }
    const ssize_t written = write_with_flags(fd, pieces, count, rwf_nosignal);
    if (written >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)) {
        if (known == support::unknown) {
            nosignal_support.store(support::present, std::memory_order_relaxed);
        }
        return written;
    }
    // The kernel does not know the flag, or this file takes no flags at all (some devices): then
    // the flag stays in use for others. EINVAL may be about the arguments, so it teaches nothing.
    if (known == support::unknown && errno != EINVAL) {
        nosignal_support.store(support::absent, std::memory_order_relaxed);
    }
    return write_with_sigpipe_blocked(fd, pieces, count);
}

bool concerns_one_connection(int code) noexcept {
    // accept(2), "Error handling": errors of the network that are pending on the new connection.
    switch (code) {
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH: return true;
    default: return false;
    }
}

bool means_no_address(int code) noexcept { return code == EAI_NODATA || code == EAI_ADDRFAMILY; }

int poll_one(pollfd& entry, time_ns left) noexcept {
    if (left == no_deadline) {
        return ::ppoll(&entry, 1, nullptr, nullptr);
    }
    const std::timespec timeout = to_timespec(left);
    return ::ppoll(&entry, 1, &timeout, nullptr);
}

void pin_thread(std::size_t n) noexcept {
    cpu_set_t allowed;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return;  // more processors than the set has room for
    }
    std::size_t skip = n % static_cast<std::size_t>(CPU_COUNT(&allowed));
    for (std::size_t i = 0; i != CPU_SETSIZE; ++i) {
        if (CPU_ISSET(i, &allowed) && skip-- == 0) {
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(i, &one);
            static_cast<void>(::sched_setaffinity(0, sizeof one, &one));
            return;
        }
    }
}

std::uint64_t exchange_timer_slack(std::uint64_t slack_ns) noexcept {
    const int before = ::prctl(PR_GET_TIMERSLACK);
    // A slack of 0 would mean "back to the default of the thread"; 1 ns is what comes closest.
    ::prctl(PR_SET_TIMERSLACK, static_cast<unsigned long>(slack_ns == 0 ? 1 : slack_ns));
    return before > 0 ? static_cast<std::uint64_t>(before) : 0;
}

}  // namespace gyre::inline v0::detail
