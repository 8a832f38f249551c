// SPDX-License-Identifier: BSL-1.0
// What completion tokens around other tokens have in common.
#pragma once

#include <gyre/async_result.hpp>

#include <type_traits>
#include <utility>

namespace gyre::inline v0::detail {

/// A part of a token that was given as `Token&&`: to be moved from if the token may be.
template <class Token, class Part>
constexpr decltype(auto) part_of(Part& part) noexcept {
    if constexpr (std::is_lvalue_reference_v<Token>) {
        return (part);
    } else {
        return std::move(part);
    }
}

/// An initiation that gives `wrap(handler)` to another one instead of the handler.
template <class Initiation, class Wrap>
struct wrapping_initiation {
    Initiation initiation;
    Wrap wrap;

    template <class Handler, class... Arguments>
    void operator()(Handler&& handler, Arguments&&... arguments) {
        std::move(initiation)(std::move(wrap)(std::forward<Handler>(handler)),
                              std::forward<Arguments>(arguments)...);
    }
};

/// Gives the operation to the token behind an adaptor; whatever handler that makes, the operation
/// gets `wrap(handler)`. `Signature` is what that handler is called with.
template <class Signature, class Initiation, class Wrap, class Token, class... Arguments>
auto initiate_wrapped(Initiation&& initiation, Wrap&& wrap, Token&& token,
                      Arguments&&... arguments) {
    return async_initiate<Signature>(
        wrapping_initiation<std::decay_t<Initiation>, std::decay_t<Wrap>>{
            std::forward<Initiation>(initiation), std::forward<Wrap>(wrap)},
        std::forward<Token>(token), std::forward<Arguments>(arguments)...);
}

}  // namespace gyre::inline v0::detail
