// SPDX-License-Identifier: BSL-1.0
// An input/output operation as data, so that a readiness poller, a completion poller and the
// simulated world can all run the same one.
#pragma once

#include <gyre/detail/success.hpp>
#include <gyre/native_handle.hpp>

#include <cstddef>
#include <cstdint>
#include <system_error>

namespace gyre::inline v0::detail {

/// One piece of memory, laid out like POSIX's iovec.
struct io_buffer {
    void* data;
    std::size_t size;
};

enum class io_kind : std::uint8_t {
    receive,  ///< into buffers; 0 bytes with non-empty buffers means end of stream
    send,     ///< from buffers; never raises SIGPIPE
    accept,   ///< result: a new handle, non-blocking and close-on-exec
    connect,  ///< the outcome of a connection attempt in progress
    wait,     ///< nothing to perform: the readiness itself is the result
};

/// What to do. Buffers and address belong to the caller and live until the operation is over.
struct io_request {
    io_kind kind;
    native_handle_type handle;
    int flags = 0;  ///< message flags of the system (MSG_PEEK, ...)
    io_buffer* buffers = nullptr;
    std::size_t buffer_count = 0;
    void* address = nullptr;       ///< accept, receive: filled with the peer's; send: the target
    std::size_t address_size = 0;  ///< accept, receive: in capacity, out size; send: size
};

/// What came of a transfer without addresses, which is what a server does all day: small enough to
/// be returned in registers.
struct io_moved {
    enum status_type : std::uint32_t {
        done,         ///< `bytes` were moved
        would_block,  ///< nothing happened, wait for readiness
        failed,       ///< `code` of the system's category says why
    };
    std::size_t bytes = 0;
    status_type status = done;
    int code = 0;
};

/// What came of it.
struct io_result {
    std::error_code error = success();
    bool would_block = false;  ///< nothing happened, wait for readiness; `error` says so too
    std::size_t bytes = 0;
    native_handle_type accepted = invalid_native_handle;
};

}  // namespace gyre::inline v0::detail
