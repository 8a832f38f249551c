// SPDX-License-Identifier: BSL-1.0
// What all initiating functions do with a handler: give it a slot, connect its cancellation.
#pragma once

#include <gyre/assertion.hpp>
#include <gyre/cancellation_signal.hpp>
#include <gyre/detail/completion.hpp>
#include <gyre/detail/handler_operation.hpp>
#include <gyre/detail/reactor_api.hpp>

#include <type_traits>
#include <utility>

namespace gyre::inline v0::detail {

/// The cancellation slot that a handler names; connected to nothing if it names none.
template <class Handler>
cancellation_slot slot_of(const Handler& handler) noexcept {
    if constexpr (names_cancellation_slot<Handler>) {
        return get_associated_cancellation_slot(handler, cancellation_slot());
    } else {
        return {};
    }
}

/// Makes the operation for a handler, in the slab of the reactor. Throws std::bad_alloc, and what
/// copying the handler throws.
template <class Base, extent Extent = extent::some, class Handler, class... Arguments>
auto* make_operation(reactor& r, Handler&& handler, Arguments&&... arguments) {
    using plain = std::decay_t<Handler>;
    using operation_type = handler_operation<Base, completion_handler<plain>, Extent>;
    const cancellation_slot slot = slot_of<plain>(handler);
    if constexpr (names_guard<plain>) {
        guard_of(handler).prepare(r);
    }
    Base* op = nullptr;
    if constexpr (names_executor<plain>) {
        op =
            operation_type::make(&r, dispatching_handler<plain>(&r, std::forward<Handler>(handler)),
                                 std::forward<Arguments>(arguments)...);
    } else {
        op = operation_type::make(&r, std::forward<Handler>(handler),
                                  std::forward<Arguments>(arguments)...);
    }
    slot.connect(r, op);
    return op;
}

/// The reactor behind an executor. I/O objects need one.
inline reactor& reactor_of(const any_io_executor& executor) {
    reactor* r = executor.context().waiting();
    GYRE_ASSERT(r != nullptr);
    return *r;
}

}  // namespace gyre::inline v0::detail
