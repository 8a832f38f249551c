// SPDX-License-Identifier: BSL-1.0
// The native platform of POSIX systems: joins the facilities to one object, chooses the poller and
// waits for single handles. Knows no facility's insides.
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

class posix_platform final : public platform {
public:
    socket_ops& sockets() noexcept override { return native_socket_ops(); }
    descriptor_ops& descriptors() noexcept override { return native_descriptor_ops(); }
    name_ops& names() noexcept override { return native_name_ops(); }
    signal_ops& signals() noexcept override { return native_signal_ops(); }
    clock_ops& clock() noexcept override { return native_clock_ops(); }
    random_ops& random() noexcept override { return native_random_ops(); }
    offload_ops& offload() noexcept override { return native_offload_ops(); }
    thread_ops& threads() noexcept override { return native_thread_ops(); }

    poller* make_poller(const poller_factory* wish, std::error_code& error) noexcept override {
        const poller_factory* const chosen = wish != nullptr ? wish : default_poller();
        if (chosen == nullptr) {
            error = gyre::error::not_found;  // GYRE_POLLER names a poller that is not there
            return nullptr;
        }
        return chosen->make(error);
    }

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
