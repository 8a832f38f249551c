// SPDX-License-Identifier: BSL-1.0
// std::atomic_ref, or what stands for it where the standard library has none: libc++ before version
// 19, and with it macOS's of the same age.
#pragma once

#include <atomic>

namespace gyre::inline v0::detail {

#if defined(__cpp_lib_atomic_ref)

template <class T>
std::atomic_ref<T> field_ref(T& field) noexcept {
    return std::atomic_ref<T>(field);
}

#else

/// By the compiler's own operations, whose memory orders have the numbers of the standard's.
template <class T>
class atomic_field {
public:
    explicit atomic_field(T& field) noexcept : field_(&field) {}

    T load(std::memory_order order) const noexcept {
        T value{};
        __atomic_load(field_, &value, static_cast<int>(order));
        return value;
    }
    void store(T value, std::memory_order order) const noexcept {
        __atomic_store(field_, &value, static_cast<int>(order));
    }

private:
    T* field_;
};

template <class T>
atomic_field<T> field_ref(T& field) noexcept {
    return atomic_field<T>(field);
}

#endif

}  // namespace gyre::inline v0::detail
