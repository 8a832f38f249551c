// SPDX-License-Identifier: BSL-1.0
// Puts the error of an operation into a variable.
#pragma once

#include <gyre/detail/token_adaptor.hpp>

#include <system_error>
#include <type_traits>
#include <utility>

namespace gyre::inline v0 {

/// A completion token whose handler is not given the error. Made by redirect_error().
template <class Token>
class redirect_error_t {
public:
    template <class T>
    redirect_error_t(T&& token, std::error_code& error)
        : token_(std::forward<T>(token)), error_(&error) {}

    Token& get() noexcept { return token_; }
    const Token& get() const noexcept { return token_; }
    std::error_code& error() const noexcept { return *error_; }

private:
    Token token_;
    std::error_code* error_;
};

namespace detail {

template <class Handler>
class redirecting_handler {
public:
    using next_handler_type = Handler;

    template <class H>
    redirecting_handler(std::error_code* error, H&& handler)
        : error_(error), handler_(std::forward<H>(handler)) {}

    const Handler& next_handler() const noexcept { return handler_; }

    template <class... Results>
    void operator()(const std::error_code& error, Results&&... results) {
        *error_ = error;
        std::move(handler_)(std::forward<Results>(results)...);
    }

private:
    std::error_code* error_;
    Handler handler_;
};

}  // namespace detail

template <class Token, class... Results>
class async_result<redirect_error_t<Token>, void(std::error_code, Results...)> {
public:
    template <class Initiation, class T, class... Arguments>
    static auto initiate(Initiation&& initiation, T&& token, Arguments&&... arguments) {
        return detail::initiate_wrapped<void(Results...)>(
            std::forward<Initiation>(initiation),
            [error = &token.error()](auto&& handler) {
                return detail::redirecting_handler<std::decay_t<decltype(handler)>>(
                    error, std::forward<decltype(handler)>(handler));
            },
            detail::part_of<T>(token.get()), std::forward<Arguments>(arguments)...);
    }
};

/// Returns a token: the operation's error goes into `error`, which has to live until the handler is
/// called, and the handler gets the other results. Throws what copying or moving the token throws.
template <class Token>
redirect_error_t<std::decay_t<Token>> redirect_error(Token&& token, std::error_code& error) {
    return {std::forward<Token>(token), error};
}

}  // namespace gyre::inline v0
