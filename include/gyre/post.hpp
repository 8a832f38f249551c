// SPDX-License-Identifier: BSL-1.0
// Gives a function to an execution context: post, dispatch, defer.
#pragma once

#include <gyre/any_io_executor.hpp>
#include <gyre/associated_executor.hpp>
#include <gyre/async_result.hpp>
#include <gyre/detail/completion.hpp>

#include <type_traits>
#include <utility>

namespace gyre::inline v0 {

namespace detail {

// The handler runs on its own executor if it names one; `executor` is the fallback, and takes
// part as outstanding work of its context until then.
struct initiate_post {
    template <class Handler>
    void operator()(Handler&& handler, const any_io_executor& executor) const {
        using handler_type = std::decay_t<Handler>;
        if constexpr (names_executor<handler_type>) {
            executor.execute(
                dispatching_handler<handler_type>(nullptr, std::forward<Handler>(handler)));
        } else {
            executor.execute(std::forward<Handler>(handler));
        }
    }
};

struct initiate_dispatch {
    template <class Handler>
    void operator()(Handler&& handler, const any_io_executor& executor) const {
        using handler_type = std::decay_t<Handler>;
        if constexpr (names_executor<handler_type>) {
            const auto target = get_associated_executor(handler, executor);
            dispatch_to(target, std::forward<Handler>(handler));
        } else {
            dispatch_to(executor, std::forward<Handler>(handler));
        }
    }
};

/// A handler that can be given to post() without an executor.
template <class Handler>
concept names_where_it_runs = names_executor<std::decay_t<Handler>>;

}  // namespace detail

/// Runs `token()` in the executor's context, never inside this call.
///
/// Functions posted by one thread run in the order in which they were posted, if one thread runs
/// the context. Any thread may call it. Throws std::bad_alloc and what copying the token throws;
/// nothing is posted then.
template <class Token>
auto post(const any_io_executor& executor, Token&& token) {
    return async_initiate<void()>(detail::initiate_post(), std::forward<Token>(token), executor);
}

/// As post() to the executor of an io_context or an I/O object.
template <context_with_executor Context, class Token>
auto post(Context& context, Token&& token) {
    return post(any_io_executor(context.get_executor()), std::forward<Token>(token));
}

/// As post() to the executor that the handler is associated with.
template <detail::names_where_it_runs Token>
auto post(Token&& token) {
    const auto executor = get_associated_executor(token, any_io_executor());
    return async_initiate<void()>(
        [executor](auto&& handler) { executor.execute(std::forward<decltype(handler)>(handler)); },
        std::forward<Token>(token));
}

/// Runs `token()` inside this call if the thread is already inside the context's run() or poll(),
/// and passes its exception on; else as post() does. Any thread may call it.
template <class Token>
auto dispatch(const any_io_executor& executor, Token&& token) {
    return async_initiate<void()>(detail::initiate_dispatch(), std::forward<Token>(token),
                                  executor);
}

/// As dispatch() to the executor of an io_context or an I/O object.
template <context_with_executor Context, class Token>
auto dispatch(Context& context, Token&& token) {
    return dispatch(any_io_executor(context.get_executor()), std::forward<Token>(token));
}

/// As dispatch() to the executor that the handler is associated with.
template <detail::names_where_it_runs Token>
auto dispatch(Token&& token) {
    return dispatch(any_io_executor(), std::forward<Token>(token));
}

/// As post(): says that the function continues the caller. Gyre makes no difference between them.
template <class Token>
auto defer(const any_io_executor& executor, Token&& token) {
    return post(executor, std::forward<Token>(token));
}

template <context_with_executor Context, class Token>
auto defer(Context& context, Token&& token) {
    return post(context, std::forward<Token>(token));
}

template <detail::names_where_it_runs Token>
auto defer(Token&& token) {
    return post(std::forward<Token>(token));
}

}  // namespace gyre::inline v0
