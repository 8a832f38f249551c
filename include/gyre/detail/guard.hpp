// SPDX-License-Identifier: BSL-1.0
// How a handler brings along a deadline for its operation: what stands behind cancel_after().
#pragma once

#include <gyre/detail/association.hpp>
#include <gyre/detail/config.hpp>
#include <gyre/poller.hpp>

#include <concepts>
#include <utility>

namespace gyre::inline v0::detail {

class reactor;
struct guard;

/// Takes a slot for a deadline of the reactor that ends operations. Throws std::bad_alloc.
GYRE_API guard* make_guard(reactor& r);
/// Gives it back. Any thread.
GYRE_API void free_guard(reactor& r, guard* g) noexcept;

/// The deadline of one operation, composed or not; travels with its handler from step to step.
class guard_holder {
public:
    /// Ends the operation at `at`, or when it has lasted for `after`, whichever comes first.
    guard_holder(time_ns at, time_ns after) noexcept : at_(at), after_(after) {}
    guard_holder(guard_holder&& other) noexcept
        : where_(other.where_),
          slot_(std::exchange(other.slot_, nullptr)),
          at_(other.at_),
          after_(other.after_) {}
    guard_holder& operator=(guard_holder&&) = delete;
    ~guard_holder() { release(); }

    /// Called by the initiating function of each step; the first call starts the count. Throws
    /// std::bad_alloc.
    GYRE_API void prepare(reactor& r);
    void release() noexcept {
        if (slot_ != nullptr) {
            free_guard(*where_, std::exchange(slot_, nullptr));
        }
    }
    /// Of two deadlines the earlier one counts. Before the first prepare().
    void join(const guard_holder& other) noexcept {
        at_ = other.at_ < at_ ? other.at_ : at_;
        after_ = other.after_ < after_ ? other.after_ : after_;
    }

    reactor* where() const noexcept { return where_; }
    guard* slot() const noexcept { return slot_; }
    /// After prepare().
    time_ns at() const noexcept { return at_; }

private:
    reactor* where_ = nullptr;
    guard* slot_ = nullptr;
    time_ns at_;
    time_ns after_;
};

/// A handler that has one itself.
template <class T>
concept has_guard = requires(T& t) {
    { t.guard() } -> std::same_as<guard_holder&>;
};

template <class T>
inline constexpr bool names_guard = has_guard<T>;
template <has_next_handler T>
    requires(!has_guard<T>)
inline constexpr bool names_guard<T> = names_guard<typename T::next_handler_type>;

/// The one that a handler, or the handler behind it, brings along. The constness of next_handler()
/// is the associations' affair: the handler is the operation's own.
template <class T>
guard_holder& guard_of(T& t) noexcept {
    if constexpr (has_guard<T>) {
        return t.guard();
    } else {
        return guard_of(const_cast<typename T::next_handler_type&>(t.next_handler()));
    }
}

}  // namespace gyre::inline v0::detail
