// SPDX-License-Identifier: BSL-1.0
// Connects a socket to the first of several endpoints that works.
#pragma once

#include <gyre/async_result.hpp>
#include <gyre/detail/connect_step.hpp>
#include <gyre/detail/throw_error.hpp>
#include <gyre/error.hpp>

#include <utility>

namespace gyre::inline v0 {

namespace detail {

template <class Socket>
using endpoint_of = typename Socket::endpoint_type;

}  // namespace detail

/// Tries the endpoints of a range, one after the other, until the socket is connected; returns the
/// endpoint that it is connected to.
///
/// For each attempt the socket is closed, opened for the endpoint's protocol, and connected:
/// options that were set before are gone. `condition(error of the last attempt, endpoint)` is asked
/// before each; false skips the endpoint. When none is left the error is that of the last attempt,
/// or error::not_found if there was none, because the range is empty or all were skipped; the
/// socket is closed then if there was an attempt.
template <class Socket, detail::endpoint_range<detail::endpoint_of<Socket>> Range,
          detail::connect_condition<detail::endpoint_of<Socket>> Condition>
detail::endpoint_of<Socket> connect(Socket& socket, const Range& endpoints, Condition condition,
                                    error_code& ec) {
    using iterator = decltype(endpoints.begin());
    const iterator end = endpoints.end();
    const iterator found = detail::connect_any(
        socket, detail::iterator_candidates<iterator>(endpoints.begin(), end), condition, ec);
    return ec ? detail::endpoint_of<Socket>() : detail::endpoint_of<Socket>(*found);
}
template <class Socket, detail::endpoint_range<detail::endpoint_of<Socket>> Range>
detail::endpoint_of<Socket> connect(Socket& socket, const Range& endpoints, error_code& ec) {
    return connect(socket, endpoints, detail::any_endpoint(), ec);
}
template <class Socket, detail::endpoint_range<detail::endpoint_of<Socket>> Range,
          detail::connect_condition<detail::endpoint_of<Socket>> Condition>
detail::endpoint_of<Socket> connect(Socket& socket, const Range& endpoints, Condition condition) {
    error_code ec;
    const auto endpoint = connect(socket, endpoints, std::move(condition), ec);
    detail::throw_error(ec, "connect");
    return endpoint;
}
template <class Socket, detail::endpoint_range<detail::endpoint_of<Socket>> Range>
detail::endpoint_of<Socket> connect(Socket& socket, const Range& endpoints) {
    return connect(socket, endpoints, detail::any_endpoint());
}

/// As above for the endpoints from `begin` to `end`; returns the iterator of the one that the
/// socket is connected to, or `end`.
template <class Socket, detail::endpoint_iterator<detail::endpoint_of<Socket>> Iterator,
          detail::connect_condition<detail::endpoint_of<Socket>> Condition>
Iterator connect(Socket& socket, Iterator begin, Iterator end, Condition condition,
                 error_code& ec) {
    return detail::connect_any(
        socket, detail::iterator_candidates<Iterator>(std::move(begin), std::move(end)), condition,
        ec);
}
template <class Socket, detail::endpoint_iterator<detail::endpoint_of<Socket>> Iterator>
Iterator connect(Socket& socket, Iterator begin, Iterator end, error_code& ec) {
    return connect(socket, std::move(begin), std::move(end), detail::any_endpoint(), ec);
}
template <class Socket, detail::endpoint_iterator<detail::endpoint_of<Socket>> Iterator,
          detail::connect_condition<detail::endpoint_of<Socket>> Condition>
Iterator connect(Socket& socket, Iterator begin, Iterator end, Condition condition) {
    error_code ec;
    const Iterator found =
        connect(socket, std::move(begin), std::move(end), std::move(condition), ec);
    detail::throw_error(ec, "connect");
    return found;
}
template <class Socket, detail::endpoint_iterator<detail::endpoint_of<Socket>> Iterator>
Iterator connect(Socket& socket, Iterator begin, Iterator end) {
    return connect(socket, std::move(begin), std::move(end), detail::any_endpoint());
}

/// As connect(), by socket.async_connect(). Handler: void(error_code, endpoint), with an endpoint
/// made by default if there is an error.
///
/// The socket must live, stay where it is and be left alone until the handler is called; closing
/// and cancelling it are allowed. The range is copied. The condition is called in this function for
/// the first attempt, and then where the handler's executor says.
///
/// Cancelled or closed, also between two attempts, it reports error::operation_aborted and makes no
/// further attempt; the socket is left as it is then. socket.cancel() does not find an attempt that
/// has failed and whose next step is queued: it counts 0, and the operation goes on.
template <class Socket, detail::endpoint_range<detail::endpoint_of<Socket>> Range,
          detail::connect_condition<detail::endpoint_of<Socket>> Condition, class Token>
auto async_connect(Socket& socket, const Range& endpoints, Condition condition, Token&& token) {
    using endpoint = detail::endpoint_of<Socket>;
    return async_initiate<void(error_code, endpoint)>(
        detail::initiate_connect<Socket>{&socket}, std::forward<Token>(token),
        detail::range_candidates<Range, endpoint>(endpoints), std::move(condition));
}
template <class Socket, detail::endpoint_range<detail::endpoint_of<Socket>> Range, class Token>
auto async_connect(Socket& socket, const Range& endpoints, Token&& token) {
    return async_connect(socket, endpoints, detail::any_endpoint(), std::forward<Token>(token));
}

/// As above for the endpoints from `begin` to `end`, which must stay valid until the handler is
/// called. Handler: void(error_code, Iterator), with `end` if there is an error.
template <class Socket, detail::endpoint_iterator<detail::endpoint_of<Socket>> Iterator,
          detail::connect_condition<detail::endpoint_of<Socket>> Condition, class Token>
auto async_connect(Socket& socket, Iterator begin, Iterator end, Condition condition,
                   Token&& token) {
    return async_initiate<void(error_code, Iterator)>(
        detail::initiate_connect<Socket>{&socket}, std::forward<Token>(token),
        detail::iterator_candidates<Iterator>(std::move(begin), std::move(end)),
        std::move(condition));
}
template <class Socket, detail::endpoint_iterator<detail::endpoint_of<Socket>> Iterator,
          class Token>
auto async_connect(Socket& socket, Iterator begin, Iterator end, Token&& token) {
    return async_connect(socket, std::move(begin), std::move(end), detail::any_endpoint(),
                         std::forward<Token>(token));
}

}  // namespace gyre::inline v0
