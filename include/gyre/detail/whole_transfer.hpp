// SPDX-License-Identifier: BSL-1.0
// How a composed read or write learns that a stream can do it as one operation.
#pragma once

namespace gyre::inline v0::detail {

/// Streams whose operations do a whole transfer by themselves, without steps in between, have a
/// specialisation with `start<Kind>(stream, buffers, handler)`.
template <class Stream>
struct whole_transfer {
    static constexpr bool possible = false;
};

}  // namespace gyre::inline v0::detail
