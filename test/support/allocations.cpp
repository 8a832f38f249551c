// SPDX-License-Identifier: BSL-1.0
// Stands in front of the C library's malloc and its relatives.
#include "support/allocations.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GYRE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define GYRE_SANITIZED 1
#endif
#endif

namespace gyre::testing {

std::atomic<std::size_t> allocations{0};
constinit thread_local long allocations_until_failure = never_fails;

namespace {

bool may_allocate() noexcept {
    allocations.fetch_add(1, std::memory_order_relaxed);
    return allocations_until_failure == never_fails || allocations_until_failure-- > 0;
}

}  // namespace
}  // namespace gyre::testing

using gyre::testing::may_allocate;

// A sanitizer's own malloc must not be replaced: there the operators are counted alone.
#if !defined(GYRE_SANITIZED) && defined(__GLIBC__)
const bool gyre::testing::malloc_is_counted = true;

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size) { return may_allocate() ? __libc_malloc(size) : nullptr; }
void* calloc(std::size_t n, std::size_t size) {
    return may_allocate() ? __libc_calloc(n, size) : nullptr;
}
void* realloc(void* p, std::size_t size) {
    return may_allocate() ? __libc_realloc(p, size) : nullptr;
}
void* memalign(std::size_t alignment, std::size_t size) {
    return may_allocate() ? __libc_memalign(alignment, size) : nullptr;
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
    return may_allocate() ? __libc_memalign(alignment, size) : nullptr;
}
int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
    void* made = memalign(alignment, size);
    if (made == nullptr) {
        return 12;  // ENOMEM
    }
    *out = made;
    return 0;
}
}  // extern "C"
#else
#define GYRE_COUNTS_OPERATORS 1
#endif

#if defined(GYRE_COUNTS_OPERATORS)
const bool gyre::testing::malloc_is_counted = false;

namespace {
#if defined(_WIN32)
void* aligned(std::size_t at, std::size_t size) { return ::_aligned_malloc(size, at); }
void free_aligned(void* p) { ::_aligned_free(p); }
#else
void* aligned(std::size_t at, std::size_t size) {
    void* made = nullptr;
    return ::posix_memalign(&made, at, size) == 0 ? made : nullptr;
}
void free_aligned(void* p) { std::free(p); }
#endif
}  // namespace

void* operator new(std::size_t size) {
    if (void* made = may_allocate() ? std::malloc(size == 0 ? 1 : size) : nullptr) {
        return made;
    }
    throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    // posix_memalign() takes no less than this.
    const std::size_t at = std::max(static_cast<std::size_t>(alignment), sizeof(void*));
    if (void* made = may_allocate() ? aligned(at, size) : nullptr) {
        return made;
    }
    throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return may_allocate() ? std::malloc(size == 0 ? 1 : size) : nullptr;
}
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { free_aligned(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { free_aligned(p); }
#endif
