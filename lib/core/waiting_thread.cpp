// SPDX-License-Identifier: BSL-1.0
// The thread that waits in the place of a foreign loop.
#include <gyre/waiting_thread.hpp>

#include <gyre/io_context.hpp>

#include "core/reactor.hpp"
#include "platform/platform.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <system_error>

namespace gyre::inline v0 {

struct waiting_thread::state {
    state(detail::reactor& r, function* f, void* u) : reactor(r), ready(f), user(u) {}

    static void run(void* self) noexcept { static_cast<state*>(self)->run(); }

    void run() noexcept {
        while (may_wait()) {
            try {
                reactor.wait_ready(over);
            } catch (const std::system_error&) {
                // The poller failed: poll() will fail as well, and tell the host.
            }
            if (!over) {
                ready(user);
            }
        }
        const std::lock_guard lock(mutex);
        ended = true;
        changed.notify_all();  // under the lock: the state goes as soon as it is free
    }

    bool may_wait() {
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return resumed || over; });
        resumed = false;
        return !over;
    }

    void end() noexcept {
        std::unique_lock lock(mutex);
        over = true;
        changed.notify_all();
        // It may be about to wait: a notification that nobody waits for ends the next wait.
        reactor.interrupt();
        changed.wait(lock, [this] { return ended; });
    }

    detail::reactor& reactor;
    function* const ready;
    void* const user;
    std::mutex mutex;
    std::condition_variable changed;
    bool resumed = true;  // these two are guarded by mutex
    bool ended = false;
    std::atomic<bool> over{false};
};

waiting_thread::waiting_thread(io_context& context, function* ready, void* user)
    : state_(new state(*context.waiting(), ready, user)) {
    if (const std::error_code error =
            state_->reactor.world().threads().start_detached(&state::run, state_)) {
        delete state_;
        throw std::system_error(error, "gyre: waiting_thread");
    }
}

waiting_thread::~waiting_thread() {
    state_->end();
    delete state_;
}

void waiting_thread::resume() noexcept {
    {
        const std::lock_guard lock(state_->mutex);
        state_->resumed = true;
    }
    state_->changed.notify_all();
}

}  // namespace gyre::inline v0
