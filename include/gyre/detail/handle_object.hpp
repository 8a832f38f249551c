// SPDX-License-Identifier: BSL-1.0
// What sockets and other descriptors have in common: a handle that can be waited for.
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
class GYRE_API handle_object {
public:
    handle_object(const handle_object&) = delete;

    const any_io_executor& get_executor() const noexcept { return executor_; }
    reactor& where() const noexcept { return *reactor_; }
    source* get_source() const noexcept { return source_; }
    bool is_open() const noexcept { return source_ != nullptr; }

    std::error_code close() noexcept;
    std::error_code release(native_handle_type& handle) noexcept;
    std::error_code cancel(std::size_t& count) noexcept;
    native_handle_type native_handle() noexcept;
    bool non_blocking() const noexcept;
    std::error_code non_blocking(bool on) noexcept;
    std::error_code io_control(unsigned long command, void* argument) noexcept;
    std::error_code wait(io_queue queue) noexcept;

    /// Starts an operation that was made for get_source(); on a closed handle it completes with
    /// bad_descriptor.
    void start(io_operation* op) noexcept {
        if (is_open()) [[likely]] {
            start_io(*reactor_, op);
        } else {
            complete_not_open(op);
        }
    }
    /// Completes the operation with that result without starting anything.
    void complete(operation* op, const std::error_code& error) noexcept;

protected:
    explicit handle_object(const any_io_executor& executor);
    /// The other one is closed and keeps its executor.
    handle_object(handle_object&& other) noexcept;
    handle_object& operator=(handle_object&& other) noexcept;
    ~handle_object();

    /// Makes a source of the handle, which stays the caller's if that fails.
    std::error_code take(native_handle_type handle, bool stream) noexcept;
    /// As take(), for a handle that somebody else made and may have duplicates of.
    std::error_code take_over(native_handle_type handle, bool stream) noexcept;
    void complete_not_open(operation* op) noexcept;
    /// Performs the request for `ops`; waits for readiness unless the user wants would_block.
    template <class Operations>
    std::error_code perform(Operations& ops, io_request& request, io_result& result) noexcept;

    any_io_executor executor_;
    reactor* reactor_;
    source* source_ = nullptr;
};

}  // namespace gyre::inline v0::detail
