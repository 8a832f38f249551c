// SPDX-License-Identifier: BSL-1.0
// Makes a posted operation of a function that is nothing but bytes.
#pragma once

#include <gyre/detail/handler_operation.hpp>

#include <cstddef>
#include <cstring>
#include <new>

namespace gyre::inline v0::detail {

/// Most functions are a pointer: one instruction then.
inline void copy_function(void* to, const void* function, std::size_t size) noexcept {
    if (size == sizeof(void*)) [[likely]] {
        std::memcpy(to, function, sizeof(void*));
    } else {
        std::memcpy(to, function, size);
    }
}

/// In the memory of a slot of functions.size_class.
inline operation* make_post(void* memory, const operation_functions& functions,
                            const void* function, std::size_t size) noexcept {
    // Behind the header, for all alignments that a slot gives.
    static_assert(sizeof(post_base) % slot_object_alignment == 0);
    auto* op = ::new (memory) post_base(functions);
    copy_function(op + 1, function, size);
    return op;
}

}  // namespace gyre::inline v0::detail
