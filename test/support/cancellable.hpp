// SPDX-License-Identifier: BSL-1.0
// A handler that names a cancellation slot.
#pragma once

#include <gyre/cancellation_signal.hpp>

#include <utility>

namespace gyre::testing {

template <class Handler>
struct cancellable {
    using cancellation_slot_type = cancellation_slot;

    cancellation_slot get_cancellation_slot() const noexcept { return slot; }
    template <class... Results>
    void operator()(Results&&... results) {
        handler(std::forward<Results>(results)...);
    }

    cancellation_slot slot;
    Handler handler;
};

/// The handler, to be cancelled by that signal.
template <class Handler>
cancellable<Handler> with(cancellation_signal& signal, Handler handler) {
    return {signal.slot(), std::move(handler)};
}

}  // namespace gyre::testing
