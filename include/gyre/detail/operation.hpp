// SPDX-License-Identifier: BSL-1.0
// The header of every pending operation, with its type erased, and the lists it can be in.
#pragma once

#include <gyre/detail/slot.hpp>
#include <gyre/detail/success.hpp>

#include <cstddef>
#include <cstdint>
#include <system_error>

namespace gyre::inline v0::detail {

/// What can be asked of an operation whose type is erased.
enum class operation_request : std::uint8_t {
    call,     ///< free the slot, then call the handler
    destroy,  ///< destroy the handler uncalled and free the slot
    /// Whether the operation is a step of a composed one that goes on after it: non-null if so.
    goes_on,
    name,  ///< text that holds the type of the handler
};

/// How far an operation has come.
enum class operation_state : std::uint8_t {
    fresh,     ///< not yet with a reactor
    waiting,   ///< in the queue of its object
    ready,     ///< in the ready list; nothing has been taken from the world
    finished,  ///< in the ready list with its result
};

/// An operation lives in a slot, right behind its `slot`. While its object (a source or a
/// deadline) may cancel it, it stands in that object's queue; when it is ready, it stands in the
/// ready list as well.
///
/// Not thread-safe: belongs to whoever holds it (the initiating function, the inbox, the owner).
class operation {
public:
    /// Returns null, or the answer to the question.
    using function = const void* (*)(operation*, operation_request);

    explicit operation(function f) noexcept : function_(f) {}
    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;

    void call() { function_(this, operation_request::call); }
    void destroy() noexcept { function_(this, operation_request::destroy); }
    const char* handler_name() noexcept {
        return static_cast<const char*>(function_(this, operation_request::name));
    }
    bool goes_on() noexcept { return function_(this, operation_request::goes_on) != nullptr; }

    slot_kind kind() const noexcept { return slot::of(this)->kind; }

    /// The result so far.
    std::error_code error() const noexcept { return error_of(error_value_, category_); }
    void set_error(const std::error_code& e) noexcept {
        error_value_ = e.value();
        category_ = &e.category();
    }

    bool linked() const noexcept { return next != nullptr; }

    operation* next = nullptr;  ///< in the object's queue; null if in none
    operation* previous = nullptr;
    std::int64_t queued_ns = 0;  ///< when it became ready, if somebody watches; else 0
    /// The object's count of cancellations when the operation was started: a cancellation takes
    /// the operations that are older than itself.
    std::uint32_t round = 0;
    std::uint32_t bytes = 0;  ///< transferred; a single transfer is shorter than 4 GiB everywhere
    operation_state state = operation_state::fresh;
    std::uint8_t queue = 0;  ///< which queue of its source
    /// It was finished when its composed operation was cancelled: that one must not go on.
    bool stop_after = false;

protected:
    ~operation() = default;

private:
    int error_value_ = 0;
    const std::error_category* category_ = success_category;
    function function_;
};

/// First in, first out, linked through the slots: an operation may stand in a ready list and in
/// its object's queue at the same time.
class ready_list {
public:
    bool empty() const noexcept { return first_ == nullptr; }

    void push(operation* op) noexcept {
        slot* s = slot::of(op);
        s->link = nullptr;
        (first_ == nullptr ? first_ : last_->link) = s;
        last_ = s;
    }

    operation* pop() noexcept {
        slot* s = first_;
        first_ = s->link;
        return static_cast<operation*>(s->object());
    }

private:
    slot* first_ = nullptr;
    slot* last_ = nullptr;
};

/// The queue of an object's pending operations: a ring, so that one pointer gives both ends.
class operation_queue {
public:
    bool empty() const noexcept { return first_ == nullptr; }
    operation* front() const noexcept { return first_; }
    /// Precondition: not empty.
    operation* back() const noexcept { return first_->previous; }

    void push(operation* op) noexcept {
        insert(op);
        if (first_ == nullptr) {
            first_ = op;
        }
    }

    void remove(operation* op) noexcept {
        if (op->next == op) {
            first_ = nullptr;
        } else {
            op->previous->next = op->next;
            op->next->previous = op->previous;
            if (first_ == op) {
                first_ = op->next;
            }
        }
        op->next = op->previous = nullptr;
    }

    /// The one behind `op`, null at the end.
    operation* after(const operation* op) const noexcept {
        return op->next == first_ ? nullptr : op->next;
    }

private:
    void insert(operation* op) noexcept {
        if (first_ == nullptr) {
            op->next = op->previous = op;
        } else {
            op->next = first_;
            op->previous = first_->previous;
            first_->previous->next = op;
            first_->previous = op;
        }
    }

    operation* first_ = nullptr;
};

}  // namespace gyre::inline v0::detail
