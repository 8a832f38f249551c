// SPDX-License-Identifier: BSL-1.0
// By what a single operation can be cancelled.
#pragma once

#include <gyre/detail/association.hpp>

#include <type_traits>

namespace gyre::inline v0 {

/// The cancellation slot of a handler of type T, or a default where it names none.
///
/// A handler names it by a member type `cancellation_slot_type` and a member function
/// `get_cancellation_slot() const noexcept`. An intermediate handler of a composed operation has
/// that of the handler behind it. May be specialised for types that can't be changed.
template <class T, class Default>
struct associated_cancellation_slot {
    using type = Default;
    static type get(const T&, const Default& fallback) noexcept { return fallback; }
};

template <detail::has_cancellation_slot T, class Default>
struct associated_cancellation_slot<T, Default> {
    using type = typename T::cancellation_slot_type;
    static type get(const T& t, const Default&) noexcept { return t.get_cancellation_slot(); }
};

template <detail::has_next_handler T, class Default>
    requires(!detail::has_cancellation_slot<T>)
struct associated_cancellation_slot<T, Default> {
    using next = associated_cancellation_slot<typename T::next_handler_type, Default>;
    using type = typename next::type;
    static type get(const T& t, const Default& fallback) noexcept {
        return next::get(t.next_handler(), fallback);
    }
};

template <class T, class Default>
using associated_cancellation_slot_t = typename associated_cancellation_slot<T, Default>::type;

/// The cancellation slot of `t`, or `fallback`.
template <class T, class Default>
associated_cancellation_slot_t<T, Default>
get_associated_cancellation_slot(const T& t, const Default& fallback) noexcept {
    return associated_cancellation_slot<T, Default>::get(t, fallback);
}

namespace detail {

template <class T>
inline constexpr bool names_cancellation_slot =
    !std::is_same_v<associated_cancellation_slot_t<T, no_association>, no_association>;

}  // namespace detail

}  // namespace gyre::inline v0
