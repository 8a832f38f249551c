// SPDX-License-Identifier: BSL-1.0
// The flags of sigaction().
#include "sys/signal_flags.hpp"

#include "platform/platform.hpp"

#include <signal.h>

namespace gyre::inline v0::detail {

bool to_system(signal_set_base::flags flags, int& system) noexcept {
    using set = signal_set_base::flags;
    if (flags == set::dont_care) {
        system = any_signal_flags;
        return true;
    }
    const auto has = [flags](set bit) { return (flags & bit) != set::none; };
    system = (has(set::restart) ? SA_RESTART : 0) | (has(set::no_child_stop) ? SA_NOCLDSTOP : 0) |
             (has(set::no_child_wait) ? SA_NOCLDWAIT : 0);
    return (flags & (set::restart | set::no_child_stop | set::no_child_wait)) == flags;
}

}  // namespace gyre::inline v0::detail
