// SPDX-License-Identifier: BSL-1.0
// Any descriptor that can be waited for.
#pragma once

#include <gyre/detail/descriptor_object.hpp>
#include <gyre/detail/io_object.hpp>
#include <gyre/posix/descriptor_base.hpp>

namespace gyre::inline v0::posix {

/// A descriptor that somebody else opened and this object adopts: to wait for, or to keep.
///
/// Each synchronous function has a form that reports through an error_code, which success clears,
/// and one that throws system_error. On a closed descriptor all of them report
/// error::bad_descriptor; other errors than those named are what the system's call reports.
///
/// What can be waited for is the system's business: on Linux sockets, pipes, terminals, devices,
/// event and timer descriptors and the like, but no regular files, which are always ready.
///
/// **Threads, lifetime and cancellation** as with basic_socket.
class descriptor : public descriptor_base,
                   public gyre::detail::io_object<gyre::detail::descriptor_object> {
    using base = gyre::detail::io_object<gyre::detail::descriptor_object>;

public:
    using lowest_layer_type = descriptor;

    /// A closed descriptor.
    explicit descriptor(const executor_type& executor) : base(executor) {}
    /// Adopts a descriptor; throws system_error.
    descriptor(const executor_type& executor, native_handle_type handle) : base(executor) {
        assign(handle);
    }
    /// The same with an io_context or another object in the place of its executor.
    template <context_with_executor Context>
    explicit descriptor(Context& context) : descriptor(executor_type(context.get_executor())) {}
    template <context_with_executor Context>
    descriptor(Context& context, native_handle_type handle)
        : descriptor(executor_type(context.get_executor()), handle) {}

    /// Pending operations go along; the other one is closed and may adopt another.
    descriptor(descriptor&&) noexcept = default;
    descriptor& operator=(descriptor&&) noexcept = default;

    lowest_layer_type& lowest_layer() noexcept { return *this; }
    const lowest_layer_type& lowest_layer() const noexcept { return *this; }

    /// Adopts a descriptor. It becomes non-blocking, and so do its duplicates. error::already_open
    /// if this object has one; the descriptor stays the caller's then, as with any error.
    void assign(native_handle_type handle, error_code& ec) { ec = object_.assign(handle); }
    void assign(native_handle_type handle) {
        error_code ec;
        assign(handle, ec);
        gyre::detail::throw_error(ec, "assign");
    }
};

}  // namespace gyre::inline v0::posix
