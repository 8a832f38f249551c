// SPDX-License-Identifier: BSL-1.0
// What epoll and io_uring share: the kernel's event bits, which are the same for both, and a set
// that stands for another descriptor.
#pragma once

#include <gyre/poller.hpp>

#include <cerrno>
#include <cstdint>
#include <system_error>

#include <sys/epoll.h>
#include <unistd.h>

namespace gyre::inline v0::detail {

inline std::uint32_t to_epoll(interest want) noexcept {
    std::uint32_t events = 0;
    if (any(want & interest::read)) {
        events |= EPOLLIN | EPOLLRDHUP;
    }
    if (any(want & interest::write)) {
        events |= EPOLLOUT;
    }
    if (any(want & interest::except)) {
        events |= EPOLLPRI;
    }
    return events;
}

inline readiness to_readiness(std::uint32_t events) noexcept {
    if (events == EPOLLIN) [[likely]] {
        return readiness::readable;
    }
    readiness what = readiness::none;
    if ((events & (EPOLLIN | EPOLLRDHUP)) != 0) {
        what = what | readiness::readable;
    }
    if ((events & EPOLLOUT) != 0) {
        what = what | readiness::writable;
    }
    if ((events & EPOLLPRI) != 0) {
        what = what | readiness::priority;
    }
    // The kernel reports these two unasked, and often alone: a pipe's end of file is EPOLLHUP only,
    // a pipe without a reader EPOLLERR only.
    if ((events & EPOLLHUP) != 0) {
        what = what | readiness::hangup | readiness::readable | readiness::writable;
    }
    if ((events & EPOLLERR) != 0) {
        what = what | readiness::error | readiness::readable | readiness::writable;
    }
    return what;
}

/// epoll_ctl(2): false and errno.
inline bool control(int set, int what, int handle, std::uint64_t key,
                    std::uint32_t events) noexcept {
    epoll_event event{};
    event.events = events;
    event.data.u64 = key;
    return ::epoll_ctl(set, what, handle, &event) == 0;
}

/// A set with that handle in it, or -1 and errno.
inline int open_set(int handle, std::uint64_t key) noexcept {
    const int set = ::epoll_create1(EPOLL_CLOEXEC);
    if (set >= 0 && !control(set, EPOLL_CTL_ADD, handle, key, EPOLLIN)) {
        const int why = errno;
        ::close(set);
        errno = why;
        return -1;
    }
    return set;
}

/// A set around the descriptor that a poller sleeps on, which stays the same for whoever watches it
/// when that one is built anew.
class shown_set {
public:
    shown_set() = default;
    shown_set(const shown_set&) = delete;
    shown_set& operator=(const shown_set&) = delete;
    ~shown_set() {
        if (set_ >= 0) {
            ::close(set_);
        }
    }

    bool asked_for() const noexcept { return set_ >= 0; }

    /// Made when it is asked for first; -1 if the system refuses.
    int handle(int inner) noexcept {
        if (set_ < 0) {
            set_ = open_set(inner, 0);
        }
        return set_;
    }

    /// Puts a new descriptor in the place of the old one. What the processes of a fork() share is
    /// left to the other one: in the child the set is another.
    std::error_code replace(int old, int inner, bool forked) noexcept {
        if (set_ < 0) {
            return {};
        }
        if (forked) {
            const int set = open_set(inner, 0);
            if (set < 0) {
                return {errno, std::system_category()};
            }
            ::close(set_);
            set_ = set;
        } else if (!control(set_, EPOLL_CTL_ADD, inner, 0, EPOLLIN)) {
            return {errno, std::system_category()};
        } else {
            control(set_, EPOLL_CTL_DEL, old, 0, 0);
        }
        return {};
    }

private:
    int set_ = -1;
};

}  // namespace gyre::inline v0::detail
