// SPDX-License-Identifier: BSL-1.0
// A library to be preloaded: counts allocations, what of them is alive, and the calls by which one
// thread wakes another. A program that measures itself reads them by bench_counters_now(); at the
// end of the process they are written to the file that BENCH_COUNTERS names. glibc only.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <malloc.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/counters.hpp"

#define EXPORTED __attribute__((visibility("default")))

namespace {

struct {
    std::atomic<std::uint64_t> allocations, wakes;
    std::atomic<std::uint64_t> bytes, blocks, most_bytes, most_blocks;
} now;

constexpr auto relaxed = std::memory_order_relaxed;

void raise_to(std::atomic<std::uint64_t>& most, std::uint64_t value) {
    std::uint64_t before = most.load(relaxed);
    while (before < value && !most.compare_exchange_weak(before, value, relaxed)) {}
}

void* taken(void* memory) {
    if (memory != nullptr) {
        now.allocations.fetch_add(1, relaxed);
        const std::size_t size = ::malloc_usable_size(memory);
        raise_to(now.most_bytes, now.bytes.fetch_add(size, relaxed) + size);
        raise_to(now.most_blocks, now.blocks.fetch_add(1, relaxed) + 1);
    }
    return memory;
}

void given_back(void* memory) {
    if (memory != nullptr) {
        now.bytes.fetch_sub(::malloc_usable_size(memory), relaxed);
        now.blocks.fetch_sub(1, relaxed);
    }
}

[[gnu::destructor]] void write_down() {
    const char* const path = std::getenv("BENCH_COUNTERS");
    std::FILE* const file = path != nullptr ? std::fopen(path, "w") : nullptr;
    if (file != nullptr) {
        std::fprintf(file, "{\"allocations\": %ju, \"most_bytes\": %ju, \"most_blocks\": %ju}\n",
                     std::uintmax_t(now.allocations), std::uintmax_t(now.most_bytes),
                     std::uintmax_t(now.most_blocks));
        std::fclose(file);
    }
}

}  // namespace

// Whatever allocates comes by here: operator new of libstdc++ too, and Asio's aligned_alloc().
extern "C" {

void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

EXPORTED void bench_counters_now(bench_counters* into) {
    into->allocations = now.allocations.load(relaxed);
    into->wakes = now.wakes.load(relaxed);
}

EXPORTED void* malloc(std::size_t size) noexcept { return taken(__libc_malloc(size)); }
EXPORTED void* calloc(std::size_t count, std::size_t size) noexcept {
    return taken(__libc_calloc(count, size));
}
EXPORTED void* realloc(void* memory, std::size_t size) noexcept {
    given_back(memory);
    return taken(__libc_realloc(memory, size));
}
EXPORTED void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    return taken(__libc_memalign(alignment, size));
}
EXPORTED int posix_memalign(void** into, std::size_t alignment, std::size_t size) noexcept {
    *into = taken(__libc_memalign(alignment, size));
    return *into == nullptr ? 12 : 0;  // ENOMEM
}
EXPORTED void free(void* memory) noexcept {
    given_back(memory);
    __libc_free(memory);
}

// An eventfd or a pipe is written to, or (Asio) an epoll set is told of a change.
EXPORTED ssize_t write(int descriptor, const void* bytes, std::size_t size) {
    now.wakes.fetch_add(1, relaxed);
    return ::syscall(SYS_write, descriptor, bytes, size);
}
EXPORTED int epoll_ctl(int epoll, int how, int descriptor, epoll_event* event) noexcept {
    now.wakes.fetch_add(1, relaxed);
    return static_cast<int>(::syscall(SYS_epoll_ctl, epoll, how, descriptor, event));
}

}  // extern "C"
