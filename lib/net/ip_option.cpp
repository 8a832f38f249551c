// SPDX-License-Identifier: BSL-1.0
// The options of IP in the system's numbers.
#include <gyre/ip/ip_option.hpp>

#include "platform/socket_headers.hpp"

#include <cstring>

namespace gyre::inline v0::detail {

option_number number_of(ip_option_name name, bool v6) noexcept {
    const int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
    switch (name) {
    case ip_option_name::join_group: return {level, v6 ? IPV6_JOIN_GROUP : IP_ADD_MEMBERSHIP};
    case ip_option_name::leave_group: return {level, v6 ? IPV6_LEAVE_GROUP : IP_DROP_MEMBERSHIP};
    case ip_option_name::outbound_interface:
        return {level, v6 ? IPV6_MULTICAST_IF : IP_MULTICAST_IF};
    case ip_option_name::multicast_hops:
        return {level, v6 ? IPV6_MULTICAST_HOPS : IP_MULTICAST_TTL};
    case ip_option_name::multicast_loopback:
        return {level, v6 ? IPV6_MULTICAST_LOOP : IP_MULTICAST_LOOP};
    case ip_option_name::unicast_hops: return {level, v6 ? IPV6_UNICAST_HOPS : IP_TTL};
    }
    return {-1, -1};
}

group_request::group_request(const ip::address& group, const ip::address_v4& interface_address,
                             unsigned long index) noexcept
    : v4_{}, v6_{} {
    static_assert(sizeof(ip_mreq) == sizeof v4_ && sizeof(ipv6_mreq) == sizeof v6_);
    if (group.is_v4()) {
        ip_mreq request{};
        request.imr_multiaddr.s_addr = htonl(group.to_v4().to_uint());
        request.imr_interface.s_addr = htonl(interface_address.to_uint());
        std::memcpy(v4_, &request, sizeof v4_);
    } else {
        ipv6_mreq request{};
        const auto octets = group.to_v6().to_bytes();
        std::memcpy(&request.ipv6mr_multiaddr, octets.data(), octets.size());
        request.ipv6mr_interface = static_cast<decltype(request.ipv6mr_interface)>(index);
        std::memcpy(v6_, &request, sizeof v6_);
    }
}

}  // namespace gyre::inline v0::detail
