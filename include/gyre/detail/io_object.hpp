// SPDX-License-Identifier: BSL-1.0
// What all objects with a handle can do, whatever it is a handle of.
#pragma once

#include <gyre/any_io_executor.hpp>
#include <gyre/async_result.hpp>
#include <gyre/detail/handle_object.hpp>
#include <gyre/detail/initiate.hpp>
#include <gyre/detail/throw_error.hpp>
#include <gyre/error.hpp>
#include <gyre/native_handle.hpp>
#include <gyre/wait_base.hpp>

#include <cstddef>
#include <utility>

namespace gyre::inline v0::detail {

/// Waits for readiness; nothing is performed.
class io_wait_base final : public io_operation {
public:
    static constexpr slot_kind kind_in_slot = slot_kind::io_wait;
    io_wait_base(const functions& f, source* s, io_queue q) noexcept : io_operation(f, s, q) {}

    timer_wait_base::outcome take() noexcept { return {error()}; }
};

/// Reaches the untyped part of an object, for the library's own operations.
struct object_access {
    template <class Owner>
    static auto& object(Owner& owner) noexcept {
        return owner.object_;
    }
};

constexpr io_queue queue_of(wait_base::wait_type w) noexcept {
    return w == wait_base::wait_read    ? io_queue::read
           : w == wait_base::wait_write ? io_queue::write
                                        : io_queue::except;
}

/// The public part of sockets and descriptors; `Object` is derived from handle_object. Threads,
/// lifetime and cancellation are those of the class that derives from it.
template <class Object>
class io_object {
public:
    using executor_type = any_io_executor;
    using native_handle_type = gyre::native_handle_type;

    executor_type get_executor() const noexcept { return object_.get_executor(); }
    bool is_open() const noexcept { return object_.is_open(); }

    /// Aborts all operations and closes the handle. It may be opened again. Called by another
    /// thread than the context's, the system's handle is closed when that thread gets to it.
    /// Closing a closed one does nothing and is no error. The handle is closed whatever is
    /// reported.
    void close(error_code& ec) { ec = object_.close(); }
    void close() {
        error_code ec;
        close(ec);
        throw_error(ec, "close");
    }

    /// Aborts all operations and gives the open handle away. error::try_again, with nothing
    /// changed, if another thread is running the context.
    native_handle_type release(error_code& ec) {
        native_handle_type handle = invalid_native_handle;
        ec = object_.release(handle);
        return handle;
    }
    native_handle_type release() {
        error_code ec;
        const native_handle_type handle = release(ec);
        throw_error(ec, "release");
        return handle;
    }

    /// The system's name of the handle; it stays owned by this object and non-blocking.
    /// invalid_native_handle if it is closed.
    native_handle_type native_handle() { return object_.native_handle(); }

    /// Aborts all pending operations; returns how many (0 if it is left to another thread).
    std::size_t cancel(error_code& ec) {
        std::size_t count = 0;
        ec = object_.cancel(count);
        return count;
    }
    std::size_t cancel() {
        error_code ec;
        const std::size_t count = cancel(ec);
        throw_error(ec, "cancel");
        return count;
    }

    /// Does what an io_control command such as bytes_readable does, or one of your own with the
    /// members name() and data(). The system's errors, such as error::invalid_argument.
    template <class Command>
    void io_control(Command& command, error_code& ec) {
        ec = object_.io_control(static_cast<unsigned long>(command.name()), command.data());
    }
    template <class Command>
    void io_control(Command& command) {
        error_code ec;
        io_control(command, ec);
        throw_error(ec, "io_control");
    }

    /// Whether synchronous calls report error::would_block instead of waiting. The system's
    /// socket is non-blocking in any case.
    bool non_blocking() const { return object_.non_blocking(); }
    void non_blocking(bool on, error_code& ec) { ec = object_.non_blocking(on); }
    void non_blocking(bool on) {
        error_code ec;
        non_blocking(on, ec);
        throw_error(ec, "non_blocking");
    }

    /// Blocks until the handle is ready in that way, whatever non_blocking() says.
    void wait(wait_base::wait_type what, error_code& ec) { ec = object_.wait(queue_of(what)); }
    void wait(wait_base::wait_type what) {
        error_code ec;
        wait(what, ec);
        throw_error(ec, "wait");
    }

    /// Waits until the system reports the handle ready in that way: a hint, for the user to try
    /// for himself. Never answered from memory. Handler: void(error_code).
    /// error::operation_not_supported if the system can't wait for what assign() was given. Throws
    /// std::bad_alloc and what copying the handler throws; nothing was started then.
    template <class Token>
    auto async_wait(wait_base::wait_type what, Token&& token) {
        return async_initiate<void(error_code)>(
            [this](auto&& handler, wait_base::wait_type w) {
                object_.start(make_operation<io_wait_base>(object_.where(),
                                                           std::forward<decltype(handler)>(handler),
                                                           object_.get_source(), queue_of(w)));
            },
            std::forward<Token>(token), what);
    }

protected:
    friend struct object_access;

    explicit io_object(const executor_type& executor) : object_(executor) {}
    io_object(io_object&&) noexcept = default;
    io_object& operator=(io_object&&) noexcept = default;
    ~io_object() = default;

    Object object_;
};

}  // namespace gyre::inline v0::detail
