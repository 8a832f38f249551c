// SPDX-License-Identifier: BSL-1.0
// What lives in a pause slot: until when a listener is left alone.
#pragma once

#include "timer/timer_queue.hpp"

namespace gyre::inline v0::detail {

struct source;

/// Belongs to the owner of the reactor. In the timer queue for as long as it lives.
struct accept_pause final : timer_node {
    source* listener = nullptr;
    accept_pause* next = nullptr;  // of those that the reactor has
};

}  // namespace gyre::inline v0::detail
