// SPDX-License-Identifier: BSL-1.0
// Gives a handler more values behind its results.
#pragma once

#include <gyre/detail/token_adaptor.hpp>

#include <tuple>
#include <type_traits>
#include <utility>

namespace gyre::inline v0 {

/// A completion token whose handler takes values behind the results. Made by append().
template <class Token, class... Values>
class append_t {
public:
    template <class T, class... V>
    explicit append_t(std::in_place_t, T&& token, V&&... values)
        : token_(std::forward<T>(token)), values_(std::forward<V>(values)...) {}

    Token& get() noexcept { return token_; }
    const Token& get() const noexcept { return token_; }
    std::tuple<Values...>& values() noexcept { return values_; }
    const std::tuple<Values...>& values() const noexcept { return values_; }

private:
    Token token_;
    std::tuple<Values...> values_;
};

namespace detail {

template <class Handler, class... Values>
class appending_handler {
public:
    using next_handler_type = Handler;

    template <class H>
    appending_handler(std::tuple<Values...>&& values, H&& handler)
        : handler_(std::forward<H>(handler)), values_(std::move(values)) {}

    const Handler& next_handler() const noexcept { return handler_; }

    template <class... Results>
    void operator()(Results&&... results) {
        std::apply(
            [&](Values&... values) {
                std::move(handler_)(std::forward<Results>(results)..., std::move(values)...);
            },
            values_);
    }

private:
    Handler handler_;
    std::tuple<Values...> values_;
};

}  // namespace detail

template <class Token, class... Values, class... Results>
class async_result<append_t<Token, Values...>, void(Results...)> {
public:
    template <class Initiation, class T, class... Arguments>
    static auto initiate(Initiation&& initiation, T&& token, Arguments&&... arguments) {
        std::tuple<Values...> values(detail::part_of<T>(token.values()));
        return detail::initiate_wrapped<void(Results..., Values...)>(
            std::forward<Initiation>(initiation),
            [values = std::move(values)](auto&& handler) mutable {
                return detail::appending_handler<std::decay_t<decltype(handler)>, Values...>(
                    std::move(values), std::forward<decltype(handler)>(handler));
            },
            detail::part_of<T>(token.get()), std::forward<Arguments>(arguments)...);
    }
};

/// Returns a token: the handler gets the operation's results, then these values. Throws what
/// copying or moving them throws.
template <class Token, class... Values>
append_t<std::decay_t<Token>, std::decay_t<Values>...> append(Token&& token, Values&&... values) {
    return append_t<std::decay_t<Token>, std::decay_t<Values>...>(
        std::in_place, std::forward<Token>(token), std::forward<Values>(values)...);
}

}  // namespace gyre::inline v0
