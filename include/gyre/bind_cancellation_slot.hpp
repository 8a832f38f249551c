// SPDX-License-Identifier: BSL-1.0
// Binds a handler to the slot by which its operation can be cancelled.
#pragma once

#include <gyre/associated_cancellation_slot.hpp>
#include <gyre/async_result.hpp>
#include <gyre/cancellation_signal.hpp>
#include <gyre/detail/handler_binder.hpp>
#include <gyre/detail/token_adaptor.hpp>

#include <type_traits>
#include <utility>

namespace gyre::inline v0 {

/// A handler, or token, whose operation can be cancelled by a signal. Made by
/// bind_cancellation_slot(). Copies, moves and threads as those of the handler.
template <class Handler, class Slot>
class cancellation_slot_binder : public detail::handler_binder<Handler> {
    using base = detail::handler_binder<Handler>;

public:
    using cancellation_slot_type = Slot;

    template <class H>
    cancellation_slot_binder(const Slot& slot, H&& handler)
        : base(typename base::made_from(), std::forward<H>(handler)), slot_(slot) {}

    cancellation_slot_type get_cancellation_slot() const noexcept { return slot_; }

private:
    Slot slot_;
};

/// Around another token: the handler that it makes is bound.
template <class Token, class Slot, class Signature>
class async_result<cancellation_slot_binder<Token, Slot>, Signature> {
public:
    template <class Initiation, class T, class... Arguments>
    static auto initiate(Initiation&& initiation, T&& token, Arguments&&... arguments) {
        return detail::initiate_wrapped<Signature>(
            std::forward<Initiation>(initiation),
            [slot = token.get_cancellation_slot()](auto&& handler) {
                using handler_type = std::decay_t<decltype(handler)>;
                return cancellation_slot_binder<handler_type, Slot>(
                    slot, std::forward<decltype(handler)>(handler));
            },
            detail::part_of<T>(token.get()), std::forward<Arguments>(arguments)...);
    }
};

/// Returns `token` bound to `slot`, a cancellation_slot: its signal cancels the operation that the
/// token is given to. Throws what copying or moving the token throws.
template <class Slot, class Token>
cancellation_slot_binder<std::decay_t<Token>, Slot> bind_cancellation_slot(const Slot& slot,
                                                                           Token&& token) {
    return {slot, std::forward<Token>(token)};
}

}  // namespace gyre::inline v0
