// SPDX-License-Identifier: BSL-1.0
// For a foreign loop that can't watch a context's handle: a thread that waits in its place.
#pragma once

#include <gyre/detail/config.hpp>
#include <gyre/detail/nothrow_function.hpp>

namespace gyre::inline v0 {

class io_context;

/// A thread that waits for a context whose handlers another loop runs, the host. Works with every
/// poller, also with those that io_context::native_handle() has nothing for.
///
/// The thread waits until a handler could be called, or the context is stopped, and then calls
/// `ready`, which is to make the host call poll() in its own thread. After that poll() the host
/// calls resume(), and the thread waits again. Timers are waited for as well: the host needs no
/// timer of its own.
///
///     host_wakeup wakeup([&] { context.poll(); waiter.resume(); });
///     auto ready = [&]() noexcept { wakeup.send(); };
///     gyre::waiting_thread waiter(context, ready);
///
/// No handler, hook of handlers or destructor of the user's runs in this thread; turn hooks do.
/// While it waits, poll() in another thread does nothing, as if run() were called there.
/// A stopped context is reported at once, after each resume(): restart() it first.
///
/// **Threads.** resume() by any thread. **Lifetime.** Not longer than the context; destroyed while
/// no handler of the context is running in another thread.
class GYRE_API waiting_thread {
public:
    using function = void(void* user) noexcept;

    /// Waits from now on. Throws std::system_error if there can be no more threads,
    /// std::bad_alloc.
    waiting_thread(io_context& context, function* ready, void* user);
    /// Calls ready(), which is not copied: it has to live as long as the thread.
    template <detail::nothrow_function F>
    waiting_thread(io_context& context, F& ready)
        : waiting_thread(context, &detail::call_by_pointer<F>, detail::pointer_to(ready)) {}
    waiting_thread(const waiting_thread&) = delete;
    waiting_thread& operator=(const waiting_thread&) = delete;
    /// Ends the wait and joins the thread. Not inside `ready`.
    ~waiting_thread();

    /// Lets the thread wait again, once `ready` has been called and poll() has returned.
    void resume() noexcept;

private:
    struct state;
    state* const state_;
};

}  // namespace gyre::inline v0
