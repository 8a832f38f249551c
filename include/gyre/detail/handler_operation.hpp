// SPDX-License-Identifier: BSL-1.0
// An operation together with its handler: what templates add to the erased header.
#pragma once

#include <gyre/detail/guard.hpp>
#include <gyre/detail/handler_storage.hpp>
#include <gyre/detail/operation.hpp>

#include <new>
#include <type_traits>
#include <utility>

namespace gyre::inline v0::detail {

/// Frees a slot unless told that the object in it was made.
class slot_guard {
public:
    template <class Memory>
    slot_guard(Memory* memory, unsigned size_class, slot_kind kind)
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
/// result, as far as that can be told without calling user code; stop(reason) makes it end at the
/// next step with that reason's error.
template <class H>
concept composed_step = requires(H& h, const std::error_code& e, std::size_t n) {
    { std::as_const(h).goes_on(e, n) } -> std::convertible_to<bool>;
    h.stop(stop_reason::cancelled);
};

/// What the compiler calls the type of a handler, within the name of this function.
template <class Handler>
constexpr const char* handler_name() noexcept {
    return __PRETTY_FUNCTION__;
}

/// How much a read or write has to move before it is done.
enum class extent : bool { some, whole };

/// An operation `Base` in a slot, and its handler behind it. `Base` provides `Base::kind_in_slot`
/// and `outcome take()`, a small object that calls a handler with the results.
template <class Base, class Handler, extent Extent = extent::some>
class handler_operation {
    static_assert(std::is_same_v<Handler, std::decay_t<Handler>>);
    using storage = handler_storage<Handler, fits_slot<Base, Handler>>;

    static constexpr std::size_t handler_offset() noexcept {
        return (sizeof(Base) + alignof(storage) - 1) / alignof(storage) * alignof(storage);
    }
    static constexpr unsigned size_class() noexcept {
        static_assert(handler_offset() + sizeof(storage) <= slot_object_size_max);
        static_assert(alignof(Base) <= slot_object_alignment);
        return slot_class(handler_offset() + sizeof(storage));
    }
    static storage& storage_of(operation* op) noexcept {
        auto* base = static_cast<Base*>(op);
        return *std::launder(
            reinterpret_cast<storage*>(reinterpret_cast<char*>(base) + handler_offset()));
    }
    static const storage& storage_of(const operation* op) noexcept {
        return storage_of(const_cast<operation*>(op));
    }

public:
    /// Whether a copy of its bytes is a handler.
    template <class H>
    static constexpr bool is_plain = fits_slot<Base, Handler>&&
        std::is_trivially_copyable_v<Handler>&& std::is_same_v<std::remove_cvref_t<H>, Handler>;

    /// `memory`: a slab or a reactor.
    template <class Memory, class H, class... Arguments>
    static Base* make(Memory* memory, H&& h, Arguments&&... arguments) {
        slot_guard guard(memory, size_class(), Base::kind_in_slot);
        auto* op = ::new (guard.get()) Base(functions, std::forward<Arguments>(arguments)...);
        attach(op, memory, std::forward<H>(h));
        guard.keep();
        return op;
    }

    /// Whether attach() can't fail.
    template <class H>
    static constexpr bool attaches_safely =
        fits_slot<Base, Handler>&& std::is_nothrow_constructible_v<Handler, H>;

    /// Gives its handler to an operation that was made with `functions`.
    template <class Memory, class H>
    static void attach(Base* op, Memory* memory, H&& h) noexcept(attaches_safely<H>) {
        ::new (reinterpret_cast<char*>(op) + handler_offset()) storage(memory, std::forward<H>(h));
    }

private:
    static void call(operation* op, free_slots* owned) {
        auto outcome = static_cast<Base*>(op)->take();
        if constexpr (composed_step<Handler>) {
            if (op->stop_after != stop_reason::none) {
                storage_of(op).get().stop(op->stop_after);
            }
        }
        Handler handler(std::move(storage_of(op).get()));
        free(op, owned);
        outcome(handler);
    }

    static void destroy(operation* op) {
        // The captures of the handler may reach this slot's context: free it first.
        [[maybe_unused]] const Handler handler(std::move(storage_of(op).get()));
        free(op, nullptr);
    }

    static constexpr auto goes_on() noexcept -> bool (*)(const operation*) {
        if constexpr (composed_step<Handler>) {
            return [](const operation* op) {
                return storage_of(op).get().goes_on(op->error(), op->bytes);
            };
        } else {
            return nullptr;
        }
    }

    static constexpr auto guard() noexcept -> guard_holder& (*)(operation*) {
        if constexpr (names_guard<Handler>) {
            return [](operation* op) -> guard_holder& { return guard_of(storage_of(op).get()); };
        } else {
            return nullptr;
        }
    }

    static void free(operation* op, free_slots* owned) noexcept {
        storage_of(op).~storage();
        auto* base = static_cast<Base*>(op);
        base->~Base();
        release_slot(base, size_class(), owned);
    }

public:
    static const operation_functions functions;
};

template <class Base, class Handler, extent Extent>
constexpr operation_functions handler_operation<Base, Handler, Extent>::functions{
    &call,
    &destroy,
    goes_on(),
    guard(),
    detail::handler_name<Handler>(),
    Base::kind_in_slot,
    static_cast<std::uint8_t>(size_class()),
    Extent == extent::whole};

/// Posted work.
class post_base final : public operation {
public:
    static constexpr slot_kind kind_in_slot = slot_kind::post;
    // NOLINTNEXTLINE(clang-analyzer-optin.cplusplus.UninitializedObject): a post has no result
    explicit post_base(const functions& f) noexcept : operation(f, operation_state::finished) {}

    struct outcome {
        template <class Handler>
        void operator()(Handler& handler) {
            std::move(handler)();
        }
    };
    outcome take() noexcept { return {}; }
};

template <class Handler>
using post_operation = handler_operation<post_base, Handler>;

}  // namespace gyre::inline v0::detail
