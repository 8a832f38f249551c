// SPDX-License-Identifier: BSL-1.0
// The parts of a native platform as one object, and the choice of the poller.
#include "platform/native.hpp"

#include <gyre/error.hpp>

namespace gyre::inline v0::detail {

socket_ops& native_parts::sockets() noexcept { return native_socket_ops(); }
descriptor_ops& native_parts::descriptors() noexcept { return native_descriptor_ops(); }
name_ops& native_parts::names() noexcept { return native_name_ops(); }
signal_ops& native_parts::signals() noexcept { return native_signal_ops(); }
clock_ops& native_parts::clock() noexcept { return native_clock_ops(); }
random_ops& native_parts::random() noexcept { return native_random_ops(); }
offload_ops& native_parts::offload() noexcept { return native_offload_ops(); }
thread_ops& native_parts::threads() noexcept { return native_thread_ops(); }

poller* native_parts::make_poller(const poller_factory* wish, std::error_code& error) noexcept {
    const poller_factory* const chosen = wish != nullptr ? wish : default_poller();
    if (chosen == nullptr) {
        error = gyre::error::not_found;  // GYRE_POLLER names a poller that is not there
        return nullptr;
    }
    return chosen->make(error);
}

}  // namespace gyre::inline v0::detail
