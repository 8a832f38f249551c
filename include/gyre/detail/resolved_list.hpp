// SPDX-License-Identifier: BSL-1.0
// What a lookup found: addresses in the system's form, with a host's and a service's name. Knows
// no protocol.
#pragma once

#include <gyre/detail/config.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace gyre::inline v0::detail {

struct resolved;  // lib/net/resolved_list.cpp

/// A list that all its copies share, so that results, their entries and iterators are one pointer
/// each. It is changed only while it is made.
class GYRE_API resolved_list {
public:
    resolved_list() noexcept = default;
    /// A list of no address yet. Throws std::bad_alloc.
    resolved_list(std::string_view host, std::string_view service);
    resolved_list(const resolved_list& other) noexcept;
    resolved_list(resolved_list&& other) noexcept
        : shared_(std::exchange(other.shared_, nullptr)) {}
    resolved_list& operator=(resolved_list other) noexcept {
        std::swap(shared_, other.shared_);
        return *this;
    }
    ~resolved_list() {
        if (shared_ != nullptr) {
            release();
        }
    }

    /// Before the list has copies. An address that is too long for an endpoint is left out.
    void add(const void* address, std::size_t size);

    std::size_t size() const noexcept;
    /// Copies the address of that number, which is less than size(), to where an endpoint keeps
    /// its own; returns its size.
    std::size_t copy_address(std::size_t index, void* to) const noexcept;
    std::string host() const;
    std::string service() const;

    friend bool operator==(const resolved_list&, const resolved_list&) noexcept = default;

private:
    void release() noexcept;

    resolved* shared_ = nullptr;
};

}  // namespace gyre::inline v0::detail
