// SPDX-License-Identifier: BSL-1.0
// A socket without its protocol: what the typed sockets wrap.
#pragma once

#include <gyre/any_io_executor.hpp>
#include <gyre/detail/config.hpp>
#include <gyre/detail/io_request.hpp>
#include <gyre/detail/reactor_api.hpp>
#include <gyre/native_handle.hpp>

#include <cstddef>
#include <system_error>

namespace gyre::inline v0::detail {

/// Owns a handle and its source. One thread at a time, as with any I/O object.
class GYRE_API socket_object {
public:
    explicit socket_object(const any_io_executor& executor);
    /// The other one is closed and keeps its executor.
    socket_object(socket_object&& other) noexcept;
    socket_object& operator=(socket_object&& other) noexcept;
    ~socket_object();

    const any_io_executor& get_executor() const noexcept { return executor_; }
    reactor& where() const noexcept { return *reactor_; }
    source* get_source() const noexcept { return source_; }
    bool is_open() const noexcept { return source_ != nullptr; }

    std::error_code open(int family, int type, int protocol, bool stream);
    /// Takes over a handle that is open already; it stays the caller's if it fails.
    std::error_code assign(native_handle_type handle, bool stream);
    /// As assign(), for a handle that was just accepted; closes it if it fails.
    std::error_code adopt_accepted(native_handle_type handle, bool stream) noexcept;
    std::error_code close() noexcept;
    std::error_code release(native_handle_type& handle) noexcept;
    std::error_code cancel(std::size_t& count) noexcept;
    native_handle_type native_handle() noexcept;

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
    std::error_code io_control(unsigned long command, void* argument) noexcept;
    bool non_blocking() const noexcept;
    std::error_code non_blocking(bool on) noexcept;

    std::error_code wait(io_queue queue) noexcept;
    std::error_code receive(io_buffer* buffers, std::size_t count, int flags,
                            std::size_t& bytes) noexcept;
    std::error_code send(io_buffer* buffers, std::size_t count, int flags,
                         std::size_t& bytes) noexcept;
    std::error_code accept(native_handle_type& handle, void* address, std::size_t& size) noexcept;

    /// Starts an operation that was made for get_source(); on a closed socket it completes with
    /// bad_descriptor.
    void start(io_operation* op) noexcept {
        if (is_open()) [[likely]] {
            start_io(*reactor_, op);
        } else {
            complete_not_open(op);
        }
    }
    /// Makes and starts a read or write of one buffer that lacks its handler: `f` belongs to the
    /// type of the two together. Still fresh if the caller has to start it, after giving it its
    /// handler. Throws std::bad_alloc.
    GYRE_DIRECT_CALL receive_operation* begin_receive(const operation_functions& f, void* data,
                                                      std::size_t size, int flags);
    GYRE_DIRECT_CALL send_operation* begin_send(const operation_functions& f, void* data,
                                                std::size_t size, int flags);
    /// Starts a connection and the operation that waits for its end.
    void start_connect(io_operation* op, const void* address, std::size_t size) noexcept;
    /// Completes the operation with that result without starting anything.
    void complete(operation* op, const std::error_code& error) noexcept;

private:
    std::error_code take(native_handle_type handle, bool stream) noexcept;
    void complete_not_open(operation* op) noexcept;
    std::error_code begin_connect(const void* address, std::size_t size) noexcept;
    std::error_code perform(io_request& request, io_result& result, interest direction) noexcept;

    any_io_executor executor_;
    reactor* reactor_;
    source* source_ = nullptr;
};

}  // namespace gyre::inline v0::detail
