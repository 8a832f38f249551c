// SPDX-License-Identifier: BSL-1.0
// Keeps a handler inside its operation's slot, or outside when it is too large, over-aligned or
// brings an allocator of its own.
#pragma once

#include <gyre/associated_allocator.hpp>
#include <gyre/detail/slot.hpp>

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace gyre::inline v0::detail {

/// Operators new and delete in the shape of an allocator, for handlers that name none.
template <class T>
struct heap_allocator {
    using value_type = T;
    heap_allocator() = default;
    template <class U>
    explicit heap_allocator(const heap_allocator<U>&) noexcept {}

    T* allocate(std::size_t n) {
        return static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{alignof(T)}));
    }
    void deallocate(T* p, std::size_t) noexcept {
        ::operator delete (p, std::align_val_t{alignof(T)});
    }
};

/// Whether a handler can live in a slot behind `Header`.
template <class Header, class Handler>
inline constexpr bool fits_slot =
    !names_allocator<Handler> && alignof(Handler) <= slot_object_alignment &&
    sizeof(Header) + sizeof(Handler) + alignof(Handler) <= slot_object_size_max;

template <class Handler, bool InSlot>
class handler_storage;

template <class Handler>
class handler_storage<Handler, true> {
public:
    template <class Memory, class H>
    handler_storage(Memory*, H&& h) : handler_(std::forward<H>(h)) {}
    handler_storage(const handler_storage&) = delete;
    handler_storage& operator=(const handler_storage&) = delete;

    Handler& get() noexcept { return handler_; }
    const Handler& get() const noexcept { return handler_; }

private:
    Handler handler_;
};

template <class Handler>
class handler_storage<Handler, false> {
    // The rebound type of whatever allocator there is. std::allocator_traits would pull <memory>
    // into every user's translation unit; the minimal requirements of an allocator suffice.
    template <class A>
    static auto rebind(const A& a) {
        if constexpr (requires { typename A::template rebind<Handler>::other; }) {
            return typename A::template rebind<Handler>::other(a);
        } else {
            return rebind_template(a);
        }
    }
    template <template <class, class...> class A, class T, class... Rest>
    static auto rebind_template(const A<T, Rest...>& a) {
        return A<Handler, Rest...>(a);
    }
    // Of the handler, or of what it is made from: both have the same associations.
    template <class H>
    static auto allocator_of(const H& h) {
        return rebind(get_associated_allocator(h, heap_allocator<Handler>()));
    }

public:
    template <class Memory, class H>
    handler_storage(Memory* memory, H&& h) {
        auto allocator = allocator_of(h);
        handler_ = &*allocator.allocate(1);
        try {
            ::new (static_cast<void*>(handler_)) Handler(std::forward<H>(h));
        } catch (...) {
            allocator.deallocate(handler_, 1);
            throw;
        }
        count_spill(memory);
    }
    handler_storage(const handler_storage&) = delete;
    handler_storage& operator=(const handler_storage&) = delete;
    ~handler_storage() {
        auto allocator = allocator_of(*handler_);
        handler_->~Handler();
        allocator.deallocate(handler_, 1);
    }

    Handler& get() noexcept { return *handler_; }
    const Handler& get() const noexcept { return *handler_; }

private:
    Handler* handler_;
};

}  // namespace gyre::inline v0::detail
