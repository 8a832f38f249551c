// SPDX-License-Identifier: BSL-1.0
// Sockets over the outside world: calls that only need the handle, synchronous transfers, and the
// start of asynchronous ones.
#include <gyre/detail/socket_object.hpp>

#include <gyre/error.hpp>
#include <gyre/socket_base.hpp>

#include "core/handle_calls.hpp"
#include "core/reactor.hpp"
#include "platform/platform.hpp"

namespace gyre::inline v0::detail {

// ---- opening ---------------------------------------------------------------------------------

std::error_code socket_object::open(int family, int type, int protocol, bool stream) {
    if (is_open()) {
        return already_open();
    }
    socket_ops& sockets = reactor_->world().sockets();
    native_handle_type handle = invalid_native_handle;
    if (const std::error_code e = sockets.open(family, type, protocol, handle)) {
        return e;
    }
    return adopt_accepted(handle, stream);
}

std::error_code socket_object::assign(native_handle_type handle, bool stream) {
    if (is_open()) {
        return already_open();
    }
    if (const std::error_code e = reactor_->world().sockets().adopt(handle)) {
        return e;
    }
    return take_over(handle, stream);
}

std::error_code socket_object::adopt_accepted(native_handle_type handle, bool stream) noexcept {
    const std::error_code e = take(handle, stream);
    if (e) {
        static_cast<void>(reactor_->world().sockets().close(handle));
    }
    return e;
}

// ---- calls that only need the handle ---------------------------------------------------------

std::error_code socket_object::bind(const void* address, std::size_t size) noexcept {
    return is_open() ? reactor_->world().sockets().bind(handle_of(source_), address, size)
                     : not_open();
}

std::error_code socket_object::listen(int backlog) noexcept {
    return is_open() ? reactor_->world().sockets().listen(handle_of(source_), backlog) : not_open();
}

std::error_code socket_object::shutdown(int how) noexcept {
    if (!is_open()) {
        return not_open();
    }
    const std::error_code e = reactor_->world().sockets().shutdown(handle_of(source_), how);
    if (!e) {
        reactor_->note_shutdown(source_, how != socket_base::shutdown_send,
                                how != socket_base::shutdown_receive);
    }
    return e;
}

std::error_code socket_object::set_option(int level, int name, const void* value,
                                          std::size_t size) noexcept {
    return is_open() ? reactor_->world().sockets().set_option(handle_of(source_), level, name,
                                                              value, size)
                     : not_open();
}

std::error_code socket_object::get_option(int level, int name, void* value,
                                          std::size_t& size) const noexcept {
    return is_open() ? reactor_->world().sockets().get_option(handle_of(source_), level, name,
                                                              value, size)
                     : not_open();
}

std::error_code socket_object::local_address(void* address, std::size_t& size) const noexcept {
    return is_open() ? reactor_->world().sockets().local_address(handle_of(source_), address, size)
                     : not_open();
}

std::error_code socket_object::remote_address(void* address, std::size_t& size) const noexcept {
    return is_open() ? reactor_->world().sockets().remote_address(handle_of(source_), address, size)
                     : not_open();
}

std::error_code socket_object::available(std::size_t& bytes) const noexcept {
    return is_open() ? reactor_->world().sockets().available(handle_of(source_), bytes)
                     : not_open();
}

std::error_code socket_object::at_mark(bool& result) const noexcept {
    return is_open() ? reactor_->world().sockets().at_mark(handle_of(source_), result) : not_open();
}

// ---- synchronous transfers -------------------------------------------------------------------

std::error_code socket_object::receive(io_buffer* buffers, std::size_t count, int flags,
                                       std::size_t& bytes) noexcept {
    const bool stream = is_open() && is_stream(source_);
    if (stream && count == 0) {
        bytes = 0;
        return {};
    }
    io_request request{io_kind::receive, {}, flags, buffers, count};
    io_result result;
    std::error_code e = perform(reactor_->world().sockets(), request, result);
    if (!e && stream && result.bytes == 0) {
        e = error::make_error_code(error::eof);
    }
    bytes = result.bytes;
    return e;
}

std::error_code socket_object::send(io_buffer* buffers, std::size_t count, int flags,
                                    std::size_t& bytes) noexcept {
    if (is_open() && is_stream(source_) && count == 0) {
        bytes = 0;
        return {};
    }
    io_request request{io_kind::send, {}, flags, buffers, count};
    io_result result;
    const std::error_code e = perform(reactor_->world().sockets(), request, result);
    bytes = result.bytes;
    return e;
}

std::error_code socket_object::receive_from(io_buffer* buffers, std::size_t count, int& flags,
                                            void* address, std::size_t& size,
                                            std::size_t& bytes) noexcept {
    io_request request{io_kind::receive, {}, flags, buffers, count, address, size};
    io_result result;
    std::error_code e = perform(reactor_->world().sockets(), request, result);
    if (!e && is_stream(source_) && result.bytes == 0) {
        e = error::make_error_code(error::eof);
    }
    if (!e) {
        size = request.address_size;
        flags = result.flags;
    }
    bytes = result.bytes;
    return e;
}

std::error_code socket_object::send_to(io_buffer* buffers, std::size_t count, int flags,
                                       const void* address, std::size_t size,
                                       std::size_t& bytes) noexcept {
    io_request request{io_kind::send, {}, flags, buffers, count, const_cast<void*>(address), size};
    io_result result;
    const std::error_code e = perform(reactor_->world().sockets(), request, result);
    bytes = result.bytes;
    return e;
}

std::error_code socket_object::receive_many(const datagram_batch& batch, int flags,
                                            std::size_t& datagrams) noexcept {
    io_request request{io_kind::receive_many, {}, flags};
    request.batch = &batch;
    io_result result;
    const std::error_code e = perform(reactor_->world().sockets(), request, result);
    datagrams = result.bytes;
    return e;
}

std::error_code socket_object::send_many(const datagram_batch& batch, int flags,
                                         std::size_t& datagrams) noexcept {
    io_request request{io_kind::send_many, {}, flags};
    request.batch = &batch;
    io_result result;
    const std::error_code e = perform(reactor_->world().sockets(), request, result);
    datagrams = result.bytes;
    return e;
}

std::error_code socket_object::accept(native_handle_type& handle, void* address,
                                      std::size_t& size) noexcept {
    io_request request{io_kind::accept, {}, 0, nullptr, 0, address, size};
    io_result result;
    if (const std::error_code e = perform(reactor_->world().sockets(), request, result)) {
        return e;
    }
    handle = result.accepted;
    size = request.address_size;
    return {};
}

// Begins a connection attempt: success, in_progress or the failure.
std::error_code socket_object::begin_connect(const void* address, std::size_t size) noexcept {
    if (!is_open()) {
        return not_open();
    }
    if (is_stream(source_) && is_connected(source_)) {
        return error::make_error_code(error::already_connected);
    }
    return reactor_->world().sockets().connect(handle_of(source_), address, size);
}

std::error_code socket_object::connect(const void* address, std::size_t size) noexcept {
    std::error_code e = begin_connect(address, size);
    if (e == std::errc::operation_in_progress && !user_non_blocking(source_)) {
        e = wait(io_queue::write);
        if (!e) {
            io_request request{io_kind::connect, handle_of(source_)};
            io_result result;
            e = perform(reactor_->world().sockets(), request, result);
        }
    }
    if (!e) {
        set_connected(source_);
    }
    return e;
}

// ---- asynchronous operations -----------------------------------------------------------------

receive_operation* socket_object::begin_receive(const operation_functions& f, void* data,
                                                std::size_t size, int flags) {
    return reactor_->begin<receive_operation>(source_, f, data, size, flags);
}

send_operation* socket_object::begin_send(const operation_functions& f, void* data,
                                          std::size_t size, int flags) {
    return reactor_->begin<send_operation>(source_, f, data, size, flags);
}

void socket_object::start_connect(io_operation* op, const void* address,
                                  std::size_t size) noexcept {
    const std::error_code e = begin_connect(address, size);
    if (e == std::errc::operation_in_progress) {
        start_io(*reactor_, op);
        return;
    }
    if (!e) {
        set_connected(source_);
    }
    complete(op, e);
}

std::error_code connect_pair(int family, int type, int protocol, bool stream, socket_object& first,
                             socket_object& second) noexcept {
    if (first.is_open() || second.is_open()) {
        return already_open();
    }
    socket_ops& sockets = first.where().world().sockets();
    native_handle_type one = invalid_native_handle;
    native_handle_type other = invalid_native_handle;
    if (const std::error_code e = sockets.open_pair(family, type, protocol, one, other)) {
        return e;
    }
    if (const std::error_code e = first.adopt_accepted(one, stream)) {
        static_cast<void>(sockets.close(other));
        return e;
    }
    const std::error_code e = second.adopt_accepted(other, stream);
    if (e) {
        static_cast<void>(first.close());
    }
    return e;
}

}  // namespace gyre::inline v0::detail
