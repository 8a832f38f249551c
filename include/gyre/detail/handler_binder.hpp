// SPDX-License-Identifier: BSL-1.0
// A handler together with something that it is associated with.
#pragma once

#include <utility>

namespace gyre::inline v0::detail {

/// The handler's part of bind_executor() and its kin. Its other associations are the handler's own.
template <class Handler>
class handler_binder {
public:
    using next_handler_type = Handler;

    Handler& get() noexcept { return handler_; }
    const Handler& get() const noexcept { return handler_; }
    const Handler& next_handler() const noexcept { return handler_; }

    template <class... Results>
    decltype(auto) operator()(Results&&... results) {
        return handler_(std::forward<Results>(results)...);
    }
    template <class... Results>
    decltype(auto) operator()(Results&&... results) const {
        return handler_(std::forward<Results>(results)...);
    }

protected:
    struct made_from {};

    template <class H>
    handler_binder(made_from, H&& handler) : handler_(std::forward<H>(handler)) {}
    ~handler_binder() = default;
    handler_binder(const handler_binder&) = default;
    handler_binder(handler_binder&&) = default;
    handler_binder& operator=(const handler_binder&) = default;
    handler_binder& operator=(handler_binder&&) = default;

private:
    Handler handler_;
};

}  // namespace gyre::inline v0::detail
