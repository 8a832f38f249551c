// SPDX-License-Identifier: BSL-1.0
// The limits of an io_context and the choices made when it is constructed.
#pragma once

#include <gyre/poller.hpp>

#include <cstddef>
#include <cstdint>

namespace gyre::inline v0 {

namespace detail {
class platform;
}  // namespace detail

/// All that is bounded in a context, with its default. Times are in nanoseconds.
struct io_context_options {
    /// How many threads are going to call run(). Kept for programs that say so: nothing depends on
    /// it, for a context that one thread runs takes the fast path by itself.
    int concurrency_hint = 0;

    /// Which poller; null is default_poller().
    const poller_factory* poller = nullptr;

    /// The outside world: the library's tests bring one of their own. Null is the system.
    detail::platform* world = nullptr;

    /// Changes of timers by other threads that may be under way. A further one is not lost and
    /// blocks nobody: the timer itself is queued, and its last change counts. 1 to 65534.
    std::size_t ring_capacity = 1000;
    /// Posted functions and other errands of other threads that one turn takes over, where up to 18
    /// posts of small functions count as one; the rest waits for the next turn.
    std::size_t inbox_per_turn = 1000;
    /// Events that one wait fetches; the rest is fetched in the next turn.
    std::size_t events_per_wait = 256;
    /// Handlers that run before the poller is asked again; two for each event that it reported
    /// last, if that is more.
    std::size_t handlers_per_turn = 64;
    /// How long handlers run before the poller is asked again; looked at every 16th handler.
    std::int64_t time_per_turn = 1'000'000;
    /// Timers that one turn takes from the queue, and those of turns before that were not called
    /// yet; the rest fires in the next turns.
    std::size_t timers_per_turn = 256;
    /// Connections that are accepted in one turn without asking the poller in between.
    std::size_t accept_batch = 16;
    /// How long a listener is left alone after an accept failed for want of descriptors or memory.
    std::int64_t accept_pause = 50'000'000;
    /// Memory for pending operations; 0 is 4 GiB. At the bound initiating functions throw
    /// std::bad_alloc.
    std::size_t slab_bytes_max = 0;
    /// How late the kernel may wake a thread in run(), where the system lets a thread choose
    /// (Linux: prctl(2), PR_SET_TIMERSLACK, 50 µs by default); 0 leaves it as it is.
    std::uint64_t timer_slack = 0;
};

}  // namespace gyre::inline v0
