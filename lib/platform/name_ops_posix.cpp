// SPDX-License-Identifier: BSL-1.0
// Name resolution by the C library. Blocks; knows nothing of who waits.
#include "platform/native_posix.hpp"

#include <gyre/error.hpp>

#include <memory>
#include <new>
#include <utility>

#include <netdb.h>
#include <sys/socket.h>

namespace gyre::inline v0::detail {
namespace {

std::error_code code_of(int result) noexcept {
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

const char* text_or_null(const std::string& text) noexcept {
    return text.empty() ? nullptr : text.c_str();
}

struct free_list {
    void operator()(addrinfo* first) const noexcept { ::freeaddrinfo(first); }
};
using address_list = std::unique_ptr<addrinfo, free_list>;

name_answer copy_of(const addrinfo& entry) {
    const auto* const bytes = reinterpret_cast<const unsigned char*>(entry.ai_addr);
    name_answer answer;
    answer.family = entry.ai_family;
    answer.type = entry.ai_socktype;
    answer.protocol = entry.ai_protocol;
    answer.address.assign(bytes, bytes + entry.ai_addrlen);
    if (entry.ai_canonname != nullptr) {
        answer.canonical_name = entry.ai_canonname;
    }
    return answer;
}

class posix_name_ops final : public name_ops {
public:
    std::error_code resolve(const name_query& query,
                            std::vector<name_answer>& answers) noexcept override {
        addrinfo hints{};
        hints.ai_flags = query.flags;
        hints.ai_family = query.family;
        hints.ai_socktype = query.type;
        hints.ai_protocol = query.protocol;
        addrinfo* first = nullptr;
        errno = 0;
        const int result =
            ::getaddrinfo(text_or_null(query.host), text_or_null(query.service), &hints, &first);
        if (result != 0) {
            return code_of(result);
        }
        const address_list owner(first);
        try {
            std::vector<name_answer> found;
            for (const addrinfo* entry = first; entry != nullptr; entry = entry->ai_next) {
                found.push_back(copy_of(*entry));
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
        errno = 0;
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

constinit posix_name_ops instance;

}  // namespace

name_ops& native_name_ops() noexcept { return instance; }

}  // namespace gyre::inline v0::detail
