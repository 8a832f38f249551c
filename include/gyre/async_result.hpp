// SPDX-License-Identifier: BSL-1.0
// The one customisation point through which every initiating function goes.
#pragma once

#include <type_traits>
#include <utility>

namespace gyre::inline v0 {

/// Says how a completion token becomes a handler, and what the initiating function returns.
///
/// `Signature` is the handler's, such as void(std::error_code, std::size_t). The primary template
/// takes the token itself as the handler: a plain callable, at no cost. Specialise it for a token
/// type of your own; initiate() may start the operation at once, by calling
/// `initiation(handler, arguments...)`, once and in any thread that may use the I/O object, or keep
/// it for later; the arguments are references, to be copied by who keeps them.
template <class Token, class Signature>
class async_result {
public:
    using return_type = void;

    template <class Initiation, class T, class... Arguments>
    static void initiate(Initiation&& initiation, T&& token, Arguments&&... arguments) {
        std::forward<Initiation>(initiation)(std::forward<T>(token),
                                             std::forward<Arguments>(arguments)...);
    }
};

/// What an initiating function calls: hands initiation, token and arguments to async_result.
template <class Signature, class Initiation, class Token, class... Arguments>
auto async_initiate(Initiation&& initiation, Token&& token, Arguments&&... arguments)
    -> decltype(async_result<std::decay_t<Token>, Signature>::initiate(
        std::forward<Initiation>(initiation), std::forward<Token>(token),
        std::forward<Arguments>(arguments)...)) {
    return async_result<std::decay_t<Token>, Signature>::initiate(
        std::forward<Initiation>(initiation), std::forward<Token>(token),
        std::forward<Arguments>(arguments)...);
}

}  // namespace gyre::inline v0
