// SPDX-License-Identifier: BSL-1.0
// What getaddrinfo(3) and getnameinfo(3) mean by their results.
#include "platform/native_posix.hpp"

#include <gyre/error.hpp>

#include <netdb.h>

namespace gyre::inline v0::detail {

std::error_code name_error(int result) noexcept {
    if (means_no_address(result)) {
        return gyre::error::no_data;
    }
    switch (result) {
    case EAI_NONAME: return gyre::error::host_not_found;
    case EAI_AGAIN: return gyre::error::host_not_found_try_again;
    case EAI_FAMILY: return gyre::error::address_family_not_supported;
    case EAI_SERVICE: return gyre::error::service_not_found;
    case EAI_SOCKTYPE: return gyre::error::socket_type_not_supported;
    case EAI_BADFLAGS: return gyre::error::invalid_argument;
    case EAI_MEMORY: return gyre::error::no_memory;
    case EAI_OVERFLOW: return gyre::error::name_too_long;
    case EAI_SYSTEM: break;
    default: return gyre::error::no_recovery;
    }
    return errno != 0 ? last_error() : std::error_code(gyre::error::no_recovery);
}

}  // namespace gyre::inline v0::detail
