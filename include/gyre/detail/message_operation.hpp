// SPDX-License-Identifier: BSL-1.0
// Transfers that are more than bytes over a connected socket: with an address or flags, of several
// datagrams, over a descriptor that is no socket.
//
// The first of an operation's items is not a buffer but what else it has; so it never has just one
// item, and the usual way of a read or write need not ask. What has come beside the bytes is noted
// in the sizes: that of the address in the first, the flags of the message in the second.
#pragma once

#include <gyre/detail/io_request.hpp>
#include <gyre/detail/reactor_api.hpp>

#include <cstddef>
#include <system_error>

namespace gyre::inline v0::detail {

/// A transfer with room for `N` buffers behind its first item.
template <io_queue Queue, std::size_t N>
class message_transfer : public transfer_operation {
public:
    /// The array has at least one element, if only an empty one.
    message_transfer(const functions& f, source* s, const io_buffer* buffers, std::size_t count,
                     int flags) noexcept
        : transfer_operation(f, s, Queue, count + 1, flags) {
        static_assert(sizeof(*this) == sizeof(transfer_operation) + sizeof items_);
        items_[0] = {nullptr, 0};
        items_[1] = buffers[0];
        for (std::size_t i = 1; N > 1 && i < count; ++i) {
            items_[i + 1] = buffers[i];
        }
        if (count == 0) {
            buffer_count = 2;  // the empty one
        }
    }

protected:
    ~message_transfer() = default;

    io_buffer items_[N + 1];
};

/// Of a descriptor.
template <slot_kind Kind, std::size_t N>
class descriptor_transfer final
    : public message_transfer<Kind == slot_kind::read ? io_queue::read : io_queue::write, N> {
    using base = message_transfer<Kind == slot_kind::read ? io_queue::read : io_queue::write, N>;

public:
    static constexpr slot_kind kind_in_slot = Kind;
    descriptor_transfer(const operation_functions& f, source* s, const io_buffer* buffers,
                        std::size_t count) noexcept
        : base(f, s, buffers, count, 0) {}
};

/// Notes the sender in an endpoint that lives until the handler is called.
template <class Endpoint, std::size_t N>
class receive_from_operation final : public message_transfer<io_queue::read, N> {
    using base = message_transfer<io_queue::read, N>;

public:
    static constexpr slot_kind kind_in_slot = slot_kind::receive_from;
    receive_from_operation(const operation_functions& f, source* s, const io_buffer* buffers,
                           std::size_t count, int flags, Endpoint* sender) noexcept
        : base(f, s, buffers, count, flags), sender_(sender) {
        this->items_[0] = {sender->data(), sender->capacity()};
    }

    transfer_operation::outcome take() noexcept {
        if (!this->error()) {
            sender_->resize(this->items_[0].size);
        }
        return {this->error(), this->bytes};
    }

private:
    Endpoint* sender_;
};

/// Notes the flags of the message in a variable that lives until the handler is called.
template <std::size_t N>
class receive_flags_operation final : public message_transfer<io_queue::read, N> {
    using base = message_transfer<io_queue::read, N>;

public:
    static constexpr slot_kind kind_in_slot = slot_kind::receive_from;
    receive_flags_operation(const operation_functions& f, source* s, const io_buffer* buffers,
                            std::size_t count, int flags, int* out) noexcept
        : base(f, s, buffers, count, flags), out_(out) {}

    transfer_operation::outcome take() noexcept {
        if (!this->error()) {
            *out_ = static_cast<int>(this->items_[1].size);
        }
        return {this->error(), this->bytes};
    }

private:
    int* out_;
};

/// Keeps the address that it sends to.
template <class Endpoint, std::size_t N>
class send_to_operation final : public message_transfer<io_queue::write, N> {
    using base = message_transfer<io_queue::write, N>;

public:
    static constexpr slot_kind kind_in_slot = slot_kind::send_to;
    send_to_operation(const operation_functions& f, source* s, const io_buffer* buffers,
                      std::size_t count, int flags, const Endpoint& to) noexcept
        : base(f, s, buffers, count, flags), to_(to) {
        this->items_[0] = {to_.data(), to_.size()};
    }

private:
    Endpoint to_;
};

/// Datagrams that live until the handler is called; `bytes` is how many were moved.
template <slot_kind Kind>
class datagrams_operation final
    : public message_transfer<Kind == slot_kind::receive_many ? io_queue::read : io_queue::write,
                              1> {
    using base =
        message_transfer<Kind == slot_kind::receive_many ? io_queue::read : io_queue::write, 1>;

public:
    static constexpr slot_kind kind_in_slot = Kind;
    datagrams_operation(const operation_functions& f, source* s, const datagram_batch& batch,
                        int flags) noexcept
        : base(f, s, &none, 0, flags), batch_(batch) {
        this->items_[0] = {&batch_, 0};
    }

private:
    static constexpr io_buffer none{nullptr, 0};

    datagram_batch batch_;
};

}  // namespace gyre::inline v0::detail
