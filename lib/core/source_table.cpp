// SPDX-License-Identifier: BSL-1.0
// The source table: what is done with an operation until its handler can be called.
#include "core/source_table.hpp"

#include <gyre/error.hpp>

#include <limits>

namespace gyre::inline v0::detail {
namespace {

constexpr std::array<interest, 3> direction_of_queue{interest::read, interest::write,
                                                     interest::except};

constexpr std::uint8_t bit(unsigned queue) noexcept {
    return static_cast<std::uint8_t>(1U << queue);
}

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

io_kind request_kind(slot_kind kind) noexcept {
    switch (kind) {
    case slot_kind::receive: return io_kind::receive;
    case slot_kind::send: return io_kind::send;
    case slot_kind::accept: return io_kind::accept;
    case slot_kind::connect: return io_kind::connect;
    default: return io_kind::wait;
    }
}

std::size_t total_size(const io_operation* op) noexcept {
    std::size_t sum = 0;
    for (std::uint32_t i = 0; i != op->buffer_count_; ++i) {
        sum += op->buffers_[i].size;
    }
    return sum;
}

}  // namespace

source_table::source_table(platform& world, poller& p, slab& memory, source_events& events,
                           const io_context_options& options) noexcept
    : world_(world),
      poller_(p),
      slab_(memory),
      events_(events),
      one_shot_(has(p.features(), poller_features::one_shot)),
      accept_batch_(options.accept_batch) {}

// ---- operations ------------------------------------------------------------------------------

void source_table::start(io_operation* op) noexcept {
    source& s = *op->source_;
    operation_queue& queue = s.queues[op->queue];
    // Writes that are done stay in front until their handlers are called.
    const bool first = queue.empty() || queue.back()->state == operation_state::finished;
    queue.push(op);
    op->state = operation_state::waiting;
    if (s.cancel_round.load(std::memory_order_relaxed) != op->round) {
        abort(op);  // cancelled by another thread while it was on its way here
        return;
    }
    if (!first) {
        return;  // behind others: its turn comes when they are done
    }
    const bool may_try = (s.drained & bit(op->queue)) == 0 && !s.paused;
    if (op->kind() == slot_kind::send && may_try) {
        // A write is tried now, so that its handler can be called without waiting for the poller.
        op->state = operation_state::ready;
        if (perform(op)) {
            events_.make_ready(op);
        }
    } else if ((op->kind() == slot_kind::receive || op->kind() == slot_kind::accept) && may_try) {
        op->state = operation_state::ready;
        events_.make_ready(op);
    } else {
        wait_for(op);
    }
}

void source_table::wait_for(io_operation* op) noexcept {
    op->state = operation_state::waiting;
    source& s = *op->source_;
    if (s.paused && op->kind() == slot_kind::accept) {
        return;
    }
    if (const std::error_code e = arm(s, direction_of_queue[op->queue])) {
        finish(op, e);
        unlink(op);
        events_.make_ready(op);
        advance(s, op->queue);
    }
}

bool source_table::perform(io_operation* op) noexcept {
    source& s = *op->source_;
    const std::size_t wanted = total_size(op);
    io_result result;
    const bool transfer = op->kind() == slot_kind::receive || op->kind() == slot_kind::send;
    if (!(transfer && s.stream && wanted == 0)) {
        run_request(op, result);
    }
    if (result.error == std::errc::operation_would_block) {
        s.drained |= bit(op->queue);
        wait_for(op);
        // Finished means that waiting was refused: then it is in the ready list already.
        return false;
    }
    note_result(s, op, result, wanted);
    finish(op, result.error);
    op->bytes = static_cast<std::uint32_t>(result.bytes);
    if (op->kind() != slot_kind::send) {
        unlink(op);  // its handler is called next
    }
    advance(s, op->queue);
    return true;
}

void source_table::run_request(io_operation* op, io_result& result) noexcept {
    io_request request{};
    request.kind = request_kind(op->kind());
    request.handle = op->source_->handle;
    request.flags = op->flags_;
    request.buffers = op->buffers_;
    request.buffer_count = op->buffer_count_;
    if (op->kind() == slot_kind::accept) {
        auto* a = static_cast<accept_operation*>(op);
        request.address = a->address_;
        request.address_size = a->address_size_;
        world_.sockets().perform(request, result);
        a->address_size_ = request.address_size;
        a->accepted_ = result.accepted;
    } else if (request.kind != io_kind::wait) {
        world_.sockets().perform(request, result);
    }
}

// What the result tells about the next attempt (a hint only: level-triggered reports make up for
// whatever it gets wrong), and the end of a stream.
void source_table::note_result(source& s, io_operation* op, io_result& result,
                               std::size_t wanted) noexcept {
    switch (op->kind()) {
    case slot_kind::receive:
        if (s.stream && !result.error && result.bytes == 0 && wanted != 0) {
            result.error = error::make_error_code(error::eof);
        } else if (!result.error && result.bytes < wanted) {
            s.drained |= bit(op->queue);
        }
        break;
    case slot_kind::send:
        if (!result.error && result.bytes < wanted) {
            s.drained |= bit(op->queue);
        }
        break;
    case slot_kind::accept:
        if (out_of_resources(result.error)) {
            s.paused = true;
            events_.pause(s);
        } else if (++accepted_ >= accept_batch_) {
            s.drained |= bit(op->queue);
        }
        break;
    case slot_kind::connect:
        s.connected.store(!result.error, std::memory_order_relaxed);
        break;
    default: break;
    }
}

// After an operation left the front of a queue: the next one has its turn.
void source_table::advance(source& s, unsigned queue) noexcept {
    operation* next = s.queues[queue].front();
    while (next != nullptr && next->state == operation_state::finished) {
        next = s.queues[queue].after(next);  // a write whose handler has not been called yet
    }
    if (next == nullptr || next->state != operation_state::waiting) {
        return;
    }
    auto* op = static_cast<io_operation*>(next);
    const bool tries = op->kind() != slot_kind::io_wait && op->kind() != slot_kind::connect;
    if (tries && (s.drained & bit(queue)) == 0 && !s.paused) {
        op->state = operation_state::ready;
        events_.make_ready(op);
    } else {
        wait_for(op);
    }
}

void source_table::unlink(io_operation* op) noexcept {
    if (op->linked()) {
        op->source_->queues[op->queue].remove(op);
    }
}

void source_table::finish(io_operation* op, const std::error_code& error) noexcept {
    op->state = operation_state::finished;
    op->set_error(error);
}

// ---- cancellation ----------------------------------------------------------------------------

void source_table::abort(io_operation* op) noexcept {
    const bool queued = op->state == operation_state::ready;  // keeps its place in the ready list
    finish(op, error::make_error_code(error::operation_aborted));
    unlink(op);
    if (!queued) {
        events_.make_ready(op);
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
    if (op->state == operation_state::finished && op->linked() && op->goes_on()) {
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
    const std::error_code result =
        close_handle ? world_.sockets().close(s.handle) : std::error_code();
    s.~source();
    release_slot(&s);
    return result;
}

// ---- registration ----------------------------------------------------------------------------

std::uint64_t source_table::key_of(const source& s) const noexcept {
    return std::uint64_t{slab_.number_of(&s)} << 32 |
           slot::of(&s)->generation.load(std::memory_order_relaxed);
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

void source_table::dispatch(const event_buffer& events) noexcept {
    for (const poll_event& event : events) {
        slot* at = slab_.at(static_cast<std::uint32_t>(event.key >> 32));
        const auto generation = static_cast<std::uint32_t>(event.key);
        if (at == nullptr || at->kind != slot_kind::source ||
            at->generation.load(std::memory_order_relaxed) != generation) {
            on_stale_event(event.key);
        } else {
            on_event(*static_cast<source*>(at->object()), event.what);
        }
    }
}

void source_table::on_event(source& s, readiness what) noexcept {
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
        const bool paused = s.paused && op != nullptr && op->kind() == slot_kind::accept;
        if (!reports(what, q)) {
            if (op != nullptr && op->state == operation_state::waiting && !paused) {
                still_waiting = still_waiting | direction_of_queue[q];
            }
            continue;
        }
        s.drained &= static_cast<std::uint8_t>(~bit(q));
        if (op == nullptr || paused) {
            unwanted = unwanted | direction_of_queue[q];
        } else if (op->state == operation_state::waiting) {
            op->state = operation_state::ready;
            events_.make_ready(op);
        }
    }
    if (one_shot_) {
        if (any(still_waiting)) {
            static_cast<void>(arm(s, still_waiting));
        }
    } else if (any(s.armed & unwanted)) {
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
            if (s.registered && any(s.armed)) {
                static_cast<void>(poller_.add(s.handle, key_of(s), s.armed));
            } else if (s.registered) {
                s.registered = false;
                --registered_;
            }
        }
    });
}

void source_table::resume(source& s) noexcept {
    s.paused = false;
    advance(s, static_cast<unsigned>(io_queue::read));
}

}  // namespace gyre::inline v0::detail
