// SPDX-License-Identifier: BSL-1.0
// Handlers that name what they are associated with, for the tests of who honours it.
#pragma once

#include <gyre/cancellation_signal.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace gyre::testing {

/// A handler with a cancellation slot.
template <class Handler>
struct cancellable {
    using cancellation_slot_type = cancellation_slot;

    cancellation_slot get_cancellation_slot() const noexcept { return slot; }
    template <class... Results>
    void operator()(Results&&... results) {
        handler(std::forward<Results>(results)...);
    }

    cancellation_slot slot;
    Handler handler;
};
template <class Handler>
cancellable(cancellation_slot, Handler) -> cancellable<Handler>;

/// Counts what is taken and given back; refuses when told to.
struct allocation_log {
    std::size_t taken = 0;
    std::size_t given_back = 0;
    bool refuse = false;
};

template <class T>
struct logging_allocator {
    using value_type = T;

    explicit logging_allocator(allocation_log* l) : log(l) {}
    template <class U>
    logging_allocator(const logging_allocator<U>& other) : log(other.log) {}

    T* allocate(std::size_t n) {
        if (log->refuse) {
            throw std::bad_alloc();
        }
        ++log->taken;
        return std::allocator<T>().allocate(n);
    }
    void deallocate(T* p, std::size_t n) {
        ++log->given_back;
        std::allocator<T>().deallocate(p, n);
    }
    template <class U>
    bool operator==(const logging_allocator<U>& other) const {
        return log == other.log;
    }

    allocation_log* log;
};

/// A handler with an allocator.
template <class Handler>
struct allocating {
    using allocator_type = logging_allocator<char>;

    allocator_type get_allocator() const noexcept { return allocator_type(log); }
    template <class... Results>
    void operator()(Results&&... results) {
        handler(std::forward<Results>(results)...);
    }

    allocation_log* log;
    Handler handler;
};
template <class Handler>
allocating(allocation_log*, Handler) -> allocating<Handler>;

}  // namespace gyre::testing
