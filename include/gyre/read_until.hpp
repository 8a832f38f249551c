// SPDX-License-Identifier: BSL-1.0
// Reads up to a delimiter.
#pragma once

#include <gyre/async_result.hpp>
#include <gyre/buffers_iterator.hpp>
#include <gyre/detail/delimiter.hpp>
#include <gyre/detail/read_until_step.hpp>
#include <gyre/detail/throw_error.hpp>
#include <gyre/dynamic_buffer_concepts.hpp>
#include <gyre/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace gyre::inline v0 {

namespace detail {

template <class T>
concept has_result_type = requires {
    typename T::result_type;
};

}  // namespace detail

/// Says of a type that it is a match condition even if that can't be seen. True of functions, of
/// pointers to functions and of classes with a member type result_type; may be specialised. Other
/// objects that can be called as described at read_until() need not be declared.
template <class T>
struct is_match_condition : std::bool_constant<std::is_function_v<std::remove_pointer_t<T>> ||
                                               detail::has_result_type<T>> {};

namespace detail {

template <class B>
using iterator_over = buffers_iterator<typename std::remove_cvref_t<B>::const_buffers_type>;

template <class F, class B>
concept match_condition_over = is_match_condition<F>::value ||
    requires(F& f, const iterator_over<B>& it) {
    { f(it, it).first } -> std::convertible_to<iterator_over<B>>;
    { f(it, it).second } -> std::convertible_to<bool>;
};

}  // namespace detail

/// Reads into a dynamic buffer or streambuf, by as many calls of stream.read_some() as it takes,
/// until it holds a match; returns how many of its bytes end with the match.
///
/// What the buffer holds already is looked at first; nothing is read if that has a match. More than
/// the match may be read: the surplus stays in the buffer behind it, for the next call. On failure
/// 0 is returned and all that was read is in the buffer:
/// * error::not_found: the buffer holds max_size() bytes and no match;
/// * error::eof: the stream ended before a match; and whatever else the stream reports.
///
/// What is sought is a byte; a string, where the empty one is found at once; or what a match
/// condition finds: `std::pair<Iterator, bool> f(Iterator begin, Iterator end)` with
/// `Iterator = buffers_iterator<B::const_buffers_type>`, which returns true and the end of the
/// match, or false and from where it wants to see the bytes again when more have come.
template <class Stream, detail::dynamic_buffer_argument B>
std::size_t read_until(Stream& stream, B&& buffer, char delimiter, error_code& ec) {
    return detail::read_until(stream, detail::access_to(std::forward<B>(buffer)),
                              detail::char_delimiter{delimiter}, ec);
}
template <class Stream, detail::dynamic_buffer_argument B>
std::size_t read_until(Stream& stream, B&& buffer, std::string_view delimiter, error_code& ec) {
    return detail::read_until(stream, detail::access_to(std::forward<B>(buffer)),
                              detail::string_delimiter<std::string_view>{delimiter}, ec);
}
template <class Stream, detail::dynamic_buffer_argument B, detail::match_condition_over<B> F>
std::size_t read_until(Stream& stream, B&& buffer, F condition, error_code& ec) {
    return detail::read_until(stream, detail::access_to(std::forward<B>(buffer)),
                              detail::condition_delimiter<F>{std::move(condition)}, ec);
}
template <class Stream, detail::dynamic_buffer_argument B>
std::size_t read_until(Stream& stream, B&& buffer, char delimiter) {
    error_code ec;
    const std::size_t bytes = read_until(stream, std::forward<B>(buffer), delimiter, ec);
    detail::throw_error(ec, "read_until");
    return bytes;
}
template <class Stream, detail::dynamic_buffer_argument B>
std::size_t read_until(Stream& stream, B&& buffer, std::string_view delimiter) {
    error_code ec;
    const std::size_t bytes = read_until(stream, std::forward<B>(buffer), delimiter, ec);
    detail::throw_error(ec, "read_until");
    return bytes;
}
template <class Stream, detail::dynamic_buffer_argument B, detail::match_condition_over<B> F>
std::size_t read_until(Stream& stream, B&& buffer, F condition) {
    error_code ec;
    const std::size_t bytes = read_until(stream, std::forward<B>(buffer), std::move(condition), ec);
    detail::throw_error(ec, "read_until");
    return bytes;
}

/// As read_until(), by stream.async_read_some(). Handler: void(error_code, std::size_t bytes), with
/// 0 bytes if there is an error.
///
/// The stream must live until the handler is called, and the bytes of the buffer must not be
/// touched; no other read may be started on the stream meanwhile. A string to be sought is copied
/// (without an allocation if it is short), a handle to a dynamic buffer too; a buffer that can't
/// be copied, such as a streambuf, is referred to and must live as long. A match condition is
/// called in this function once, and then where the handler's executor says.
///
/// Cancelled, also between two steps, it reports error::operation_aborted, and what was read until
/// then is in the buffer.
template <class Stream, detail::dynamic_buffer_argument B, class Token>
auto async_read_until(Stream& stream, B&& buffer, char delimiter, Token&& token) {
    return async_initiate<void(error_code, std::size_t)>(
        detail::initiate_read_until<Stream>{&stream}, std::forward<Token>(token),
        detail::access_to(std::forward<B>(buffer)), detail::char_delimiter{delimiter});
}
template <class Stream, detail::dynamic_buffer_argument B, class Token>
auto async_read_until(Stream& stream, B&& buffer, std::string_view delimiter, Token&& token) {
    return async_initiate<void(error_code, std::size_t)>(
        detail::initiate_read_until<Stream>{&stream}, std::forward<Token>(token),
        detail::access_to(std::forward<B>(buffer)),
        detail::string_delimiter<std::string>{std::string(delimiter)});
}
template <class Stream, detail::dynamic_buffer_argument B, detail::match_condition_over<B> F,
          class Token>
auto async_read_until(Stream& stream, B&& buffer, F condition, Token&& token) {
    return async_initiate<void(error_code, std::size_t)>(
        detail::initiate_read_until<Stream>{&stream}, std::forward<Token>(token),
        detail::access_to(std::forward<B>(buffer)),
        detail::condition_delimiter<F>{std::move(condition)});
}

}  // namespace gyre::inline v0
