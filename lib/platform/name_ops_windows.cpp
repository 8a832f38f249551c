// SPDX-License-Identifier: BSL-1.0
// Name resolution by Winsock. Blocks; knows nothing of who waits.
#include "platform/native_windows.hpp"

#include <gyre/error.hpp>

#include <memory>
#include <new>
#include <utility>

namespace gyre::inline v0::detail {
namespace {

std::error_code code_of(int result) noexcept {
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

const char* text_or_null(const std::string& text) noexcept {
    return text.empty() ? nullptr : text.c_str();
}

struct free_list {
    void operator()(addrinfo* first) const noexcept { ::freeaddrinfo(first); }
};
using address_list = std::unique_ptr<addrinfo, free_list>;

name_answer copy_of(const addrinfo& entry, const name_query& query) {
    const auto* const bytes = reinterpret_cast<const unsigned char*>(entry.ai_addr);
    name_answer answer;
    answer.family = entry.ai_family;
    // Not filled in where the question said it.
    answer.type = entry.ai_socktype != 0 ? entry.ai_socktype : query.type;
    answer.protocol = entry.ai_protocol != 0 ? entry.ai_protocol : query.protocol;
    if (answer.protocol == 0 && answer.type == SOCK_STREAM) {
        answer.protocol = IPPROTO_TCP;
    } else if (answer.protocol == 0 && answer.type == SOCK_DGRAM) {
        answer.protocol = IPPROTO_UDP;
    }
    answer.address.assign(bytes, bytes + entry.ai_addrlen);
    if (entry.ai_canonname != nullptr) {
        answer.canonical_name = entry.ai_canonname;
    }
    return answer;
}

class windows_name_ops final : public name_ops {
public:
    std::error_code resolve(const name_query& query,
                            std::vector<name_answer>& answers) noexcept override {
        addrinfo hints{};
        hints.ai_flags = query.flags;
        hints.ai_family = query.family;
        hints.ai_socktype = query.type;
        hints.ai_protocol = query.protocol;
        addrinfo* first = nullptr;
        const int result =
            ::getaddrinfo(text_or_null(query.host), text_or_null(query.service), &hints, &first);
        if (result != 0) {
            return code_of(result);
        }
        const address_list owner(first);
        try {
            std::vector<name_answer> found;
            for (const addrinfo* entry = first; entry != nullptr; entry = entry->ai_next) {
                found.push_back(copy_of(*entry, query));
            }
            answers = std::move(found);
        } catch (const std::bad_alloc&) {
            return gyre::error::no_memory;
        }
        return {};
    }

    std::error_code reverse(const void* address, std::size_t size, int flags, std::string& host,
                            std::string& service) noexcept override {
        char host_text[NI_MAXHOST];
        char service_text[NI_MAXSERV];
        const int result =
            ::getnameinfo(static_cast<const sockaddr*>(address), static_cast<socklen_t>(size),
                          host_text, sizeof host_text, service_text, sizeof service_text, flags);
        if (result != 0) {
            return code_of(result);
        }
        try {
            std::string found_host = host_text;
            std::string found_service = service_text;
            host = std::move(found_host);
            service = std::move(found_service);
        } catch (const std::bad_alloc&) {
            return gyre::error::no_memory;
        }
        return {};
    }
};

constinit windows_name_ops instance;

}  // namespace

name_ops& native_name_ops() noexcept {
    start_winsock();
    return instance;
}

}  // namespace gyre::inline v0::detail
