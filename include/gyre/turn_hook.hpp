// SPDX-License-Identifier: BSL-1.0
// Functions that a loop calls at fixed points of its turn.
#pragma once

#include <gyre/detail/config.hpp>
#include <gyre/detail/nothrow_function.hpp>

namespace gyre::inline v0 {

class io_context;

namespace detail {
class reactor;
class turn_hook_list;
}  // namespace detail

/// Has a function called at a point of every turn of a loop, for as long as it lives: to write out
/// at once what the handlers of a turn have gathered, to measure how long the loop sleeps, to feed
/// a watchdog.
///
/// docs/loop.md numbers the points. Hooks of one point are called in the order in which they were
/// made, in the thread that turns the loop. A hook may post, start and cancel operations: what
/// becomes ready by that is not slept over. It may destroy itself and other hooks, and make new
/// ones, which may or may not be called in the same turn already. It must not run the context.
///
/// A hook is no work: it does not keep run() from returning.
///
/// **Threads.** Made and destroyed while nobody runs the context, or in a handler or hook of it if
/// one thread does. **Lifetime.** Not longer than the context. Allocates nothing.
class GYRE_API turn_hook {
public:
    enum point {
        end_of_turn,  ///< after the handlers, and after what was given to destroy_later()
        before_wait,  ///< before the system is asked, whether or not the loop would sleep
        after_wait,   ///< after that, before the next turn; the events are ready, not called
    };
    using function = void(void* user) noexcept;

    turn_hook(io_context& context, point when, function* called, void* user) noexcept;
    /// Calls f(), which is not copied: it has to live as long as the hook.
    template <detail::nothrow_function F>
    turn_hook(io_context& context, point when, F& f) noexcept
        : turn_hook(context, when, &detail::call_by_pointer<F>, detail::pointer_to(f)) {}
    turn_hook(const turn_hook&) = delete;
    turn_hook& operator=(const turn_hook&) = delete;
    ~turn_hook();

private:
    friend class detail::turn_hook_list;

    detail::reactor& reactor_;
    const point when_;
    function* const function_;
    void* const user_;
    turn_hook* previous_ = nullptr;
    turn_hook* next_ = nullptr;
};

}  // namespace gyre::inline v0
