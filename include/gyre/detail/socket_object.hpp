// SPDX-License-Identifier: BSL-1.0
// A socket without its protocol: what the typed sockets wrap.
#pragma once

#include <gyre/detail/config.hpp>
#include <gyre/detail/handle_object.hpp>
#include <gyre/detail/io_request.hpp>
#include <gyre/detail/reactor_api.hpp>
#include <gyre/native_handle.hpp>

#include <cstddef>
#include <system_error>

namespace gyre::inline v0::detail {

/// Owns a socket. One thread at a time, as with any I/O object.
class GYRE_API socket_object : public handle_object {
public:
    explicit socket_object(const any_io_executor& executor) : handle_object(executor) {}

    std::error_code open(int family, int type, int protocol, bool stream);
    /// Takes over a handle that is open already; it stays the caller's if it fails.
    std::error_code assign(native_handle_type handle, bool stream);
    /// As assign(), for a handle that was just accepted; closes it if it fails.
    std::error_code adopt_accepted(native_handle_type handle, bool stream) noexcept;

    std::error_code bind(const void* address, std::size_t size) noexcept;
    std::error_code listen(int backlog) noexcept;
    std::error_code connect(const void* address, std::size_t size) noexcept;
    std::error_code shutdown(int how) noexcept;
    std::error_code set_option(int level, int name, const void* value, std::size_t size) noexcept;
    std::error_code get_option(int level, int name, void* value, std::size_t& size) const noexcept;
    std::error_code local_address(void* address, std::size_t& size) const noexcept;
    std::error_code remote_address(void* address, std::size_t& size) const noexcept;
    std::error_code available(std::size_t& bytes) const noexcept;
    std::error_code at_mark(bool& result) const noexcept;
    std::error_code receive(io_buffer* buffers, std::size_t count, int flags,
                            std::size_t& bytes) noexcept;
    std::error_code send(io_buffer* buffers, std::size_t count, int flags,
                         std::size_t& bytes) noexcept;
    /// With what comes beside the bytes: the sender if `address` is not null (`size`: in capacity,
    /// out size), and the system's flags of the message.
    std::error_code receive_from(io_buffer* buffers, std::size_t count, int& flags, void* address,
                                 std::size_t& size, std::size_t& bytes) noexcept;
    std::error_code send_to(io_buffer* buffers, std::size_t count, int flags, const void* address,
                            std::size_t size, std::size_t& bytes) noexcept;
    /// `datagrams`: how many were moved.
    std::error_code receive_many(const datagram_batch& batch, int flags,
                                 std::size_t& datagrams) noexcept;
    std::error_code send_many(const datagram_batch& batch, int flags,
                              std::size_t& datagrams) noexcept;
    std::error_code accept(native_handle_type& handle, void* address, std::size_t& size) noexcept;

    /// Makes and starts a read or write of one buffer that lacks its handler: `f` belongs to the
    /// type of the two together. Still fresh if the caller has to start it, after giving it its
    /// handler. Throws std::bad_alloc.
    GYRE_DIRECT_CALL receive_operation* begin_receive(const operation_functions& f, void* data,
                                                      std::size_t size, int flags);
    GYRE_DIRECT_CALL send_operation* begin_send(const operation_functions& f, void* data,
                                                std::size_t size, int flags);
    /// Starts a connection and the operation that waits for its end.
    void start_connect(io_operation* op, const void* address, std::size_t size) noexcept;

private:
    std::error_code begin_connect(const void* address, std::size_t size) noexcept;
};

/// Opens two closed sockets that are connected with each other.
GYRE_API std::error_code connect_pair(int family, int type, int protocol, bool stream,
                                      socket_object& first, socket_object& second) noexcept;

}  // namespace gyre::inline v0::detail
