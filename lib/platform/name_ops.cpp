// SPDX-License-Identifier: BSL-1.0
// Name resolution by getaddrinfo() and getnameinfo(), which POSIX and Winsock have. Blocks; knows
// nothing of who waits.
#include <gyre/error.hpp>

#include "platform/native.hpp"
#include "platform/socket_headers.hpp"

#include <cerrno>
#include <memory>
#include <new>
#include <utility>

namespace gyre::inline v0::detail {
namespace {

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
    // Windows does not repeat what the question said.
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

class native_names final : public name_ops {
public:
    std::error_code resolve(const name_query& query,
                            std::vector<name_answer>& answers) noexcept override {
        addrinfo hints{};
        hints.ai_flags = query.flags;
        hints.ai_family = query.family;
        hints.ai_socktype = query.type;
        hints.ai_protocol = query.protocol;
        addrinfo* first = nullptr;
        errno = 0;  // some results mean: see there
        const int result =
            ::getaddrinfo(text_or_null(query.host), text_or_null(query.service), &hints, &first);
        if (result != 0) {
            return name_error(result);
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
        errno = 0;
        const int result =
            ::getnameinfo(static_cast<const sockaddr*>(address), static_cast<socklen_t>(size),
                          host_text, sizeof host_text, service_text, sizeof service_text, flags);
        if (result != 0) {
            return name_error(result);
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

constinit native_names instance;

}  // namespace

name_ops& native_name_ops() noexcept { return instance; }

}  // namespace gyre::inline v0::detail
