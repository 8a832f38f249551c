// SPDX-License-Identifier: BSL-1.0
// What headers ask of strands, which are compiled (lib/core/strand.cpp).
#pragma once

#include <gyre/detail/config.hpp>
#include <gyre/execution_context.hpp>

#include <cstdint>

namespace gyre::inline v0 {
class any_io_executor;
}  // namespace gyre::inline v0

namespace gyre::inline v0::detail {

class strand_state;

/// The turn of a strand that a thread has; on the stack, innermost first.
struct strand_frame {
    strand_state* strand = nullptr;
    const strand_frame* outer = nullptr;
};

/// Makes a strand over an executor's context; it has one reference. Throws std::bad_alloc.
GYRE_API execution_context* make_strand_over(const any_io_executor& inner);
GYRE_API void retain_strand(execution_context& strand) noexcept;
GYRE_API void release_strand(execution_context& strand) noexcept;
/// What it is over.
GYRE_API const any_io_executor& inner_of_strand(const execution_context& strand) noexcept;
/// Whether functions of the strand may be called here and now: because they are being called, or
/// because the thread is inside the context and nobody else has the turn. In the second case
/// `frame` has it, and leave_strand() ends that.
GYRE_API bool enter_strand(execution_context& strand, strand_frame& frame) noexcept;
GYRE_API void leave_strand(strand_frame& frame) noexcept;
/// By what the operations of an I/O object know their strand; never 0.
GYRE_API std::uint32_t number_of_strand(execution_context& strand) noexcept;

}  // namespace gyre::inline v0::detail
