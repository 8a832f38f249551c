// SPDX-License-Identifier: BSL-1.0
// The device that wakes a sleeping poller: a second choice, independent of the poller itself.
#pragma once

#include <gyre/native_handle.hpp>

#include <system_error>

namespace gyre::inline v0::detail {

/// A handle that becomes readable when signalled. signal() may be called by any thread and inside
/// signal handlers; drain() only by the thread that waits, after its wait returned.
class notifier {
public:
    notifier() = default;
    notifier(const notifier&) = delete;
    notifier& operator=(const notifier&) = delete;
    virtual ~notifier() = default;

    virtual native_handle_type handle() const noexcept = 0;
    virtual void signal() noexcept = 0;
    virtual void drain() noexcept = 0;
};

/// Each makes a notifier to be deleted by the caller, or returns null and an error.
notifier* make_eventfd_notifier(std::error_code& error) noexcept;
notifier* make_pipe_notifier(std::error_code& error) noexcept;

/// The best that the system gives: eventfd, else a pipe.
notifier* make_notifier(std::error_code& error) noexcept;

}  // namespace gyre::inline v0::detail
