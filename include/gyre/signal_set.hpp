// SPDX-License-Identifier: BSL-1.0
// Waits for signals of the system.
#pragma once

#include <gyre/any_io_executor.hpp>
#include <gyre/async_result.hpp>
#include <gyre/detail/config.hpp>
#include <gyre/detail/initiate.hpp>
#include <gyre/detail/reactor_api.hpp>
#include <gyre/error.hpp>

#include <cstddef>
#include <utility>

namespace gyre::inline v0 {

namespace detail {

class signal_state;  // lib/sys/signal_set.cpp

/// Waits for a signal.
class signal_wait_base final : public notice_wait_base {
public:
    static constexpr slot_kind kind_in_slot = slot_kind::signal_wait;
    signal_wait_base(const functions& f, notice* n) noexcept : notice_wait_base(f, n) {}

    int signal_number_ = 0;

    struct outcome {
        std::error_code error;
        int signal_number;
        template <class Handler>
        void operator()(Handler& handler) {
            std::move(handler)(error, signal_number);
        }
    };
    outcome take() noexcept { return {error(), signal_number_}; }
};

}  // namespace detail

/// A base of signal_set that only gives it names.
class signal_set_base {
public:
    /// How the system treats a signal: a set, or dont_care. The values are Gyre's own.
    enum class flags : int {
        none = 0,
        /// System calls that the signal interrupts go on, where the system can do that.
        restart = 1,
        /// SIGCHLD: not when a child stops or continues.
        no_child_stop = 2,
        /// SIGCHLD: children that end are not kept for wait().
        no_child_wait = 4,
        /// Whatever other sets want; `restart` if there are none.
        dont_care = -1,
    };
    using flags_t = flags;

    friend constexpr flags operator&(flags a, flags b) noexcept {
        return static_cast<flags>(static_cast<int>(a) & static_cast<int>(b));
    }
    friend constexpr flags operator|(flags a, flags b) noexcept {
        return static_cast<flags>(static_cast<int>(a) | static_cast<int>(b));
    }
    friend constexpr flags operator^(flags a, flags b) noexcept {
        return static_cast<flags>(static_cast<int>(a) ^ static_cast<int>(b));
    }
    friend constexpr flags operator~(flags a) noexcept {
        return static_cast<flags>(~static_cast<int>(a) & 7);
    }
    friend constexpr flags& operator&=(flags& a, flags b) noexcept { return a = a & b; }
    friend constexpr flags& operator|=(flags& a, flags b) noexcept { return a = a | b; }
    friend constexpr flags& operator^=(flags& a, flags b) noexcept { return a = a ^ b; }

protected:
    ~signal_set_base() = default;
};

/// Signals to be waited for. As long as a signal is in any set, of any context, its deliveries are
/// counted instead of what they did before; when the last set lets go of it that is restored.
///
/// Each set counts for itself, from the moment a signal was added: each delivery that the system
/// makes ends one wait of each set, also if nobody was waiting when it came. Only the system itself
/// makes one delivery of several that are pending (POSIX: signals below SIGRTMIN). Of several
/// signals that have come each has its turn.
///
/// Each function but async_wait comes as one that reports through an error_code and one that
/// throws system_error.
///
/// **Cancellation.** A wait that cancel() counted reports error::operation_aborted, even if a
/// signal had come for it; that signal is left for the next wait.
/// **Threads.** Different sets may be used by different threads; one set by one at a time. Signals
/// are taken from whatever thread the system delivers them to.
/// **Fork.** Deliveries to a child process neither count nor wake anybody in its parent.
/// **Lifetime.** Must be destroyed before its context. Destroying it cancels its waits, and
/// forgets deliveries that no wait has taken.
/// **Bounds.** Counts are 64 bits. Any number of sets may share a signal.
class GYRE_API signal_set : public signal_set_base {
public:
    using executor_type = any_io_executor;

    /// A set of no signals. Throw std::bad_alloc, and what add() throws.
    explicit signal_set(const executor_type& executor);
    signal_set(const executor_type& executor, int signal_1);
    signal_set(const executor_type& executor, int signal_1, int signal_2);
    signal_set(const executor_type& executor, int signal_1, int signal_2, int signal_3);
    template <context_with_executor Context>
    explicit signal_set(Context& context) : signal_set(executor_type(context.get_executor())) {}
    template <context_with_executor Context>
    signal_set(Context& context, int signal_1)
        : signal_set(executor_type(context.get_executor()), signal_1) {}
    template <context_with_executor Context>
    signal_set(Context& context, int signal_1, int signal_2)
        : signal_set(executor_type(context.get_executor()), signal_1, signal_2) {}
    template <context_with_executor Context>
    signal_set(Context& context, int signal_1, int signal_2, int signal_3)
        : signal_set(executor_type(context.get_executor()), signal_1, signal_2, signal_3) {}
    signal_set(const signal_set&) = delete;
    signal_set& operator=(const signal_set&) = delete;
    ~signal_set();

    executor_type get_executor() const noexcept { return executor_; }

    /// Adds a signal; nothing happens if it is in the set. error::invalid_argument for what is no
    /// signal or can't be caught, and if other sets have it with other flags.
    void add(int signal_number) { add(signal_number, flags::dont_care); }
    void add(int signal_number, error_code& ec) { add(signal_number, flags::dont_care, ec); }
    void add(int signal_number, flags_t f);
    void add(int signal_number, flags_t f, error_code& ec);

    /// Takes a signal out, with its deliveries that no wait has taken; nothing happens if it is not
    /// in the set. Waits go on.
    void remove(int signal_number);
    void remove(int signal_number, error_code& ec);

    /// Takes all signals out.
    void clear();
    void clear(error_code& ec);

    /// Aborts all waits; returns how many (0 if it is left to another thread). The signals stay.
    std::size_t cancel();
    std::size_t cancel(error_code& ec);

    /// Waits for one delivery of one of the signals. Waits of one set end in the order in which
    /// they were started. Handler: void(error_code, int), the number of the signal; 0 with an
    /// error. Throws std::bad_alloc; nothing was started then.
    template <class Token>
    auto async_wait(Token&& token) {
        return async_initiate<void(error_code, int)>(
            [this](auto&& handler) {
                start(detail::make_operation<detail::signal_wait_base>(
                    *reactor_, std::forward<decltype(handler)>(handler), notice_));
            },
            std::forward<Token>(token));
    }

private:
    void start(detail::signal_wait_base* op) noexcept;

    executor_type executor_;
    detail::reactor* reactor_;
    detail::signal_state* state_;
    detail::notice* notice_;
};

}  // namespace gyre::inline v0
