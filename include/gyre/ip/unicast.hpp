// SPDX-License-Identifier: BSL-1.0
// Options of sockets that send to single hosts.
#pragma once

#include <gyre/ip/ip_option.hpp>

namespace gyre::inline v0::ip::unicast {

/// How many routers a packet may pass.
using hops = gyre::detail::hops_option<gyre::detail::ip_option_name::unicast_hops>;

}  // namespace gyre::inline v0::ip::unicast
