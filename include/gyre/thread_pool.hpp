// SPDX-License-Identifier: BSL-1.0
// Threads that run functions.
#pragma once

#include <gyre/any_io_executor.hpp>
#include <gyre/detail/config.hpp>
#include <gyre/execution_context.hpp>

#include <cstddef>

namespace gyre::inline v0 {

namespace detail {
class pool_state;
}  // namespace detail

/// A fixed number of threads that run what is posted to them: for work that blocks or takes long,
/// so that an io_context need not wait for it. It waits for nothing by itself: sockets and timers
/// can't be made with its executor, but their handlers can be bound to it.
///
/// Functions begin in the order in which they were submitted; a strand over the pool runs them one
/// at a time. A function that throws ends the program (std::terminate). The threads have all
/// signals blocked.
///
/// **Threads.** All members may be called by any thread, except where it says otherwise.
/// **Lifetime.** Executors must not be used after the pool.
class GYRE_API thread_pool final : public execution_context {
public:
    using executor_type = any_io_executor;

    /// With two threads for each processor. Throws std::system_error if the system gives no thread,
    /// std::bad_alloc.
    thread_pool();
    /// With so many threads; 0 is allowed: attach() brings some.
    explicit thread_pool(std::size_t threads);
    /// As stop() and join(). Destroys what was not called. Not in one of its own threads.
    ~thread_pool();

    executor_type get_executor() noexcept { return any_io_executor(*this); }

    /// Makes this thread one of the pool's, until the pool is stopped or, after join(), out of
    /// work.
    void attach();
    /// Waits until nothing is left to do and the threads have ended; then the pool runs nothing any
    /// more. Not in one of its own threads.
    void join();
    /// Ends the threads as soon as their functions return; what waits stays uncalled.
    void stop() noexcept;
    /// As join().
    void wait() { join(); }

    // What executors call: see execution_context.
    void submit(detail::operation* operation) noexcept override;
    void work_started() noexcept override;
    void work_finished() noexcept override;
    bool running_in_this_thread() const noexcept override;
    detail::slab* slots() noexcept override;

private:
    detail::pool_state* const state_;
};

}  // namespace gyre::inline v0
