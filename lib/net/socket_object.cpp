// SPDX-License-Identifier: BSL-1.0
// Sockets over the outside world: ownership, calls that only need the handle, synchronous
// transfers, and the start of asynchronous ones.
#include <gyre/detail/socket_object.hpp>

#include <gyre/detail/initiate.hpp>
#include <gyre/error.hpp>

#include "core/reactor.hpp"
#include "platform/platform.hpp"

#include <new>
#include <utility>

namespace gyre::inline v0::detail {
namespace {

constexpr interest direction_of(io_queue queue) noexcept {
    return queue == io_queue::read    ? interest::read
           : queue == io_queue::write ? interest::write
                                      : interest::except;
}

std::error_code not_open() noexcept { return error::make_error_code(error::bad_descriptor); }

std::error_code already_open() noexcept { return error::make_error_code(error::already_open); }

}  // namespace

// ---- ownership -------------------------------------------------------------------------------

socket_object::socket_object(const any_io_executor& executor)
    : executor_(executor), reactor_(&reactor_of(executor)) {}

socket_object::socket_object(socket_object&& other) noexcept
    : executor_(other.executor_),
      reactor_(other.reactor_),
      source_(std::exchange(other.source_, nullptr)) {}

socket_object& socket_object::operator=(socket_object&& other) noexcept {
    if (this != &other) {
        static_cast<void>(close());
        executor_ = other.executor_;
        reactor_ = other.reactor_;
        source_ = std::exchange(other.source_, nullptr);
    }
    return *this;
}

socket_object::~socket_object() { static_cast<void>(close()); }

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
    const std::error_code e = take(handle, stream);
    if (!e) {
        hand_out(source_);  // whoever made it may have duplicates
    }
    return e;
}

std::error_code socket_object::adopt_accepted(native_handle_type handle, bool stream) noexcept {
    const std::error_code e = take(handle, stream);
    if (e) {
        static_cast<void>(reactor_->world().sockets().close(handle));
    }
    return e;
}

std::error_code socket_object::take(native_handle_type handle, bool stream) noexcept {
    try {
        source_ = make_source(*reactor_, handle, stream);
        return {};
    } catch (const std::bad_alloc&) {
        return error::make_error_code(error::no_memory);
    }
}

std::error_code socket_object::close() noexcept {
    return is_open() ? close_source(*reactor_, std::exchange(source_, nullptr)) : std::error_code();
}

std::error_code socket_object::release(native_handle_type& handle) noexcept {
    if (!is_open()) {
        return not_open();
    }
    const native_handle_type released = hand_out(source_);
    if (const std::error_code e = release_source(*reactor_, source_)) {
        return e;
    }
    source_ = nullptr;
    handle = released;
    return {};
}

std::error_code socket_object::cancel(std::size_t& count) noexcept {
    if (!is_open()) {
        return not_open();
    }
    count = cancel_io(*reactor_, source_);
    return {};
}

native_handle_type socket_object::native_handle() noexcept {
    return is_open() ? hand_out(source_) : invalid_native_handle;
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
    return is_open() ? reactor_->world().sockets().shutdown(handle_of(source_), how) : not_open();
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

std::error_code socket_object::io_control(unsigned long command, void* argument) noexcept {
    return is_open() ? reactor_->world().sockets().io_control(handle_of(source_), command, argument)
                     : not_open();
}

bool socket_object::non_blocking() const noexcept {
    return is_open() && user_non_blocking(source_);
}

std::error_code socket_object::non_blocking(bool on) noexcept {
    if (!is_open()) {
        return not_open();
    }
    set_user_non_blocking(source_, on);
    return {};
}

// ---- synchronous transfers -------------------------------------------------------------------

// The handle itself is always non-blocking: a synchronous call waits with wait_one(), unless the
// user wants to be told instead.
std::error_code socket_object::perform(io_request& request, io_result& result,
                                       interest direction) noexcept {
    if (!is_open()) {
        return not_open();
    }
    request.handle = handle_of(source_);
    for (;;) {
        result = {};
        reactor_->world().sockets().perform(request, result);
        if (result.error != std::errc::operation_would_block || user_non_blocking(source_)) {
            return result.error;
        }
        if (const std::error_code e =
                reactor_->world().wait_one(request.handle, direction, no_deadline)) {
            return e;
        }
    }
}

std::error_code socket_object::wait(io_queue queue) noexcept {
    return is_open()
               ? reactor_->world().wait_one(handle_of(source_), direction_of(queue), no_deadline)
               : not_open();
}

std::error_code socket_object::receive(io_buffer* buffers, std::size_t count, int flags,
                                       std::size_t& bytes) noexcept {
    const bool stream = is_open() && is_stream(source_);
    if (stream && count == 0) {
        bytes = 0;
        return {};
    }
    io_request request{io_kind::receive, {}, flags, buffers, count};
    io_result result;
    std::error_code e = perform(request, result, interest::read);
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
    const std::error_code e = perform(request, result, interest::write);
    bytes = result.bytes;
    return e;
}

std::error_code socket_object::accept(native_handle_type& handle, void* address,
                                      std::size_t& size) noexcept {
    io_request request{io_kind::accept, {}, 0, nullptr, 0, address, size};
    io_result result;
    if (const std::error_code e = perform(request, result, interest::read)) {
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
            e = perform(request, result, interest::write);
        }
    }
    if (!e) {
        set_connected(source_);
    }
    return e;
}

// ---- asynchronous operations -----------------------------------------------------------------

void socket_object::complete(operation* op, const std::error_code& error) noexcept {
    complete_io(*reactor_, op, error);
}

receive_operation* socket_object::begin_receive(const operation_functions& f, void* data,
                                                std::size_t size, int flags) {
    return reactor_->begin<receive_operation>(source_, f, data, size, flags);
}

send_operation* socket_object::begin_send(const operation_functions& f, void* data,
                                          std::size_t size, int flags) {
    return reactor_->begin<send_operation>(source_, f, data, size, flags);
}

void socket_object::complete_not_open(operation* op) noexcept { complete(op, not_open()); }

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

}  // namespace gyre::inline v0::detail
