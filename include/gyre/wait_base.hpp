// SPDX-License-Identifier: BSL-1.0
// What can be waited for with a handle.
#pragma once

namespace gyre::inline v0 {

/// A base of sockets and descriptors that only gives them names; not to be used by itself.
class wait_base {
public:
    /// What wait() and async_wait() wait for.
    enum wait_type {
        wait_read,   ///< data, the end of the stream, or a connection to accept
        wait_write,  ///< room to write into
        /// Out-of-band data, an error or a hang-up; the latter two only with a poller that has
        /// poller_features::no_priority.
        wait_error,
    };

protected:
    ~wait_base() = default;
};

}  // namespace gyre::inline v0
