// SPDX-License-Identifier: BSL-1.0
// The option by which a socket of IPv6 keeps to it.
#pragma once

#include <gyre/detail/socket_option.hpp>

namespace gyre::inline v0::ip {

/// Whether a socket of IPv6 refuses IPv4; the system's default differs from system to system.
using v6_only = gyre::detail::boolean_option<gyre::detail::option_name::v6_only>;

}  // namespace gyre::inline v0::ip
