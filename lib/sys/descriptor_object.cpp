// SPDX-License-Identifier: BSL-1.0
// Descriptors over the outside world: adoption, synchronous transfers, pipes.
#include <gyre/detail/descriptor_object.hpp>

#include "core/handle_calls.hpp"
#include "core/reactor.hpp"
#include "platform/platform.hpp"

namespace gyre::inline v0::detail {

std::error_code descriptor_object::assign(native_handle_type handle) noexcept {
    if (is_open()) {
        return already_open();
    }
    if (const std::error_code e = reactor_->world().descriptors().adopt(handle)) {
        return e;
    }
    return take_over(handle, true);
}

std::error_code descriptor_object::read_some(io_buffer* buffers, std::size_t count,
                                             std::size_t& bytes) noexcept {
    bytes = 0;
    if (is_open() && count == 0) {
        return {};
    }
    io_request request{io_kind::receive, {}, 0, buffers, count};
    io_result result;
    std::error_code e = perform(reactor_->world().descriptors(), request, result);
    if (!e && result.bytes == 0) {
        e = error::make_error_code(error::eof);
    }
    bytes = result.bytes;
    return e;
}

std::error_code descriptor_object::write_some(io_buffer* buffers, std::size_t count,
                                              std::size_t& bytes) noexcept {
    bytes = 0;
    if (is_open() && count == 0) {
        return {};
    }
    io_request request{io_kind::send, {}, 0, buffers, count};
    io_result result;
    const std::error_code e = perform(reactor_->world().descriptors(), request, result);
    bytes = result.bytes;
    return e;
}

std::error_code connect_pipe(descriptor_object& read_end, descriptor_object& write_end) noexcept {
    if (read_end.is_open() || write_end.is_open()) {
        return already_open();
    }
    descriptor_ops& descriptors = read_end.where().world().descriptors();
    native_handle_type reads = invalid_native_handle;
    native_handle_type writes = invalid_native_handle;
    if (const std::error_code e = descriptors.make_pipe(reads, writes)) {
        return e;
    }
    std::error_code e = read_end.assign(reads);
    if (e) {
        static_cast<void>(descriptors.close(reads));
    } else {
        e = write_end.assign(writes);
    }
    if (e) {
        static_cast<void>(descriptors.close(writes));
        static_cast<void>(read_end.close());
    }
    return e;
}

}  // namespace gyre::inline v0::detail
