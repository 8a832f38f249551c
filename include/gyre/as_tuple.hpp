// SPDX-License-Identifier: BSL-1.0
// Gives a handler its results as one tuple.
#pragma once

#include <gyre/detail/token_adaptor.hpp>

#include <tuple>
#include <type_traits>
#include <utility>

namespace gyre::inline v0 {

/// A completion token whose handler takes one std::tuple of all results. Made by as_tuple().
template <class Token>
class as_tuple_t {
public:
    template <class T>
    explicit as_tuple_t(std::in_place_t, T&& token) : token_(std::forward<T>(token)) {}

    Token& get() noexcept { return token_; }
    const Token& get() const noexcept { return token_; }

private:
    Token token_;
};

namespace detail {

template <class Handler, class... Results>
class tuple_handler {
public:
    using next_handler_type = Handler;

    template <class H>
    explicit tuple_handler(std::in_place_t, H&& handler) : handler_(std::forward<H>(handler)) {}

    const Handler& next_handler() const noexcept { return handler_; }

    template <class... R>
    void operator()(R&&... results) {
        std::move(handler_)(std::tuple<Results...>(std::forward<R>(results)...));
    }

private:
    Handler handler_;
};

}  // namespace detail

template <class Token, class... Results>
class async_result<as_tuple_t<Token>, void(Results...)> {
public:
    template <class Initiation, class T, class... Arguments>
    static auto initiate(Initiation&& initiation, T&& token, Arguments&&... arguments) {
        return detail::initiate_wrapped<void(std::tuple<std::decay_t<Results>...>)>(
            std::forward<Initiation>(initiation),
            [](auto&& handler) {
                return detail::tuple_handler<std::decay_t<decltype(handler)>,
                                             std::decay_t<Results>...>(
                    std::in_place, std::forward<decltype(handler)>(handler));
            },
            detail::part_of<T>(token.get()), std::forward<Arguments>(arguments)...);
    }
};

/// Returns a token: `as_tuple(use_future)` makes a future of all results, the error among them,
/// which is not thrown then. Throws what copying or moving the token throws.
template <class Token>
as_tuple_t<std::decay_t<Token>> as_tuple(Token&& token) {
    return as_tuple_t<std::decay_t<Token>>(std::in_place, std::forward<Token>(token));
}

}  // namespace gyre::inline v0
