// SPDX-License-Identifier: BSL-1.0
// What all descriptors have in common.
#pragma once

#include <gyre/detail/io_control.hpp>
#include <gyre/wait_base.hpp>

namespace gyre::inline v0::posix {

/// A base of descriptors that only gives them names; not to be used by itself.
class descriptor_base : public wait_base {
public:
    /// For io_control(): how many bytes can be read without waiting.
    using bytes_readable = gyre::detail::bytes_readable_command;

protected:
    ~descriptor_base() = default;
};

}  // namespace gyre::inline v0::posix
