// SPDX-License-Identifier: BSL-1.0
// Pages, free lists and batches of the slab.
#include "slab/slab.hpp"

#include <new>
#include <utility>

namespace gyre::inline v0::detail {
namespace {

constexpr unsigned return_batch = 32;  // slots of one class that go back under one lock

}  // namespace

constinit thread_local const owner_frame* top_owner_frame = &no_owner_frame;

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

bool slab::owned_further_out() const noexcept {
    for (const owner_frame* f = top_owner_frame; f != nullptr; f = f->outer) {
        if (f->owned == this) {
            return true;
        }
    }
    return false;
}

void* slab::acquire_slowly(unsigned size_class, slot_kind kind) {
    slot* s = owned_here() ? take_owned(size_class) : take_shared(size_class);
    set_kind(s, kind);
    return s->object();
}

slot* slab::take_owned(unsigned size_class) {
    if (first[size_class] == nullptr) {
        first[size_class] = take_all_shared(size_class);
    }
    slot* s = first[size_class];
    if (s == nullptr) {
        return carve(fresh_, size_class);
    }
    first[size_class] = s->link;
    return s;
}

// What the owner took and others released lies in the shared list: a new page before that is used
// up would let the slab grow for ever.
slot* slab::take_all_shared(unsigned size_class) noexcept {
    slot* all = nullptr;
    {
        const std::lock_guard lock(shared_mutex_);
        all = std::exchange(shared_.first[size_class], nullptr);
    }
    for (slot* s = all; s != nullptr; s = s->link) {
        s->origin = slot_origin::owner;
    }
    return all;
}

slot* slab::take_shared(unsigned size_class) {
    const std::lock_guard lock(shared_mutex_);
    slot* s = shared_.first[size_class];
    if (s != nullptr) {
        shared_.first[size_class] = s->link;
    } else {
        s = carve(shared_fresh_, size_class);
    }
    s->origin = slot_origin::shared;
    return s;
}

slot* slab::carve(fresh_pages& from, unsigned size_class) {
    page* p = from[size_class];
    if (p == nullptr || p->carved.load(std::memory_order_relaxed) == p->capacity()) {
        p = from[size_class] = add_page(size_class);
    }
    const std::uint32_t i = p->carved.load(std::memory_order_relaxed);
    slot* s = ::new (p->slot_at(i)) slot{};
    s->position = static_cast<std::uint16_t>(s - reinterpret_cast<slot*>(p));
    p->carved.store(i + 1, std::memory_order_release);
    return s;
}

slab::page* slab::add_page(unsigned size_class) {
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
    page* p = ::new (memory)
        page{this, static_cast<std::uint32_t>(number), slot_sizes[size_class], size_class, {}};
    block.load(std::memory_order_relaxed)[number % block_pages] = p;
    page_count_.store(number + 1, std::memory_order_release);
    return p;
}

void slab::release(slot* s) noexcept {
    const unsigned c = page_of(s)->size_class;
    retire(s);
    if (!owned_here()) {
        const std::lock_guard lock(shared_mutex_);
        shared_.put(s, c);
    } else if (s->origin == slot_origin::owner) {
        put(s, c);
    } else {
        batch& b = returning_[c];
        s->link = std::exchange(b.first, s);
        b.last = b.last != nullptr ? b.last : s;
        ++returning_count_;
        if (++b.count == return_batch) {
            flush(c);
        }
    }
}

void slab::flush(unsigned size_class) noexcept {
    batch& b = returning_[size_class];
    {
        const std::lock_guard lock(shared_mutex_);
        b.last->link = shared_.first[size_class];
        shared_.first[size_class] = b.first;
    }
    returning_count_ -= b.count;
    b = {};
}

void slab::flush_all() noexcept {
    for (unsigned c = 0; returning_count_ != 0; ++c) {
        if (returning_[c].count != 0) {
            flush(c);
        }
    }
}

std::uint32_t slab::number_of(const void* object) const noexcept {
    const slot* s = slot::of(object);
    return page_of(s)->number * static_cast<std::uint32_t>(page_units) + s->position;
}

slab_usage slab::usage() {
    slab_usage u{page_count_.load(std::memory_order_acquire), 0,
                 spills_.load(std::memory_order_relaxed)};
    for_each_live([&u](slot&, slot_kind) { ++u.live_slots; });
    return u;
}

void* acquire_slot(slab* memory, unsigned size_class, slot_kind kind) {
    if (memory != nullptr) [[likely]] {
        return memory->acquire(size_class, kind);
    }
    slot* s = ::new (::operator new(slot_sizes[size_class])) slot{};
    s->kind = kind;
    s->origin = slot_origin::heap;
    return s->object();
}

void release_slot(void* object) noexcept {
    slot* s = slot::of(object);
    if (s->origin == slot_origin::heap) {
        ::operator delete(s);
    } else if (s->origin != slot_origin::stack) {
        slab::page_of(s)->owner->release(s);
    }
}

void count_spill(slab* memory) noexcept {
    if (memory != nullptr) {
        memory->count_spill();
    }
}

}  // namespace gyre::inline v0::detail
