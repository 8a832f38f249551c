// SPDX-License-Identifier: BSL-1.0
// Binds a handler to the executor on which it shall run.
#pragma once

#include <gyre/associated_executor.hpp>
#include <gyre/async_result.hpp>
#include <gyre/detail/handler_binder.hpp>
#include <gyre/detail/token_adaptor.hpp>

#include <type_traits>
#include <utility>

namespace gyre::inline v0 {

/// A handler, or token, that runs where its executor says. Made by bind_executor(). Copies, moves
/// and threads as those of the handler; the executor's context must live until it has been called.
template <class Handler, class Executor>
class executor_binder : public detail::handler_binder<Handler> {
    using base = detail::handler_binder<Handler>;

public:
    using executor_type = Executor;

    template <class H>
    executor_binder(const Executor& executor, H&& handler)
        : base(typename base::made_from(), std::forward<H>(handler)), executor_(executor) {}

    executor_type get_executor() const noexcept { return executor_; }

private:
    Executor executor_;
};

/// Around another token: the handler that it makes is bound.
template <class Token, class Executor, class Signature>
class async_result<executor_binder<Token, Executor>, Signature> {
public:
    template <class Initiation, class T, class... Arguments>
    static auto initiate(Initiation&& initiation, T&& token, Arguments&&... arguments) {
        return detail::initiate_wrapped<Signature>(
            std::forward<Initiation>(initiation),
            [executor = token.get_executor()](auto&& handler) {
                using handler_type = std::decay_t<decltype(handler)>;
                return executor_binder<handler_type, Executor>(
                    executor, std::forward<decltype(handler)>(handler));
            },
            detail::part_of<T>(token.get()), std::forward<Arguments>(arguments)...);
    }
};

/// Returns `token` bound to `executor`: each operation that it is given to calls its handler there,
/// and is work of that context until then. Throws what copying or moving the two throws.
template <class Executor, class Token>
executor_binder<std::decay_t<Token>, Executor> bind_executor(const Executor& executor,
                                                             Token&& token) {
    return {executor, std::forward<Token>(token)};
}

}  // namespace gyre::inline v0
