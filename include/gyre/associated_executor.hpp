// SPDX-License-Identifier: BSL-1.0
// Where a handler wants to run.
#pragma once

#include <gyre/detail/association.hpp>

#include <type_traits>

namespace gyre::inline v0 {

/// The executor of a handler of type T, or a default where it names none.
///
/// A handler names it by a member type `executor_type` and a member function
/// `get_executor() const noexcept`. An intermediate handler of a composed operation has that of
/// the handler behind it. May be specialised for types that can't be changed.
template <class T, class Default>
struct associated_executor {
    using type = Default;
    static type get(const T&, const Default& fallback) noexcept { return fallback; }
};

template <detail::has_executor T, class Default>
struct associated_executor<T, Default> {
    using type = typename T::executor_type;
    static type get(const T& t, const Default&) noexcept { return t.get_executor(); }
};

template <detail::has_next_handler T, class Default>
    requires(!detail::has_executor<T>)
struct associated_executor<T, Default> {
    using next = associated_executor<typename T::next_handler_type, Default>;
    using type = typename next::type;
    static type get(const T& t, const Default& fallback) noexcept {
        return next::get(t.next_handler(), fallback);
    }
};

template <class T, class Default>
using associated_executor_t = typename associated_executor<T, Default>::type;

/// The executor of `t`, or `fallback`.
template <class T, class Default>
associated_executor_t<T, Default> get_associated_executor(const T& t,
                                                          const Default& fallback) noexcept {
    return associated_executor<T, Default>::get(t, fallback);
}

namespace detail {

template <class T>
inline constexpr bool names_executor =
    !std::is_same_v<associated_executor_t<T, no_association>, no_association>;

}  // namespace detail

}  // namespace gyre::inline v0
