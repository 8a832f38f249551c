// SPDX-License-Identifier: BSL-1.0
// Binds a handler to the executor on which it shall run.
#pragma once

#include <gyre/associated_executor.hpp>

#include <type_traits>
#include <utility>

namespace gyre::inline v0 {

/// A handler that runs where its executor says. Made by bind_executor(). Copies, moves and threads
/// as those of the handler; the executor's context must live until it has been called.
template <class Handler, class Executor>
class executor_binder {
public:
    using executor_type = Executor;
    using next_handler_type = Handler;  // its other associations are those of the handler

    template <class H>
    executor_binder(const Executor& executor, H&& handler)
        : executor_(executor), handler_(std::forward<H>(handler)) {}

    executor_type get_executor() const noexcept { return executor_; }
    Handler& get() noexcept { return handler_; }
    const Handler& get() const noexcept { return handler_; }
    const Handler& next_handler() const noexcept { return handler_; }

    template <class... Results>
    decltype(auto) operator()(Results&&... results) {
        return handler_(std::forward<Results>(results)...);
    }
    template <class... Results>
    decltype(auto) operator()(Results&&... results) const {
        return handler_(std::forward<Results>(results)...);
    }

private:
    Executor executor_;
    Handler handler_;
};

/// Returns `handler` bound to `executor`: each operation that it is given to calls it there, and is
/// work of that context until then. Throws what copying or moving the two throws.
template <class Executor, class Handler>
executor_binder<std::decay_t<Handler>, Executor> bind_executor(const Executor& executor,
                                                               Handler&& handler) {
    return {executor, std::forward<Handler>(handler)};
}

}  // namespace gyre::inline v0
