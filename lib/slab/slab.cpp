// SPDX-License-Identifier: BSL-1.0
// Pages, free lists and batches of the slab.
#include "slab/slab.hpp"

#include <new>
#include <utility>

namespace gyre::inline v0::detail {
namespace {

constexpr std::size_t page_header_bytes = 64;
constexpr unsigned return_batch = 32;  // slots of one class that go back under one lock

}  // namespace

constinit thread_local owner_frame* top_owner_frame = nullptr;

slot* slab::page::slot_at(std::size_t i) noexcept {
    return reinterpret_cast<slot*>(reinterpret_cast<char*>(this) + page_header_bytes +
                                   i * slot_bytes);
}

std::size_t slab::page::capacity() const noexcept {
    return (page_bytes - page_header_bytes) / slot_bytes;
}

slab::slab(std::size_t bytes_max) noexcept
    : pages_allowed_(bytes_max == 0 || bytes_max / page_bytes >= pages_max
                         ? pages_max
                         : (bytes_max + page_bytes - 1) / page_bytes) {}

slab::~slab() {
    const std::size_t count = page_count_.load(std::memory_order_acquire);
    for (std::size_t p = 0; p != count; ++p) {
        ::operator delete (page_at(p), std::align_val_t{page_bytes});
    }
    for (auto& block : blocks_) {
        delete[] block.load(std::memory_order_relaxed);
    }
}

slab::page* slab::page_of(const slot* s) noexcept {
    return reinterpret_cast<page*>(reinterpret_cast<std::uintptr_t>(s) &
                                   ~std::uintptr_t{page_bytes - 1});
}

std::size_t slab::class_of(std::size_t object_size) noexcept {
    constexpr std::size_t step = 32;
    static constexpr auto class_of_steps = [] {
        std::array<std::uint8_t, class_bytes.back() / step + 1> table{};
        for (std::size_t steps = 0; steps != table.size(); ++steps) {
            while (class_bytes[table[steps]] < steps * step) {
                ++table[steps];
            }
        }
        return table;
    }();
    return class_of_steps[(object_size + sizeof(slot) + step - 1) / step];
}

slab::page* slab::page_at(std::size_t number) const noexcept {
    return blocks_[number / block_pages].load(std::memory_order_acquire)[number % block_pages];
}

void* slab::acquire(std::size_t size, slot_kind kind) {
    const std::size_t c = class_of(size);
    const bool owner = owned_here();
    slot* s = owner ? take_owned(c) : take_shared(c);
    // Only whoever holds the slot writes its generation: a load and a store will do.
    s->generation.store(s->generation.load(std::memory_order_relaxed) + 1,
                        std::memory_order_relaxed);
    s->kind = kind;
    s->origin = owner ? slot_origin::owner : slot_origin::shared;
    return s->object();
}

slot* slab::take(arena& from, std::size_t size_class) {
    if (slot* s = from.free[size_class]) {
        from.free[size_class] = s->link;
        return s;
    }
    return carve(from, size_class);
}

slot* slab::take_owned(std::size_t size_class) {
    if (owned_.free[size_class] == nullptr) {
        // What the owner took and others released lies in the shared list: a new page before that
        // is used up would let the slab grow for ever.
        const std::lock_guard lock(shared_mutex_);
        owned_.free[size_class] = std::exchange(shared_.free[size_class], nullptr);
    }
    return take(owned_, size_class);
}

slot* slab::take_shared(std::size_t size_class) {
    const std::lock_guard lock(shared_mutex_);
    return take(shared_, size_class);
}

slot* slab::carve(arena& from, std::size_t size_class) {
    page* p = from.fresh[size_class];
    if (p == nullptr || p->carved.load(std::memory_order_relaxed) == p->capacity()) {
        p = from.fresh[size_class] = add_page(size_class);
    }
    const std::uint32_t i = p->carved.load(std::memory_order_relaxed);
    slot* s = ::new (p->slot_at(i)) slot{};
    s->position = static_cast<std::uint16_t>(i);
    p->carved.store(i + 1, std::memory_order_release);
    return s;
}

slab::page* slab::add_page(std::size_t size_class) {
    const std::lock_guard lock(pages_mutex_);
    const std::size_t number = page_count_.load(std::memory_order_relaxed);
    if (number >= pages_allowed_) {
        throw std::bad_alloc();
    }
    auto& block = blocks_[number / block_pages];
    if (block.load(std::memory_order_relaxed) == nullptr) {
        block.store(new page*[block_pages](), std::memory_order_release);
    }
    void* memory = ::operator new (page_bytes, std::align_val_t{page_bytes});
    page* p = ::new (memory) page{this,
                                  static_cast<std::uint32_t>(number),
                                  class_bytes[size_class],
                                  static_cast<std::uint32_t>(size_class),
                                  {}};
    block.load(std::memory_order_relaxed)[number % block_pages] = p;
    page_count_.store(number + 1, std::memory_order_release);
    return p;
}

void slab::release(slot* s) noexcept {
    const std::size_t c = page_of(s)->size_class;
    s->kind = slot_kind::none;
    s->generation.store(s->generation.load(std::memory_order_relaxed) + 1,
                        std::memory_order_relaxed);
    if (!owned_here()) {
        const std::lock_guard lock(shared_mutex_);
        s->link = shared_.free[c];
        shared_.free[c] = s;
    } else if (s->origin == slot_origin::owner) {
        s->link = owned_.free[c];
        owned_.free[c] = s;
    } else {
        batch& b = returning_[c];
        s->link = b.first;
        b.first = s;
        b.last = b.last != nullptr ? b.last : s;
        ++returning_count_;
        if (++b.count == return_batch) {
            flush(c);
        }
    }
}

void slab::flush(std::size_t size_class) noexcept {
    batch& b = returning_[size_class];
    {
        const std::lock_guard lock(shared_mutex_);
        b.last->link = shared_.free[size_class];
        shared_.free[size_class] = b.first;
    }
    returning_count_ -= b.count;
    b = {};
}

void slab::return_shared() noexcept {
    for (std::size_t c = 0; returning_count_ != 0; ++c) {
        if (returning_[c].count != 0) {
            flush(c);
        }
    }
}

std::uint32_t slab::number_of(const void* object) const noexcept {
    const slot* s = slot::of(object);
    return page_of(s)->number * static_cast<std::uint32_t>(block_pages) + s->position;
}

slot* slab::at(std::uint32_t number) const noexcept {
    const std::size_t p = number / block_pages;
    const std::size_t i = number % block_pages;
    if (p >= page_count_.load(std::memory_order_acquire) ||
        i >= page_at(p)->carved.load(std::memory_order_acquire)) {
        return nullptr;
    }
    return page_at(p)->slot_at(i);
}

slab_usage slab::usage() {
    slab_usage u{page_count_.load(std::memory_order_acquire), 0,
                 spills_.load(std::memory_order_relaxed)};
    for_each_live([&u](slot&) { ++u.live_slots; });
    return u;
}

void* acquire_slot(slab* memory, std::size_t size, slot_kind kind) {
    if (memory != nullptr) {
        return memory->acquire(size, kind);
    }
    slot* s = ::new (::operator new(sizeof(slot) + size)) slot{};
    s->generation.store(1, std::memory_order_relaxed);
    s->kind = kind;
    s->origin = slot_origin::heap;
    return s->object();
}

void release_slot(void* object) noexcept {
    slot* s = slot::of(object);
    if (s->origin == slot_origin::heap) {
        ::operator delete(s);
    } else {
        slab::page_of(s)->owner->release(s);
    }
}

void count_spill(slab* memory) noexcept {
    if (memory != nullptr) {
        memory->count_spill();
    }
}

}  // namespace gyre::inline v0::detail
