// SPDX-License-Identifier: BSL-1.0
// Where handlers live: pages of equally large slots, one list of free slots a size class.
//
// The thread that holds the token of the reactor uses the owner's lists without a lock; all other
// threads take from locked lists, and what they took returns there in batches. Pages live until
// the slab dies. Knows nothing of what lives in the slots but its kind.
#pragma once

#include <gyre/detail/slot.hpp>

#include "slab/field_ref.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace gyre::inline v0::detail {

/// A thread's claims to be the owner of slabs, innermost first: run() of one context may be
/// nested in a handler of another.
struct owner_frame {
    const slab* owned = nullptr;  ///< null while the claim is given up for the length of a handler
    const void* runs = nullptr;   ///< whose handlers the thread runs, if it does
    const owner_frame* outer = nullptr;
};
/// Never null: a thread without a claim has an empty frame, so that the usual question is one
/// comparison.
inline constexpr owner_frame no_owner_frame;
extern constinit thread_local const owner_frame* top_owner_frame;

/// The generation of a slot, which may be released and reused by another thread meanwhile. Relaxed:
/// it says only whether a reference is stale.
inline std::uint32_t generation_of(const slot& s) noexcept {
    return field_ref(const_cast<slot&>(s).generation).load(std::memory_order_relaxed);
}

inline slot_kind kind_of(const slot& s) noexcept {
    return field_ref(const_cast<slot&>(s).kind).load(std::memory_order_relaxed);
}

/// Figures of a slab.
struct slab_usage {
    std::size_t pages;
    std::size_t live_slots;
    std::uint64_t spilled_handlers;
};

class slab : private free_slots {
public:
    static constexpr std::size_t page_bytes = 16 * 1024;
    static constexpr std::size_t pages_max = std::size_t{1} << 18;

    /// Holds at most `bytes_max` bytes of pages, rounded up to whole pages; 0 is as much as the
    /// page table can name (4 GiB).
    explicit slab(std::size_t bytes_max) noexcept;
    slab(const slab&) = delete;
    slab& operator=(const slab&) = delete;
    /// Frees the pages, whatever is in them.
    ~slab();

    /// Whether the calling thread is the owner.
    bool owned_here() const noexcept { return owned_by_top() || owned_further_out(); }
    /// The usual case of it: not inside a handler of another context.
    bool owned_by_top() const noexcept { return top_owner_frame->owned == this; }

    /// The owner's: what operation::call() takes.
    free_slots* owned_slots() noexcept { return this; }

    /// Any thread. Throws std::bad_alloc, also when bytes_max is reached.
    void* acquire(unsigned size_class, slot_kind kind) {
        void* object = owned_by_top() ? take_free(size_class, kind) : nullptr;
        return object != nullptr ? object : acquire_slowly(size_class, kind);
    }
    /// The owner: null if there is none on its list.
    void* take_free(unsigned size_class, slot_kind kind) noexcept {
        slot* s = first[size_class];
        if (s == nullptr) [[unlikely]] {
            return nullptr;
        }
        first[size_class] = s->link;
        set_kind(s, kind);
        return s->object();
    }
    /// Any thread.
    void release(slot* s) noexcept;

    /// The owner: hands slots that other threads took back to them.
    void return_shared() noexcept {
        if (returning_count_ != 0) {
            flush_all();
        }
    }

    /// The number of a slot that has been in use, and back.
    std::uint32_t number_of(const void* object) const noexcept;
    slot* at(std::uint32_t number) const noexcept {
        return page_at(number / page_units)->slot_at_unit(number % page_units);
    }

    /// Says what lives in a slot, after that was constructed: a walk sees both or neither. Until
    /// then the slot is one of a kind that nobody walks for.
    static void publish(void* object, slot_kind kind) noexcept {
        field_ref(slot::of(object)->kind).store(kind, std::memory_order_release);
    }

    /// Calls f(slot&, kind) for each slot in use; f may release that slot. Owner only, with no
    /// other thread acquiring or releasing meanwhile if the answer has to be exact.
    template <class F>
    void for_each_live(F&& f) {
        const std::size_t count = page_count_.load(std::memory_order_acquire);
        for (std::size_t p = 0; p != count; ++p) {
            page* at_page = page_at(p);
            const unsigned carved = at_page->carved.load(std::memory_order_acquire);
            for (unsigned i = 0; i != carved; ++i) {
                slot* s = at_page->slot_at(i);
                // acquire: pairs with publish().
                const slot_kind kind = field_ref(s->kind).load(std::memory_order_acquire);
                if (kind != slot_kind::none) {
                    f(*s, kind);
                }
            }
        }
    }

    slab_usage usage();
    void count_spill() noexcept { spills_.fetch_add(1, std::memory_order_relaxed); }

private:
    struct page {
        slab* owner;
        std::uint32_t number;
        std::uint32_t slot_bytes;
        std::uint32_t size_class;
        std::atomic<std::uint32_t> carved;  // slots handed out at least once

        slot* slot_at(std::size_t i) noexcept {
            return reinterpret_cast<slot*>(reinterpret_cast<char*>(this) + page_header_bytes +
                                           i * slot_bytes);
        }
        slot* slot_at_unit(std::size_t position) noexcept {
            return reinterpret_cast<slot*>(this) + position;
        }
        std::size_t capacity() const noexcept {
            return (page_bytes - page_header_bytes) / slot_bytes;
        }
    };
    friend void release_slot(void* object) noexcept;

    static constexpr std::size_t page_header_bytes = 64;
    static constexpr std::size_t page_units = page_bytes / sizeof(slot);  // positions in a page
    static constexpr std::size_t block_pages = 1024;

    // The page of each class that new slots are carved from.
    using fresh_pages = std::array<page*, slot_size_count>;
    // Slots on their way back to the shared arena.
    struct batch {
        slot* first = nullptr;
        slot* last = nullptr;
        unsigned count = 0;
    };

    static page* page_of(const slot* s) noexcept {
        return reinterpret_cast<page*>(reinterpret_cast<std::uintptr_t>(s) &
                                       ~std::uintptr_t{page_bytes - 1});
    }
    page* page_at(std::size_t number) const noexcept {
        return blocks_[number / block_pages].load(std::memory_order_acquire)[number % block_pages];
    }
    static void set_kind(slot* s, slot_kind kind) noexcept {
        field_ref(s->kind).store(kind, std::memory_order_relaxed);
    }
    // Apart from their callers, whose usual way then needs no registers to be saved.
    [[gnu::noinline]] bool owned_further_out() const noexcept;
    [[gnu::noinline]] void* acquire_slowly(unsigned size_class, slot_kind kind);
    slot* take_owned(unsigned size_class);
    slot* take_shared(unsigned size_class);
    slot* take_all_shared(unsigned size_class) noexcept;
    slot* carve(fresh_pages& from, unsigned size_class);
    page* add_page(unsigned size_class);
    void flush(unsigned size_class) noexcept;
    [[gnu::noinline]] void flush_all() noexcept;

    const std::size_t pages_allowed_;
    fresh_pages fresh_{};  // the owner's
    std::array<batch, slot_size_count> returning_{};
    unsigned returning_count_ = 0;

    std::mutex shared_mutex_;
    free_slots shared_;  // these two are guarded by shared_mutex_
    fresh_pages shared_fresh_{};

    std::mutex pages_mutex_;  // taken by whoever adds a page
    std::array<std::atomic<page**>, pages_max / block_pages> blocks_{};
    std::atomic<std::size_t> page_count_{0};
    std::atomic<std::uint64_t> spills_{0};
};

}  // namespace gyre::inline v0::detail
