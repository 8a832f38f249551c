// SPDX-License-Identifier: BSL-1.0
// An operation together with its handler: what templates add to the erased header.
#pragma once

#include <gyre/detail/handler_storage.hpp>
#include <gyre/detail/operation.hpp>

#include <new>
#include <type_traits>
#include <utility>

namespace gyre::inline v0::detail {

/// Frees a slot unless told that the object in it was made.
class slot_guard {
public:
    slot_guard(slab* memory, unsigned size_class, slot_kind kind)
        : memory_(acquire_slot(memory, size_class, kind)) {}
    slot_guard(const slot_guard&) = delete;
    slot_guard& operator=(const slot_guard&) = delete;
    ~slot_guard() {
        if (memory_ != nullptr) {
            release_slot(memory_);
        }
    }
    void* get() const noexcept { return memory_; }
    void keep() noexcept { memory_ = nullptr; }

private:
    void* memory_;
};

/// An intermediate handler of a composed operation.
///
/// goes_on(error, bytes) tells whether the composed operation continues after a step with that
/// result, as far as that can be told without calling user code; stop() makes it end at the next
/// step with operation_aborted.
template <class H>
concept composed_step = requires(H& h, const std::error_code& e, std::size_t n) {
    { h.goes_on(e, n) } -> std::convertible_to<bool>;
    h.stop();
};

/// What the compiler calls the type of a handler, within the name of this function.
template <class Handler>
constexpr const char* handler_name() noexcept {
    return __PRETTY_FUNCTION__;
}

/// `Base` is an operation without its handler. It provides `Base::kind_in_slot` and
/// `outcome take()`, a small object that calls a handler with the results.
template <class Base, class Handler>
class handler_operation final : public Base {
public:
    template <class H, class... Arguments>
    static handler_operation* make(slab* memory, H&& h, Arguments&&... arguments) {
        constexpr unsigned size_class = slot_class(sizeof(handler_operation));
        slot_guard guard(memory, size_class, Base::kind_in_slot);
        auto* op = ::new (guard.get())
            handler_operation(memory, std::forward<H>(h), std::forward<Arguments>(arguments)...);
        guard.keep();
        return op;
    }

private:
    static_assert(std::is_same_v<Handler, std::decay_t<Handler>>);

    template <class H, class... Arguments>
    handler_operation(slab* memory, H&& h, Arguments&&... arguments)
        : Base(&run, std::forward<Arguments>(arguments)...), storage_(memory, std::forward<H>(h)) {
        static_assert(sizeof(handler_operation) <= slot_object_size_max);
        static_assert(alignof(handler_operation) <= slot_object_alignment);
    }
    ~handler_operation() = default;

    static const void* run(operation* base, operation_request request) {
        auto* self = static_cast<handler_operation*>(base);
        if (request == operation_request::call) {
            self->call_handler();
            return nullptr;
        }
        switch (request) {
        case operation_request::call: break;
        case operation_request::destroy: {
            // The captures of the handler may reach this slot's context: free it first.
            [[maybe_unused]] const Handler handler(std::move(self->storage_.get()));
            self->free();
            return nullptr;
        }
        case operation_request::name: return handler_name<Handler>();
        case operation_request::goes_on:
            if constexpr (composed_step<Handler>) {
                return self->storage_.get().goes_on(self->error(), self->bytes) ? self : nullptr;
            }
            return nullptr;
        }
        return nullptr;
    }

    void call_handler() {
        auto outcome = this->take();
        if constexpr (composed_step<Handler>) {
            if (this->stop_after) {
                storage_.get().stop();
            }
        }
        Handler handler(std::move(storage_.get()));
        free();
        outcome(handler);
    }

    void free() noexcept {
        this->~handler_operation();
        release_slot(this);
    }

    handler_storage<Handler, fits_slot<Base, Handler>> storage_;
};

/// Posted work.
class post_base : public operation {
public:
    static constexpr slot_kind kind_in_slot = slot_kind::post;
    explicit post_base(function f) noexcept : operation(f) {}

    struct outcome {
        template <class Handler>
        void operator()(Handler& handler) {
            std::move(handler)();
        }
    };
    outcome take() noexcept { return {}; }

protected:
    ~post_base() = default;
};

template <class Handler>
using post_operation = handler_operation<post_base, Handler>;

}  // namespace gyre::inline v0::detail
