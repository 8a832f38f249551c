// SPDX-License-Identifier: BSL-1.0
// Operations whose results come as a std::future.
#pragma once

#include <gyre/async_result.hpp>

#include <exception>
#include <future>
#include <memory>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>

namespace gyre::inline v0 {

namespace detail {
template <class Function, class Allocator>
struct future_function;
}  // namespace detail

/// A completion token: the function returns a std::future of the results. See use_future.
template <class Allocator = std::allocator<void>>
class use_future_t {
public:
    constexpr use_future_t() = default;
    constexpr explicit use_future_t(const Allocator& allocator) : allocator_(allocator) {}

    /// A token whose futures have their state in memory of that allocator.
    template <class Other>
    use_future_t<Other> operator[](const Other& allocator) const {
        return use_future_t<Other>(allocator);
    }
    /// A token: `f(results...)` is called where a handler would be, and the future is of what it
    /// returns or throws.
    template <class Function>
    detail::future_function<std::decay_t<Function>, Allocator> operator()(Function&& f) const {
        return {std::forward<Function>(f), allocator_};
    }
    const Allocator& get_allocator() const noexcept { return allocator_; }

private:
    [[no_unique_address]] Allocator allocator_{};
};

/// Makes the function return a std::future: of nothing, of the result, or of a std::tuple of
/// several. An error that comes first is thrown by get() as std::system_error, and so is a
/// std::exception_ptr.
///
/// The context must be run by another thread than the one that waits. If it is destroyed before the
/// operation is over, get() throws std::future_error with std::future_errc::broken_promise. The
/// state of a future is allocated, by use_future[allocator] with an allocator of the user's.
inline constexpr use_future_t<> use_future{};

namespace detail {

template <class... Values>
struct value_of_results {
    using type = std::tuple<std::decay_t<Values>...>;
};
template <class Value>
struct value_of_results<Value> {
    using type = std::decay_t<Value>;
};
template <>
struct value_of_results<> {
    using type = void;
};

/// What a future is of: the results without an error that comes first.
template <class... Results>
struct future_value : value_of_results<Results...> {};
template <class... Values>
struct future_value<std::error_code, Values...> : value_of_results<Values...> {};
template <class... Values>
struct future_value<std::exception_ptr, Values...> : value_of_results<Values...> {};

/// Keeps the promise.
template <class Result>
class promise_handler {
public:
    template <class Allocator>
    explicit promise_handler(const Allocator& allocator)
        : promise_(std::allocator_arg, allocator) {}

    std::future<Result> get_future() { return promise_.get_future(); }

    void operator()() { keep(); }
    template <class First, class... Values>
    void operator()(First&& first, Values&&... values) {
        using type = std::decay_t<First>;
        if constexpr (std::is_same_v<type, std::error_code>) {
            if (first) {
                promise_.set_exception(std::make_exception_ptr(std::system_error(first)));
                return;
            }
            keep(std::forward<Values>(values)...);
        } else if constexpr (std::is_same_v<type, std::exception_ptr>) {
            if (first != nullptr) {
                promise_.set_exception(std::forward<First>(first));
                return;
            }
            keep(std::forward<Values>(values)...);
        } else {
            keep(std::forward<First>(first), std::forward<Values>(values)...);
        }
    }

private:
    template <class... Values>
    void keep(Values&&... values) {
        if constexpr (sizeof...(Values) <= 1) {
            promise_.set_value(std::forward<Values>(values)...);
        } else {
            promise_.set_value(Result(std::forward<Values>(values)...));
        }
    }

    std::promise<Result> promise_;
};

template <class Function, class Allocator>
struct future_function {
    Function function;
    Allocator allocator;
};

/// Keeps a promise of what a function makes of the results.
template <class Function, class Result>
class promised_function {
public:
    template <class Allocator>
    promised_function(Function&& function, const Allocator& allocator)
        : function_(std::move(function)), promise_(std::allocator_arg, allocator) {}

    std::future<Result> get_future() { return promise_.get_future(); }

    template <class... Values>
    void operator()(Values&&... values) {
        try {
            if constexpr (std::is_void_v<Result>) {
                std::move(function_)(std::forward<Values>(values)...);
                promise_.set_value();
            } else {
                promise_.set_value(std::move(function_)(std::forward<Values>(values)...));
            }
        } catch (...) {
            promise_.set_exception(std::current_exception());
        }
    }

private:
    Function function_;
    std::promise<Result> promise_;
};

}  // namespace detail

template <class Allocator, class... Results>
class async_result<use_future_t<Allocator>, void(Results...)> {
    using value = typename detail::future_value<std::decay_t<Results>...>::type;

public:
    using return_type = std::future<value>;

    template <class Initiation, class T, class... Arguments>
    static return_type initiate(Initiation&& initiation, T&& token, Arguments&&... arguments) {
        detail::promise_handler<value> handler(token.get_allocator());
        return_type future = handler.get_future();
        std::forward<Initiation>(initiation)(std::move(handler),
                                             std::forward<Arguments>(arguments)...);
        return future;
    }
};

template <class Function, class Allocator, class... Results>
class async_result<detail::future_function<Function, Allocator>, void(Results...)> {
    using value = std::invoke_result_t<Function, Results...>;

public:
    using return_type = std::future<value>;

    template <class Initiation, class T, class... Arguments>
    static return_type initiate(Initiation&& initiation, T&& token, Arguments&&... arguments) {
        detail::promised_function<Function, value> handler(std::forward<T>(token).function,
                                                           token.allocator);
        return_type future = handler.get_future();
        std::forward<Initiation>(initiation)(std::move(handler),
                                             std::forward<Arguments>(arguments)...);
        return future;
    }
};

}  // namespace gyre::inline v0
