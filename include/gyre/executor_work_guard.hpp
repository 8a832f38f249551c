// SPDX-License-Identifier: BSL-1.0
// Keeps a context running while it has nothing to do.
#pragma once

#include <gyre/any_io_executor.hpp>

#include <concepts>
#include <utility>

namespace gyre::inline v0 {

/// Counts as work of an executor's context until it is reset or destroyed.
///
/// **Threads.** Different guards may be used by different threads; one guard by one at a time.
/// **Lifetime.** Must be reset or destroyed before the context.
template <class Executor = any_io_executor>
class executor_work_guard {
public:
    using executor_type = Executor;

    /// Begins the work.
    explicit executor_work_guard(const Executor& executor) noexcept : executor_(executor) {
        start();
    }
    /// Work of its own, if the other guard has any.
    executor_work_guard(const executor_work_guard& other) noexcept
        : executor_(other.executor_), owns_(false) {
        if (other.owns_) {
            start();
        }
    }
    /// Takes the work over.
    executor_work_guard(executor_work_guard&& other) noexcept
        // NOLINTNEXTLINE(performance-move-constructor-init): the other one keeps its executor
        : executor_(other.executor_), owns_(std::exchange(other.owns_, false)) {}
    executor_work_guard& operator=(const executor_work_guard&) = delete;
    ~executor_work_guard() { reset(); }

    executor_type get_executor() const noexcept { return executor_; }
    bool owns_work() const noexcept { return owns_; }

    /// Ends the work; later calls do nothing.
    void reset() noexcept {
        if (std::exchange(owns_, false)) {
            if constexpr (requires { executor_.on_work_finished(); }) {
                executor_.on_work_finished();
            }
        }
    }

private:
    void start() noexcept {
        if constexpr (requires { executor_.on_work_started(); }) {
            executor_.on_work_started();
        }
        owns_ = true;
    }

    Executor executor_;
    bool owns_ = false;
};

/// A guard for an executor's context, or for that of an object that has an executor.
inline executor_work_guard<any_io_executor> make_work_guard(const any_io_executor& executor) {
    return executor_work_guard<any_io_executor>(executor);
}
template <context_with_executor T>
auto make_work_guard(T& object) {
    return executor_work_guard<decltype(object.get_executor())>(object.get_executor());
}

}  // namespace gyre::inline v0
