// SPDX-License-Identifier: BSL-1.0
// Several loops, each in a thread of its own.
#pragma once

#include <gyre/detail/config.hpp>
#include <gyre/detail/time_conversion.hpp>
#include <gyre/io_context.hpp>
#include <gyre/io_context_options.hpp>
#include <gyre/post.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace gyre::inline v0 {

namespace detail {
class loop_pool_state;
}  // namespace detail

/// One io_context for each of several threads: how a server uses all processors without sharing
/// anything. Each loop runs at full speed, for no other thread ever turns it, and what belongs to
/// one loop is touched by its own handlers only.
///
/// Connections come to the loops in one of two ways: each loop has an acceptor of its own for the
/// same endpoint, with the option socket_base::reuse_port, and the system deals them out; or one
/// acceptor accepts into `pool.next()`, the loops in turn:
///
///     acceptor.async_accept(pool.next(), handler);
///
/// The loops run from the beginning, and do not stop when they have no work. A handler that throws
/// ends the program (std::terminate). The threads have all signals blocked.
///
/// **Threads.** All members may be called by any thread, except where it says otherwise.
/// **Lifetime.** I/O objects of the loops must not be used after the pool.
class GYRE_API loop_pool {
public:
    struct options {
        std::size_t loops = 0;  ///< 0: one for each processor
        /// Binds each thread to one of the processors that the process may use, as far as there
        /// are as many, then again from the first. Linux only; elsewhere nothing happens.
        bool pin = false;
        io_context_options context;  ///< of each loop
    };

    /// With a loop for each processor. Throws std::system_error if the system gives no poller or no
    /// thread, std::bad_alloc.
    loop_pool();
    explicit loop_pool(std::size_t loops);
    explicit loop_pool(const options& wanted);
    loop_pool(const loop_pool&) = delete;
    loop_pool& operator=(const loop_pool&) = delete;
    /// As stop() and join(). Destroys handlers that were not called, those of all loops before the
    /// first loop: they may own what belongs to another. Not in one of its own threads.
    ~loop_pool();

    std::size_t size() const noexcept;
    /// Precondition: i < size().
    io_context& operator[](std::size_t i) noexcept;
    /// The loops in turn.
    io_context& next() noexcept;

    /// Has f() called in that loop, as post() does.
    template <class F>
    void post_to(std::size_t i, F&& f) {
        gyre::post((*this)[i], std::forward<F>(f));
    }

    /// Lets the loops end, each as soon as it has no work left, and waits for that, but not longer
    /// than that std::chrono::duration; then stops those that are left. Returns what each of them
    /// left undone: the number of operations, posts and work guards; all 0 if nothing.
    ///
    /// What accepts and reads for ever is work: cancel it first, in its own loop. Not in one of the
    /// pool's own threads. Throws std::bad_alloc, before anything is done.
    template <detail::duration_like Duration>
    std::vector<std::size_t> drain_for(const Duration& time) {
        return drain(detail::to_ns(time));
    }

    /// Ends the threads as soon as their handlers return.
    void stop() noexcept;
    /// Waits until all threads have ended: after stop(). Not in one of its own threads.
    void join();

private:
    std::vector<std::size_t> drain(time_ns time);

    detail::loop_pool_state* const state_;
};

}  // namespace gyre::inline v0
