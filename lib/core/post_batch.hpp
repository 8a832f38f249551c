// SPDX-License-Identifier: BSL-1.0
// Small functions that other threads post, many in a slot: the owner then fetches a few lines of
// its cache from theirs instead of one for each function, and slots don't travel back and forth.
#pragma once

#include "core/inbox.hpp"
#include "core/plain_post.hpp"
#include "slab/slab.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>

namespace gyre::inline v0::detail {

/// A slot on the stack with a posted operation in it, made from bytes of a batch right before it is
/// called.
class posted_copy {
public:
    static constexpr std::size_t function_size_max = 16;

    posted_copy() noexcept {}  // nothing is in it yet
    posted_copy(const posted_copy&) = delete;
    posted_copy& operator=(const posted_copy&) = delete;

    /// `number` and `generation` identify it to whoever watches.
    operation* make(const operation_functions& functions, const void* function, std::size_t size,
                    std::uint32_t number, std::uint32_t generation) noexcept {
        header_.generation = generation;
        header_.kind = slot_kind::post;
        header_.origin = slot_origin::stack;
        operation* op = make_post(object_, functions, function, size);
        op->bytes = number;
        return op;
    }

    /// Whether the operation lives in such a slot.
    static bool is_copy(const operation* op) noexcept {
        return slot::of(op)->origin == slot_origin::stack;
    }
    /// Precondition: is_copy().
    static std::uint32_t number_of(const operation* op) noexcept {
        return static_cast<std::uint32_t>(op->bytes);
    }

private:
    slot header_{};
    alignas(slot_object_alignment) std::byte object_[sizeof(post_base) + function_size_max];
};

/// Posted functions that are nothing but bytes, oldest first. In the ready list it stands for all
/// of them.
class post_batch final : public operation {
public:
    explicit post_batch() noexcept : operation(functions, operation_state::ready) {}

    bool full() const noexcept { return filled_ == capacity; }
    bool empty() const noexcept { return called_ == filled_; }
    std::size_t size() const noexcept { return filled_ - called_; }

    /// Precondition: not full.
    void push(const operation_functions& f, const void* function, std::size_t size) noexcept {
        entry& e = entries_[filled_++];
        e.functions = &f;
        copy_function(e.bytes.data(), function, size);
    }

    /// Takes the oldest out. Precondition: not empty.
    operation* pop(posted_copy& into, std::uint32_t own_number) noexcept {
        const entry& e = entries_[called_++];
        // The slot is larger than so many units, each of which has a number.
        return into.make(*e.functions, e.bytes.data(), e.bytes.size(), own_number + called_,
                         slot::of(this)->generation);
    }

    static constexpr unsigned size_class = slot_size_count - 1;

private:
    struct entry {
        const operation_functions* functions;
        std::array<std::byte, posted_copy::function_size_max> bytes;
    };
    static constexpr std::size_t room =
        slot_object_size_max - sizeof(operation) - 2 * sizeof(std::uint32_t);
    static constexpr std::size_t capacity = room / sizeof(entry);
    static_assert(capacity < slot_sizes[size_class] / sizeof(slot));

    static void call_none(operation*, free_slots*) {}  // the loop takes its functions out
    static void free(operation* op) { release_slot(static_cast<post_batch*>(op)); }
    static constexpr operation_functions functions{
        &call_none, &free, nullptr, nullptr, "", slot_kind::posts, size_class, false};

    std::uint32_t filled_ = 0;
    std::uint32_t called_ = 0;
    std::array<entry, capacity> entries_;
};
static_assert(sizeof(post_batch) <= slot_object_size_max);

/// The batch that other threads fill. It lies in the inbox since its first function, and what is
/// posted after something else there goes into a new one: so the posts of each thread keep their
/// order.
class post_box {
public:
    static constexpr std::size_t function_size_max = posted_copy::function_size_max;

    /// Any thread but the owner. Throws std::bad_alloc; nothing is posted then.
    void push(inbox& in, slab& memory, const operation_functions& f, const void* function,
              std::size_t size) {
        const std::lock_guard lock(mutex_);
        post_batch* batch = open_.load(std::memory_order_relaxed);
        if (batch != nullptr) {
            batch->push(f, function, size);
            if (batch->full()) {
                open_.store(nullptr, std::memory_order_release);
            }
            return;
        }
        batch = ::new (memory.acquire(post_batch::size_class, slot_kind::posts)) post_batch;
        batch->push(f, function, size);
        open_.store(batch, std::memory_order_release);
        in.push(slot::of(batch));  // before another thread sees it
    }

    /// Any thread, before it pushes another post into the inbox. Relaxed: it sees its own pushes.
    void close() noexcept {
        if (open_.load(std::memory_order_relaxed) != nullptr) {
            const std::lock_guard lock(mutex_);
            open_.store(nullptr, std::memory_order_release);
        }
    }

    /// The owner, of a batch that it took out of the inbox: nobody adds to it any more. acquire
    /// pairs with the store that closed it.
    void close(const post_batch& taken) noexcept {
        if (open_.load(std::memory_order_acquire) == &taken) {
            const std::lock_guard lock(mutex_);
            if (open_.load(std::memory_order_relaxed) == &taken) {
                open_.store(nullptr, std::memory_order_relaxed);
            }
        }
    }

private:
    std::mutex mutex_;
    std::atomic<post_batch*> open_{nullptr};  // never full; stored with the mutex
};

}  // namespace gyre::inline v0::detail
