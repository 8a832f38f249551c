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
    // While a connection attempt is under way nothing else is tried: a transfer would be told the
    // error of the attempt, and take it away from whoever started that.
    bool connecting = false;
    bool closed = false;  // by another thread; goes when the last of its operations has arrived

    // A connection attempt succeeded. Linux lets a stream that was connected without blocking be
    // "connected" once more, so that EISCONN can't be left to the system.
    std::atomic<bool> connected{false};
    // Written by the user's thread.
    std::atomic<bool> handed_out{false};
    std::atomic<bool> non_blocking{false};
    // Operations that other threads have left in the inbox.
    std::atomic<std::uint32_t> arriving{0};
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
    /// As start(), for one that another thread left and may have cancelled meanwhile.
    void start_arrived(io_operation* op) noexcept;

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

    /// remove() for another thread, as soon as all that it started has arrived.
    void close(source& s) noexcept;
    /// Aborts all; ends the registration; closes the handle unless it is released.
    std::error_code remove(source& s, bool close_handle) noexcept;

    // The two usual cases of perform(), to be inlined into the loop.
    bool receive(io_operation* op) noexcept { return transfer(op, true); }
    bool send(io_operation* op) noexcept { return transfer(op, false); }

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
    static constexpr std::uint8_t bit(unsigned queue) noexcept {
        return static_cast<std::uint8_t>(1U << queue);
    }
    [[gnu::noinline]] void on_any_event(source& s, readiness what, bool all_called) noexcept;
    [[gnu::noinline]] void on_stale_event(std::uint64_t key) noexcept;
    void register_anew() noexcept;
    std::error_code arm(source& s, interest direction) noexcept;
    void disarm(source& s, interest directions) noexcept;
    [[gnu::noinline]] void wait_for(io_operation* op) noexcept;
    void abort(io_operation* op) noexcept;
    void try_next(io_operation* op) noexcept;
    bool transfer(io_operation* op, bool receives) noexcept;
    [[gnu::noinline]] void start_slowly(io_operation* op) noexcept;
    [[gnu::noinline]] static std::size_t total_size(const io_operation* op) noexcept;
    [[gnu::noinline]] bool perform_other(io_operation* op, source& s) noexcept;
    [[gnu::noinline]] bool note_no_bytes(io_operation* op, source& s,
                                         const io_moved& moved) noexcept;
    void start_receive(io_operation* op, source& s) noexcept;
    [[gnu::noinline]] void start_send(io_operation* op, source& s) noexcept;
    [[gnu::noinline]] bool not_yet(io_operation* op) noexcept;
    void note_result(source& s, io_operation* op, const io_result& result) noexcept;
    void advance(source& s, unsigned queue) noexcept {
        if (!s.queues[queue].empty()) {
            advance_waiting(s, queue);
        }
    }
    [[gnu::noinline]] void advance_waiting(source& s, unsigned queue) noexcept;
    void connect_over(source& s) noexcept;
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

// ---- the usual way of reads and writes: inline, so that the loop is one function ---------------

inline void source_table::start(io_operation* op) noexcept {
    source& s = *op->source_;
    const slot_kind kind = op->kind();
    const bool alone = s.queues[op->queue].empty();
    if (alone && kind == slot_kind::send) {
        start_send(op, s);
    } else if (alone && kind == slot_kind::receive) {
        start_receive(op, s);
    } else {
        start_slowly(op);
    }
}

// A read happens right before its handler is called.
inline void source_table::start_receive(io_operation* op, source& s) noexcept {
    constexpr auto read = static_cast<unsigned>(io_queue::read);
    s.queues[read].push(op);
    if ((s.drained & bit(read)) == 0) {
        op->state = operation_state::ready;
        ready_.push(op);
    } else if (any(s.armed & interest::read)) [[likely]] {
        op->state = operation_state::waiting;
    } else {
        wait_for(op);
    }
}

inline bool source_table::perform(io_operation* op) noexcept {
    switch (op->kind()) {
    case slot_kind::receive: return receive(op);
    case slot_kind::send: return send(op);
    default: return perform_other(op, *op->source_);
    }
}

inline bool source_table::transfer(io_operation* op, bool receives) noexcept {
    source& s = *op->source_;
    const std::size_t wanted = op->buffer_count_ == 1 ? op->buffers_->size : total_size(op);
    const unsigned queue = static_cast<unsigned>(receives ? io_queue::read : io_queue::write);
    if (wanted != 0 || !s.stream) [[likely]] {
        const io_moved moved =
            receives ? sockets_.receive(s.handle, op->buffers_, op->buffer_count_, op->flags_)
                     : sockets_.send(s.handle, op->buffers_, op->buffer_count_, op->flags_);
        // A hint for the next attempt only: level-triggered reports make up for whatever it gets
        // wrong.
        if (moved.bytes < wanted) {
            s.drained |= bit(queue);
        }
        if (moved.bytes == 0 && !note_no_bytes(op, s, moved)) [[unlikely]] {
            return false;
        }
        op->bytes = static_cast<std::uint32_t>(moved.bytes);
    }
    op->state = operation_state::finished;
    if (receives) {
        s.queues[queue].remove(op);  // its handler is called next
        advance(s, queue);
    } else if (s.queues[queue].back() != op) [[unlikely]] {
        advance(s, queue);
    }
    return true;
}

inline void source_table::dispatch(const event_buffer& events, bool all_called) noexcept {
    for (const poll_event& event : events) {
        // The number is one that key_of() gave: it leads to a slot, whatever lives there now.
        slot* at = slab_.at(static_cast<std::uint32_t>(event.key >> 32));
        const auto generation = static_cast<std::uint32_t>(event.key);
        if (generation_of(*at) == generation) [[likely]] {
            on_event(*static_cast<source*>(at->object()), event.what, all_called);
        } else {
            on_stale_event(event.key);
        }
    }
}

inline void source_table::on_event(source& s, readiness what, bool all_called) noexcept {
    constexpr auto read = static_cast<unsigned>(io_queue::read);
    operation* reader = s.queues[read].front();
    const bool usual = what == readiness::readable && !one_shot_ && !s.paused;
    if (!usual || (reader == nullptr && all_called)) [[unlikely]] {
        on_any_event(s, what, all_called);
        return;
    }
    s.drained &= static_cast<std::uint8_t>(~bit(read));
    if (reader != nullptr && reader->state == operation_state::waiting) {
        reader->state = operation_state::ready;
        ready_.push(reader);
    }
}

}  // namespace gyre::inline v0::detail
