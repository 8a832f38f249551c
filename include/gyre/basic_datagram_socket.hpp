// SPDX-License-Identifier: BSL-1.0
// A socket that carries datagrams.
#pragma once

#include <gyre/basic_socket.hpp>
#include <gyre/buffer.hpp>
#include <gyre/datagram.hpp>
#include <gyre/detail/buffer_array.hpp>
#include <gyre/detail/message_operation.hpp>
#include <gyre/detail/transfer.hpp>

#include <cstddef>
#include <utility>

namespace gyre::inline v0 {

/// Sends and receives datagrams: each arrives whole or not at all. See basic_socket for threads,
/// lifetime and cancellation; a cancelled receive takes no datagram.
///
/// Connected, the socket sends to its peer and receives from it only; send_to() and receive_from()
/// work in any case. A datagram that is longer than the buffers is cut, and the rest of it is lost;
/// the flag socket_base::message_truncate, where the system has it, makes a receive report the full
/// length. A datagram of 0 bytes is one like others. What the network reports of an earlier
/// datagram, such as error::connection_refused, is the result of a later call.
///
/// A datagram has at most 16 buffers: of more error::message_size, and nothing is sent; a receive
/// fills the first ones. Buffers' memory and endpoints must stay valid until the handler is called.
template <class Protocol>
class basic_datagram_socket : public basic_socket<Protocol> {
    using base = basic_socket<Protocol>;

public:
    using typename base::endpoint_type;
    using typename base::executor_type;
    using flags_type = socket_base::message_flags;
    using received_type = received_datagram<endpoint_type>;
    using outgoing_type = outgoing_datagram<endpoint_type>;

    /// The most datagrams that one call of receive_many() or send_many() moves.
    static constexpr std::size_t max_datagrams = detail::datagrams_per_call;

    using base::base;
    /// Pending operations go along; the other socket is closed and may be opened again.
    basic_datagram_socket(basic_datagram_socket&&) noexcept = default;
    basic_datagram_socket& operator=(basic_datagram_socket&&) noexcept = default;

    /// Receives a datagram; blocks until there is one, or reports error::would_block if
    /// non_blocking() is on.
    template <mutable_buffer_sequence Buffers>
    std::size_t receive(const Buffers& buffers, flags_type flags, error_code& ec) {
        detail::buffer_array<Buffers> array(buffers);
        std::size_t bytes = 0;
        ec = this->object_.receive(array.data(), array.count(), flags, bytes);
        return bytes;
    }
    template <mutable_buffer_sequence Buffers>
    std::size_t receive(const Buffers& buffers, flags_type flags = 0) {
        error_code ec;
        const std::size_t bytes = receive(buffers, flags, ec);
        detail::throw_error(ec, "receive");
        return bytes;
    }
    /// As receive(), and tells who sent it; `sender` is untouched on failure.
    template <mutable_buffer_sequence Buffers>
    std::size_t receive_from(const Buffers& buffers, endpoint_type& sender, flags_type flags,
                             error_code& ec) {
        detail::buffer_array<Buffers> array(buffers);
        endpoint_type from;
        std::size_t size = from.capacity();
        std::size_t bytes = 0;
        ec = this->object_.receive_from(array.data(), array.count(), flags, from.data(), size,
                                        bytes);
        if (!ec) {
            from.resize(size);
            sender = from;
        }
        return bytes;
    }
    template <mutable_buffer_sequence Buffers>
    std::size_t receive_from(const Buffers& buffers, endpoint_type& sender, flags_type flags = 0) {
        error_code ec;
        const std::size_t bytes = receive_from(buffers, sender, flags, ec);
        detail::throw_error(ec, "receive_from");
        return bytes;
    }

    /// Sends a datagram to the peer of a connected socket; blocks until there is room for it, or
    /// reports error::would_block if non_blocking() is on. error::message_size if it is too long,
    /// error::not_connected or error::destination_address_required without a peer.
    template <const_buffer_sequence Buffers>
    std::size_t send(const Buffers& buffers, flags_type flags, error_code& ec) {
        detail::buffer_array<Buffers> array(buffers);
        std::size_t bytes = 0;
        ec = array.complete() ? this->object_.send(array.data(), array.count(), flags, bytes)
                              : error::make_error_code(error::message_size);
        return bytes;
    }
    template <const_buffer_sequence Buffers>
    std::size_t send(const Buffers& buffers, flags_type flags = 0) {
        error_code ec;
        const std::size_t bytes = send(buffers, flags, ec);
        detail::throw_error(ec, "send");
        return bytes;
    }
    /// As send(), to an address.
    template <const_buffer_sequence Buffers>
    std::size_t send_to(const Buffers& buffers, const endpoint_type& destination, flags_type flags,
                        error_code& ec) {
        detail::buffer_array<Buffers> array(buffers);
        std::size_t bytes = 0;
        ec = array.complete() ? this->object_.send_to(array.data(), array.count(), flags,
                                                      destination.data(), destination.size(), bytes)
                              : error::make_error_code(error::message_size);
        return bytes;
    }
    template <const_buffer_sequence Buffers>
    std::size_t send_to(const Buffers& buffers, const endpoint_type& destination,
                        flags_type flags = 0) {
        error_code ec;
        const std::size_t bytes = send_to(buffers, destination, flags, ec);
        detail::throw_error(ec, "send_to");
        return bytes;
    }

    /// As receive(), without blocking. Handler: void(error_code, std::size_t bytes). This and all
    /// below throw std::bad_alloc and what copying the handler throws; nothing was started then.
    template <mutable_buffer_sequence Buffers, class Token>
    auto async_receive(const Buffers& buffers, Token&& token) {
        return async_receive(buffers, 0, std::forward<Token>(token));
    }
    template <mutable_buffer_sequence Buffers, class Token>
    auto async_receive(const Buffers& buffers, flags_type flags, Token&& token) {
        return async_initiate<void(error_code, std::size_t)>(
            [this](auto&& handler, const Buffers& b, flags_type f) {
                detail::start_transfer<detail::slot_kind::receive, detail::extent::some>(
                    this->object_, std::forward<decltype(handler)>(handler),
                    detail::buffer_array<Buffers>(b), f);
            },
            std::forward<Token>(token), buffers, flags);
    }
    /// As receive_from(), without blocking; `sender` has to live until the handler is called.
    template <mutable_buffer_sequence Buffers, class Token>
    auto async_receive_from(const Buffers& buffers, endpoint_type& sender, Token&& token) {
        return async_receive_from(buffers, sender, 0, std::forward<Token>(token));
    }
    template <mutable_buffer_sequence Buffers, class Token>
    auto async_receive_from(const Buffers& buffers, endpoint_type& sender, flags_type flags,
                            Token&& token) {
        return async_initiate<void(error_code, std::size_t)>(
            [this](auto&& handler, const Buffers& b, endpoint_type* from, flags_type f) {
                const detail::buffer_array<Buffers> array(b);
                using operation_base =
                    detail::receive_from_operation<endpoint_type, detail::buffer_capacity<Buffers>>;
                this->object_.start(detail::make_operation<operation_base>(
                    this->object_.where(), std::forward<decltype(handler)>(handler),
                    this->object_.get_source(), array.data(), array.count(), f, from));
            },
            std::forward<Token>(token), buffers, &sender, flags);
    }

    /// As send(), without blocking: tried at once. Handler: void(error_code, std::size_t bytes).
    template <const_buffer_sequence Buffers, class Token>
    auto async_send(const Buffers& buffers, Token&& token) {
        return async_send(buffers, 0, std::forward<Token>(token));
    }
    template <const_buffer_sequence Buffers, class Token>
    auto async_send(const Buffers& buffers, flags_type flags, Token&& token) {
        return async_initiate<void(error_code, std::size_t)>(
            [this](auto&& handler, const Buffers& b, flags_type f) {
                detail::start_message(this->object_, std::forward<decltype(handler)>(handler),
                                      detail::buffer_array<Buffers>(b), f);
            },
            std::forward<Token>(token), buffers, flags);
    }
    /// As send_to(), without blocking. The destination is copied.
    template <const_buffer_sequence Buffers, class Token>
    auto async_send_to(const Buffers& buffers, const endpoint_type& destination, Token&& token) {
        return async_send_to(buffers, destination, 0, std::forward<Token>(token));
    }
    template <const_buffer_sequence Buffers, class Token>
    auto async_send_to(const Buffers& buffers, const endpoint_type& destination, flags_type flags,
                       Token&& token) {
        return async_initiate<void(error_code, std::size_t)>(
            [this](auto&& handler, const Buffers& b, const endpoint_type& to, flags_type f) {
                const detail::buffer_array<Buffers> array(b);
                if (!array.complete()) {
                    detail::complete_too_long(this->object_,
                                              std::forward<decltype(handler)>(handler));
                    return;
                }
                using operation_base =
                    detail::send_to_operation<endpoint_type, detail::buffer_capacity<Buffers>>;
                this->object_.start(detail::make_operation<operation_base>(
                    this->object_.where(), std::forward<decltype(handler)>(handler),
                    this->object_.get_source(), array.data(), array.count(), f, to));
            },
            std::forward<Token>(token), buffers, destination, flags);
    }

    /// Receives as many datagrams as there are, at least one and at most max_datagrams, by one call
    /// of the system where it has such (Linux: recvmmsg); blocks until there is one. `datagrams` is
    /// an array, vector or span of received_type; returns how many of them were filled, the first
    /// ones. 0 if it is empty.
    template <class Datagrams>
    std::size_t receive_many(Datagrams&& datagrams, error_code& ec) {
        return many(&detail::socket_object::receive_many, batch_of_room(datagrams), ec);
    }
    template <class Datagrams>
    std::size_t receive_many(Datagrams&& datagrams) {
        error_code ec;
        const std::size_t count = receive_many(datagrams, ec);
        detail::throw_error(ec, "receive_many");
        return count;
    }
    /// Sends as many datagrams as the system takes, at least one and at most max_datagrams, by one
    /// call where it can (Linux: sendmmsg). `datagrams` is a contiguous range of outgoing_type, or
    /// of const_buffer if the socket is connected; returns how many of them were sent, the first
    /// ones. A datagram that can't be sent ends the call: it is the first of the next one, and its
    /// error that one's result.
    template <class Datagrams>
    std::size_t send_many(const Datagrams& datagrams, error_code& ec) {
        return many(&detail::socket_object::send_many,
                    detail::batch_of(datagrams.data(), datagrams.size()), ec);
    }
    template <class Datagrams>
    std::size_t send_many(const Datagrams& datagrams) {
        error_code ec;
        const std::size_t count = send_many(datagrams, ec);
        detail::throw_error(ec, "send_many");
        return count;
    }

    /// As receive_many() and send_many(), without blocking. Handler: void(error_code, std::size_t
    /// datagrams). The elements of the range have to live until it is called, where they are.
    template <class Datagrams, class Token>
    auto async_receive_many(Datagrams&& datagrams, Token&& token) {
        return initiate_many<detail::slot_kind::receive_many>(batch_of_room(datagrams),
                                                              std::forward<Token>(token));
    }
    template <class Datagrams, class Token>
    auto async_send_many(const Datagrams& datagrams, Token&& token) {
        return initiate_many<detail::slot_kind::send_many>(
            detail::batch_of(datagrams.data(), datagrams.size()), std::forward<Token>(token));
    }

private:
    template <class Datagrams>
    static detail::datagram_batch batch_of_room(Datagrams& datagrams) noexcept {
        received_type* first = datagrams.data();
        return detail::batch_of(first, datagrams.size());
    }

    template <class Call>
    std::size_t many(Call call, const detail::datagram_batch& batch, error_code& ec) {
        std::size_t count = 0;
        ec = batch.count == 0 && this->is_open() ? error_code()
                                                 : (this->object_.*call)(batch, 0, count);
        return count;
    }

    template <detail::slot_kind Kind, class Token>
    auto initiate_many(const detail::datagram_batch& batch, Token&& token) {
        return async_initiate<void(error_code, std::size_t)>(
            [this](auto&& handler, const detail::datagram_batch& b) {
                auto* op = detail::make_operation<detail::datagrams_operation<Kind>>(
                    this->object_.where(), std::forward<decltype(handler)>(handler),
                    this->object_.get_source(), b, 0);
                if (b.count == 0 && this->is_open()) {
                    this->object_.complete(op, {});
                } else {
                    this->object_.start(op);
                }
            },
            std::forward<Token>(token), batch);
    }
};

}  // namespace gyre::inline v0
