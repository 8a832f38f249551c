// SPDX-License-Identifier: BSL-1.0
// What poller::notify() does in every poller that sleeps on descriptors: a notifier, and a flag
// that makes all calls but the first free. Knows nothing of the set that the handle is watched by.
#pragma once

#include "poll/notifier.hpp"

#include <atomic>
#include <memory>
#include <system_error>
#include <utility>

#include <sys/types.h>
#include <unistd.h>

namespace gyre::inline v0::detail {

class waker {
public:
    explicit waker(std::unique_ptr<notifier> device) noexcept
        : device_(device.release()), process_(::getpid()) {}
    waker(const waker&) = delete;
    waker& operator=(const waker&) = delete;
    ~waker() { delete device_.load(); }

    native_handle_type handle() const noexcept { return device_.load()->handle(); }

    /// Any thread, any signal handler.
    void notify() noexcept {
        if (!pending_.exchange(true)) {
            device_.load()->signal();
        }
    }

    /// The waiting thread, after its wait reported handle() as readable.
    void acknowledge() noexcept {
        device_.load()->drain();
        pending_.exchange(false);
    }

    /// Whether a fork() has made the notifier common property of two processes, of which each would
    /// swallow signals meant for the other.
    bool is_inherited() const noexcept { return process_ != ::getpid(); }

    /// A notifier to replace this one's with if it is inherited; null without an error if there is
    /// no need.
    std::unique_ptr<notifier> replacement(std::error_code& error) const noexcept {
        error.clear();
        return std::unique_ptr<notifier>(is_inherited() ? make_notifier(error) : nullptr);
    }

    /// Takes the replacement. The thread that calls it is the only one of its process, for it is
    /// the one that forked; a signal handler may still call notify() at any point of this.
    void replace(std::unique_ptr<notifier> device) noexcept {
        std::unique_ptr<notifier> old(device_.exchange(device.release()));
        process_ = ::getpid();
        // A thread that set the flag and did not live on in the child to signal would have it
        // stay set for ever; and what was signalled through the old device is not to be lost.
        if (pending_.load()) {
            device_.load()->signal();
        }
    }

private:
    std::atomic<notifier*> device_;

    // True from the notify() that signals until the drain that follows. Only the call that turns
    // it to true signals, and it is turned back only after the drain of that very signal, so at
    // most one signal is on its way and none is left over.
    //  - A notify() that finds true comes before the exchange(false) in the flag's modification
    //    order: the wait() that the pending signal will end has not returned yet, and counts for
    //    this call too. It is an exchange and not a store because it has to read what that
    //    notify() wrote: so all that was written before the call is visible after the wait().
    //  - A notify() that comes after it finds false and signals; the next wait() sees the signal.
    //  - Turned back before the drain instead, a notify() in between would signal, the drain would
    //    swallow that, and every later call would believe a signal to be on its way.
    // All operations are seq_cst: callers pair the flag with their own "asleep" flags.
    std::atomic<bool> pending_{false};

    pid_t process_;

    static_assert(std::atomic<bool>::is_always_lock_free);
    static_assert(std::atomic<notifier*>::is_always_lock_free);
};

}  // namespace gyre::inline v0::detail
