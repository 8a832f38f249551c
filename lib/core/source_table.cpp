// SPDX-License-Identifier: BSL-1.0
// The source table: what is done with an operation until its handler can be called.
#include "core/source_table.hpp"

#include <gyre/error.hpp>

#include <limits>

namespace gyre::inline v0::detail {
namespace {

constexpr std::array<interest, 3> direction_of_queue{interest::read, interest::write,
                                                     interest::except};

constexpr bool reports(readiness what, unsigned queue) noexcept {
    constexpr std::array<readiness, 3> wakes{readiness::readable, readiness::writable,
                                             readiness::priority | readiness::error |
                                                 readiness::hangup};
    return any(what & wakes[queue]);
}

// Failures of accept() that say nothing about the connection, only that there is no room for it
// now: trying again at once would fail again.
bool out_of_resources(const std::error_code& e) noexcept {
    return e == std::errc::too_many_files_open || e == std::errc::too_many_files_open_in_system ||
           e == std::errc::no_buffer_space || e == std::errc::not_enough_memory;
}

}  // namespace

source_table::source_table(platform& world, poller& p, slab& memory, ready_queue& ready,
                           source_events& events, const io_context_options& options) noexcept
    : world_(world),
      sockets_(world.sockets()),
      poller_(p),
      slab_(memory),
      ready_(ready),
      events_(events),
      one_shot_(has(p.features(), poller_features::one_shot)),
      accept_batch_(options.accept_batch) {}

// ---- operations ------------------------------------------------------------------------------

// The first operation of its queue that is not done: is it tried before its handler is called, or
// waited for?
void source_table::try_next(io_operation* op) noexcept {
    const source& s = *op->source_;
    const slot_kind kind = op->kind();
    if ((s.drained & bit(op->queue)) != 0 || s.paused || s.connecting ||
        kind == slot_kind::io_wait) {
        wait_for(op);
    } else {
        op->state = operation_state::ready;
        ready_.push(op);
    }
}

// Not the first of its queue, or neither read nor write.
void source_table::start_slowly(io_operation* op) noexcept {
    operation_queue& queue = op->source_->queues[op->queue];
    // Writes that are done stay in front until their handlers are called.
    const bool first = queue.empty() || queue.back()->state == operation_state::finished;
    queue.push(op);
    op->state = operation_state::waiting;
    if (op->kind() == slot_kind::connect) {
        op->source_->connecting = true;
        op->source_->drained |= bit(static_cast<unsigned>(io_queue::read));
    }
    if (!first) {
        return;  // behind others its turn comes when they are done
    }
    const source& s = *op->source_;
    const bool may_send = (s.drained & bit(op->queue)) == 0 && !s.connecting;
    if (op->kind() == slot_kind::send && may_send) {
        if (send(op)) {
            ready_.push(op);
        }
    } else {
        try_next(op);
    }
}

void source_table::start_arrived(io_operation* op) noexcept {
    source& s = *op->source_;
    if (s.cancel_round.load(std::memory_order_relaxed) == op->round) {
        start(op);
    } else {
        op->state = operation_state::waiting;
        s.queues[op->queue].push(op);
        abort(op);
    }
    if (s.arriving.fetch_sub(1, std::memory_order_relaxed) == 1 && s.closed) {
        static_cast<void>(remove(s, true));
    }
}

// An operation that another thread started before it closed the source may still be on its way.
void source_table::close(source& s) noexcept {
    if (s.arriving.load(std::memory_order_relaxed) == 0) {
        static_cast<void>(remove(s, true));
    } else {
        s.closed = true;
    }
}

// A write is tried now, so that its handler can be called without waiting for the poller.
void source_table::start_send(io_operation* op, source& s) noexcept {
    constexpr auto write = static_cast<unsigned>(io_queue::write);
    s.queues[write].push(op);
    if ((s.drained & bit(write)) != 0) [[unlikely]] {
        wait_for(op);
    } else if (send(op)) [[likely]] {
        ready_.push(op);
    }
}

void source_table::wait_for(io_operation* op) noexcept {
    op->state = operation_state::waiting;
    source& s = *op->source_;
    const slot_kind kind = op->kind();
    if ((s.paused && kind == slot_kind::accept) || (s.connecting && kind != slot_kind::connect)) {
        return;
    }
    if (const std::error_code e = arm(s, direction_of_queue[op->queue])) {
        op->state = operation_state::finished;
        op->set_error(e);
        unlink(op);
        ready_.push(op);
        advance(s, op->queue);
    }
}

// Nothing to be had, an error, the end of a stream, or an empty datagram. False if it waits.
bool source_table::note_no_bytes(io_operation* op, source& s, const io_moved& moved) noexcept {
    if (moved.status == io_moved::would_block) {
        return not_yet(op);
    }
    s.drained &= static_cast<std::uint8_t>(~bit(op->queue));
    if (moved.status == io_moved::failed) {
        op->set_error({moved.code, std::system_category()});
    } else if (op->kind() == slot_kind::receive && s.stream) {
        op->set_error(error::make_error_code(error::eof));
    }
    return true;
}

bool source_table::perform_other(io_operation* op, source& s) noexcept {
    io_result result;
    io_request request{};
    request.handle = s.handle;
    if (op->kind() == slot_kind::accept) {
        auto* a = static_cast<accept_operation*>(op);
        request.kind = io_kind::accept;
        request.address = a->address_;
        request.address_size = a->address_size_;
        sockets_.perform(request, result);
        a->address_size_ = request.address_size;
        a->accepted_ = result.accepted;
    } else if (op->kind() == slot_kind::connect) {
        request.kind = io_kind::connect;
        sockets_.perform(request, result);
    }
    if (result.would_block) {
        return not_yet(op);
    }
    note_result(s, op, result);
    op->state = operation_state::finished;
    op->set_error(result.error);
    unlink(op);
    advance(s, op->queue);
    return true;
}

std::size_t source_table::total_size(const io_operation* op) noexcept {
    std::size_t sum = 0;
    for (std::uint32_t i = 0; i != op->buffer_count_; ++i) {
        sum += op->buffers_[i].size;
    }
    return sum;
}

// The world had nothing after all. False, for perform() to return; the operation waits, or, if
// waiting was refused, is in the ready list with that result.
bool source_table::not_yet(io_operation* op) noexcept {
    op->source_->drained |= bit(op->queue);
    wait_for(op);
    return false;
}

void source_table::note_result(source& s, io_operation* op, const io_result& result) noexcept {
    if (op->kind() == slot_kind::connect) {
        s.connected.store(!result.error, std::memory_order_relaxed);
        connect_over(s);
    } else if (op->kind() == slot_kind::accept) {
        if (out_of_resources(result.error)) {
            s.paused = true;
            events_.pause(s);
        } else if (++accepted_ >= accept_batch_) {
            s.drained |= bit(op->queue);
        }
    }
}

void source_table::connect_over(source& s) noexcept {
    s.connecting = false;
    s.drained = 0;
    for (unsigned q = 0; q != s.queues.size(); ++q) {
        if (q != static_cast<unsigned>(io_queue::write)) {  // the others are behind it
            advance(s, q);
        }
    }
}

// After an operation left the front of a queue: the next one has its turn.
void source_table::advance_waiting(source& s, unsigned queue) noexcept {
    operation* next = s.queues[queue].front();
    while (next != nullptr && next->state == operation_state::finished) {
        next = s.queues[queue].after(next);  // a write whose handler has not been called yet
    }
    if (next != nullptr && next->state == operation_state::waiting) {
        try_next(static_cast<io_operation*>(next));
    }
}

// The poller refused: each operation tries its system call, and if that would block, waiting
// again tells it why it can't.
void source_table::retry_waiting(source& s) noexcept {
    for (operation_queue& queue : s.queues) {
        for (operation* op = queue.front(); op != nullptr; op = queue.after(op)) {
            if (op->state == operation_state::waiting) {
                op->state = operation_state::ready;
                ready_.push(op);
                break;
            }
        }
    }
}

// ---- cancellation ----------------------------------------------------------------------------

void source_table::abort(io_operation* op) noexcept {
    const bool queued = op->state == operation_state::ready;  // keeps its place in the ready list
    op->state = operation_state::finished;
    op->set_error(error::make_error_code(error::operation_aborted));
    unlink(op);
    if (!queued) {
        ready_.push(op);
    }
    if (op->kind() == slot_kind::connect) {
        connect_over(*op->source_);
    }
}

bool source_table::cancel(io_operation* op) noexcept {
    if (op->state == operation_state::waiting || op->state == operation_state::ready) {
        source& s = *op->source_;
        const unsigned queue = op->queue;
        abort(op);
        advance(s, queue);
        return true;
    }
    // It may be in no queue: a connection attempt that failed at once, say.
    if (op->state == operation_state::finished && op->goes_on()) {
        op->stop_after = true;
        return true;
    }
    return false;
}

std::size_t source_table::cancel(source& s, std::uint32_t round) noexcept {
    std::size_t count = 0;
    for (operation_queue& queue : s.queues) {
        for (operation* op = queue.front(); op != nullptr;) {
            operation* next = queue.after(op);
            if (static_cast<std::int32_t>(round - op->round) > 0) {
                auto* io = static_cast<io_operation*>(op);
                if (op->state == operation_state::finished) {
                    op->stop_after = op->goes_on();
                    count += op->stop_after ? 1 : 0;
                } else {
                    abort(io);
                    ++count;
                }
            }
            op = next;
        }
        advance(s, static_cast<unsigned>(&queue - s.queues.data()));
    }
    return count;
}

std::error_code source_table::remove(source& s, bool close_handle) noexcept {
    cancel(s, s.cancel_round.load(std::memory_order_relaxed) + 1);
    for (operation_queue& queue : s.queues) {
        while (!queue.empty()) {  // finished writes: they complete without their source
            queue.remove(queue.front());
        }
    }
    events_.forget_pause(s);
    if (s.registered) {
        // Nobody else can hold the description open if the handle never left this object and the
        // process has not forked since.
        const bool last = close_handle && !s.handed_out.load(std::memory_order_relaxed) &&
                          s.fork_count == world_.threads().fork_count();
        // The handle may be gone already, closed by somebody else: nothing is left to do then.
        static_cast<void>(
            poller_.remove(s.handle, last ? remove_reason::closing : remove_reason::releasing));
        --registered_;
    }
    const std::error_code result = close_handle ? sockets_.close(s.handle) : std::error_code();
    s.~source();
    release_slot(&s);
    return result;
}

// ---- registration ----------------------------------------------------------------------------

std::uint64_t source_table::key_of(const source& s) const noexcept {
    return std::uint64_t{slab_.number_of(&s)} << 32 | generation_of(*slot::of(&s));
}

std::error_code source_table::arm(source& s, interest direction) noexcept {
    if ((s.armed & direction) == direction) {
        return {};
    }
    const interest want = s.armed | direction;
    const std::error_code e = s.registered ? poller_.modify(s.handle, key_of(s), want)
                                           : poller_.add(s.handle, key_of(s), want);
    if (e == std::errc::operation_not_permitted) {
        return error::make_error_code(error::operation_not_supported);  // a regular file
    }
    if (!e) {
        registered_ += s.registered ? 0 : 1;
        s.registered = true;
        s.armed = want;
    }
    return e;
}

void source_table::disarm(source& s, interest directions) noexcept {
    const interest left = s.armed & ~directions;
    if (any(left)) {
        static_cast<void>(poller_.modify(s.handle, key_of(s), left));
    } else {
        // A hang-up can't be masked: out of the set, until somebody waits again.
        static_cast<void>(poller_.remove(s.handle, remove_reason::releasing));
        s.registered = false;
        --registered_;
    }
    s.armed = left;
}

void source_table::on_any_event(source& s, readiness what, bool all_called) noexcept {
    if (one_shot_) {
        s.armed = interest::none;
    }
    interest unwanted = interest::none;
    interest still_waiting = interest::none;
    for (unsigned q = 0; q != s.queues.size(); ++q) {
        operation* op = s.queues[q].front();
        while (op != nullptr && op->state == operation_state::finished) {
            op = s.queues[q].after(op);
        }
        const bool waits = op != nullptr && !(s.paused && op->kind() == slot_kind::accept) &&
                           !(s.connecting && op->kind() != slot_kind::connect);
        const bool sleeping = waits && op->state == operation_state::waiting;
        if (!reports(what, q)) {
            still_waiting = sleeping ? still_waiting | direction_of_queue[q] : still_waiting;
            continue;
        }
        s.drained &= static_cast<std::uint8_t>(~bit(q));
        if (!waits) {
            unwanted = unwanted | direction_of_queue[q];
        } else if (sleeping) {
            op->state = operation_state::ready;
            ready_.push(op);
        }
    }
    if (one_shot_) {
        if (any(still_waiting) && arm(s, still_waiting)) {
            retry_waiting(s);
        }
    } else if (any(s.armed & unwanted) && all_called) {
        disarm(s, unwanted);
    }
}

// An event of a source that is gone: a description that outlived its handle, because somebody
// else holds it open, is reported for ever and can't be deleted. Then the set is built anew.
void source_table::on_stale_event(std::uint64_t key) noexcept {
    if (key != stale_key_) {
        stale_key_ = key;
        stale_reports_ = 0;
    }
    if (++stale_reports_ == stale_reports_max) {
        stale_reports_ = 0;
        register_anew();
    }
}

void source_table::register_anew() noexcept {
    if (poller_.reset()) {
        return;  // the old set is still in place
    }
    slab_.for_each_live([this](slot& at) {
        if (at.kind == slot_kind::source) {
            auto& s = *static_cast<source*>(at.object());
            if (!s.registered) {
                return;
            }
            if (!any(s.armed) || poller_.add(s.handle, key_of(s), s.armed)) {
                s.registered = false;
                s.armed = interest::none;
                --registered_;
                retry_waiting(s);
            }
        }
    });
}

void source_table::resume(source& s) noexcept {
    s.paused = false;
    advance(s, static_cast<unsigned>(io_queue::read));
}

}  // namespace gyre::inline v0::detail
