// SPDX-License-Identifier: BSL-1.0
// What an execution context does unless it knows better.
#include <gyre/execution_context.hpp>

#include "core/plain_post.hpp"

namespace gyre::inline v0 {

void execution_context::submit_copy(const detail::operation_functions& functions,
                                    const void* function, std::size_t size) {
    void* memory = detail::acquire_slot(slots(), functions.size_class, detail::slot_kind::post);
    submit(detail::make_post(memory, functions, function, size));
}

}  // namespace gyre::inline v0
