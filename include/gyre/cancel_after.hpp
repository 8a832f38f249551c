// SPDX-License-Identifier: BSL-1.0
// Deadlines on operations.
#pragma once

#include <gyre/async_result.hpp>
#include <gyre/cancellation_signal.hpp>
#include <gyre/detail/guard.hpp>
#include <gyre/detail/time_conversion.hpp>
#include <gyre/poller.hpp>

#include <chrono>
#include <type_traits>
#include <utility>

namespace gyre::inline v0 {

/// A completion token with a deadline for the operation. Made by cancel_after() and cancel_at().
template <class Token>
class deadline_token {
public:
    template <class T>
    deadline_token(time_ns at, time_ns after, T&& token)
        : at_(at), after_(after), token_(std::forward<T>(token)) {}

private:
    template <class, class>
    friend class async_result;

    time_ns at_;
    time_ns after_;
    Token token_;
};

namespace detail {

/// A handler with a deadline for its operation. Gives the deadline back before it is called.
template <class Handler>
class guarded_handler {
public:
    using next_handler_type = Handler;

    template <class H>
    guarded_handler(time_ns at, time_ns after, H&& handler)
        : guard_(at, after), handler_(std::forward<H>(handler)) {
        if constexpr (names_guard<Handler>) {
            guard_.join(guard_of(handler_));
        }
    }

    const Handler& next_handler() const noexcept { return handler_; }
    guard_holder& guard() noexcept { return guard_; }

    template <class... Results>
    void operator()(Results&&... results) {
        guard_.release();
        std::move(handler_)(std::forward<Results>(results)...);
    }

private:
    guard_holder guard_;
    Handler handler_;
};

}  // namespace detail

/// The operation goes through to the token behind, with a deadline around its handler.
template <class Token, class Signature>
class async_result<deadline_token<Token>, Signature> {
    template <class Initiation>
    struct with_deadline {
        Initiation initiation;
        time_ns at;
        time_ns after;

        template <class Handler, class... Arguments>
        void operator()(Handler&& handler, Arguments&&... arguments) {
            std::move(initiation)(detail::guarded_handler<std::decay_t<Handler>>(
                                      at, after, std::forward<Handler>(handler)),
                                  std::forward<Arguments>(arguments)...);
        }
    };

public:
    template <class Initiation, class T, class... Arguments>
    static auto initiate(Initiation&& initiation, T&& token, Arguments&&... arguments) {
        return async_initiate<Signature>(
            with_deadline<std::decay_t<Initiation>>{std::forward<Initiation>(initiation), token.at_,
                                                    token.after_},
            std::forward<T>(token).token_, std::forward<Arguments>(arguments)...);
    }
};

/// Ends the operation that the returned token is given to when it has lasted that long: it then
/// reports error::timed_out. If somebody cancels it before, it reports error::operation_aborted;
/// if it is done before, its own result.
///
/// ```
/// socket.async_read_some(buffer, gyre::cancel_after(std::chrono::seconds(5), handler));
/// ```
///
/// The time counts from the start of the operation: in a handler from io_context::now(), elsewhere
/// from a reading of the clock. Never early. One deadline serves a composed operation from its
/// first step to its last. Data that was received or accepted is never thrown away: an operation
/// is ended before it takes anything, or reports what it took. Posts have no deadline.
///
/// **Cost.** A slot of 64 bytes while the operation is pending; no allocation, no system call.
/// **Nested** deadlines on one operation: the earliest counts.
template <detail::duration_like Duration, class Token>
deadline_token<std::decay_t<Token>> cancel_after(const Duration& time, Token&& token) {
    return {no_deadline, detail::to_ns(time), std::forward<Token>(token)};
}

/// As above. Every operation here can be ended without side effects, so all types but none do the
/// same; with none there is no deadline.
template <detail::duration_like Duration, class Token>
deadline_token<std::decay_t<Token>> cancel_after(const Duration& time, cancellation_type type,
                                                 Token&& token) {
    return {no_deadline, type == cancellation_type::none ? no_deadline : detail::to_ns(time),
            std::forward<Token>(token)};
}

/// As cancel_after(), at a point in time.
template <class Token>
deadline_token<std::decay_t<Token>> cancel_at(std::chrono::steady_clock::time_point time,
                                              Token&& token) {
    return {detail::to_ns(time.time_since_epoch()), no_deadline, std::forward<Token>(token)};
}
template <class Token>
deadline_token<std::decay_t<Token>> cancel_at(std::chrono::steady_clock::time_point time,
                                              cancellation_type type, Token&& token) {
    return {type == cancellation_type::none ? no_deadline : detail::to_ns(time.time_since_epoch()),
            no_deadline, std::forward<Token>(token)};
}

}  // namespace gyre::inline v0
