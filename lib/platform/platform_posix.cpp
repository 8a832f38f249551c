// SPDX-License-Identifier: BSL-1.0
// The native platform of POSIX systems, and how it waits for a single handle.
#include "platform/native_posix.hpp"

#include <gyre/error.hpp>

#include "poll/deadline.hpp"

#include <poll.h>

namespace gyre::inline v0::detail {
namespace {

short to_poll_events(interest direction) noexcept {
    int events = 0;
    if (any(direction & interest::read)) {
        events |= POLLIN;
    }
    if (any(direction & interest::write)) {
        events |= POLLOUT;
    }
    if (any(direction & interest::except)) {
        events |= POLLPRI;
    }
    return static_cast<short>(events);
}

class posix_platform final : public native_parts {
public:
    std::error_code wait_one(native_handle_type handle, interest direction,
                             time_ns deadline) noexcept override {
        // poll() ignores negative descriptors: that is how to only sleep.
        if (handle < 0 && direction != interest::none) {
            return gyre::error::bad_descriptor;
        }
        for (;;) {
            // Computed anew after each interruption: signals must not postpone the deadline.
            const time_ns left = time_left(deadline);
            pollfd entry{handle, to_poll_events(direction), 0};
            const int ready = poll_one(entry, left);
            if (ready > 0) {
                const bool closed = (entry.revents & POLLNVAL) != 0;
                return closed ? gyre::error::bad_descriptor : std::error_code();
            }
            if (ready < 0 && errno != EINTR) {
                return last_error();
            }
            // Looked at again, for a timeout in coarse units may have been cut to what fits.
            if (ready == 0 && time_left(deadline) == 0) {
                return gyre::error::timed_out;
            }
        }
    }
};

constinit posix_platform instance;

}  // namespace

platform& native_platform() noexcept { return instance; }

}  // namespace gyre::inline v0::detail
