// SPDX-License-Identifier: BSL-1.0
// Datagrams that are received or sent several at a time.
#pragma once

#include <gyre/buffer.hpp>
#include <gyre/detail/io_request.hpp>

#include <cstddef>

namespace gyre::inline v0 {

/// Room for a datagram, and what came: see basic_datagram_socket::receive_many(). A value.
template <class Endpoint>
struct received_datagram {
    mutable_buffer buffer;
    std::size_t bytes = 0;   ///< of the datagram, as far as they fit into the buffer
    bool truncated = false;  ///< it was longer, and the rest of it is lost
    Endpoint sender;
};

/// A datagram to be sent: see basic_datagram_socket::send_many(). A value.
template <class Endpoint>
struct outgoing_datagram {
    const_buffer buffer;
    Endpoint destination;
};

namespace detail {

template <class Endpoint>
datagram_batch batch_of(received_datagram<Endpoint>* first, std::size_t count) noexcept {
    using item = received_datagram<Endpoint>;
    return {first, count,
            [](void* items, std::size_t i) noexcept -> datagram_view {
                item& d = static_cast<item*>(items)[i];
                return {{d.buffer.data(), d.buffer.size()}, d.sender.data(), d.sender.capacity()};
            },
            [](void* items, std::size_t i, std::size_t bytes, std::size_t address_size,
               bool truncated) noexcept {
                item& d = static_cast<item*>(items)[i];
                d.bytes = bytes;
                d.truncated = truncated;
                d.sender.resize(address_size);
            }};
}

// The system only reads what is sent, but its structures have no const.
template <class Endpoint>
datagram_batch batch_of(const outgoing_datagram<Endpoint>* first, std::size_t count) noexcept {
    using item = const outgoing_datagram<Endpoint>;
    return {const_cast<outgoing_datagram<Endpoint>*>(first), count,
            [](void* items, std::size_t i) noexcept -> datagram_view {
                item& d = static_cast<item*>(items)[i];
                return {{const_cast<void*>(d.buffer.data()), d.buffer.size()},
                        const_cast<void*>(d.destination.data()),
                        d.destination.size()};
            },
            nullptr};
}

inline datagram_batch batch_of(const const_buffer* first, std::size_t count) noexcept {
    return {const_cast<const_buffer*>(first), count,
            [](void* items, std::size_t i) noexcept -> datagram_view {
                const const_buffer& b = static_cast<const const_buffer*>(items)[i];
                return {{const_cast<void*>(b.data()), b.size()}, nullptr, 0};
            },
            nullptr};
}

}  // namespace detail

}  // namespace gyre::inline v0
