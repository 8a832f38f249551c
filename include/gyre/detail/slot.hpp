// SPDX-License-Identifier: BSL-1.0
// A slot of the slab as headers see it: the few bytes in front of whatever lives in it.
//
// The slab itself is compiled (lib/slab). A slot belongs to its context until that dies, so that a
// stale reference can always read the generation.
#pragma once

#include <gyre/detail/config.hpp>

#include <cstddef>
#include <cstdint>

namespace gyre::inline v0::detail {

class reactor;
class slab;

/// What lives in a slot.
enum class slot_kind : std::uint8_t {
    none,
    post,
    posts,  ///< posts of other threads, many in a slot
    timer_wait,
    receive,
    send,
    receive_from,  ///< a datagram or packet, with what comes beside the bytes
    send_to,       ///< a datagram to an address
    receive_many,  ///< datagrams by one call
    send_many,
    read,  ///< of a descriptor that is no socket
    write,
    accept,
    connect,
    io_wait,
    resolve,
    signal_wait,
    destroy,   ///< an object that is destroyed at the end of a turn
    command,   ///< the library's own errand to the owner of a reactor; holds no user code
    source,    ///< a handle that can be waited for
    deadline,  ///< a deadline that can be waited for
    guard,     ///< a deadline of an operation, by which that is ended
    pause,     ///< a deadline until which a listener is left alone
    notice,    ///< something else that can be waited for: others tell when it has come
    strand,    ///< the state of a strand; also the operation by which it gives a turn
};

/// Whether it is an operation on a source.
constexpr bool is_io(slot_kind kind) noexcept {
    return kind >= slot_kind::receive && kind <= slot_kind::io_wait;
}

/// Whether it is an operation on a notice.
constexpr bool waits_for_notice(slot_kind kind) noexcept {
    return kind == slot_kind::resolve || kind == slot_kind::signal_wait;
}

/// Where a slot goes when it is released.
enum class slot_origin : std::uint8_t {
    owner,   ///< the free list of the thread that holds the token
    shared,  ///< the locked list of all other threads
    heap,    ///< operator delete: the context has no slab
    stack,   ///< nowhere: it is a local object of the loop
};

/// In front of each object in a slot.
struct alignas(16) slot {
    /// The next free slot; while an operation is queued, the next in the ready list or inbox.
    slot* link;
    /// Raised by each release. Read and written as an atomic, as is the kind, because any thread
    /// may release while the owner looks.
    std::uint32_t generation;
    std::uint16_t position;  ///< within its page, in units of its alignment
    slot_kind kind;          ///< none while the slot is free
    slot_origin origin;

    void* object() noexcept { return this + 1; }
    static slot* of(const void* object) noexcept {
        return static_cast<slot*>(const_cast<void*>(object)) - 1;
    }
};
static_assert(sizeof(slot) == 16);

/// The sizes of slots, their own header included. Part of the ABI.
inline constexpr std::uint16_t slot_sizes[] = {64, 96, 128, 160, 192, 256, 384, 512};
inline constexpr std::size_t slot_size_count = sizeof(slot_sizes) / sizeof(slot_sizes[0]);

/// The largest object that fits into a slot.
inline constexpr std::size_t slot_object_size_max = slot_sizes[slot_size_count - 1] - sizeof(slot);
/// The largest alignment that a slot gives.
inline constexpr std::size_t slot_object_alignment = alignof(slot);

/// Which size of slot an object of `size` bytes needs, at most slot_object_size_max.
constexpr unsigned slot_class(std::size_t size) noexcept {
    unsigned c = 0;
    while (slot_sizes[c] < size + sizeof(slot)) {
        ++c;
    }
    return c;
}

/// Ends the life of whatever was in the slot: it is free, and references to it are stale.
inline void retire(slot* s) noexcept {
    slot_kind none = slot_kind::none;
    __atomic_store(&s->kind, &none, __ATOMIC_RELAXED);
    // Only whoever holds the slot writes its generation: a load and a store will do.
    __atomic_store_n(&s->generation, s->generation + 1, __ATOMIC_RELAXED);
}

/// The free slots of a slab's owner, a list for each size. The loop hands them to the operations
/// that it calls, so that giving back a slot is a few instructions in line.
struct free_slots {
    slot* first[slot_size_count] = {};

    /// Takes a retired slot.
    void put(slot* s, unsigned size_class) noexcept {
        s->link = first[size_class];
        first[size_class] = s;
    }
};

/// Takes a slot of that size, of a slab or of a reactor's slab. A null slab means the heap. Any
/// thread. Throws std::bad_alloc.
GYRE_API GYRE_DIRECT_CALL void* acquire_slot(slab* memory, unsigned size_class, slot_kind kind);
GYRE_API GYRE_DIRECT_CALL void* acquire_slot(reactor* where, unsigned size_class, slot_kind kind);

/// Gives back the slot of an object whose lifetime has ended. Any thread.
GYRE_API void release_slot(void* object) noexcept;

/// As above; a caller that owns the slab brings its free slots, any other null.
inline void release_slot(void* object, unsigned size_class, free_slots* owned) noexcept {
    slot* s = slot::of(object);
    if (owned != nullptr && s->origin == slot_origin::owner) [[likely]] {
        retire(s);
        owned->put(s, size_class);
    } else {
        release_slot(object);
    }
}

/// Counts a handler that did not fit into a slot. A null slab counts nothing.
GYRE_API void count_spill(slab* memory) noexcept;
GYRE_API void count_spill(reactor* where) noexcept;

}  // namespace gyre::inline v0::detail
