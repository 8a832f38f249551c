// SPDX-License-Identifier: BSL-1.0
// What can be waited for: handles, their queues of operations, and what the poller was told of
// them.
//
// Belongs to the owner of the reactor. Events only make operations ready; perform() does the
// input and output, right before the handler is called.
#pragma once

#include <gyre/detail/operation.hpp>
#include <gyre/detail/reactor_api.hpp>
#include <gyre/io_context_options.hpp>
#include <gyre/poller.hpp>

#include "core/errand.hpp"
#include "platform/platform.hpp"
#include "slab/slab.hpp"

#include <array>
#include <atomic>
#include <cstdint>

namespace gyre::inline v0::detail {

struct deadline;

/// A handle. Lives in a slot; the key by which the poller knows it is the slot's number and
/// generation.
struct source {
    source(native_handle_type h, bool is_stream, std::uint32_t forks) noexcept
        : handle(h), fork_count(forks), stream(is_stream) {}

    const native_handle_type handle;
    const std::uint32_t fork_count;  // of the process when it was made
    // How often another thread cancelled: operations that are older are aborted.
    std::atomic<std::uint32_t> cancel_round{0};

    interest armed = interest::none;  // what the poller reports; registered if it ever was
    bool registered = false;
    std::uint8_t drained = 0;  // a bit a queue: known not to be ready
    const bool stream;
    bool paused = false;  // accepting is left alone for a while

    // A connection attempt succeeded. Linux lets a stream that was connected without blocking be
    // "connected" once more, so that EISCONN can't be left to the system.
    std::atomic<bool> connected{false};
    // Written by the user's thread.
    std::atomic<bool> handed_out{false};
    std::atomic<bool> non_blocking{false};
    // Errands of other threads, carried out when the inbox gives the source out.
    errand on_errand;

    std::array<operation_queue, 3> queues;
    deadline* pause_end = nullptr;
};

/// Operations whose handlers can be called; notes since when if somebody watches.
class ready_queue {
public:
    bool empty() const noexcept { return list_.empty(); }
    operation* pop() noexcept { return list_.pop(); }
    void push(operation* op) noexcept {
        if (watch_ != nullptr) [[unlikely]] {
            op->queued_ns = watch_->steady_now();
        }
        list_.push(op);
    }
    /// Null ends it.
    void watch_by(clock_ops* clock) noexcept { watch_ = clock; }

private:
    ready_list list_;
    clock_ops* watch_ = nullptr;
};

/// What the table asks of the reactor.
class source_events {
public:
    /// Calls resume() on the source after the pause.
    virtual void pause(source& s) noexcept = 0;
    /// The source goes: forget its pause.
    virtual void forget_pause(source& s) noexcept = 0;

protected:
    ~source_events() = default;
};

class source_table {
public:
    source_table(platform& world, poller& p, slab& memory, ready_queue& ready,
                 source_events& events, const io_context_options& options) noexcept;

    /// Puts a fresh operation into its source's queue. It is made ready, performed or armed for.
    void start(io_operation* op) noexcept;

    /// Performs a ready operation. False if the world had nothing after all: the operation waits
    /// again.
    bool perform(io_operation* op) noexcept;

    /// Takes the operation out of its queue.
    void unlink(io_operation* op) noexcept {
        if (op->linked()) {
            op->source_->queues[op->queue].remove(op);
        }
    }

    /// Aborts operations that are older than `round`, in all queues; returns how many.
    std::size_t cancel(source& s, std::uint32_t round) noexcept;
    /// Aborts one operation that waits or is ready; marks one that is between two steps.
    bool cancel(io_operation* op) noexcept;

    /// Aborts all; ends the registration; closes the handle unless it is released.
    std::error_code remove(source& s, bool close_handle) noexcept;

    /// Makes operations of ready sources ready. `all_called` says that every handler that was ready
    /// before the wait has been called: then whoever does not wait by now does not want to.
    void dispatch(const event_buffer& events, bool all_called) noexcept;

    void resume(source& s) noexcept;
    void begin_turn() noexcept { accepted_ = 0; }

    /// Whether the poller can report anything.
    bool watching() const noexcept { return registered_ != 0; }

private:
    static constexpr unsigned stale_reports_max = 16;

    std::uint64_t key_of(const source& s) const noexcept;
    void on_event(source& s, readiness what, bool all_called) noexcept;
    [[gnu::noinline]] void on_any_event(source& s, readiness what, bool all_called) noexcept;
    [[gnu::noinline]] void on_stale_event(std::uint64_t key) noexcept;
    void register_anew() noexcept;
    std::error_code arm(source& s, interest direction) noexcept;
    void disarm(source& s, interest directions) noexcept;
    [[gnu::noinline]] void wait_for(io_operation* op) noexcept;
    void abort(io_operation* op) noexcept;
    void try_next(io_operation* op) noexcept;
    bool transfer(io_operation* op, source& s) noexcept;
    [[gnu::noinline]] bool perform_other(io_operation* op, source& s) noexcept;
    [[gnu::noinline]] void note_no_bytes(io_operation* op, const source& s,
                                         const io_result& result) noexcept;
    [[gnu::noinline]] bool not_yet(io_operation* op) noexcept;
    void note_result(source& s, io_operation* op, const io_result& result) noexcept;
    void advance(source& s, unsigned queue) noexcept {
        if (!s.queues[queue].empty()) {
            advance_waiting(s, queue);
        }
    }
    [[gnu::noinline]] void advance_waiting(source& s, unsigned queue) noexcept;
    void retry_waiting(source& s) noexcept;

    platform& world_;
    socket_ops& sockets_;
    poller& poller_;
    slab& slab_;
    ready_queue& ready_;
    source_events& events_;
    const bool one_shot_;
    const std::size_t accept_batch_;
    std::size_t accepted_ = 0;    // in this turn
    std::size_t registered_ = 0;  // sources that the poller knows
    std::uint64_t stale_key_ = 0;
    unsigned stale_reports_ = 0;
};

}  // namespace gyre::inline v0::detail
