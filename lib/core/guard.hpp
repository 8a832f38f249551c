// SPDX-License-Identifier: BSL-1.0
// What lives in a guard slot: a deadline that ends an operation.
#pragma once

#include <cstdint>

#include "timer/timer_queue.hpp"

namespace gyre::inline v0::detail {

/// Belongs to the owner of the reactor from the first start of its operation on. The operation is
/// named by the number and generation of its slot, so that a guard fits the smallest slot.
struct guard final : timer_node {
    static constexpr std::uint32_t nothing = ~std::uint32_t{0};

    std::uint32_t number = nothing;  // of the slot of the operation, or of its present step
    std::uint32_t generation = 0;
    bool expired = false;  // between two steps: the next one ends at once
};

}  // namespace gyre::inline v0::detail
