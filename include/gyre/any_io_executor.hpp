// SPDX-License-Identifier: BSL-1.0
// The handle by which work is given to an execution context.
#pragma once

#include <gyre/detail/handler_operation.hpp>
#include <gyre/execution_context.hpp>

#include <type_traits>
#include <utility>

namespace gyre::inline v0 {

/// Says where a handler runs. One pointer: copying it is free and nothing is erased.
///
/// **Threads.** A value like any other; what it refers to may be used by any thread.
/// **Lifetime.** Must not be used after its context is destroyed, except to be destroyed or
/// assigned to.
class any_io_executor {
public:
    /// Refers to nothing: only assignment, comparison and the test for emptiness are allowed.
    any_io_executor() noexcept = default;
    explicit any_io_executor(execution_context& context) noexcept : context_(&context) {}

    /// Whether it refers to a context.
    explicit operator bool() const noexcept { return context_ != nullptr; }
    /// Precondition of this and all below: it does.
    execution_context& context() const noexcept { return *context_; }

    /// Whether the calling thread is inside run() or poll() of the context.
    bool running_in_this_thread() const noexcept { return context_->running_in_this_thread(); }

    /// Runs f() in the context, never inside this call. Throws std::bad_alloc and what copying f
    /// throws; f is not called then.
    template <class F>
    void execute(F&& f) const {
        using operation_type = detail::post_operation<std::decay_t<F>>;
        if constexpr (operation_type::template is_plain<F>) {
            context_->submit_copy(operation_type::functions, &f, sizeof f);
        } else {
            context_->submit(operation_type::make(context_->slots(), std::forward<F>(f)));
        }
    }

    /// Work of the context that is none of its operations; see executor_work_guard.
    void on_work_started() const noexcept { context_->work_started(); }
    void on_work_finished() const noexcept { context_->work_finished(); }

    friend bool operator==(const any_io_executor&, const any_io_executor&) noexcept = default;

private:
    execution_context* context_ = nullptr;
};

/// What takes the place of an execution context or an executor in a constructor.
template <class T>
concept context_with_executor = requires(T& context) {
    { context.get_executor() } -> std::convertible_to<any_io_executor>;
};

}  // namespace gyre::inline v0
