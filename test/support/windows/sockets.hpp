// SPDX-License-Identifier: BSL-1.0
// Winsock under the names that POSIX has for it, as far as tests use them: with this folder on the
// include path they read alike on all systems. A handle of Windows fits an int.
#pragma once

#if !defined(NOMINMAX)
#define NOMINMAX
#endif
#if !defined(WIN32_LEAN_AND_MEAN)
#define WIN32_LEAN_AND_MEAN
#endif
#include <winsock2.h>
#include <ws2tcpip.h>

#include <afunix.h>
#include <cstddef>

#include <sys/types.h>

// Words of the language's, which Windows' headers make others of.
#undef far
#undef near
#undef small
#undef interface

inline const int winsock_started = [] {
    WSADATA about;
    return ::WSAStartup(MAKEWORD(2, 2), &about);
}();

#define MSG_NOSIGNAL 0
#if !defined(MSG_TRUNC)
#define MSG_TRUNC 0x0100
#endif
#define SHUT_RD SD_RECEIVE
#define SHUT_WR SD_SEND
#define SHUT_RDWR SD_BOTH
#define SO_REUSEPORT (-1)

inline int setsockopt(int handle, int level, int name, const void* value, socklen_t size) {
    return ::setsockopt(static_cast<SOCKET>(handle), level, name, static_cast<const char*>(value),
                        size);
}
inline int getsockopt(int handle, int level, int name, void* value, socklen_t* size) {
    return ::getsockopt(static_cast<SOCKET>(handle), level, name, static_cast<char*>(value), size);
}
// Templates, so that they are better than Winsock's own for every form of call.
template <class Data, class Size>
ssize_t recv(int handle, Data* data, Size size, int flags) {
    return ::recv(static_cast<SOCKET>(handle), static_cast<char*>(static_cast<void*>(data)),
                  static_cast<int>(size), flags);
}
template <class Data, class Size>
ssize_t send(int handle, const Data* data, Size size, int flags) {
    return ::send(static_cast<SOCKET>(handle),
                  static_cast<const char*>(static_cast<const void*>(data)), static_cast<int>(size),
                  flags);
}

using sa_family_t = unsigned short;
using nfds_t = unsigned long;
inline int poll(pollfd* entries, nfds_t count, int milliseconds) {
    return ::WSAPoll(entries, count, milliseconds);
}
