// SPDX-License-Identifier: BSL-1.0
// Connecting to one endpoint after the other: what connect() and async_connect() share.
#pragma once

#include <gyre/detail/completion.hpp>
#include <gyre/detail/stop_reason.hpp>
#include <gyre/error.hpp>
#include <gyre/post.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace gyre::inline v0::detail {

/// A range of endpoints, or of what converts to them, such as the results of a resolver.
template <class R, class Endpoint>
concept endpoint_range = requires(const R& range) {
    { *range.begin() } -> std::convertible_to<Endpoint>;
    { range.begin() != range.end() } -> std::convertible_to<bool>;
};

template <class I, class Endpoint>
concept endpoint_iterator = std::copyable<I> && requires(I& it) {
    { *it } -> std::convertible_to<Endpoint>;
    { it != it } -> std::convertible_to<bool>;
    ++it;
};

/// Asked before each attempt, with the error of the one before and the endpoint: false skips it.
template <class F, class Endpoint>
concept connect_condition = requires(F& f, const error_code& ec, const Endpoint& next) {
    { f(ec, next) } -> std::convertible_to<bool>;
};

struct any_endpoint {
    template <class Endpoint>
    bool operator()(const error_code&, const Endpoint&) const noexcept {
        return true;
    }
};

/// Endpoints between two iterators that the user keeps valid. The result of connecting is an
/// iterator.
template <class Iterator>
class iterator_candidates {
public:
    using result = Iterator;

    iterator_candidates(Iterator begin, Iterator end)
        : current_(std::move(begin)), end_(std::move(end)) {}

    bool at_end() const { return !(current_ != end_); }
    bool is_last() const {
        Iterator next = current_;
        return !(++next != end_);
    }
    void advance() { ++current_; }
    decltype(auto) current() const { return *current_; }
    result found() const { return current_; }
    result none() const { return end_; }

private:
    Iterator current_;
    Iterator end_;
};

/// A range, copied. The position is a number, because iterators may not survive a move of theirs.
/// The result of connecting is an endpoint.
template <class Range, class Endpoint>
class range_candidates {
public:
    using result = Endpoint;

    explicit range_candidates(const Range& range) : range_(range) {}

    bool at_end() const { return !(position() != range_.end()); }
    bool is_last() const {
        auto next = position();
        return !(++next != range_.end());
    }
    void advance() { ++index_; }
    decltype(auto) current() const { return *position(); }
    result found() const { return current(); }
    result none() const { return result(); }

private:
    auto position() const {
        auto it = range_.begin();
        for (std::size_t i = 0; i != index_; ++i) {
            ++it;
        }
        return it;
    }

    Range range_;
    std::size_t index_ = 0;
};

/// Goes on from one candidate to the next until one is connected. On failure the socket is closed.
template <class Socket, class Candidates, class Condition>
typename Candidates::result connect_any(Socket& socket, Candidates candidates, Condition& condition,
                                        error_code& ec) {
    ec.clear();
    for (; !candidates.at_end(); candidates.advance()) {
        const typename Socket::endpoint_type endpoint = candidates.current();
        if (condition(std::as_const(ec), endpoint)) {
            error_code ignored;
            socket.close(ignored);
            socket.connect(endpoint, ec);
            if (!ec) {
                return candidates.found();
            }
        }
    }
    if (ec) {
        error_code ignored;
        socket.close(ignored);
    } else {
        ec = error::not_found;
    }
    return candidates.none();
}

/// The asynchronous form; itself the handler of each attempt.
template <class Socket, class Candidates, class Condition, class Handler>
class connect_step {
public:
    using next_handler_type = Handler;

    template <class H>
    connect_step(Socket& socket, Candidates&& candidates, Condition&& condition, H&& handler)
        : socket_(&socket),
          candidates_(std::move(candidates)),
          condition_(std::move(condition)),
          handler_(std::forward<H>(handler)) {}

    const Handler& next_handler() const noexcept { return handler_; }

    /// The first attempt. If there is none to make, the result goes where the handler belongs.
    void start() {
        const error_code ec = attempt({});
        if (ec) {
            using result = typename Candidates::result;
            post(socket_->get_executor(),
                 bound_handler<Handler, error_code, result>(nullptr, std::move(handler_), ec,
                                                            candidates_.none()));
        }
    }

    void operator()(const error_code& ec) {
        if (!ec) {
            std::move(handler_)(ec, candidates_.found());
        } else if (stopped_ != stop_reason::none || ec == error::operation_aborted ||
                   !socket_->is_open()) {
            // An attempt leaves the socket open: it was closed by the user.
            std::move(handler_)(error_of(stopped_), candidates_.none());
        } else {
            candidates_.advance();
            if (const error_code last = attempt(ec)) {
                std::move(handler_)(last, candidates_.none());
            }
        }
    }

    /// Whether there will be another attempt after one with this result. The condition is not
    /// asked.
    bool goes_on(const error_code& ec, std::size_t) const noexcept {
        return ec && ec != error::operation_aborted && !candidates_.is_last();
    }

    /// It was ended between two attempts, when nothing was pending.
    void stop(stop_reason reason) noexcept { stopped_ = reason; }

private:
    // Starts an attempt, after one that ended with `ec`, and returns success; or, if none is left
    // to be made, the error of the operation. Only where the socket could be opened an operation is
    // started: it can be cancelled, and closed under it.
    error_code attempt(error_code ec) {
        error_code ignored;
        for (; !candidates_.at_end(); candidates_.advance()) {
            const typename Socket::endpoint_type endpoint = candidates_.current();
            if (!condition_(std::as_const(ec), endpoint)) {
                continue;
            }
            socket_->close(ignored);
            socket_->open(endpoint.protocol(), ec);
            if (!ec) {
                Socket& socket = *socket_;
                socket.async_connect(endpoint, std::move(*this));
                return {};
            }
        }
        if (!ec) {
            return error::make_error_code(error::not_found);
        }
        socket_->close(ignored);
        return ec;
    }

    Socket* socket_;
    Candidates candidates_;
    Condition condition_;
    Handler handler_;
    stop_reason stopped_ = stop_reason::none;
};

/// What is given to async_initiate().
template <class Socket>
struct initiate_connect {
    Socket* socket;

    template <class Handler, class Candidates, class Condition>
    void operator()(Handler&& handler, Candidates candidates, Condition condition) const {
        connect_step<Socket, Candidates, Condition, std::decay_t<Handler>>(
            *socket, std::move(candidates), std::move(condition), std::forward<Handler>(handler))
            .start();
    }
};

}  // namespace gyre::inline v0::detail
