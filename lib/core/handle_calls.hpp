// SPDX-License-Identifier: BSL-1.0
// What the compiled parts of I/O objects share.
#pragma once

#include <gyre/detail/handle_object.hpp>
#include <gyre/error.hpp>

#include "core/reactor.hpp"

namespace gyre::inline v0::detail {

inline std::error_code not_open() noexcept { return error::make_error_code(error::bad_descriptor); }

inline std::error_code already_open() noexcept {
    return error::make_error_code(error::already_open);
}

constexpr interest direction_of(io_kind kind) noexcept {
    return kind == io_kind::receive || kind == io_kind::receive_many || kind == io_kind::accept
               ? interest::read
               : interest::write;
}

// The handle itself is always non-blocking: a synchronous call waits with wait_one(), unless the
// user wants to be told instead.
template <class Operations>
std::error_code handle_object::perform(Operations& ops, io_request& request,
                                       io_result& result) noexcept {
    if (!is_open()) {
        return not_open();
    }
    request.handle = handle_of(source_);
    for (;;) {
        result = {};
        ops.perform(request, result);
        if (result.error != std::errc::operation_would_block || user_non_blocking(source_)) {
            return result.error;
        }
        if (const std::error_code e = reactor_->world().wait_one(
                request.handle, direction_of(request.kind), no_deadline)) {
            return e;
        }
    }
}

}  // namespace gyre::inline v0::detail
