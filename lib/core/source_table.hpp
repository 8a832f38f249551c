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
#include "core/ready_queue.hpp"
#include "platform/platform.hpp"
#include "slab/slab.hpp"

#include <array>
#include <atomic>
#include <cstdint>

namespace gyre::inline v0::detail {

/// What is known of a handle beside the owner's: set by the user's thread or by the owner, read by
/// either. Relaxed: each tells nothing but itself.
class source_marks {
public:
    // A connection attempt succeeded. Linux lets a stream that was connected without blocking be
    // "connected" once more, so that EISCONN can't be left to the system.
    static constexpr std::uint8_t connected = 1;
    static constexpr std::uint8_t handed_out = 2;    // the user may have made duplicates
    static constexpr std::uint8_t non_blocking = 4;  // so the user wants synchronous calls
    // By shutdown(), of which the poller will not tell.
    static constexpr std::uint8_t receive_ended = 8;
    static constexpr std::uint8_t send_ended = 16;

    bool is(std::uint8_t what) const noexcept {
        return (bits_.load(std::memory_order_relaxed) & what) != 0;
    }
    void set(std::uint8_t what, bool on) noexcept {
        if (on) {
            bits_.fetch_or(what, std::memory_order_relaxed);
        } else {
            bits_.fetch_and(static_cast<std::uint8_t>(~what), std::memory_order_relaxed);
        }
    }

private:
    std::atomic<std::uint8_t> bits_{0};
};

/// A handle. Lives in a slot; the key by which the poller knows it is the slot's number and
/// generation. A server has one for each connection: it fits the smallest slot.
struct source {
    source(native_handle_type h, bool is_stream, std::uint32_t forks,
           std::uint32_t strand_number) noexcept
        : handle(h),
          fork_count(forks),
          strand(strand_number),
          state(is_stream ? stream : 0),
          drained(0),
          armed(interest::none) {}

    // Operations that have not been performed; the first of each queue has its turn. In the third
    // there may also be writes that are done, but are steps of composed operations that go on:
    // these can still be cancelled, between two steps.
    std::array<operation_queue, 3> queues;
    static constexpr unsigned steps = static_cast<unsigned>(io_queue::except);

    const native_handle_type handle;
    const std::uint32_t fork_count;  // of the process when it was made
    const std::uint32_t strand;      // of its operations
    // How often another thread cancelled: operations that are older are aborted.
    std::atomic<std::uint32_t> cancel_round{0};
    // Operations that other threads have left in the inbox.
    std::atomic<std::uint32_t> arriving{0};

    std::uint8_t state;
    static constexpr std::uint8_t paused = 1;  // accepting is left alone for a while
    // While a connection attempt is under way nothing else is tried: a transfer would be told the
    // error of the attempt, and take it away from whoever started that.
    static constexpr std::uint8_t connecting = 2;
    static constexpr std::uint8_t one_shot = 4;  // the poller disarms with each event
    // Any of these: an event needs more than a look at who reads.
    static constexpr std::uint8_t peculiar = paused | connecting | one_shot;
    static constexpr std::uint8_t registered = 8;  // with the poller
    // By another thread; goes when the last of its operations has arrived.
    static constexpr std::uint8_t closed = 16;
    static constexpr std::uint8_t stream = 32;

    std::uint8_t drained : 4;  // a bit a queue: known not to be ready
    interest armed : 4;        // what the poller reports, if it is registered
    source_marks marks;
    // Errands of other threads, carried out when the inbox gives the source out.
    errand on_errand;

    bool is(std::uint8_t what) const noexcept { return (state & what) != 0; }
    void set(std::uint8_t what) noexcept { state |= what; }
    void clear(std::uint8_t what) noexcept { state &= static_cast<std::uint8_t>(~what); }

    bool is_drained(unsigned queue) const noexcept { return (drained >> queue & 1) != 0; }
    void note_drained(unsigned queue) noexcept { drained |= 1U << queue; }
    void note_ready(unsigned queue) noexcept { drained &= ~(1U << queue); }

    /// The operation that has its turn in a queue; null if there is none.
    operation* first(unsigned queue) const noexcept {
        operation* op = queues[queue].front();
        while (op != nullptr && op->state == operation_state::stepping) {
            op = queues[queue].after(op);
        }
        return op;
    }
};
static_assert(sizeof(slot) + sizeof(source) <= 64 || sizeof(native_handle_type) != 4);

/// What the table asks of the reactor.
class source_events {
public:
    /// Calls resume() on a source that is paused from now on, after a while.
    virtual void pause(source& s) noexcept = 0;
    /// A source goes that is paused.
    virtual void forget_pause(source& s) noexcept = 0;

protected:
    ~source_events() = default;
};

class source_table {
public:
    source_table(platform& world, poller& p, slab& memory, ready_queue& ready,
                 source_events& events, const io_context_options& options) noexcept;

    /// Puts a fresh operation into its source's queue: it is made ready, performed or armed for.
    void start(io_operation* op) noexcept;
    // These return the operation, so that whoever wants it need not keep it meanwhile.
    transfer_operation* start_receive(transfer_operation* op) noexcept;
    transfer_operation* start_send(transfer_operation* op) noexcept;
    /// As start(), for one that another thread left and may have cancelled meanwhile.
    void start_arrived(io_operation* op) noexcept;

    /// Performs a ready operation and takes it out of its queue. False if the world had nothing
    /// after all: the operation waits again.
    bool perform(io_operation* op) noexcept;
    /// The usual case of perform(), to be inlined into the loop.
    bool receive(transfer_operation* op) noexcept { return transfer<io_queue::read>(op); }
    /// What perform() is for the others: that a wait is ready is its result.
    bool end_wait(io_operation* op) noexcept {
        source& s = *op->source_;
        op->state = operation_state::finished;
        op->set_success(system_);
        s.queues[op->queue].remove(op);
        advance(s, op->queue);
        return true;
    }

    /// Takes the operation out of whatever queue of its source it is in.
    void unlink(io_operation* op) noexcept {
        if (op->linked()) {
            source& s = *op->source_;
            s.queues[op->state == operation_state::stepping ? source::steps : op->queue].remove(op);
        }
    }

    /// Aborts operations that are older than `round`, in all queues; returns how many.
    std::size_t cancel(source& s, std::uint32_t round) noexcept;
    /// Ends one operation that waits or is ready; marks one that is between two steps.
    bool cancel(io_operation* op, stop_reason reason) noexcept;

    /// Whoever waits in a direction that this end has shut down looks for itself.
    void retry_ended(source& s) noexcept;
    /// remove() for another thread, as soon as all that it started has arrived.
    void close(source& s) noexcept;
    /// Aborts all; ends the registration; closes the handle unless it is released.
    std::error_code remove(source& s, bool close_handle) noexcept;

    /// Makes operations of ready sources ready. `all_called` says that every handler that was ready
    /// before the wait has been called: then whoever does not wait by now does not want to.
    void dispatch(const event_buffer& events, bool all_called) noexcept;

    void resume(source& s) noexcept;
    /// Makes the poller build its set anew. On failure the old one is still in place.
    std::error_code register_anew() noexcept;
    void begin_turn() noexcept { accepted_ = 0; }

    /// Whether the poller can report anything.
    bool watching() const noexcept { return registered_ != 0; }

private:
    static constexpr unsigned stale_reports_max = 16;

    std::uint64_t key_of(const source& s) const noexcept;
    template <io_queue Q>
    bool move_bytes(transfer_operation* op, source& s) noexcept;
    template <io_queue Q>
    bool transfer(transfer_operation* op) noexcept;
    static io_request request_of(transfer_operation& op, native_handle_type handle) noexcept;
    [[gnu::noinline]] bool move_pieces(transfer_operation* op, source& s) noexcept;
    [[gnu::noinline]] bool note_no_bytes(transfer_operation* op, source& s,
                                         io_moved moved) noexcept;
    [[gnu::noinline]] static void take_off(transfer_operation* op, std::size_t bytes) noexcept;
    bool perform_other(io_operation* op) noexcept;
    void note_result(source& s, io_operation* op, const io_result& result) noexcept;
    void start_wait(io_operation* op) noexcept;
    void start_other(io_operation* op) noexcept;
    transfer_operation* queue_receive(transfer_operation* op) noexcept;
    transfer_operation* queue_send(transfer_operation* op) noexcept;
    void make_ready(operation* op) noexcept {
        op->state = operation_state::ready;
        ready_.push(op);
    }
    void wait_for(io_operation* op) noexcept;
    void try_next(io_operation* op) noexcept;
    void advance(source& s, unsigned queue) noexcept {
        if (!s.queues[queue].empty()) [[unlikely]] {
            advance_waiting(s, queue);
        }
    }
    void advance_waiting(source& s, unsigned queue) noexcept;
    void finish(io_operation* op, const std::error_code& error) noexcept;
    void abort(io_operation* op, stop_reason reason) noexcept;
    bool cancel_in_queue(operation* op) noexcept;
    void connect_over(source& s) noexcept;

    [[gnu::noinline]] void on_event(source& s, readiness what, bool all_called) noexcept;
    [[gnu::noinline]] void on_stale_event(std::uint64_t key) noexcept;
    std::error_code arm(source& s, interest direction) noexcept;
    void disarm(source& s, interest directions) noexcept;
    void retry_waiting(source& s) noexcept;

    platform& world_;
    socket_ops& sockets_;
    poller& poller_;
    slab& slab_;
    ready_queue& ready_;
    source_events& events_;
    const std::error_category* const system_;
    const std::uint8_t one_shot_;
    const std::size_t accept_batch_;
    std::size_t accepted_ = 0;    // in this turn
    std::size_t registered_ = 0;  // sources that the poller knows
    std::uint64_t stale_key_ = 0;
    unsigned stale_reports_ = 0;
};

// ---- the usual way of reads and writes: inline, so that the loop is one function ---------------

// A read happens right before its handler is called. Usually nothing has arrived yet, and the
// poller is watching.
inline transfer_operation* source_table::start_receive(transfer_operation* op) noexcept {
    constexpr auto read = static_cast<unsigned>(io_queue::read);
    source& s = *op->source_;
    const bool usual =
        s.queues[read].empty() && s.is_drained(read) && any(s.armed & interest::read);
    if (!usual) [[unlikely]] {
        return queue_receive(op);
    }
    s.queues[read].push(op);
    op->state = operation_state::waiting;
    return op;
}

// False if the world had nothing, or no room, or not enough of it for a whole transfer.
template <io_queue Q>
inline bool source_table::move_bytes(transfer_operation* op, source& s) noexcept {
    if (op->buffer_count != 1) [[unlikely]] {
        return move_pieces(op, s);
    }
    const io_buffer& buffer = *op->buffers();
    const io_moved moved = Q == io_queue::read
                               ? sockets_.receive(s.handle, buffer.data, buffer.size, op->flags())
                               : sockets_.send(s.handle, buffer.data, buffer.size, op->flags());
    if (!moved.is_some()) [[unlikely]] {
        return note_no_bytes(op, s, moved);
    }
    const std::size_t count = moved.count();
    op->bytes += count;
    if (count < buffer.size) {
        // A hint for the next attempt only: level-triggered reports make up for whatever it gets
        // wrong. A datagram is as long as it is, and the next one is tried at once.
        if (s.is(source::stream)) [[likely]] {
            s.note_drained(static_cast<unsigned>(Q));
        }
        if (op->whole()) [[unlikely]] {
            take_off(op, count);
            return false;
        }
    }
    op->set_success(system_);
    return true;
}

template <io_queue Q>
inline bool source_table::transfer(transfer_operation* op) noexcept {
    constexpr auto queue = static_cast<unsigned>(Q);
    source& s = *op->source_;
    if (!move_bytes<Q>(op, s)) [[unlikely]] {
        wait_for(op);
        return false;
    }
    op->state = operation_state::finished;
    s.queues[queue].remove(op);
    advance(s, queue);
    return true;
}

inline void source_table::dispatch(const event_buffer& events, bool all_called) noexcept {
    for (const poll_event& event : events) {
        // The number is one that key_of() gave: it leads to a slot, whatever lives there now.
        slot* at = slab_.at(static_cast<std::uint32_t>(event.key >> 32));
        if (generation_of(*at) != static_cast<std::uint32_t>(event.key)) [[unlikely]] {
            on_stale_event(event.key);
            continue;
        }
        source& s = *static_cast<source*>(at->object());
        operation* reader = s.queues[static_cast<unsigned>(io_queue::read)].front();
        // A read waits and has something to read: all else is rare.
        if (event.what == readiness::readable && reader != nullptr &&
            reader->state == operation_state::waiting && !s.is(source::peculiar)) [[likely]] {
            s.note_ready(static_cast<unsigned>(io_queue::read));
            make_ready(reader);
        } else {
            on_event(s, event.what, all_called);
        }
    }
}

}  // namespace gyre::inline v0::detail
