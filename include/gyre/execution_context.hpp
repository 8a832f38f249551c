// SPDX-License-Identifier: BSL-1.0
// A place where handlers run: what io_context and thread pools have in common.
#pragma once

#include <gyre/detail/config.hpp>
#include <gyre/detail/operation.hpp>

#include <cstddef>

namespace gyre::inline v0 {

namespace detail {
class reactor;
}  // namespace detail

/// The interface of whatever runs submitted operations. io_context implements it; users may.
///
/// **Threads.** All members may be called by any thread.
/// **Lifetime.** Executors refer to their context and must not be used after it.
class GYRE_API execution_context {
public:
    execution_context(const execution_context&) = delete;
    execution_context& operator=(const execution_context&) = delete;

    /// What notify_fork() is told of: that the process is about to fork, or that it has, in the
    /// parent and in the child.
    enum fork_event { fork_prepare, fork_parent, fork_child };

    /// Takes the operation over and, at some time, in one of the context's threads and never
    /// inside this call, calls operation->call(); or operation->destroy() when the context ends
    /// first. It is called exactly once, in the order of one thread's submissions if the context
    /// runs one operation at a time. Counts as work until the call has returned.
    virtual void submit(detail::operation* operation) noexcept = 0;

    /// As submit(), for a function that is nothing but bytes: the context makes the operation, and
    /// copies them. Throws std::bad_alloc; nothing is submitted then.
    virtual void submit_copy(const detail::operation_functions& functions, const void* function,
                             std::size_t size);

    /// Work that keeps the context running, beside what was submitted.
    virtual void work_started() noexcept = 0;
    virtual void work_finished() noexcept = 0;

    /// Whether the calling thread is inside a call that runs this context's operations.
    virtual bool running_in_this_thread() const noexcept = 0;

    /// Where operations for this context live; null means the heap.
    virtual detail::slab* slots() noexcept { return nullptr; }

    /// The reactor that sockets and timers of this context wait with; null if it has none, and
    /// then they can't be made with its executor.
    virtual detail::reactor* waiting() noexcept { return nullptr; }

protected:
    execution_context() = default;
    ~execution_context() = default;
};

}  // namespace gyre::inline v0
