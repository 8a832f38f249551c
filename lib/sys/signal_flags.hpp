// SPDX-License-Identifier: BSL-1.0
// From the flags of a signal set to the system's, per system.
#pragma once

#include <gyre/signal_set.hpp>

namespace gyre::inline v0::detail {

/// False if there is no such flag.
bool to_system(signal_set_base::flags flags, int& system) noexcept;

}  // namespace gyre::inline v0::detail
