// SPDX-License-Identifier: BSL-1.0
// Where a handler wants its operation to live.
#pragma once

#include <gyre/detail/association.hpp>

#include <type_traits>

namespace gyre::inline v0 {

/// The allocator of a handler of type T, or a default where it names none.
///
/// A handler names it by a member type `allocator_type` and a member function
/// `get_allocator() const noexcept`. An intermediate handler of a composed operation has that of
/// the handler behind it. May be specialised for types that can't be changed.
template <class T, class Default>
struct associated_allocator {
    using type = Default;
    static type get(const T&, const Default& fallback) noexcept { return fallback; }
};

template <detail::has_allocator T, class Default>
struct associated_allocator<T, Default> {
    using type = typename T::allocator_type;
    static type get(const T& t, const Default&) noexcept { return t.get_allocator(); }
};

template <detail::has_next_handler T, class Default>
    requires(!detail::has_allocator<T>)
struct associated_allocator<T, Default> {
    using next = associated_allocator<typename T::next_handler_type, Default>;
    using type = typename next::type;
    static type get(const T& t, const Default& fallback) noexcept {
        return next::get(t.next_handler(), fallback);
    }
};

template <class T, class Default>
using associated_allocator_t = typename associated_allocator<T, Default>::type;

/// The allocator of `t`, or `fallback`.
template <class T, class Default>
associated_allocator_t<T, Default> get_associated_allocator(const T& t,
                                                            const Default& fallback) noexcept {
    return associated_allocator<T, Default>::get(t, fallback);
}

namespace detail {

template <class T>
inline constexpr bool names_allocator =
    !std::is_same_v<associated_allocator_t<T, no_association>, no_association>;

}  // namespace detail

}  // namespace gyre::inline v0
