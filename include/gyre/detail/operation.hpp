// SPDX-License-Identifier: BSL-1.0
// The header of every pending operation, with its type erased, and the lists it can be in.
#pragma once

#include <gyre/detail/slot.hpp>
#include <gyre/detail/stop_reason.hpp>

#include <cstddef>
#include <cstdint>
#include <system_error>

namespace gyre::inline v0::detail {

class operation;
class guard_holder;

/// What can be done with an operation whose type is erased: one table for each type.
struct operation_functions {
    /// Frees the slot, then calls the handler. A caller that owns the slab gives its free slots.
    void (*call)(operation*, free_slots* owned);
    /// Destroys the handler uncalled and frees the slot.
    void (*destroy)(operation*);
    /// Whether the operation is a step of a composed one that goes on after it. Null: never.
    bool (*goes_on)(const operation*);
    /// The deadline that its handler brings along. Null: none.
    guard_holder& (*guard)(operation*);
    const char* handler_name;  ///< text that holds the type of the handler
    slot_kind kind;
    std::uint8_t size_class;  ///< of the slot
    bool whole;               ///< a read or write that is done only when all bytes are moved
};

/// How far an operation has come.
enum class operation_state : std::uint8_t {
    fresh,     ///< not yet with a reactor
    waiting,   ///< in the queue of its object
    ready,     ///< there, and in the ready list; nothing has been taken from the world
    finished,  ///< in the ready list, or on its way there, with its result
    stepping,  ///< finished, but its composed operation goes on and may still be cancelled
};

/// An operation lives in a slot, right behind its `slot`. While its object (a source or a
/// deadline) may cancel it, it stands in a queue of that object; when it is ready, it stands in the
/// ready list as well.
///
/// Not thread-safe: belongs to whoever holds it (the initiating function, the inbox, the owner).
class operation {
public:
    using functions = operation_functions;

    explicit operation(const functions& f, operation_state s = operation_state::fresh) noexcept
        : functions_(&f), state(s) {}
    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;

    void call() { functions_->call(this, nullptr); }
    /// In a thread that owns the slab.
    void call(free_slots* owned) { functions_->call(this, owned); }
    void destroy() noexcept { functions_->destroy(this); }
    const char* handler_name() const noexcept { return functions_->handler_name; }
    bool goes_on() const noexcept {
        return functions_->goes_on != nullptr && functions_->goes_on(this);
    }
    bool whole() const noexcept { return functions_->whole; }
    bool is_guarded() const noexcept { return functions_->guard != nullptr; }
    /// Precondition: is_guarded().
    guard_holder& guard() noexcept { return functions_->guard(this); }

    slot_kind kind() const noexcept { return slot::of(this)->kind; }

    /// The result. Precondition: finished, and not posted.
    std::error_code error() const noexcept { return {value_, *category_}; }
    void set_error(const std::error_code& e) noexcept {
        value_ = e.value();
        category_ = &e.category();
    }
    /// As set_error() with no error; the category is the system's.
    void set_success(const std::error_category* system) noexcept {
        value_ = 0;
        category_ = system;
    }

    bool linked() const noexcept { return next != nullptr; }

protected:
    ~operation() = default;

private:
    const functions* functions_;
    // Left unset, as all that has a time to be set: this is made once for every read and write.
    const std::error_category* category_;

protected:
    /// The error's, once it is finished; until then whatever the type needs.
    int value_;

public:
    /// The object's count of cancellations when the operation was started: a cancellation takes
    /// the operations that are older than itself.
    std::uint32_t round;
    operation* next = nullptr;  ///< in a queue of its object; null if in none
    operation_state state;
    /// Its composed operation was ended when it was stepping: that one must not go on.
    stop_reason stop_after = stop_reason::none;
    std::uint8_t queue = 0;         ///< which queue of its source
    std::uint8_t buffer_count = 0;  ///< of a transfer
    std::uint32_t strand = 0;       ///< in which it is called, a reference; 0: in none
    std::size_t bytes = 0;          ///< transferred
};
// With the slot's header a cache line: all that is looked at of a wait for a timer that is set
// anew, and has to be fetched if there are a million of them.
static_assert(sizeof(slot) + sizeof(operation) <= 64);

/// First in, first out, linked through the slots: an operation may stand in a ready list and in
/// its object's queue at the same time.
class ready_list {
public:
    ready_list() = default;
    ready_list(const ready_list&) = delete;
    ready_list& operator=(const ready_list&) = delete;

    bool empty() const noexcept { return first_ == nullptr; }
    /// Precondition: not empty.
    operation* front() const noexcept { return static_cast<operation*>(first_->object()); }

    void push(operation* op) noexcept {
        slot* s = slot::of(op);
        s->link = nullptr;
        *end_ = s;
        end_ = &s->link;
    }

    void push_front(operation* op) noexcept {
        slot* s = slot::of(op);
        s->link = first_;
        if (first_ == nullptr) {
            end_ = &s->link;
        }
        first_ = s;
    }

    operation* pop() noexcept {
        slot* s = first_;
        first_ = s->link;
        if (first_ == nullptr) {
            end_ = &first_;
        }
        return static_cast<operation*>(s->object());
    }

    /// Calls f(operation&) for each, the oldest first.
    template <class F>
    void for_each(F&& f) {
        for (slot* s = first_; s != nullptr; s = s->link) {
            f(*static_cast<operation*>(s->object()));
        }
    }

private:
    slot* first_ = nullptr;
    slot** end_ = &first_;  // where the next one is linked
};

/// The queue of an object's pending operations: a ring that is known by its last one, so that one
/// pointer gives both ends.
class operation_queue {
public:
    bool empty() const noexcept { return last_ == nullptr; }
    operation* front() const noexcept { return last_ != nullptr ? last_->next : nullptr; }
    /// Precondition: not empty.
    operation* back() const noexcept { return last_; }

    void push(operation* op) noexcept {
        if (last_ == nullptr) {
            op->next = op;
        } else {
            op->next = last_->next;
            last_->next = op;
        }
        last_ = op;
    }

    /// Usually it is the first; else as many steps as there are in front of it.
    void remove(operation* op) noexcept {
        if (op->next == op) {
            last_ = nullptr;
        } else {
            take_out(op);
        }
        op->next = nullptr;
    }

    /// The one behind `op`, null at the end.
    operation* after(const operation* op) const noexcept {
        return op == last_ ? nullptr : op->next;
    }

private:
    void take_out(operation* op) noexcept {
        operation* before = last_;
        while (before->next != op) {
            before = before->next;
        }
        before->next = op->next;
        if (last_ == op) {
            last_ = before;
        }
    }

    operation* last_ = nullptr;
};

}  // namespace gyre::inline v0::detail
