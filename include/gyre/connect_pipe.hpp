// SPDX-License-Identifier: BSL-1.0
// Makes a pipe.
#pragma once

#include <gyre/readable_pipe.hpp>
#include <gyre/writable_pipe.hpp>

namespace gyre::inline v0 {

/// Makes a pipe and gives its ends to two closed objects, which may belong to different contexts.
/// error::already_open if one is open, error::no_descriptors, error::no_memory; those that were
/// closed stay so.
inline void connect_pipe(readable_pipe& read_end, writable_pipe& write_end, error_code& ec) {
    ec = detail::connect_pipe(detail::object_access::object(read_end),
                              detail::object_access::object(write_end));
}
inline void connect_pipe(readable_pipe& read_end, writable_pipe& write_end) {
    error_code ec;
    connect_pipe(read_end, write_end, ec);
    detail::throw_error(ec, "connect_pipe");
}

}  // namespace gyre::inline v0
