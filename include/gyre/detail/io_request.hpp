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
    receive,       ///< into buffers; 0 bytes with non-empty buffers means end of stream
    send,          ///< from buffers; never raises SIGPIPE
    receive_many,  ///< datagrams into the batch, as many as there are; `bytes` is their number
    send_many,     ///< those of the batch, as many as the system takes; `bytes` is their number
    accept,        ///< result: a new handle, non-blocking and close-on-exec
    connect,       ///< the outcome of a connection attempt in progress
    wait,          ///< nothing to perform: the readiness itself is the result
};

/// One datagram of several.
struct datagram_view {
    io_buffer buffer;
    void* address;             ///< the peer's; null: none is given
    std::size_t address_size;  ///< receive: its capacity; send: its size
};

/// The datagrams that one call moves, each in a structure of the user's.
struct datagram_batch {
    void* items;
    std::size_t count;
    datagram_view (*view)(void* items, std::size_t i) noexcept;
    /// Receive: notes what has come.
    void (*arrived)(void* items, std::size_t i, std::size_t bytes, std::size_t address_size,
                    bool truncated) noexcept;
};

/// How many datagrams one call moves at most.
inline constexpr std::size_t datagrams_per_call = 64;

/// What to do. Buffers and address belong to the caller and live until the operation is over.
struct io_request {
    io_kind kind;
    native_handle_type handle;
    int flags = 0;  ///< message flags of the system (MSG_PEEK, ...)
    io_buffer* buffers = nullptr;
    std::size_t buffer_count = 0;
    void* address = nullptr;       ///< accept, receive: filled with the peer's; send: the target
    std::size_t address_size = 0;  ///< accept, receive: in capacity, out size; send: size
    const datagram_batch* batch = nullptr;
};

/// What came of a transfer of one buffer, which is what a server does all day: in one register.
class io_moved {
public:
    static constexpr io_moved bytes(std::int64_t n) noexcept { return io_moved(n); }
    static constexpr io_moved would_block() noexcept { return io_moved(-1); }
    /// `code` of error::get_system_category().
    static constexpr io_moved failed(int code) noexcept {
        return io_moved(-2 - std::int64_t{code});
    }

    bool is_some() const noexcept { return value_ > 0; }
    /// How many bytes; not if it failed or would block.
    std::size_t count() const noexcept { return static_cast<std::size_t>(value_); }
    bool is_would_block() const noexcept { return value_ == -1; }
    bool is_failed() const noexcept { return value_ < -1; }
    int code() const noexcept { return static_cast<int>(-2 - value_); }

private:
    explicit constexpr io_moved(std::int64_t value) noexcept : value_(value) {}

    std::int64_t value_;
};

/// What came of it.
struct io_result {
    std::error_code error = success();
    bool would_block = false;  ///< nothing happened, wait for readiness; `error` says so too
    std::size_t bytes = 0;
    native_handle_type accepted = invalid_native_handle;
    int flags = 0;  ///< receive: what the system says of the message (MSG_TRUNC, MSG_EOR, ...)
};

}  // namespace gyre::inline v0::detail
