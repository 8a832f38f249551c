// SPDX-License-Identifier: BSL-1.0
// Ownership of handles, and what can be asked of any of them.
#include <gyre/detail/handle_object.hpp>

#include <gyre/detail/initiate.hpp>

#include "core/handle_calls.hpp"
#include "core/reactor.hpp"
#include "platform/platform.hpp"

#include <new>
#include <utility>

namespace gyre::inline v0::detail {
namespace {

constexpr interest direction_of(io_queue queue) noexcept {
    return queue == io_queue::read    ? interest::read
           : queue == io_queue::write ? interest::write
                                      : interest::except;
}

}  // namespace

handle_object::handle_object(const any_io_executor& executor)
    : executor_(executor), reactor_(&reactor_of(executor)) {}

handle_object::handle_object(handle_object&& other) noexcept
    // NOLINTNEXTLINE(performance-move-constructor-init): the other one keeps its executor
    : executor_(other.executor_),
      reactor_(other.reactor_),
      source_(std::exchange(other.source_, nullptr)) {}

handle_object& handle_object::operator=(handle_object&& other) noexcept {
    if (this != &other) {
        static_cast<void>(close());
        executor_ = other.executor_;
        reactor_ = other.reactor_;
        source_ = std::exchange(other.source_, nullptr);
    }
    return *this;
}

handle_object::~handle_object() { static_cast<void>(close()); }

std::error_code handle_object::take(native_handle_type handle, bool stream) noexcept {
    try {
        source_ = make_source(*reactor_, handle, stream, strand_of(executor_));
        return {};
    } catch (const std::bad_alloc&) {
        return error::make_error_code(error::no_memory);
    }
}

std::error_code handle_object::take_over(native_handle_type handle, bool stream) noexcept {
    const std::error_code e = take(handle, stream);
    if (!e) {
        hand_out(source_);
    }
    return e;
}

std::error_code handle_object::close() noexcept {
    return is_open() ? close_source(*reactor_, std::exchange(source_, nullptr)) : std::error_code();
}

std::error_code handle_object::release(native_handle_type& handle) noexcept {
    if (!is_open()) {
        return not_open();
    }
    const native_handle_type released = hand_out(source_);
    if (const std::error_code e = release_source(*reactor_, source_)) {
        return e;
    }
    source_ = nullptr;
    handle = released;
    return {};
}

std::error_code handle_object::cancel(std::size_t& count) noexcept {
    if (!is_open()) {
        return not_open();
    }
    count = cancel_io(*reactor_, source_);
    return {};
}

native_handle_type handle_object::native_handle() noexcept {
    return is_open() ? hand_out(source_) : invalid_native_handle;
}

bool handle_object::non_blocking() const noexcept {
    return is_open() && user_non_blocking(source_);
}

std::error_code handle_object::non_blocking(bool on) noexcept {
    if (!is_open()) {
        return not_open();
    }
    set_user_non_blocking(source_, on);
    return {};
}

std::error_code handle_object::io_control(unsigned long command, void* argument) noexcept {
    return is_open() ? reactor_->world().sockets().io_control(handle_of(source_), command, argument)
                     : not_open();
}

std::error_code handle_object::wait(io_queue queue) noexcept {
    return is_open()
               ? reactor_->world().wait_one(handle_of(source_), direction_of(queue), no_deadline)
               : not_open();
}

void handle_object::complete(operation* op, const std::error_code& error) noexcept {
    complete_io(*reactor_, op, error, strand_of(executor_));
}

void handle_object::complete_not_open(operation* op) noexcept { complete(op, not_open()); }

}  // namespace gyre::inline v0::detail
