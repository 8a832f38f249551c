// SPDX-License-Identifier: BSL-1.0
// Reads and writes of a socket as operations.
#pragma once

#include <gyre/detail/buffer_array.hpp>
#include <gyre/detail/initiate.hpp>
#include <gyre/detail/reactor_api.hpp>
#include <gyre/detail/socket_object.hpp>
#include <gyre/error.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace gyre::inline v0::detail {

/// Starts a read or write of a socket.
///
/// The usual case, one buffer and a handler that can be moved without failing, is one call into the
/// library: the operation is made and started there, and gets its handler afterwards. That is in
/// time, for handlers are called by the loop only. What another thread runs would be too quick; so
/// a foreign operation comes back fresh, and so does one that the library has no short way for.
template <slot_kind Kind, extent Extent, class Handler, class Buffers>
void start_transfer(socket_object& object, Handler&& handler, const buffer_array<Buffers>& buffers,
                    int flags) {
    using plain = std::decay_t<Handler>;
    using operation_base = transfer_with_buffers<Kind, buffer_capacity<Buffers>>;
    using operation_type = handler_operation<operation_base, plain, Extent>;
    // A step of a composed operation is asked whether it goes on when it is started, and what has a
    // deadline is asked for that.
    constexpr bool late_handler = !names_executor<plain> && !composed_step<plain> &&
                                  !names_guard<plain> &&
                                  operation_type::template attaches_safely<Handler>;
    if constexpr (buffer_capacity<Buffers> == 1 && late_handler) {
        const cancellation_slot slot = slot_of<plain>(handler);
        const io_buffer buffer = buffers.data()[0];
        operation_base* op = nullptr;
        if constexpr (Kind == slot_kind::receive) {
            op = object.begin_receive(operation_type::functions, buffer.data, buffer.size, flags);
        } else {
            op = object.begin_send(operation_type::functions, buffer.data, buffer.size, flags);
        }
        operation_type::attach(op, &object.where(), std::forward<Handler>(handler));
        slot.connect(object.where(), op);
        if (op->state == operation_state::fresh) [[unlikely]] {
            object.start(op);
        }
    } else {
        object.start(make_operation<operation_base, Extent>(
            object.where(), std::forward<Handler>(handler), object.get_source(), buffers.data(),
            buffers.count(), flags));
    }
}

/// Completes a send that was not started.
template <class Handler>
void complete_too_long(socket_object& object, Handler&& handler) {
    const io_buffer nothing{nullptr, 0};
    object.complete(make_operation<send_operation>(object.where(), std::forward<Handler>(handler),
                                                   object.get_source(), &nothing, std::size_t{0},
                                                   0),
                    error::make_error_code(error::message_size));
}

/// Starts to send a message, which can't be sent in parts: message_size if it has too many buffers.
template <class Handler, class Buffers>
void start_message(socket_object& object, Handler&& handler, const buffer_array<Buffers>& buffers,
                   int flags) {
    if (buffers.complete()) {
        start_transfer<slot_kind::send, extent::some>(object, std::forward<Handler>(handler),
                                                      buffers, flags);
    } else {
        complete_too_long(object, std::forward<Handler>(handler));
    }
}

}  // namespace gyre::inline v0::detail
