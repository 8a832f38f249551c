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

/// Makes the operation for a handler, in the slab of the reactor. Throws std::bad_alloc, and what
/// copying the handler throws.
template <class Base, class Handler, class... Arguments>
auto* make_operation(reactor& r, Handler&& handler, Arguments&&... arguments) {
    using plain = std::decay_t<Handler>;
    using operation_type = handler_operation<Base, completion_handler<plain>>;
    cancellation_slot slot;
    if constexpr (names_cancellation_slot<plain>) {
        slot = get_associated_cancellation_slot(handler, cancellation_slot());
    }
    operation_type* op = nullptr;
    if constexpr (names_executor<plain>) {
        op = operation_type::make(slots_of(r),
                                  completion_handler<plain>(&r, std::forward<Handler>(handler)),
                                  std::forward<Arguments>(arguments)...);
    } else {
        op = operation_type::make(slots_of(r), std::forward<Handler>(handler),
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
