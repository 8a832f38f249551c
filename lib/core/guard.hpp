// SPDX-License-Identifier: BSL-1.0
// What lives in a guard slot: a deadline that ends an operation.
#pragma once

#include <gyre/detail/slot.hpp>

#include "timer/timer_queue.hpp"

#include <cstdint>

namespace gyre::inline v0::detail {

/// Belongs to the owner of the reactor from the first start of its operation on. The operation is
/// named by the number and generation of its slot, so that a guard fits the smallest slot.
struct guard final : timer_node {
    std::uint32_t number : 31 = 0;  // of the slot of the operation, or of its present step
    std::uint32_t expired : 1 = 0;  // if that was between two steps, the next one ends at once
    std::uint32_t generation = 0;
};
static_assert(sizeof(slot) + sizeof(guard) <= slot_sizes[0]);

}  // namespace gyre::inline v0::detail
