// SPDX-License-Identifier: BSL-1.0
// What lives in a deadline slot: a node of the timer queue and whoever waits for it.
#pragma once

#include <gyre/detail/operation.hpp>
#include <gyre/poller.hpp>

#include "core/errand.hpp"
#include "timer/timer_queue.hpp"

#include <atomic>
#include <cstdint>

namespace gyre::inline v0::detail {

/// The upper part belongs to the owner of the reactor. The lower part is how another thread hands
/// over its changes: one such thread at a time, as with any use of a timer.
struct deadline final : timer_node {
    operation_queue waits;
    // The arm number of the latest change: older ones are ignored.
    std::uint32_t applied = 0;
    // For which round the node is in the queue: only waits of that round end when it is due.
    // Younger ones may have arrived ahead of the change that they belong to.
    std::uint32_t armed_round = 0;

    // Waits that another thread started, newest first, linked through their slots.
    std::atomic<slot*> arrivals{nullptr};
    // The latest change of another thread, for the owner to read when the ring had no room.
    // Written in this order and read in the other, all sequentially consistent: if both numbers
    // are the same, the deadline belongs to them. If not, the writer has yet to announce it.
    std::atomic<std::uint32_t> changing{0};
    std::atomic<std::uint32_t> changed{0};  // the last of the three
    std::atomic<time_ns> wanted{no_deadline};
    errand on_errand;

    std::uint32_t strand = 0;  // of its waits

    bool stale = false;  // the owner's: in the queue for a time that nobody waits for any more
};
// With its slot two cache lines; node and waits fill the first.
static_assert(sizeof(slot) + sizeof(deadline) <= 128);

}  // namespace gyre::inline v0::detail
