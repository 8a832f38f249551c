// SPDX-License-Identifier: BSL-1.0
// A look-alike of <sys/event.h>, for running the kqueue poller on Linux: see ../kqueue_double.cpp.
// KQUEUE_DOUBLE_<SYSTEM> says whose types and numbers it has; those are facts of the systems'
// interfaces (kqueue(2) and their headers).
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>

// NetBSD's types are wider and its counts unsigned; before version 10 it had neither a pointer for
// the user data nor user events.
#if defined(KQUEUE_DOUBLE_NETBSD9) || defined(KQUEUE_DOUBLE_NETBSD10)

struct kevent {
    std::uintptr_t ident;
    std::uint32_t filter;
    std::uint32_t flags;
    std::uint32_t fflags;
    std::int64_t data;
#if defined(KQUEUE_DOUBLE_NETBSD9)
    std::intptr_t udata;
#else
    void* udata;
#endif
};
using kqueue_double_count = std::size_t;

#define EVFILT_READ 0U
#define EVFILT_WRITE 1U
#if defined(KQUEUE_DOUBLE_NETBSD10)
#define EVFILT_USER 8U
#endif

#else

#if defined(KQUEUE_DOUBLE_MACOS)
#pragma pack(push, 4)
#endif
struct kevent {
    std::uintptr_t ident;
    short filter;
    unsigned short flags;
    unsigned fflags;
#if defined(KQUEUE_DOUBLE_MACOS)
    std::intptr_t data;
#else
    std::int64_t data;
#endif
    void* udata;
#if defined(KQUEUE_DOUBLE_FREEBSD)
    std::uint64_t ext[4];
#endif
};
#if defined(KQUEUE_DOUBLE_MACOS)
#pragma pack(pop)
#endif
using kqueue_double_count = int;

#define EVFILT_READ (-1)
#define EVFILT_WRITE (-2)
#if defined(KQUEUE_DOUBLE_FREEBSD)
#define EVFILT_USER (-11)
#elif defined(KQUEUE_DOUBLE_MACOS)
#define EVFILT_USER (-10)
#define EVFILT_EXCEPT (-15)
#define NOTE_OOB 2U
#elif defined(KQUEUE_DOUBLE_OPENBSD)
#define EVFILT_USER (-10)
#define EVFILT_EXCEPT (-9)
#define NOTE_OOB 4U
#else
#error "whose kqueue?"
#endif

#endif

#define EV_ADD 0x0001
#define EV_DELETE 0x0002
#define EV_ONESHOT 0x0010
#define EV_CLEAR 0x0020
#define EV_RECEIPT 0x0040
#define EV_ERROR 0x4000
#define EV_EOF 0x8000

#define NOTE_TRIGGER 0x01000000U

extern "C" {
int kqueue();
int kqueue1(int flags);
int kevent(int queue, const struct kevent* changes, kqueue_double_count change_count,
           struct kevent* events, kqueue_double_count event_count, const std::timespec* timeout);

/// Not of kqueue: filters for writing to that descriptor can't be added (ENOMEM); -1 for none.
void kqueue_double_refuse_writing(int handle);
/// Nor this: a wait sleeps that long at most, as kernels have that take a day for the longest time;
/// 0 for no bound.
void kqueue_double_sleep_at_most(long nanoseconds);
}
