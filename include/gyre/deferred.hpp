// SPDX-License-Identifier: BSL-1.0
// Operations that are started later.
#pragma once

#include <gyre/async_result.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace gyre::inline v0 {

namespace detail {
template <class Function>
struct deferred_function;
}  // namespace detail

/// A completion token: the function returns the operation, which has not begun. See deferred.
struct deferred_t {
    /// A token that goes on with the operation that `f(results...)` returns.
    template <class Function>
    detail::deferred_function<std::decay_t<Function>> operator()(Function&& f) const {
        return {std::forward<Function>(f)};
    }
};
/// Makes the function return a deferred_operation. `deferred(f)` makes one that continues with
/// another one: when the first is over, `f(results...)` is called and returns the next, whose
/// results are those of the whole.
inline constexpr deferred_t deferred{};

/// An operation that has not begun. Called with a completion token it begins, and does what the
/// initiating function would have done with that token.
///
/// What it was made for, such as a socket, and what is behind buffers must live until it is over;
/// other arguments are copied. One thread at a time.
template <class Signature, class Initiation, class... Arguments>
class deferred_operation {
public:
    using signature = Signature;

    template <class I, class... A>
    explicit deferred_operation(std::in_place_t, I&& initiation, A&&... arguments)
        : initiation_(std::forward<I>(initiation)), arguments_(std::forward<A>(arguments)...) {}

    /// Begins; once. Throws what the initiating function throws.
    template <class Token = deferred_t>
    auto operator()(Token&& token = Token()) && {
        return std::apply(
            [&](Arguments&... arguments) {
                return async_initiate<Signature>(std::move(initiation_), std::forward<Token>(token),
                                                 std::move(arguments)...);
            },
            arguments_);
    }
    /// Begins a copy of it.
    template <class Token = deferred_t>
    auto operator()(Token&& token = Token()) const& {
        return deferred_operation(*this)(std::forward<Token>(token));
    }

private:
    Initiation initiation_;
    std::tuple<Arguments...> arguments_;
};

template <class Signature>
class async_result<deferred_t, Signature> {
public:
    template <class Initiation, class... Arguments>
    static auto initiate(Initiation&& initiation, deferred_t, Arguments&&... arguments) {
        return deferred_operation<Signature, std::decay_t<Initiation>, std::decay_t<Arguments>...>(
            std::in_place, std::forward<Initiation>(initiation),
            std::forward<Arguments>(arguments)...);
    }
};

namespace detail {

template <class Function>
struct deferred_function {
    Function function;
};

/// The handler of the first of two operations: begins the second, with the handler of the whole.
template <class Function, class Handler>
class continuing_handler {
public:
    using next_handler_type = Handler;

    template <class H>
    continuing_handler(Function&& function, H&& handler)
        : function_(std::move(function)), handler_(std::forward<H>(handler)) {}

    const Handler& next_handler() const noexcept { return handler_; }

    template <class... Results>
    void operator()(Results&&... results) {
        std::move(function_)(std::forward<Results>(results)...)(std::move(handler_));
    }

private:
    Function function_;
    Handler handler_;
};

/// Starts the first of two operations.
template <class Initiation, class Function>
struct continued_initiation {
    Initiation initiation;
    Function function;

    template <class Handler, class... Arguments>
    void operator()(Handler&& handler, Arguments&&... arguments) {
        std::move(initiation)(continuing_handler<Function, std::decay_t<Handler>>(
                                  std::move(function), std::forward<Handler>(handler)),
                              std::forward<Arguments>(arguments)...);
    }
};

}  // namespace detail

template <class Function, class... Results>
class async_result<detail::deferred_function<Function>, void(Results...)> {
    using next = std::invoke_result_t<Function, Results...>;

public:
    template <class Initiation, class T, class... Arguments>
    static auto initiate(Initiation&& initiation, T&& token, Arguments&&... arguments) {
        using both = detail::continued_initiation<std::decay_t<Initiation>, Function>;
        return deferred_operation<typename next::signature, both, std::decay_t<Arguments>...>(
            std::in_place,
            both{std::forward<Initiation>(initiation), std::forward<T>(token).function},
            std::forward<Arguments>(arguments)...);
    }
};

}  // namespace gyre::inline v0
