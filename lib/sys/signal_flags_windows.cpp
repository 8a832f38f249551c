// SPDX-License-Identifier: BSL-1.0
// Signals have no flags on Windows.
#include "sys/signal_flags.hpp"

#include "platform/platform.hpp"

namespace gyre::inline v0::detail {

bool to_system(signal_set_base::flags flags, int& system) noexcept {
    system = any_signal_flags;
    return flags == signal_set_base::flags::dont_care || flags == signal_set_base::flags::none;
}

}  // namespace gyre::inline v0::detail
