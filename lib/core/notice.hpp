// SPDX-License-Identifier: BSL-1.0
// What lives in a notice slot: something to be waited for that is neither a handle nor a time.
// Somebody else tells when it has come. Knows nothing of what that is.
#pragma once

#include <gyre/detail/operation.hpp>
#include <gyre/detail/reactor_api.hpp>

#include "core/errand.hpp"

#include <atomic>
#include <cstdint>

namespace gyre::inline v0::detail {

/// What stands behind a notice. Called by the owner of the reactor, with the token: whatever is
/// done there is not done while an operation is started, ended or aborted.
class notice_events {
public:
    /// Whether there is something that the oldest wait can take. Never, if each wait is ended by
    /// itself, by reactor::end_wait().
    virtual bool available() noexcept = 0;
    /// Takes it, right before the handler of the wait is called. False if nothing is left after
    /// all: the operation waits again.
    virtual bool take(notice_wait_base& op) noexcept = 0;
    /// The wait was cancelled: from here on it must not be ended.
    virtual void aborted(notice_wait_base& op) noexcept = 0;
    /// This is the child of a fork. False if the waits can't go on in it.
    virtual bool forked() noexcept = 0;
    /// The notice is gone. The last call; may delete the object.
    virtual void gone() noexcept = 0;

protected:
    ~notice_events() = default;
};

/// The upper part belongs to the owner of the reactor; the lower part is how others reach it.
struct notice {
    notice(notice_events& behind, std::uint32_t strand_number) noexcept
        : events(behind), strand(strand_number) {}

    notice_events& events;
    operation_queue waits;
    const std::uint32_t strand;  // of its waits
    bool closed = false;  // by another thread; goes when the last of its operations has arrived

    // How often another thread cancelled: waits that are older are aborted.
    std::atomic<std::uint32_t> cancel_round{0};
    // Waits that other threads have left in the inbox.
    std::atomic<std::uint32_t> arriving{0};
    // To cancel, to close, or only that something has come.
    errand on_errand;
};

}  // namespace gyre::inline v0::detail
