// SPDX-License-Identifier: BSL-1.0
// What makes a buffer dynamic: it grows when it is read into. Knows no such buffer.
#pragma once

#include <gyre/buffer.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>

namespace gyre::inline v0 {

/// A dynamic buffer in two parts: readable bytes in front, writable ones behind.
///
/// `data()` are the readable bytes, `size()` how many. `prepare(n)` makes room for n bytes behind
/// them and returns it; `commit(n)` makes the first n bytes of that room readable; `consume(n)`
/// removes n readable bytes from the front. `size()` never exceeds `max_size()`: prepare throws
/// std::length_error. `capacity()` is how many bytes fit without an allocation.
template <class T>
concept dynamic_buffer_v1 = requires(T& b, const T& c, std::size_t n) {
    requires const_buffer_sequence<typename T::const_buffers_type>;
    requires mutable_buffer_sequence<typename T::mutable_buffers_type>;
    { c.size() } -> std::convertible_to<std::size_t>;
    { c.max_size() } -> std::convertible_to<std::size_t>;
    { c.capacity() } -> std::convertible_to<std::size_t>;
    { c.data() } -> std::convertible_to<typename T::const_buffers_type>;
    { b.prepare(n) } -> std::convertible_to<typename T::mutable_buffers_type>;
    b.commit(n);
    b.consume(n);
};

/// A dynamic buffer as a handle by value to bytes that live elsewhere: copies see the same bytes.
///
/// `data(position, n)` are at most n of its `size()` bytes from a position on. `grow(n)` adds n
/// bytes at the end, whose values are not specified; `shrink(n)` removes n bytes from the end and
/// `consume(n)` from the front. grow throws std::length_error beyond `max_size()`.
template <class T>
concept dynamic_buffer_v2 = std::copy_constructible<T> &&
    requires(T& b, const T& c, std::size_t n) {
    requires const_buffer_sequence<typename T::const_buffers_type>;
    requires mutable_buffer_sequence<typename T::mutable_buffers_type>;
    { c.size() } -> std::convertible_to<std::size_t>;
    { c.max_size() } -> std::convertible_to<std::size_t>;
    { c.capacity() } -> std::convertible_to<std::size_t>;
    { c.data(n, n) } -> std::convertible_to<typename T::const_buffers_type>;
    { b.data(n, n) } -> std::convertible_to<typename T::mutable_buffers_type>;
    b.grow(n);
    b.shrink(n);
    b.consume(n);
};

/// Either of them: what operations call a dynamic buffer. One that is both is used as the latter.
template <class T>
concept any_dynamic_buffer = dynamic_buffer_v1<T> || dynamic_buffer_v2<T>;

/// The concepts as types, for code that selects on types.
template <class T>
struct is_dynamic_buffer_v1 : std::bool_constant<dynamic_buffer_v1<T>> {};
/// \copydoc is_dynamic_buffer_v1
template <class T>
struct is_dynamic_buffer_v2 : std::bool_constant<dynamic_buffer_v2<T>> {};
/// \copydoc is_dynamic_buffer_v1
template <class T>
struct is_dynamic_buffer : std::bool_constant<any_dynamic_buffer<T>> {};

namespace detail {

/// An argument of an operation that is a dynamic buffer.
template <class B>
concept dynamic_buffer_argument = any_dynamic_buffer<std::remove_cvref_t<B>>;

/// What an operation keeps of such an argument: a copy, or what was moved in; of one that can't be
/// copied, such as a streambuf, a reference.
template <class B>
using kept_dynamic_buffer = std::conditional_t<std::is_lvalue_reference_v<B> &&
                                                   !std::copy_constructible<std::remove_cvref_t<B>>,
                                               B, std::remove_cvref_t<B>>;

}  // namespace detail

}  // namespace gyre::inline v0
