// SPDX-License-Identifier: BSL-1.0
// Keeps large handlers in memory of one's own.
//
//     custom_allocator
//
// It shows bind_allocator: a handler that is too large for a slot of the context would be allocated
// by operator new; here it goes to a block that is used again and again. Handlers of up to about
// 400 bytes need nothing of the kind.

#include <gyre/bind_allocator.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>

#include <array>
#include <cstddef>
#include <iostream>
#include <new>

namespace {

/// Room for one handler at a time; more of them, or larger ones, are allocated as ever.
class block {
public:
    void* take(std::size_t size) {
        if (used_ || size > bytes_.size()) {
            return ::operator new(size);
        }
        used_ = true;
        ++hits_;
        return bytes_.data();
    }
    void give(void* memory) {
        if (memory == bytes_.data()) {
            used_ = false;
        } else {
            ::operator delete(memory);
        }
    }
    int hits() const { return hits_; }

private:
    alignas(std::max_align_t) std::array<std::byte, 4096> bytes_;
    bool used_ = false;
    int hits_ = 0;
};

template <class T>
struct block_allocator {
    using value_type = T;
    block* memory;

    explicit block_allocator(block& b) : memory(&b) {}
    template <class U>
    block_allocator(const block_allocator<U>& other) : memory(other.memory) {}

    T* allocate(std::size_t n) { return static_cast<T*>(memory->take(n * sizeof(T))); }
    void deallocate(T* p, std::size_t) { memory->give(p); }
    friend bool operator==(const block_allocator&, const block_allocator&) = default;
};

struct worker {
    gyre::io_context& context;
    block& memory;
    int left;

    void next() {
        if (left-- == 0) {
            return;
        }
        const std::array<char, 1000> luggage{};
        gyre::post(context, gyre::bind_allocator(block_allocator<char>(memory), [this, luggage] {
                       static_cast<void>(luggage);
                       next();
                   }));
    }
};

}  // namespace

int main() {
    block memory;  // outlives the context, which destroys handlers
    gyre::io_context context;
    worker w{context, memory, 1000};
    w.next();
    const std::size_t handlers = context.run();
    std::cout << handlers << " handlers, " << memory.hits() << " in the block\n";
    return memory.hits() == 1000 ? 0 : 1;
}
