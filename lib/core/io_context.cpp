// SPDX-License-Identifier: BSL-1.0
// The public face of a reactor, and the store of one object a type.
#include <gyre/io_context.hpp>

#include <gyre/assertion.hpp>
#include <gyre/detail/throw_error.hpp>

#include "core/reactor.hpp"
#include "platform/platform.hpp"

namespace gyre::inline v0 {
namespace {

io_context_options with_hint(int concurrency_hint) {
    io_context_options options;
    options.concurrency_hint = concurrency_hint;
    return options;
}

const io_context_options& checked(const io_context_options& o) {
    GYRE_ASSERT(o.ring_capacity >= 1 && o.ring_capacity <= 65534);
    GYRE_ASSERT(o.inbox_per_turn >= 1 && o.events_per_wait >= 1 && o.handlers_per_turn >= 1);
    GYRE_ASSERT(o.timers_per_turn >= 1 && o.accept_batch >= 1);
    GYRE_ASSERT(o.time_per_turn >= 0 && o.accept_pause >= 0);
    return o;
}

}  // namespace

io_context::io_context() : io_context(io_context_options()) {}

io_context::io_context(int concurrency_hint) : io_context(with_hint(concurrency_hint)) {}

io_context::io_context(const io_context_options& options)
    : reactor_(
          new detail::reactor(options.world != nullptr ? *options.world : detail::native_platform(),
                              checked(options))) {}

io_context::~io_context() {
    // Handlers first: they may use what is stored. Then the store, youngest first, and last the
    // pages, because stored objects may hold timers and sockets.
    static_cast<void>(reactor_->destroy_pending());
    while (stored* youngest = stored_) {
        stored_ = youngest->older;
        youngest->destroy(youngest);
    }
    delete reactor_;
}

io_context::count_type io_context::run() { return reactor_->run(no_deadline, false); }
io_context::count_type io_context::run_one() { return reactor_->run(no_deadline, true); }
io_context::count_type io_context::poll() { return reactor_->run(immediately, false); }
io_context::count_type io_context::poll_one() { return reactor_->run(immediately, true); }

io_context::count_type io_context::run_until_ns(time_ns until, bool one) {
    // The very first nanosecond means "without waiting" further down.
    until = until == immediately ? immediately + 1 : until;
    return reactor_->run(until, one);
}

void io_context::stop() noexcept { reactor_->stop(); }
bool io_context::stopped() const noexcept { return reactor_->stopped(); }
void io_context::restart() noexcept { reactor_->restart(); }

void io_context::notify_fork(fork_event event) {
    if (event == fork_child) {
        reactor_->come_out_of_fork();
    }
}

time_ns io_context::fresh_now() noexcept { return reactor_->fresh_now(); }
time_ns io_context::turn_now() noexcept { return reactor_->turn_now(); }

void io_context::set_dispatch_hook(const dispatch_hook& hook) { reactor_->set_dispatch_hook(hook); }

native_handle_type io_context::native_handle() {
    std::error_code error;
    const native_handle_type handle = native_handle(error);
    detail::throw_error(error, "native_handle");
    return handle;
}
native_handle_type io_context::native_handle(std::error_code& error) {
    return reactor_->host_handle(error);
}
time_ns io_context::next_deadline() { return reactor_->next_deadline(); }
void io_context::set_deadline_hook(const deadline_hook& hook) { reactor_->set_deadline_hook(hook); }

const char* io_context::poller_name() const noexcept { return reactor_->poller_name(); }

void io_context::submit(detail::operation* operation) noexcept { reactor_->submit(operation); }
void io_context::submit_copy(const detail::operation_functions& functions, const void* function,
                             std::size_t size) {
    reactor_->submit_copy(functions, function, size);
}
void io_context::work_started() noexcept { reactor_->work_started(); }
void io_context::work_finished() noexcept { reactor_->work_finished(); }
bool io_context::running_in_this_thread() const noexcept {
    return reactor_->running_in_this_thread();
}
detail::slab* io_context::slots() noexcept { return &reactor_->memory(); }

void io_context::destroy_at_end_of_turn(detail::operation* op) noexcept {
    reactor_->destroy_later(op);
}

void* io_context::find_stored(const void* type) noexcept {
    for (const stored* s = stored_; s != nullptr; s = s->older) {
        if (s->type == type) {
            return s->object;
        }
    }
    return nullptr;
}

void io_context::store(stored* entry) noexcept {
    entry->older = stored_;
    stored_ = entry;
}

}  // namespace gyre::inline v0
