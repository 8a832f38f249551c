// SPDX-License-Identifier: BSL-1.0
// Sends a finished operation's handler to the executor that it is associated with.
#pragma once

#include <gyre/any_io_executor.hpp>
#include <gyre/associated_executor.hpp>
#include <gyre/detail/reactor_api.hpp>
#include <gyre/executor_work_guard.hpp>

#include <cstddef>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>

namespace gyre::inline v0::detail {

/// Work of the context that an operation came from; none if that is null.
class origin_work {
public:
    explicit origin_work(reactor* origin) noexcept : origin_(origin) {
        if (origin_ != nullptr) {
            hold_work(*origin_);
        }
    }
    origin_work(origin_work&& other) noexcept : origin_(std::exchange(other.origin_, nullptr)) {}
    origin_work& operator=(origin_work&&) = delete;
    ~origin_work() {
        if (origin_ != nullptr) {
            drop_work(*origin_);
        }
    }

private:
    reactor* origin_;
};

/// A handler with its results, on its way to another executor. A step of a composed operation is
/// work of the context that it came from until it has been called, for it goes back there.
template <class Handler, class... Results>
class bound_handler {
public:
    using next_handler_type = Handler;

    template <class... R>
    explicit bound_handler(reactor* origin, Handler&& handler, R&&... results)
        : origin_(origin), handler_(std::move(handler)), results_(std::forward<R>(results)...) {}

    const Handler& next_handler() const noexcept { return handler_; }
    void operator()() { std::apply(std::move(handler_), std::move(results_)); }

private:
    origin_work origin_;
    Handler handler_;
    std::tuple<Results...> results_;
};

/// Runs f() now if this thread is already inside the executor's context, else there, later.
template <class Executor, class F>
void dispatch_to(const Executor& executor, F&& f) {
    if constexpr (std::is_base_of_v<any_io_executor, Executor>) {
        if (const execution_turn turn(executor); turn) {
            std::forward<F>(f)();
            return;
        }
    } else if constexpr (requires { executor.running_in_this_thread(); }) {
        if (executor.running_in_this_thread()) {
            std::forward<F>(f)();
            return;
        }
    }
    executor.execute(std::forward<F>(f));
}

/// Takes the place of a handler that is associated with an executor of its own. Work of that
/// executor's context from the start of the operation until the handler is called or destroyed.
template <class Handler>
class dispatching_handler {
    using executor = associated_executor_t<Handler, any_io_executor>;

public:
    using next_handler_type = Handler;

    /// `origin`: where the operation is; null if it is not one of a reactor.
    template <class H>
    dispatching_handler(reactor* origin, H&& handler)
        : origin_(composed_step<Handler> ? origin : nullptr),
          work_(get_associated_executor(handler, any_io_executor())),
          handler_(std::forward<H>(handler)) {}

    const Handler& next_handler() const noexcept { return handler_; }

    bool goes_on(const std::error_code& error,
                 std::size_t bytes) const noexcept requires composed_step<Handler> {
        return handler_.goes_on(error, bytes);
    }
    void stop(stop_reason reason) noexcept requires composed_step<Handler> {
        handler_.stop(reason);
    }

    template <class... Results>
    void operator()(Results&&... results) {
        const executor_work_guard<executor> work(std::move(work_));
        dispatch_to(work.get_executor(),
                    bound_handler<Handler, std::decay_t<Results>...>(
                        origin_, std::move(handler_), std::forward<Results>(results)...));
    }

private:
    reactor* origin_;
    executor_work_guard<executor> work_;
    Handler handler_;
};

/// What an operation stores of a handler: itself, or its dispatching_handler.
template <class Handler>
using completion_handler =
    std::conditional_t<names_executor<Handler>, dispatching_handler<Handler>, Handler>;

/// Makes it.
template <class Handler, class H>
completion_handler<Handler> to_completion_handler(reactor* origin, H&& handler) {
    if constexpr (names_executor<Handler>) {
        return dispatching_handler<Handler>(origin, std::forward<H>(handler));
    } else {
        return std::forward<H>(handler);
    }
}

}  // namespace gyre::inline v0::detail
