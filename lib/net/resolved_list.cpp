// SPDX-License-Identifier: BSL-1.0
// The list that results of a lookup share.
#include <gyre/detail/resolved_list.hpp>

#include <gyre/ip/basic_endpoint.hpp>

#include <atomic>
#include <cstring>
#include <vector>

namespace gyre::inline v0::detail {

struct resolved {
    struct address {
        unsigned char bytes[ip_endpoint::capacity()];
        std::size_t size;
    };

    std::atomic<std::size_t> owners{1};
    std::string host;
    std::string service;
    std::vector<address> addresses;
};

resolved_list::resolved_list(std::string_view host, std::string_view service)
    : shared_(new resolved{{1}, std::string(host), std::string(service), {}}) {}

resolved_list::resolved_list(const resolved_list& other) noexcept : shared_(other.shared_) {
    if (shared_ != nullptr) {
        shared_->owners.fetch_add(1, std::memory_order_relaxed);
    }
}

// acq_rel: what all owners have read of the list comes before its end.
void resolved_list::release() noexcept {
    if (shared_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        delete shared_;
    }
}

void resolved_list::add(const void* address, std::size_t size) {
    resolved::address added{};
    if (size <= sizeof added.bytes) {
        std::memcpy(added.bytes, address, size);
        added.size = size;
        shared_->addresses.push_back(added);
    }
}

std::size_t resolved_list::size() const noexcept {
    return shared_ != nullptr ? shared_->addresses.size() : 0;
}

std::size_t resolved_list::copy_address(std::size_t index, void* to) const noexcept {
    const resolved::address& found = shared_->addresses[index];
    std::memcpy(to, found.bytes, found.size);
    return found.size;
}

std::string resolved_list::host() const {
    return shared_ != nullptr ? shared_->host : std::string();
}

std::string resolved_list::service() const {
    return shared_ != nullptr ? shared_->service : std::string();
}

}  // namespace gyre::inline v0::detail
