// SPDX-License-Identifier: BSL-1.0
// Starts an operation and forgets it.
#pragma once

#include <gyre/async_result.hpp>

#include <utility>

namespace gyre::inline v0 {

/// A completion token: nobody is told of the result. See detached.
struct detached_t {};
/// Starts the operation and ignores what comes of it, errors too. The function returns void.
inline constexpr detached_t detached{};

namespace detail {

struct detached_handler {
    template <class... Results>
    void operator()(Results&&...) const noexcept {}
};

}  // namespace detail

template <class Signature>
class async_result<detached_t, Signature> {
public:
    using return_type = void;

    template <class Initiation, class... Arguments>
    static void initiate(Initiation&& initiation, detached_t, Arguments&&... arguments) {
        std::forward<Initiation>(initiation)(detail::detached_handler(),
                                             std::forward<Arguments>(arguments)...);
    }
};

}  // namespace gyre::inline v0
