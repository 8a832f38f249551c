// SPDX-License-Identifier: BSL-1.0
// Options of sockets that send to groups of hosts.
#pragma once

#include <gyre/ip/ip_option.hpp>

namespace gyre::inline v0::ip::multicast {

/// Receives what is sent to a group. error::address_in_use if the socket is in it already.
using join_group = gyre::detail::group_option<gyre::detail::ip_option_name::join_group>;
/// No longer. error::address_not_available if it is not in the group.
using leave_group = gyre::detail::group_option<gyre::detail::ip_option_name::leave_group>;
/// Which interface datagrams to groups leave by.
using outbound_interface = gyre::detail::outbound_interface_option;
/// How many routers a datagram to a group may pass; 1, the local network, unless set.
using hops = gyre::detail::hops_option<gyre::detail::ip_option_name::multicast_hops>;
/// Whether what is sent to a group comes to the members on this host, too; it does unless set.
using enable_loopback =
    gyre::detail::ip_switch_option<gyre::detail::ip_option_name::multicast_loopback>;

}  // namespace gyre::inline v0::ip::multicast
