// SPDX-License-Identifier: BSL-1.0
// What Winsock's getaddrinfo() and getnameinfo() mean by their results.
#include "platform/native_windows.hpp"

namespace gyre::inline v0::detail {

std::error_code name_error(int result) noexcept {
    switch (result) {
    case WSAHOST_NOT_FOUND: return gyre::error::host_not_found;
    case WSATRY_AGAIN: return gyre::error::host_not_found_try_again;
    case WSANO_DATA: return gyre::error::no_data;
    case WSANO_RECOVERY: return gyre::error::no_recovery;
    case WSAEAFNOSUPPORT: return gyre::error::address_family_not_supported;
    case WSATYPE_NOT_FOUND: return gyre::error::service_not_found;
    case WSAESOCKTNOSUPPORT: return gyre::error::socket_type_not_supported;
    case WSAEINVAL: return gyre::error::invalid_argument;
    case WSA_NOT_ENOUGH_MEMORY: return gyre::error::no_memory;
    default: return gyre::error::no_recovery;
    }
}

}  // namespace gyre::inline v0::detail
