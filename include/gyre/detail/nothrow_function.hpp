// SPDX-License-Identifier: BSL-1.0
// A function object that is referred to, as the pair of pointers that crosses into the library.
#pragma once

#include <type_traits>

namespace gyre::inline v0::detail {

template <class F>
concept nothrow_function = std::is_nothrow_invocable_v<F&>;

template <nothrow_function F>
void call_by_pointer(void* f) noexcept {
    (*static_cast<F*>(f))();
}

template <class F>
void* pointer_to(F& f) noexcept {
    return const_cast<std::remove_const_t<F>*>(&f);
}

}  // namespace gyre::inline v0::detail
