// SPDX-License-Identifier: BSL-1.0
// The system's headers of addresses, for what is the same on all systems once they are included.
#pragma once

#if defined(_WIN32)
#include <winsock2.h>
#include <ws2tcpip.h>

#include <afunix.h>

// Of Microsoft's headers; mingw-w64 has none.
#if !defined(MSG_TRUNC)
#define MSG_TRUNC 0x0100
#endif
#else
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#endif
