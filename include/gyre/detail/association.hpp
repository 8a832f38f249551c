// SPDX-License-Identifier: BSL-1.0
// How a handler names what it is associated with, by itself or, for an intermediate handler of a
// composed operation, through the handler behind it.
#pragma once

namespace gyre::inline v0::detail {

/// A handler that passes a result on to another one, and has all associations of that one.
template <class T>
concept has_next_handler = requires(const T& t) {
    typename T::next_handler_type;
    t.next_handler();
};

template <class T>
concept has_executor = requires(const T& t) {
    typename T::executor_type;
    t.get_executor();
};

template <class T>
concept has_allocator = requires(const T& t) {
    typename T::allocator_type;
    t.get_allocator();
};

template <class T>
concept has_cancellation_slot = requires(const T& t) {
    typename T::cancellation_slot_type;
    t.get_cancellation_slot();
};

/// The default that shows that a handler names nothing.
struct no_association {};

}  // namespace gyre::inline v0::detail
