// SPDX-License-Identifier: BSL-1.0
// The makers of the pollers that come with the library, for the table in poller.cpp and for nobody
// else. Each makes a poller to be deleted by the caller, or returns null and an error.
#pragma once

#include <gyre/poller.hpp>

#include <system_error>

namespace gyre::inline v0::detail {

poller* make_epoll_poller(std::error_code& error) noexcept;
/// An epoll poller where the kernel, or whoever guards it, has no io_uring for this process.
poller* make_io_uring_poller(std::error_code& error) noexcept;
poller* make_afd_poller(std::error_code& error) noexcept;
poller* make_kqueue_poller(std::error_code& error) noexcept;
poller* make_posix_poll_poller(std::error_code& error) noexcept;

/// poll(2) told to behave one-shot, so that the re-arming of such pollers is proved on systems
/// whose own interfaces are all level-triggered.
poller* make_posix_poll_oneshot_poller(std::error_code& error) noexcept;

}  // namespace gyre::inline v0::detail
