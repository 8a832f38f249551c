// SPDX-License-Identifier: BSL-1.0
// The loop: runs handlers, and waits for what they wait for.
#pragma once

#include <gyre/any_io_executor.hpp>
#include <gyre/deadline_hook.hpp>
#include <gyre/detail/config.hpp>
#include <gyre/detail/time_conversion.hpp>
#include <gyre/dispatch_hook.hpp>
#include <gyre/execution_context.hpp>
#include <gyre/io_context_options.hpp>
#include <gyre/native_handle.hpp>
#include <gyre/poller.hpp>

#include <cstddef>
#include <utility>

namespace gyre::inline v0 {

/// Runs completion handlers, in the threads that call run() or poll() and in no other.
///
/// A turn of the loop, what bounds it and in which order things happen is numbered in
/// docs/loop.md.
///
/// **Threads.** All members may be called by any thread, except where it says otherwise. One
/// thread in run() is the fast path; further ones share its work.
/// **Handlers** are called exactly once, or destroyed uncalled when the context is destroyed;
/// never inside the function that started their operation. A handler that throws leaves run() with
/// its exception; everything else stays as it is, and run() may be called again.
/// **Lifetime.** I/O objects and executors must not be used after the context.
class GYRE_API io_context final : public execution_context {
public:
    using executor_type = any_io_executor;
    using count_type = std::size_t;

    /// Throws std::system_error if the system has no poller to give, std::bad_alloc. Options out of
    /// their range are a broken precondition.
    io_context();
    /// `concurrency_hint`: how many threads are going to call run().
    explicit io_context(int concurrency_hint);
    explicit io_context(const io_context_options& options);
    /// Destroys pending handlers uncalled; their captures may close sockets and timers of this
    /// context. No other thread may use the context any more.
    ~io_context();

    executor_type get_executor() noexcept { return any_io_executor(*this); }

    /// Runs handlers until there is no work left or stop() is called; returns how many.
    ///
    /// Work is a pending operation, a posted function, a work guard. When it has run out, the
    /// context is stopped: call restart() before running it again. A call inside a handler of the
    /// same context is legal and returns only after stop(), for that handler is work.
    ///
    /// This call and its kin throw what a handler throws, and std::system_error if the poller
    /// fails; all that was ready stays so, and they may be called again.
    count_type run();
    /// As run(), for at most one handler.
    count_type run_one();
    /// As run(), without waiting: until nothing is ready. 0 if another thread runs the context.
    count_type poll();
    count_type poll_one();

    /// As run(), but not longer than that std::chrono::duration. No handler is started after it.
    template <detail::duration_like Duration>
    count_type run_for(const Duration& time) {
        return run_until_ns(detail::add_ns(fresh_now(), detail::to_ns(time)), false);
    }
    template <detail::duration_like Duration>
    count_type run_one_for(const Duration& time) {
        return run_until_ns(detail::add_ns(fresh_now(), detail::to_ns(time)), true);
    }
    /// As run(), until that std::chrono::time_point, which is converted once, when it is called.
    template <detail::time_point_like TimePoint>
    count_type run_until(const TimePoint& time) {
        return run_until_ns(steady_time_of(time), false);
    }
    template <detail::time_point_like TimePoint>
    count_type run_one_until(const TimePoint& time) {
        return run_until_ns(steady_time_of(time), true);
    }

    /// Makes all calls of run() and poll() return as soon as their current handler does. Pending
    /// handlers stay, for after restart().
    void stop() noexcept;
    /// Whether stop() was called or the work ran out, and restart() was not called since.
    bool stopped() const noexcept;
    /// Allows run() again. Not while another thread is still inside run().
    void restart() noexcept;

    /// Makes the context usable on both sides of a fork(): to be called with fork_prepare before
    /// it, and with fork_parent and fork_child after it, before anything else is done with the
    /// context.
    ///
    /// The parent is not disturbed. In the child all goes on as well: timers, sockets and
    /// descriptors, which are the same open ones as the parent's, and signals, which are counted
    /// anew; but lookups of names report operation_aborted, for their threads are not there. The
    /// child closes what it does not want to share. Without these calls a child must not touch the
    /// context, not even to destroy it.
    ///
    /// No other thread may use the context meanwhile. May be called in a handler. Throws
    /// std::system_error in the child if the system has no poller for it.
    void notify_fork(fork_event event);

    /// The time of this turn, in a handler: the same for all that it calls, and the cheapest there
    /// is. Elsewhere, and in a handler while another thread turns the loop, the clock, read afresh.
    /// A std::chrono::steady_clock::time_point; include <gyre/clock.hpp> or a timer's header.
    template <class Clock = detail::loop_clock>
    auto now() noexcept {
        return Clock::at(turn_now());
    }

    /// Destroys the object at the end of the turn of the loop, after the handlers of this turn that
    /// may still have it in hand. Deleting is done in a thread that runs the context; pending
    /// deletions count as work. Throws std::bad_alloc, and the object is destroyed then.
    template <class T>
    void destroy_later(T* object);

    /// The one T of this context, made by its default constructor at first use and destroyed
    /// with the context, the youngest first. Not while another thread calls the same function.
    /// Throws std::bad_alloc and what the constructor throws; nothing is stored then.
    template <class T>
    T& slot();

    /// Calls the functions around every handler from now on; an empty hook ends that. Only while
    /// nobody runs the context, or in a handler if one thread does. Throws std::bad_alloc, and the
    /// hook before stays; an empty one never throws.
    void set_dispatch_hook(const dispatch_hook& hook);

    /// For a foreign loop that is to drive this context in run()'s place, its host: a handle that
    /// becomes readable when poll() is to be called. The host watches it, calls poll(), then asks
    /// next_deadline() and calls poll() by that time as well. Whatever happens between two calls of
    /// poll(), in any thread, makes the handle readable if the host would otherwise come too late.
    ///
    /// The handle belongs to the context and stays the same, but in the child of a fork(). A
    /// stopped context leaves it as it is: stop watching, or restart() and poll(). It stops when
    /// its work has run out, as in run(); a work guard prevents that.
    /// Errors: `operation_not_supported` with a poller that has no such handle (`poll`): see
    /// <gyre/waiting_thread.hpp>; `no_descriptors`; `try_again` while another thread is in run().
    native_handle_type native_handle();
    native_handle_type native_handle(std::error_code& error);

    /// By when the host has to call poll(), if the handle is not readable before: `immediately`
    /// while anything is ready, `no_deadline` if nothing depends on the time. Asked after each
    /// poll(); the answer holds until the next one.
    time_ns next_deadline();

    /// Calls a function, instead of making the handle readable, when a timer is set that is due
    /// before what next_deadline() said. Not while another thread is inside poll().
    void set_deadline_hook(const deadline_hook& hook);

    /// The name of the poller that was chosen.
    const char* poller_name() const noexcept;

    // What executors and the library's own operations call: see execution_context.
    void submit(detail::operation* operation) noexcept override;
    void submit_copy(const detail::operation_functions& functions, const void* function,
                     std::size_t size) override;
    void work_started() noexcept override;
    void work_finished() noexcept override;
    bool running_in_this_thread() const noexcept override;
    detail::slab* slots() noexcept override;
    detail::reactor* waiting() noexcept override { return reactor_; }

private:
    struct stored {
        stored* older;
        const void* type;
        void* object;
        void (*destroy)(void*) noexcept;
    };

    count_type run_until_ns(time_ns until, bool one);
    time_ns fresh_now() noexcept;
    time_ns turn_now() noexcept;
    void destroy_at_end_of_turn(detail::operation* op) noexcept;
    void* find_stored(const void* type) noexcept;
    void store(stored* entry) noexcept;

    template <class TimePoint>
    time_ns steady_time_of(const TimePoint& time) {
        const time_ns clock_now = detail::to_ns(TimePoint::clock::now().time_since_epoch());
        return detail::add_ns(
            fresh_now(), detail::distance_ns(clock_now, detail::to_ns(time.time_since_epoch())));
    }

    detail::reactor* const reactor_;
    stored* stored_ = nullptr;
};

namespace detail {

/// Destroys an object when it is called or destroyed.
class destroy_base final : public operation {
public:
    static constexpr slot_kind kind_in_slot = slot_kind::destroy;
    explicit destroy_base(const functions& f) noexcept : operation(f, operation_state::finished) {}

    post_base::outcome take() noexcept { return {}; }
};

template <class T>
class owned_object {
public:
    explicit owned_object(T* object) noexcept : object_(object) {}
    owned_object(owned_object&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    owned_object& operator=(owned_object&&) = delete;
    ~owned_object() { delete object_; }
    void operator()() noexcept {}

private:
    T* object_;
};

template <class T>
inline constexpr char type_key = 0;

}  // namespace detail

template <class T>
void io_context::destroy_later(T* object) {
    using operation_type = detail::handler_operation<detail::destroy_base, detail::owned_object<T>>;
    detail::owned_object<T> owned(object);
    destroy_at_end_of_turn(operation_type::make(slots(), std::move(owned)));
}

template <class T>
T& io_context::slot() {
    const void* type = &detail::type_key<T>;
    if (void* found = find_stored(type)) {
        return *static_cast<T*>(found);
    }
    struct entry : stored {
        T value{};
    };
    auto* made = new entry;
    made->type = type;
    made->object = &made->value;
    made->destroy = [](void* e) noexcept { delete static_cast<entry*>(static_cast<stored*>(e)); };
    store(made);
    return made->value;
}

}  // namespace gyre::inline v0
