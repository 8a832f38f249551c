// SPDX-License-Identifier: BSL-1.0
// Cancels one operation, whatever else is pending on its object.
#pragma once

#include <gyre/associated_cancellation_slot.hpp>
#include <gyre/detail/reactor_api.hpp>

namespace gyre::inline v0 {

/// What a cancellation asks for, weakest last. Operations of this library that transfer data do
/// so right before their handler is called: cancelling them has no side effect, so each type
/// cancels each of them.
enum class cancellation_type : unsigned {
    none = 0,
    terminal = 1,  ///< afterwards the object is only good for being closed
    partial = 2,   ///< some bytes may have been transferred, and the handler is told how many
    total = 4,     ///< nothing must have happened
    all = 7,
};

class cancellation_slot;

/// Emits cancellation to the operation that its slot is connected to.
///
/// **Threads.** One at a time, and not while the operation's handler or one of its steps is being
/// called elsewhere. **Lifetime.** Must live until the handler is called: composed operations
/// connect to it at each step. When the operation is over, emitting does nothing. Must not be used
/// after the operation's context.
class cancellation_signal {
public:
    cancellation_signal() = default;
    cancellation_signal(const cancellation_signal&) = delete;
    cancellation_signal& operator=(const cancellation_signal&) = delete;

    /// Aborts the connected operation if it is pending; it reports operation_aborted. A composed
    /// operation ends as well, with the bytes moved so far. Throws std::bad_alloc if another thread
    /// runs the context and the message to it finds no memory; nothing is aborted then.
    void emit(cancellation_type type) {
        if (type != cancellation_type::none && reactor_ != nullptr) {
            detail::cancel_operation(*reactor_, operation_);
        }
    }

    /// The slot to give to an operation.
    cancellation_slot slot() noexcept;

private:
    friend class cancellation_slot;
    detail::reactor* reactor_ = nullptr;
    detail::operation_id operation_;
};

/// The receiving end of a signal: a reference to it, which must not be used after the signal. A
/// handler names its slot by get_cancellation_slot(); one slot serves one operation at a time.
class cancellation_slot {
public:
    /// Connected to nothing.
    cancellation_slot() = default;

    bool is_connected() const noexcept { return signal_ != nullptr; }

    /// Makes the signal cancel this operation from now on. Called by initiating functions.
    void connect(detail::reactor& r, const detail::operation* op) const noexcept {
        if (signal_ != nullptr) {
            signal_->reactor_ = &r;
            signal_->operation_ = detail::id_of(op);
        }
    }

    friend bool operator==(const cancellation_slot&, const cancellation_slot&) = default;

private:
    friend class cancellation_signal;
    explicit cancellation_slot(cancellation_signal* signal) noexcept : signal_(signal) {}

    cancellation_signal* signal_ = nullptr;
};

inline cancellation_slot cancellation_signal::slot() noexcept { return cancellation_slot(this); }

}  // namespace gyre::inline v0
