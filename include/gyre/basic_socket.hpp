// SPDX-License-Identifier: BSL-1.0
// What all sockets of a protocol can do.
#pragma once

#include <gyre/any_io_executor.hpp>
#include <gyre/async_result.hpp>
#include <gyre/detail/config.hpp>
#include <gyre/detail/initiate.hpp>
#include <gyre/detail/io_object.hpp>
#include <gyre/detail/socket_object.hpp>
#include <gyre/detail/throw_error.hpp>
#include <gyre/error.hpp>
#include <gyre/native_handle.hpp>
#include <gyre/socket_base.hpp>

#include <cstddef>
#include <utility>

namespace gyre::inline v0 {

namespace detail {

/// Waits for a connection attempt to end.
class connect_base final : public io_operation {
public:
    static constexpr slot_kind kind_in_slot = slot_kind::connect;
    connect_base(const functions& f, source* s) noexcept : io_operation(f, s, io_queue::write) {}

    timer_wait_base::outcome take() noexcept { return {error()}; }
};

}  // namespace detail

/// A base of sockets; not to be used by itself.
///
/// Each synchronous function has a form that reports through an error_code, which success clears,
/// and one that throws system_error. On a closed socket all of them report error::bad_descriptor;
/// other errors than those named are what the system's call of that name reports. What a function
/// returns on failure is empty or 0.
///
/// **Threads.** Different sockets may be used by different threads; one socket by one at a time.
/// If that is another thread than the one that runs the context, what it starts, cancels and
/// closes is left to that thread, in the order of the calls.
/// **Lifetime.** Must be closed or destroyed before its context. Destroying it closes it.
/// **Cancellation.** An operation that cancel() or close() counted reports operation_aborted,
/// even if it had become ready; nothing that was received, accepted or sent is lost by that. A
/// write whose data has been handed to the system reports its own result.
template <class Protocol>
class basic_socket : public socket_base, public detail::io_object<detail::socket_object> {
    using base = detail::io_object<detail::socket_object>;

public:
    using typename base::executor_type;
    using protocol_type = Protocol;
    using endpoint_type = typename Protocol::endpoint;
    using lowest_layer_type = basic_socket;
    using typename base::native_handle_type;

    /// A closed socket.
    explicit basic_socket(const executor_type& executor) : base(executor) {}
    /// Opened, and bound where an endpoint is given; throws system_error.
    basic_socket(const executor_type& executor, const protocol_type& protocol) : base(executor) {
        open(protocol);
    }
    basic_socket(const executor_type& executor, const endpoint_type& endpoint) : base(executor) {
        open(endpoint.protocol());
        bind(endpoint);
    }
    /// Takes over a socket of the system; throws system_error.
    basic_socket(const executor_type& executor, const protocol_type& protocol,
                 native_handle_type handle)
        : base(executor) {
        assign(protocol, handle);
    }
    /// The same with an io_context or another object in the place of its executor.
    template <context_with_executor Context>
    explicit basic_socket(Context& context) : basic_socket(executor_type(context.get_executor())) {}
    template <context_with_executor Context>
    basic_socket(Context& context, const protocol_type& protocol)
        : basic_socket(executor_type(context.get_executor()), protocol) {}
    template <context_with_executor Context>
    basic_socket(Context& context, const endpoint_type& endpoint)
        : basic_socket(executor_type(context.get_executor()), endpoint) {}
    template <context_with_executor Context>
    basic_socket(Context& context, const protocol_type& protocol, native_handle_type handle)
        : basic_socket(executor_type(context.get_executor()), protocol, handle) {}

    lowest_layer_type& lowest_layer() noexcept { return *this; }
    const lowest_layer_type& lowest_layer() const noexcept { return *this; }

    /// Makes a socket of the system. error::already_open if there is one, error::no_descriptors,
    /// error::address_family_not_supported, error::no_memory.
    void open(const protocol_type& protocol, error_code& ec) {
        ec = object_.open(protocol.family(), protocol.type(), protocol.protocol(),
                          Protocol::is_stream);
    }
    void open(const protocol_type& protocol = protocol_type::v4()) {
        error_code ec;
        open(protocol, ec);
        detail::throw_error(ec, "open");
    }

    /// Takes over a socket that somebody else made. It becomes non-blocking. error::already_open if
    /// this object has one; the socket stays the caller's then, as with any error.
    void assign(const protocol_type&, native_handle_type handle, error_code& ec) {
        ec = object_.assign(handle, Protocol::is_stream);
    }
    void assign(const protocol_type& protocol, native_handle_type handle) {
        error_code ec;
        assign(protocol, handle, ec);
        detail::throw_error(ec, "assign");
    }

    /// Gives the socket its local address. error::address_in_use, error::address_not_available,
    /// error::access_denied, and error::invalid_argument if it has one.
    void bind(const endpoint_type& endpoint, error_code& ec) {
        ec = object_.bind(endpoint.data(), endpoint.size());
    }
    void bind(const endpoint_type& endpoint) {
        error_code ec;
        bind(endpoint, ec);
        detail::throw_error(ec, "bind");
    }

    /// Opens the socket if it is closed, and connects it; blocks until that has succeeded or
    /// failed, or, if non_blocking() is on, reports error::in_progress. error::connection_refused,
    /// error::already_connected, error::already_started and others. After a failure the socket is
    /// open; close it before another attempt.
    void connect(const endpoint_type& peer, error_code& ec) {
        ec = {};
        if (!is_open()) {
            open(peer.protocol(), ec);
        }
        if (!ec) {
            ec = object_.connect(peer.data(), peer.size());
        }
    }
    void connect(const endpoint_type& peer) {
        error_code ec;
        connect(peer, ec);
        detail::throw_error(ec, "connect");
    }

    /// Opens the socket if it is closed, and connects it, as connect() does. Handler:
    /// void(error_code). The endpoint is copied. Throws std::bad_alloc and what copying the handler
    /// throws; nothing was started then, but the socket may have been opened.
    template <class Token>
    auto async_connect(const endpoint_type& peer, Token&& token) {
        return async_initiate<void(error_code)>(
            [this](auto&& handler, const endpoint_type& to) {
                error_code ec;
                if (!is_open()) {
                    open(to.protocol(), ec);
                }
                auto* op = detail::make_operation<detail::connect_base>(
                    object_.where(), std::forward<decltype(handler)>(handler),
                    object_.get_source());
                if (ec) {
                    object_.complete(op, ec);
                } else {
                    object_.start_connect(op, to.data(), to.size());
                }
            },
            std::forward<Token>(token), peer);
    }

    /// Sets an option: one of socket_base, of the protocol, or of your own with the members
    /// level(), name(), data() and size(). error::no_protocol_option, error::invalid_argument.
    template <class Option>
    void set_option(const Option& option, error_code& ec) {
        const protocol_type p = protocol_for<Option>();
        ec = object_.set_option(option.level(p), option.name(p), option.data(p), option.size(p));
    }
    template <class Option>
    void set_option(const Option& option) {
        error_code ec;
        set_option(option, ec);
        detail::throw_error(ec, "set_option");
    }
    /// Asks for an option, which is untouched on failure.
    template <class Option>
    void get_option(Option& option, error_code& ec) const {
        const protocol_type p = protocol_for<Option>();
        std::size_t size = option.size(p);
        Option answer = option;
        ec = object_.get_option(option.level(p), option.name(p), answer.data(p), size);
        if (!ec) {
            answer.resize(p, size);
            option = answer;
        }
    }
    template <class Option>
    void get_option(Option& option) const {
        error_code ec;
        get_option(option, ec);
        detail::throw_error(ec, "get_option");
    }

    /// How many bytes can be read without waiting.
    std::size_t available(error_code& ec) const {
        std::size_t bytes = 0;
        ec = object_.available(bytes);
        return bytes;
    }
    std::size_t available() const {
        error_code ec;
        const std::size_t bytes = available(ec);
        detail::throw_error(ec, "available");
        return bytes;
    }

    /// Whether the next byte is the one after out-of-band data.
    bool at_mark(error_code& ec) const {
        bool result = false;
        ec = object_.at_mark(result);
        return result;
    }
    bool at_mark() const {
        error_code ec;
        const bool result = at_mark(ec);
        detail::throw_error(ec, "at_mark");
        return result;
    }

    /// The address of this end.
    endpoint_type local_endpoint(error_code& ec) const {
        endpoint_type endpoint;
        std::size_t size = endpoint.capacity();
        ec = object_.local_address(endpoint.data(), size);
        if (ec) {
            return endpoint_type();
        }
        endpoint.resize(size);
        return endpoint;
    }
    endpoint_type local_endpoint() const {
        error_code ec;
        const endpoint_type endpoint = local_endpoint(ec);
        detail::throw_error(ec, "local_endpoint");
        return endpoint;
    }
    /// The address of the other end. error::not_connected.
    endpoint_type remote_endpoint(error_code& ec) const {
        endpoint_type endpoint;
        std::size_t size = endpoint.capacity();
        ec = object_.remote_address(endpoint.data(), size);
        if (ec) {
            return endpoint_type();
        }
        endpoint.resize(size);
        return endpoint;
    }
    endpoint_type remote_endpoint() const {
        error_code ec;
        const endpoint_type endpoint = remote_endpoint(ec);
        detail::throw_error(ec, "remote_endpoint");
        return endpoint;
    }

    /// Ends one direction or both; the socket stays open, pending operations end by what that does
    /// to them. error::not_connected.
    void shutdown(shutdown_type what, error_code& ec) { ec = object_.shutdown(what); }
    void shutdown(shutdown_type what) {
        error_code ec;
        shutdown(what, ec);
        detail::throw_error(ec, "shutdown");
    }

protected:
    basic_socket(basic_socket&&) noexcept = default;
    basic_socket& operator=(basic_socket&&) noexcept = default;
    ~basic_socket() = default;

    // The protocol that the socket has, if the option cares: the system knows.
    template <class Option>
    protocol_type protocol_for() const {
        if constexpr (requires { Option::same_for_all_protocols; }) {
            return endpoint_type().protocol();
        } else {
            error_code ec;  // what is wrong here is wrong with the option's own call
            return local_endpoint(ec).protocol();
        }
    }
};

}  // namespace gyre::inline v0
