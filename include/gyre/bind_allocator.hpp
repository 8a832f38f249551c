// SPDX-License-Identifier: BSL-1.0
// Binds a handler to the allocator of its operations.
#pragma once

#include <gyre/associated_allocator.hpp>
#include <gyre/async_result.hpp>
#include <gyre/detail/handler_binder.hpp>
#include <gyre/detail/token_adaptor.hpp>

#include <type_traits>
#include <utility>

namespace gyre::inline v0 {

/// A handler, or token, whose operations live in memory of its allocator. Made by bind_allocator().
/// Copies, moves and threads as those of the handler.
template <class Handler, class Allocator>
class allocator_binder : public detail::handler_binder<Handler> {
    using base = detail::handler_binder<Handler>;

public:
    using allocator_type = Allocator;

    template <class H>
    allocator_binder(const Allocator& allocator, H&& handler)
        : base(typename base::made_from(), std::forward<H>(handler)), allocator_(allocator) {}

    allocator_type get_allocator() const noexcept { return allocator_; }

private:
    Allocator allocator_;
};

/// Around another token: the handler that it makes is bound.
template <class Token, class Allocator, class Signature>
class async_result<allocator_binder<Token, Allocator>, Signature> {
public:
    template <class Initiation, class T, class... Arguments>
    static auto initiate(Initiation&& initiation, T&& token, Arguments&&... arguments) {
        return detail::initiate_wrapped<Signature>(
            std::forward<Initiation>(initiation),
            [allocator = token.get_allocator()](auto&& handler) {
                using handler_type = std::decay_t<decltype(handler)>;
                return allocator_binder<handler_type, Allocator>(
                    allocator, std::forward<decltype(handler)>(handler));
            },
            detail::part_of<T>(token.get()), std::forward<Arguments>(arguments)...);
    }
};

/// Returns `token` bound to `allocator`: each operation that it is given to keeps the handler in
/// memory of it. Throws what copying or moving the two throws.
template <class Allocator, class Token>
allocator_binder<std::decay_t<Token>, Allocator> bind_allocator(const Allocator& allocator,
                                                                Token&& token) {
    return {allocator, std::forward<Token>(token)};
}

}  // namespace gyre::inline v0
