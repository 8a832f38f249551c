// SPDX-License-Identifier: BSL-1.0
// What a program asks of its loop, whichever the library.
#pragma once

#include <sys/prctl.h>

namespace bench {

struct loop_options {
    bool other_threads = false;  // will hand something over to the loop
    bool exact_timers = false;   // no timer slack of the kernel
};

/// For the libraries that leave the kernel's timer slack to the program.
inline void set_timer_slack(const loop_options& options) {
    if (options.exact_timers) {
        ::prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    }
}

}  // namespace bench
