// SPDX-License-Identifier: BSL-1.0
// The source table: what is asked of the system for an operation, and what becomes of the answer.
#include "core/source_table.hpp"

#include <gyre/error.hpp>

#include <algorithm>

namespace gyre::inline v0::detail {
namespace {

// Failures of accept() that say nothing about the connection, only that there is no room for it
// now: trying again at once would fail again.
bool out_of_resources(const std::error_code& e) noexcept {
    return e == std::errc::too_many_files_open || e == std::errc::too_many_files_open_in_system ||
           e == std::errc::no_buffer_space || e == std::errc::not_enough_memory;
}

}  // namespace

bool source_table::perform(io_operation* op) noexcept {
    switch (op->kind()) {
    case slot_kind::accept:
    case slot_kind::connect: return perform_other(op);
    default: break;
    }
    auto* t = static_cast<transfer_operation*>(op);
    return op->queue == static_cast<unsigned>(io_queue::read) ? transfer<io_queue::read>(t)
                                                              : transfer<io_queue::write>(t);
}

// What the platform is asked for. The items of some operations begin with what else they have.
io_request source_table::request_of(transfer_operation& op, native_handle_type handle) noexcept {
    io_request request{};
    request.kind =
        op.queue == static_cast<unsigned>(io_queue::read) ? io_kind::receive : io_kind::send;
    request.handle = handle;
    request.flags = op.flags();
    request.buffers = op.buffers();
    request.buffer_count = op.buffer_count;
    const io_buffer first = *op.buffers();
    switch (op.kind()) {
    case slot_kind::receive_many:
    case slot_kind::send_many:
        request.kind =
            op.kind() == slot_kind::send_many ? io_kind::send_many : io_kind::receive_many;
        request.batch = static_cast<const datagram_batch*>(first.data);
        request.buffer_count = 0;
        break;
    case slot_kind::receive_from:
    case slot_kind::send_to:
        request.address = first.data;
        request.address_size = first.size;
        [[fallthrough]];
    case slot_kind::read:
    case slot_kind::write:
        ++request.buffers;
        --request.buffer_count;
        break;
    default: break;
    }
    return request;
}

// All but one buffer over a socket. On a stream a transfer of nothing is done without asking the
// system.
bool source_table::move_pieces(transfer_operation* op, source& s) noexcept {
    io_request request = request_of(*op, s.handle);
    std::size_t wanted = 0;
    for (std::size_t i = 0; i != request.buffer_count; ++i) {
        wanted += request.buffers[i].size;
    }
    if (wanted == 0 && s.is(source::stream)) {
        op->set_success(system_);
        return true;
    }
    io_result result;
    if (op->kind() == slot_kind::read || op->kind() == slot_kind::write) {
        world_.descriptors().perform(request, result);
    } else {
        sockets_.perform(request, result);
    }
    if (op->kind() == slot_kind::receive_from && !result.error) {
        op->buffers()[0].size = request.address_size;
        op->buffers()[1].size = static_cast<std::size_t>(result.flags);
    }
    if (result.error || result.bytes == 0) {
        return note_no_bytes(op, s,
                             result.would_block ? io_moved::would_block()
                             : result.error     ? io_moved::failed(result.error.value())
                                                : io_moved::bytes(0));
    }
    op->bytes += result.bytes;
    if (result.bytes < wanted && s.is(source::stream)) {
        s.note_drained(op->queue);
        if (op->whole()) {
            take_off(op, result.bytes);
            return false;
        }
    }
    op->set_success(system_);
    return true;
}

// What is moved of a whole transfer need not be moved again.
void source_table::take_off(transfer_operation* op, std::size_t bytes) noexcept {
    io_buffer* first = op->buffers();
    io_buffer* const end = first + op->buffer_count;
    while (bytes >= first->size) {
        bytes -= first->size;
        ++first;
    }
    first->data = static_cast<char*>(first->data) + bytes;
    first->size -= bytes;
    op->buffer_count = static_cast<std::uint8_t>(end - first);
    std::copy(first, end, op->buffers());
}

// Nothing to be had, an error, or the end of a stream. False: try again later.
bool source_table::note_no_bytes(transfer_operation* op, source& s, io_moved moved) noexcept {
    if (moved.is_would_block()) {
        s.note_drained(op->queue);
        return false;
    }
    s.note_ready(op->queue);
    op->set_success(system_);
    if (moved.is_failed()) {
        op->set_error({moved.code(), gyre::error::get_system_category()});
    } else if (op->queue == static_cast<unsigned>(io_queue::read) && s.is(source::stream)) {
        op->set_error(error::make_error_code(error::eof));
    }
    return true;
}

bool source_table::perform_other(io_operation* op) noexcept {
    source& s = *op->source_;
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
        s.note_drained(op->queue);
        wait_for(op);
        return false;
    }
    note_result(s, op, result);
    finish(op, result.error);
    advance(s, op->queue);
    return true;
}

void source_table::note_result(source& s, io_operation* op, const io_result& result) noexcept {
    if (op->kind() == slot_kind::connect) {
        s.marks.set(source_marks::connected, !result.error);
        connect_over(s);
    } else if (op->kind() == slot_kind::accept) {
        if (out_of_resources(result.error)) {
            if (s.is(source::paused)) {
                return;
            }
            s.set(source::paused);
            events_.pause(s);
        } else if (++accepted_ >= accept_batch_) {
            s.note_drained(op->queue);
        }
    }
}

void source_table::connect_over(source& s) noexcept {
    s.clear(source::connecting);
    s.drained = 0;
    for (unsigned q = 0; q != s.queues.size(); ++q) {
        if (q != static_cast<unsigned>(io_queue::write)) {  // the others are behind it
            advance(s, q);
        }
    }
}

void source_table::finish(io_operation* op, const std::error_code& error) noexcept {
    unlink(op);
    op->state = operation_state::finished;
    op->set_error(error);
}

}  // namespace gyre::inline v0::detail
