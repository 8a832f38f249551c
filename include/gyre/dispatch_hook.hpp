// SPDX-License-Identifier: BSL-1.0
// A pair of functions around every call of user code: what metrics, traces, watchdogs and
// recorders are made of.
#pragma once

#include <gyre/detail/slot.hpp>
#include <gyre/poller.hpp>

#include <cstddef>
#include <cstdint>
#include <system_error>

namespace gyre::inline v0 {

/// What kind of operation a handler belongs to.
using operation_kind = detail::slot_kind;

/// What is known of a handler that is about to be called.
struct dispatch_info {
    const char* handler;  ///< text that holds the type of the handler; static storage
    operation_kind kind;
    std::uint64_t id;        ///< of the operation; not used again for a very long time
    const void* object;      ///< names the timer, handle or the like that it waited for; or null
    std::error_code error;   ///< the result
    std::size_t bytes;       ///< transferred
    std::int64_t queued_ns;  ///< how long it was ready before this call
};

/// Set by io_context::set_dispatch_hook(). Both functions are called in the thread that runs the
/// handler; a handler that throws is followed by `after` as well. Null functions are not called.
/// With several threads in run() they are called by several threads at a time. What `user` refers
/// to must live until the hook is replaced or the context destroyed.
struct dispatch_hook {
    void (*before)(void* user, const dispatch_info& info) noexcept = nullptr;
    void (*after)(void* user, const dispatch_info& info) noexcept = nullptr;
    void* user = nullptr;
};

}  // namespace gyre::inline v0
