// SPDX-License-Identifier: BSL-1.0
// What the echo servers share: what they are built as, and the line that tells the load generator
// where to go. Knows no library. The constants make one source several programs.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include <unistd.h>

#ifndef BENCH_BUFFER
#define BENCH_BUFFER 4096
#endif
#ifndef BENCH_WHOLE
#define BENCH_WHOLE 0
#endif
#ifndef BENCH_THREADS
#define BENCH_THREADS 1  // in the loop; more only where a library can
#endif

#ifndef BENCH_LOOPS
#define BENCH_LOOPS 1  // each in a thread of its own
#endif

namespace bench {

// Bytes that a connection can hold.
inline constexpr std::size_t buffer_size = BENCH_BUFFER;
// Whether a message is a whole buffer, read and written by composed operations where there are
// such.
inline constexpr bool whole = BENCH_WHOLE;
inline constexpr int backlog = 4096;
inline constexpr unsigned seconds_at_most = 300;

/// How many connections to serve before the program ends, from the command line.
inline int connections_asked(int argc, char** argv) {
    const int connections = argc == 2 ? std::atoi(argv[1]) : 0;
    if (connections < 1) {
        std::fputs("usage: echo_LIBRARY CONNECTIONS\n", stderr);
        std::exit(2);
    }
    // Whatever becomes of the load, no server stays behind.
    ::alarm(seconds_at_most);
    return connections;
}

inline void announce(unsigned port) {
    std::printf("listening on 127.0.0.1:%u\n", port);
    std::fflush(stdout);
}

}  // namespace bench
