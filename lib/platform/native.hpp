// SPDX-License-Identifier: BSL-1.0
// The parts of a native platform, one function for each facility. Private to lib/platform.
#pragma once

#include "platform/platform.hpp"

#include <cstddef>
#include <cstdint>
#include <system_error>

namespace gyre::inline v0::detail {

// Each object has no state of its own that needs destroying: it may be used before main() and
// after it.
socket_ops& native_socket_ops() noexcept;
descriptor_ops& native_descriptor_ops() noexcept;
name_ops& native_name_ops() noexcept;
signal_ops& native_signal_ops() noexcept;
clock_ops& native_clock_ops() noexcept;
random_ops& native_random_ops() noexcept;
offload_ops& native_offload_ops() noexcept;
thread_ops& native_thread_ops() noexcept;

/// What offload promises; named for its tests.
inline constexpr std::size_t offload_threads = 4;
inline constexpr std::size_t offload_queue_capacity = 1024;

/// The error that a result of getaddrinfo() or getnameinfo() means. Not for success.
std::error_code name_error(int result) noexcept;

/// The parts as a platform, but for wait_one().
class native_parts : public platform {
public:
    socket_ops& sockets() noexcept override;
    descriptor_ops& descriptors() noexcept override;
    name_ops& names() noexcept override;
    signal_ops& signals() noexcept override;
    clock_ops& clock() noexcept override;
    random_ops& random() noexcept override;
    offload_ops& offload() noexcept override;
    thread_ops& threads() noexcept override;
    poller* make_poller(const poller_factory* wish, std::error_code& error) noexcept override;
};

/// Tells a process from the one that it was forked from.
std::uint64_t process_number() noexcept;

}  // namespace gyre::inline v0::detail
