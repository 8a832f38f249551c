// SPDX-License-Identifier: BSL-1.0
// An address of any protocol.
#pragma once

#include <gyre/detail/config.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gyre::inline v0 {

namespace detail {

/// The system's form of any address.
class GYRE_API generic_endpoint {
public:
    generic_endpoint() noexcept;
    generic_endpoint(const void* address, std::size_t size, int protocol);

    int family() const noexcept;
    int protocol() const noexcept { return protocol_; }
    void* data() noexcept { return bytes_; }
    const void* data() const noexcept { return bytes_; }
    std::size_t size() const noexcept { return size_; }
    static constexpr std::size_t capacity() noexcept { return sizeof(bytes_); }
    void resize(std::size_t size) noexcept {
        size_ = static_cast<std::uint32_t>(size < capacity() ? size : capacity());
    }
    std::string_view bytes() const noexcept {
        return {reinterpret_cast<const char*>(bytes_), size_};
    }

private:
    alignas(8) unsigned char bytes_[128];  // a sockaddr_storage
    std::uint32_t size_;
    int protocol_ = 0;
};

}  // namespace detail

namespace generic {

/// Where a socket of `Protocol` is, in the system's own form. A value; any thread.
template <class Protocol>
class basic_endpoint {
public:
    using protocol_type = Protocol;

    /// Of no family.
    basic_endpoint() noexcept = default;
    /// Copies a sockaddr. Throws system_error with error::invalid_argument if it is longer than
    /// capacity().
    basic_endpoint(const void* address, std::size_t size, int protocol = 0)
        : value_(address, size, protocol) {}
    /// Of an endpoint of a known protocol.
    template <class Endpoint>
        requires requires(const Endpoint& e) { e.protocol().family(); }
    basic_endpoint(const Endpoint& other)
        : value_(other.data(), other.size(), other.protocol().protocol()) {}

    protocol_type protocol() const noexcept {
        return protocol_type(value_.family(), value_.protocol());
    }

    /// The sockaddr, of size() bytes, in memory for capacity() bytes.
    void* data() noexcept { return value_.data(); }
    const void* data() const noexcept { return value_.data(); }
    std::size_t size() const noexcept { return value_.size(); }
    std::size_t capacity() const noexcept { return detail::generic_endpoint::capacity(); }
    /// Called after the system wrote `size` bytes to data().
    void resize(std::size_t size) noexcept { value_.resize(size); }

    friend bool operator==(const basic_endpoint& a, const basic_endpoint& b) noexcept {
        return a.value_.bytes() == b.value_.bytes();
    }
    /// By the bytes.
    friend auto operator<=>(const basic_endpoint& a, const basic_endpoint& b) noexcept {
        return a.value_.bytes() <=> b.value_.bytes();
    }

private:
    detail::generic_endpoint value_;
};

}  // namespace generic
}  // namespace gyre::inline v0
