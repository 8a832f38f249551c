// SPDX-License-Identifier: BSL-1.0
//
// When a composed read or write is done. Knows nothing of streams or buffers: a condition sees the
// error and the number of bytes so far, and says how many more the next step may transfer.

#pragma once

#include <gyre/error.hpp>

#include <cstddef>
#include <type_traits>

namespace gyre::inline v0 {
namespace detail {

/// How many bytes a step of a composed operation asks for when its condition sets no bound. Large
/// enough that a system call costs little of it; small enough that one busy stream lets others in.
inline constexpr std::size_t default_transfer_size = 65536;

/// The next step's bound as a condition returned it. A user's condition may return it as a number,
/// 0 for done, or be a predicate that returns a bool, true for done.
template <class Result>
constexpr std::size_t adapt_condition_result(Result result) noexcept {
    if constexpr (std::is_same_v<Result, bool>) {
        return result ? 0 : default_transfer_size;
    } else {
        static_assert(std::is_convertible_v<Result, std::size_t>,
                      "a completion condition returns a number of bytes or a bool");
        return static_cast<std::size_t>(result);
    }
}

struct transfer_all_condition {
    std::size_t operator()(const error_code& ec, std::size_t) const noexcept {
        return ec ? 0 : default_transfer_size;
    }
};

struct transfer_at_least_condition {
    std::size_t operator()(const error_code& ec, std::size_t transferred) const noexcept {
        return ec || transferred >= minimum ? 0 : default_transfer_size;
    }

    std::size_t minimum;
};

struct transfer_exactly_condition {
    std::size_t operator()(const error_code& ec, std::size_t transferred) const noexcept {
        if (ec || transferred >= size) {
            return 0;
        }
        const std::size_t left = size - transferred;
        return left < default_transfer_size ? left : default_transfer_size;
    }

    std::size_t size;
};

}  // namespace detail

/// What read, write and their asynchronous forms take to know when to end.
///
/// It is called with the error of the last step (success before the first) and all bytes moved so
/// far, and returns how many bytes the next step may move at most: 0 ends the operation. Returning
/// a bool is allowed as well: true ends it, false goes on with steps of a default size. An
/// operation ends too when its buffers are used up or a step fails, whatever the condition says.
///
/// It is called once before the first step, inside the initiating function, and then after every
/// step, where the operation runs; never by two threads at a time. It is copied and moved along
/// with the operation.
template <class F>
concept completion_condition = requires(F& condition, const error_code& ec,
                                        std::size_t transferred) {
    requires std::is_convertible_v<decltype(condition(ec, transferred)), std::size_t>;
};

/// Go on until all buffers are full (read) or sent (write), or an error occurs: the default.
constexpr auto transfer_all() noexcept { return detail::transfer_all_condition{}; }

/// Go on until at least `minimum` bytes have been moved, or an error occurs. More may be moved, as
/// far as the buffers reach. With 0 nothing is.
constexpr auto transfer_at_least(std::size_t minimum) noexcept {
    return detail::transfer_at_least_condition{minimum};
}

/// Go on until `size` bytes have been moved and no byte more, or an error occurs. If the buffers
/// are smaller than that, the operation ends with them.
constexpr auto transfer_exactly(std::size_t size) noexcept {
    return detail::transfer_exactly_condition{size};
}

}  // namespace gyre::inline v0
