// SPDX-License-Identifier: BSL-1.0
// The numbers of lookups in the system's headers.
#include "net/name_lookup.hpp"

#include <gyre/ip/basic_resolver.hpp>

#include "platform/socket_headers.hpp"

namespace gyre::inline v0::detail {

int system_flags(unsigned flags) noexcept {
    using base = ip::resolver_base;
    constexpr struct {
        unsigned ours;
        int system;
    } table[] = {
        {base::canonical_name, AI_CANONNAME},
        {base::passive, AI_PASSIVE},
        {base::numeric_host, AI_NUMERICHOST},
        {base::numeric_service, AI_NUMERICSERV},
        {base::v4_mapped, AI_V4MAPPED},
        {base::all_matching, AI_ALL},
        {base::address_configured, AI_ADDRCONFIG},
    };
    int result = 0;
    for (const auto& row : table) {
        result |= (flags & row.ours) != 0 ? row.system : 0;
    }
    return result;
}

bool is_ip_address(const name_answer& answer) noexcept {
    return (answer.family == AF_INET && answer.address.size() == sizeof(sockaddr_in)) ||
           (answer.family == AF_INET6 && answer.address.size() == sizeof(sockaddr_in6));
}

int reverse_flags(const resolver_query& query, bool numeric_service) noexcept {
    return (query.type == SOCK_DGRAM ? NI_DGRAM : 0) | (numeric_service ? NI_NUMERICSERV : 0);
}

}  // namespace gyre::inline v0::detail
