// SPDX-License-Identifier: BSL-1.0
// A timer that another thread wants armed, for the libraries whose timers know one thread only: a
// function that is handed over does it.
#pragma once

#include <chrono>

namespace bench {

template <class Function>
void arm_from_outside(loop& where, timer<Function>& which, std::chrono::nanoseconds time) {
    // The time is in the timer: a job carries one pointer.
    which.wanted = time;
    hand_over(where, [timer = &which] { timer->after(timer->wanted); });
}

}  // namespace bench
