// SPDX-License-Identifier: BSL-1.0
// Listens for connections.
#pragma once

#include <gyre/basic_socket.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace gyre::inline v0 {

namespace detail {

/// Accepts into a socket that the user brings; fills an endpoint if one is wanted.
template <class Socket, class Endpoint>
class accept_into_base final : public accept_operation {
public:
    accept_into_base(const functions& f, source* s, socket_object* into, Endpoint* peer) noexcept
        : accept_operation(f, s), into_(into), peer_(peer) {
        if (peer != nullptr) {
            address_ = address_of_peer_.data();
            address_size_ = address_of_peer_.capacity();
        }
    }

    timer_wait_base::outcome take() noexcept {
        std::error_code e = error();
        if (!e) {
            e = into_->adopt_accepted(accepted_, Socket::protocol_type::is_stream);
        }
        if (!e && peer_ != nullptr) {
            address_of_peer_.resize(address_size_);
            *peer_ = address_of_peer_;
        }
        return {e};
    }

private:
    socket_object* into_;
    Endpoint* peer_;
    Endpoint address_of_peer_;
};

/// Accepts into a new socket, which the handler is given.
template <class Socket, class Endpoint>
class accept_new_base final : public accept_operation {
public:
    accept_new_base(const functions& f, source* s, const any_io_executor& executor,
                    Endpoint* peer) noexcept
        : accept_operation(f, s), executor_(executor), peer_(peer) {
        if (peer != nullptr) {
            address_ = address_of_peer_.data();
            address_size_ = address_of_peer_.capacity();
        }
    }

    struct outcome {
        std::error_code error;
        Socket socket;
        template <class Handler>
        void operator()(Handler& handler) {
            std::move(handler)(error, std::move(socket));
        }
    };
    outcome take() {
        outcome o{error(), Socket(executor_)};
        if (!o.error) {
            o.error = object_access::object(o.socket).adopt_accepted(
                accepted_, Socket::protocol_type::is_stream);
        }
        if (!o.error && peer_ != nullptr) {
            address_of_peer_.resize(address_size_);
            *peer_ = address_of_peer_;
        }
        return o;
    }

private:
    any_io_executor executor_;
    Endpoint* peer_;
    Endpoint address_of_peer_;
};

}  // namespace detail

/// A listening socket. See basic_socket for threads, lifetime and cancellation.
///
/// Connections are accepted only while an accept is pending. After one succeeded the next is
/// tried at once, at most io_context_options::accept_batch in a turn of the loop. When the system
/// has no descriptor or memory left the handler is told, and the next accept waits for
/// io_context_options::accept_pause instead of spinning.
template <class Protocol>
class basic_socket_acceptor : public basic_socket<Protocol> {
    using base = basic_socket<Protocol>;

public:
    using typename base::endpoint_type;
    using typename base::executor_type;
    using typename base::protocol_type;
    using handle_type = typename base::native_handle_type;
    using socket_type = typename Protocol::socket;

    /// A closed acceptor.
    explicit basic_socket_acceptor(const executor_type& executor) : base(executor) {}
    /// Opened; throws system_error.
    basic_socket_acceptor(const executor_type& executor, const protocol_type& protocol)
        : base(executor) {
        this->open(protocol);
    }
    /// Opened, bound and listening; throws system_error. `reuse_address` lets it bind to a port
    /// that connections of an earlier listener still linger on.
    basic_socket_acceptor(const executor_type& executor, const endpoint_type& endpoint,
                          bool reuse_address = true)
        : base(executor) {
        this->open(endpoint.protocol());
        if (reuse_address) {
            this->set_option(socket_base::reuse_address(true));
        }
        this->bind(endpoint);
        listen();
    }
    /// Takes over a listening socket of the system; throws system_error.
    basic_socket_acceptor(const executor_type& executor, const protocol_type& protocol,
                          handle_type handle)
        : base(executor) {
        this->assign(protocol, handle);
    }
    /// The same with an io_context or another object in the place of its executor.
    template <context_with_executor Context>
    explicit basic_socket_acceptor(Context& context)
        : basic_socket_acceptor(executor_type(context.get_executor())) {}
    template <context_with_executor Context>
    basic_socket_acceptor(Context& context, const protocol_type& protocol)
        : basic_socket_acceptor(executor_type(context.get_executor()), protocol) {}
    template <context_with_executor Context>
    basic_socket_acceptor(Context& context, const endpoint_type& endpoint,
                          bool reuse_address = true)
        : basic_socket_acceptor(executor_type(context.get_executor()), endpoint, reuse_address) {}
    template <context_with_executor Context>
    basic_socket_acceptor(Context& context, const protocol_type& protocol, handle_type handle)
        : basic_socket_acceptor(executor_type(context.get_executor()), protocol, handle) {}

    basic_socket_acceptor(basic_socket_acceptor&&) noexcept = default;
    basic_socket_acceptor& operator=(basic_socket_acceptor&&) noexcept = default;

    /// Begins to listen. `backlog`: how many connections may wait to be accepted.
    void listen(int backlog, error_code& ec) { ec = this->object_.listen(backlog); }
    void listen(int backlog = socket_base::max_listen_connections) {
        error_code ec;
        listen(backlog, ec);
        detail::throw_error(ec, "listen");
    }

    /// Accepts a connection into a closed socket; blocks until there is one, or reports
    /// error::would_block if non_blocking() is on. error::already_open if the socket is open: no
    /// connection is taken then. `peer_endpoint` is untouched on failure.
    void accept(socket_type& peer, error_code& ec) { accept_into(peer, nullptr, ec); }
    void accept(socket_type& peer) {
        error_code ec;
        accept(peer, ec);
        detail::throw_error(ec, "accept");
    }
    void accept(socket_type& peer, endpoint_type& peer_endpoint, error_code& ec) {
        accept_into(peer, &peer_endpoint, ec);
    }
    void accept(socket_type& peer, endpoint_type& peer_endpoint) {
        error_code ec;
        accept(peer, peer_endpoint, ec);
        detail::throw_error(ec, "accept");
    }
    /// Accepts a connection into a new socket, which is closed on failure.
    socket_type accept(error_code& ec) {
        socket_type peer(this->get_executor());
        accept(peer, ec);
        return peer;
    }
    socket_type accept() {
        error_code ec;
        socket_type peer = accept(ec);
        detail::throw_error(ec, "accept");
        return peer;
    }

    /// Accepts a connection into a closed socket that lives until the handler is called, as
    /// `peer_endpoint` must. Handler: void(error_code). error::already_open if the socket is open.
    /// This and the forms below throw std::bad_alloc and what copying the handler throws; nothing
    /// was started then.
    template <class Token>
    auto async_accept(socket_type& peer, Token&& token) {
        return initiate_into(peer, nullptr, std::forward<Token>(token));
    }
    template <class Token>
    auto async_accept(socket_type& peer, endpoint_type& peer_endpoint, Token&& token) {
        return initiate_into(peer, &peer_endpoint, std::forward<Token>(token));
    }

    /// Accepts a connection into a new socket, of this context or of another one; it is closed on
    /// failure. Handler: void(error_code, socket_type).
    template <class Token>
    auto async_accept(Token&& token) {
        return initiate_new(this->get_executor(), nullptr, std::forward<Token>(token));
    }
    template <class Token>
    auto async_accept(endpoint_type& peer_endpoint, Token&& token) {
        return initiate_new(this->get_executor(), &peer_endpoint, std::forward<Token>(token));
    }
    template <class Token>
    auto async_accept(const executor_type& executor, Token&& token) {
        return initiate_new(executor, nullptr, std::forward<Token>(token));
    }
    template <class Token>
    auto async_accept(const executor_type& executor, endpoint_type& peer_endpoint, Token&& token) {
        return initiate_new(executor, &peer_endpoint, std::forward<Token>(token));
    }
    template <context_with_executor Context, class Token>
        requires(!std::derived_from<Context, socket_type>)
    auto async_accept(Context& context, Token&& token) {
        return initiate_new(context.get_executor(), nullptr, std::forward<Token>(token));
    }
    template <context_with_executor Context, class Token>
        requires(!std::derived_from<Context, socket_type>)
    auto async_accept(Context& context, endpoint_type& peer_endpoint, Token&& token) {
        return initiate_new(context.get_executor(), &peer_endpoint, std::forward<Token>(token));
    }

private:
    void accept_into(socket_type& peer, endpoint_type* peer_endpoint, error_code& ec) {
        if (peer.is_open()) {
            ec = error::already_open;
            return;
        }
        endpoint_type from;
        std::size_t size = from.capacity();
        handle_type handle = invalid_native_handle;
        ec = this->object_.accept(handle, from.data(), size);
        if (!ec) {
            ec = detail::object_access::object(peer).adopt_accepted(handle, Protocol::is_stream);
        }
        if (!ec && peer_endpoint != nullptr) {
            from.resize(size);
            *peer_endpoint = from;
        }
    }

    template <class Token>
    auto initiate_into(socket_type& peer, endpoint_type* peer_endpoint, Token&& token) {
        return async_initiate<void(error_code)>(
            [this](auto&& handler, socket_type* into, endpoint_type* from) {
                using operation_base = detail::accept_into_base<socket_type, endpoint_type>;
                auto* op = detail::make_operation<operation_base>(
                    this->object_.where(), std::forward<decltype(handler)>(handler),
                    this->object_.get_source(), &detail::object_access::object(*into), from);
                if (into->is_open()) {
                    this->object_.complete(op, error::make_error_code(error::already_open));
                } else {
                    this->object_.start(op);
                }
            },
            std::forward<Token>(token), &peer, peer_endpoint);
    }

    template <class Token>
    auto initiate_new(const executor_type& executor, endpoint_type* peer_endpoint, Token&& token) {
        return async_initiate<void(error_code, socket_type)>(
            [this](auto&& handler, const executor_type& where, endpoint_type* from) {
                using operation_base = detail::accept_new_base<socket_type, endpoint_type>;
                this->object_.start(detail::make_operation<operation_base>(
                    this->object_.where(), std::forward<decltype(handler)>(handler),
                    this->object_.get_source(), where, from));
            },
            std::forward<Token>(token), executor, peer_endpoint);
    }
};

}  // namespace gyre::inline v0
