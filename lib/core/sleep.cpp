// SPDX-License-Identifier: BSL-1.0
#include <gyre/detail/timer_object.hpp>

#include "core/reactor.hpp"
#include "platform/platform.hpp"

namespace gyre::inline v0::detail {

void sleep_until(reactor& r, time_ns at) noexcept {
    static_cast<void>(r.world().wait_one(invalid_native_handle, interest::none, at));
}

}  // namespace gyre::inline v0::detail
