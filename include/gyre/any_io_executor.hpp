// SPDX-License-Identifier: BSL-1.0
// The handle by which work is given to an execution context.
#pragma once

#include <gyre/detail/handler_operation.hpp>
#include <gyre/detail/strand_frame.hpp>
#include <gyre/execution_context.hpp>

#include <cstdint>
#include <type_traits>
#include <utility>

namespace gyre::inline v0 {

class any_io_executor;

namespace detail {
class execution_turn;
std::uint32_t strand_of(const any_io_executor& executor) noexcept;
}  // namespace detail

/// Says where a handler runs. One word: copying it is free, but for a strand's, whose references
/// are counted, and nothing is erased.
///
/// **Threads.** A value like any other; what it refers to may be used by any thread.
/// **Lifetime.** Must not be used after its context is destroyed, except to be destroyed or
/// assigned to; that of a strand must be destroyed before the context.
class any_io_executor {
public:
    /// Refers to nothing: only assignment, comparison and the test for emptiness are allowed.
    any_io_executor() noexcept = default;
    explicit any_io_executor(execution_context& context) noexcept
        : word_(reinterpret_cast<std::uintptr_t>(&context)) {
        if (is_strand()) {
            __builtin_unreachable();  // so that the compiler knows
        }
    }
    any_io_executor(const any_io_executor& other) noexcept : word_(other.word_) { retain(); }
    any_io_executor(any_io_executor&& other) noexcept : word_(std::exchange(other.word_, 0)) {}
    any_io_executor& operator=(const any_io_executor& other) noexcept {
        any_io_executor copy(other);
        std::swap(word_, copy.word_);
        return *this;
    }
    any_io_executor& operator=(any_io_executor&& other) noexcept {
        std::swap(word_, other.word_);
        return *this;
    }
    ~any_io_executor() {
        if (is_strand()) [[unlikely]] {
            detail::release_strand(context());
        }
    }

    /// Whether it refers to a context.
    explicit operator bool() const noexcept { return word_ != 0; }
    /// Precondition of this and all below: it does. Of a strand's executor, the strand.
    execution_context& context() const noexcept {
        return *reinterpret_cast<execution_context*>(word_ & ~strand_bit);
    }

    /// Whether the calling thread is inside run() or poll() of the context; of a strand, whether it
    /// is inside a function of that strand.
    bool running_in_this_thread() const noexcept { return context().running_in_this_thread(); }

    /// Runs f() in the context, never inside this call. Throws std::bad_alloc and what copying f
    /// throws; f is not called then.
    template <class F>
    void execute(F&& f) const {
        using operation_type = detail::post_operation<std::decay_t<F>>;
        execution_context& where = context();
        if constexpr (operation_type::template is_plain<F>) {
            where.submit_copy(operation_type::functions, &f, sizeof f);
        } else {
            where.submit(operation_type::make(where.slots(), std::forward<F>(f)));
        }
    }

    /// Work of the context that is none of its operations; see executor_work_guard.
    void on_work_started() const noexcept { context().work_started(); }
    void on_work_finished() const noexcept { context().work_finished(); }

    friend bool operator==(const any_io_executor&, const any_io_executor&) noexcept = default;

protected:
    /// A new strand over the context of another executor. Throws std::bad_alloc.
    struct new_strand {};
    any_io_executor(new_strand, const any_io_executor& inner)
        : word_(reinterpret_cast<std::uintptr_t>(detail::make_strand_over(inner)) | strand_bit) {}
    /// What this strand is over.
    const any_io_executor& inner() const noexcept { return detail::inner_of_strand(context()); }

private:
    friend class detail::execution_turn;
    friend std::uint32_t detail::strand_of(const any_io_executor& executor) noexcept;

    // The lowest bit of an address is free.
    static constexpr std::uintptr_t strand_bit = 1;

    bool is_strand() const noexcept { return (word_ & strand_bit) != 0; }
    void retain() const noexcept {
        if (is_strand()) [[unlikely]] {
            detail::retain_strand(context());
        }
    }

    std::uintptr_t word_ = 0;
};

namespace detail {

/// The number of the strand that operations of an object with this executor belong to; 0: none.
inline std::uint32_t strand_of(const any_io_executor& executor) noexcept {
    return executor.is_strand() ? number_of_strand(executor.context()) : 0;
}

/// Finds out whether functions of an executor may be called in this thread now. Of a strand it
/// takes the turn if that is free, and gives it back in the end.
class execution_turn {
public:
    explicit execution_turn(const any_io_executor& executor) noexcept
        : here_(executor.is_strand() ? enter_strand(executor.context(), frame_)
                                     : executor.running_in_this_thread()) {}
    execution_turn(const execution_turn&) = delete;
    execution_turn& operator=(const execution_turn&) = delete;
    ~execution_turn() {
        if (frame_.strand != nullptr) {
            leave_strand(frame_);
        }
    }

    explicit operator bool() const noexcept { return here_; }

private:
    strand_frame frame_;
    bool here_;
};

}  // namespace detail

/// What takes the place of an execution context or an executor in a constructor.
template <class T>
concept context_with_executor = requires(T& context) {
    { context.get_executor() } -> std::convertible_to<any_io_executor>;
};

}  // namespace gyre::inline v0
