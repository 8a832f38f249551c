// SPDX-License-Identifier: BSL-1.0
// How a foreign loop learns that its guest needs it earlier than it said.
#pragma once

#include <gyre/poller.hpp>

namespace gyre::inline v0 {

/// Set by io_context::set_deadline_hook(). Called between two calls of poll() when a timer is set
/// that is due before what next_deadline() returned last, with the new time; without a hook the
/// context makes its native_handle() readable instead.
///
/// It is called in the thread that set the timer, inside that call: it may set a timer of the host,
/// or wake the host, but call nothing of the context. What `user` refers to must live until the
/// hook is replaced or the context destroyed.
struct deadline_hook {
    void (*changed)(void* user, time_ns next) noexcept = nullptr;
    void* user = nullptr;
};

}  // namespace gyre::inline v0
