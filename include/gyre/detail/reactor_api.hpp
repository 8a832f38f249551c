// SPDX-License-Identifier: BSL-1.0
// What headers ask of the reactor, which is compiled (lib/core).
//
// Each function may be called by any thread: with the reactor's token in hand, or free to be
// taken, it acts at once; otherwise it leaves data for the owner, in the order of the caller.
#pragma once

#include <gyre/detail/io_request.hpp>
#include <gyre/detail/operation.hpp>
#include <gyre/poller.hpp>

#include <cstddef>
#include <cstdint>
#include <system_error>
#include <utility>

namespace gyre::inline v0::detail {

struct deadline;
struct notice;
struct source;

/// The monotonic clock of the reactor's world, read afresh.
GYRE_API time_ns fresh_now(reactor& r) noexcept;
/// Work of the reactor's context beside its operations.
GYRE_API void hold_work(reactor& r) noexcept;
GYRE_API void drop_work(reactor& r) noexcept;

/// Blocks the calling thread until that time.
GYRE_API void sleep_until(reactor& r, time_ns at) noexcept;

/// An operation that waits for a deadline.
class timer_wait_base final : public operation {
public:
    static constexpr slot_kind kind_in_slot = slot_kind::timer_wait;
    timer_wait_base(const functions& f, deadline* d) noexcept : operation(f), deadline_(d) {}

    deadline* deadline_;
    // While it lies in the inbox to go on waiting: until when, and in which use of the deadline.
    time_ns resumed_until_;
    std::uint32_t resumed_generation() const noexcept { return static_cast<std::uint32_t>(value_); }
    void set_resumed_generation(std::uint32_t g) noexcept { value_ = static_cast<int>(g); }

    struct outcome {
        std::error_code error;
        template <class Handler>
        void operator()(Handler& handler) {
            std::move(handler)(error);
        }
    };
    outcome take() noexcept { return {error()}; }
};

/// Takes a deadline slot of the reactor, for waits of a strand (0: none). Throws std::bad_alloc.
GYRE_API deadline* make_deadline(reactor& r, std::uint32_t strand);
/// Aborts the waits and gives the slot back.
GYRE_API void free_deadline(reactor& r, deadline* d) noexcept;
/// Adds a wait that ends at `at`; `op->round` is the timer's arm number.
GYRE_API void start_timer_wait(reactor& r, timer_wait_base* op, time_ns at) noexcept;
/// Which use of its slot a deadline is.
GYRE_API std::uint32_t generation_of(const deadline* d) noexcept;
/// Goes on with a wait whose time has not come after all. Meanwhile another thread may have ended
/// its round or, as `generation` tells, its deadline: then it is aborted.
GYRE_API void resume_timer_wait(reactor& r, timer_wait_base* op, std::uint32_t generation,
                                time_ns at) noexcept;
/// Aborts the waits of rounds before `round`; returns how many (0 if it is left to the owner).
GYRE_API std::size_t cancel_timer(reactor& r, deadline* d, std::uint32_t round) noexcept;
/// Aborts the oldest wait; returns how many (0 if it is left to the owner).
GYRE_API std::size_t cancel_one_wait(reactor& r, deadline* d);

/// The three queues of a source.
enum class io_queue : std::uint8_t { read, write, except };

/// An operation on a source.
class io_operation : public operation {
public:
    io_operation(const functions& f, source* s, io_queue q) noexcept : operation(f), source_(s) {
        queue = static_cast<std::uint8_t>(q);
    }

    source* source_;

protected:
    ~io_operation() = default;
};

/// A read or a write. Its buffers stand right behind it, in the operation that derives from it.
class transfer_operation : public io_operation {
public:
    /// A slot has no room for as many buffers as the count has no number for.
    transfer_operation(const functions& f, source* s, io_queue q, std::size_t count,
                       int flags) noexcept
        : io_operation(f, s, q) {
        buffer_count = static_cast<std::uint8_t>(count);
        value_ = flags;
    }

    io_buffer* buffers() noexcept { return reinterpret_cast<io_buffer*>(this + 1); }

    /// Message flags of the system. Precondition: not finished.
    int flags() const noexcept { return value_; }

    struct outcome {
        std::error_code error;
        std::size_t bytes;
        template <class Handler>
        void operator()(Handler& handler) {
            std::move(handler)(error, bytes);
        }
    };
    outcome take() noexcept { return {error(), bytes}; }

protected:
    ~transfer_operation() = default;
};

/// With room for `N` buffers.
template <slot_kind Kind, std::size_t N>
class transfer_with_buffers final : public transfer_operation {
public:
    static constexpr slot_kind kind_in_slot = Kind;

    /// The array has at least one element, if only an empty one.
    transfer_with_buffers(const functions& f, source* s, const io_buffer* buffers,
                          std::size_t count, int flags) noexcept
        : transfer_operation(f, s, Kind == slot_kind::receive ? io_queue::read : io_queue::write,
                             count, flags) {
        static_assert(sizeof(*this) == sizeof(transfer_operation) + sizeof items_);
        items_[0] = buffers[0];
        for (std::size_t i = 1; N > 1 && i < count; ++i) {
            items_[i] = buffers[i];
        }
    }
    /// Of one buffer, which is not empty.
    transfer_with_buffers(const functions& f, source* s, void* data, std::size_t size,
                          int flags) noexcept requires(N == 1)
        : transfer_operation(f, s, Kind == slot_kind::receive ? io_queue::read : io_queue::write, 1,
                             flags) {
        items_[0].data = data;
        items_[0].size = size;
    }

private:
    io_buffer items_[N];
};

using receive_operation = transfer_with_buffers<slot_kind::receive, 1>;
using send_operation = transfer_with_buffers<slot_kind::send, 1>;

/// Waits for a connection to accept.
class accept_operation : public io_operation {
public:
    static constexpr slot_kind kind_in_slot = slot_kind::accept;
    accept_operation(const functions& f, source* s) noexcept : io_operation(f, s, io_queue::read) {}

    void* address_ = nullptr;  ///< the peer's, if wanted
    std::size_t address_size_ = 0;
    native_handle_type accepted_ = invalid_native_handle;

protected:
    ~accept_operation() = default;
};

/// An operation that waits for what is neither a handle nor a time: an answer, a signal.
class notice_wait_base : public operation {
public:
    notice_wait_base(const functions& f, notice* n) noexcept : operation(f), notice_(n) {}

    notice* notice_;

protected:
    ~notice_wait_base() = default;
};

/// Makes a handle waitable; `stream` says that 0 bytes received are the end. From then on the
/// handle belongs to the source. The handle must be non-blocking. Its operations are called in that
/// strand (0: in none). Throws std::bad_alloc.
GYRE_API source* make_source(reactor& r, native_handle_type handle, bool stream,
                             std::uint32_t strand);
/// The handle, for the library's own calls.
GYRE_API native_handle_type handle_of(const source* s) noexcept;
/// The handle, for the user: who may make duplicates of it.
GYRE_API native_handle_type hand_out(source* s) noexcept;
GYRE_API bool is_stream(const source* s) noexcept;
/// Whether a connection attempt has succeeded; set by the asynchronous form itself.
GYRE_API bool is_connected(const source* s) noexcept;
GYRE_API void set_connected(source* s) noexcept;
/// Whether the user wants would_block from synchronous calls.
GYRE_API bool user_non_blocking(const source* s) noexcept;
GYRE_API void set_user_non_blocking(source* s, bool on) noexcept;

/// Starts an operation on its source.
GYRE_API void start_io(reactor& r, io_operation* op) noexcept;
/// Completes an operation that needed no waiting, in a strand (0: in none).
GYRE_API void complete_io(reactor& r, operation* op, const std::error_code& error,
                          std::uint32_t strand) noexcept;
/// Aborts the operations started before; returns how many (0 if it is left to the owner).
GYRE_API std::size_t cancel_io(reactor& r, source* s) noexcept;
/// Aborts the operations, closes the handle and gives the source back.
GYRE_API std::error_code close_source(reactor& r, source* s) noexcept;
/// As close_source(), but the handle lives on. Fails with resource_unavailable_try_again, changing
/// nothing, if another thread runs the context.
GYRE_API std::error_code release_source(reactor& r, source* s) noexcept;

/// Names one operation for as long as it is pending, and for ever after.
struct operation_id {
    operation* op = nullptr;
    std::uint32_t generation = 0;
};
GYRE_API operation_id id_of(const operation* op) noexcept;
/// Aborts that operation if it is pending. Throws std::bad_alloc if another thread runs the
/// context and the errand finds no slot.
GYRE_API void cancel_operation(reactor& r, const operation_id& id);

}  // namespace gyre::inline v0::detail
