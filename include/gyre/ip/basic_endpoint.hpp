// SPDX-License-Identifier: BSL-1.0
// An IP address with a port.
#pragma once

#include <gyre/detail/config.hpp>
#include <gyre/ip/address.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>

namespace gyre::inline v0 {

namespace detail {

/// The system's form of an address and port; only the compiled library knows what is in it.
class GYRE_API ip_endpoint {
public:
    /// IPv4, any address, port 0.
    ip_endpoint() noexcept;
    ip_endpoint(const ip::address& address, std::uint16_t port) noexcept;

    ip::address address() const noexcept;
    std::uint16_t port() const noexcept;
    bool is_v4() const noexcept;
    void port(std::uint16_t number) noexcept;

    void* data() noexcept { return bytes_; }
    const void* data() const noexcept { return bytes_; }
    std::size_t size() const noexcept;
    static constexpr std::size_t capacity() noexcept { return sizeof(bytes_); }

    /// "127.0.0.1:80", "[::1]:80".
    std::string to_string() const;

private:
    alignas(8) unsigned char bytes_[32];  // a sockaddr_in or sockaddr_in6
};

}  // namespace detail

namespace ip {

/// Where a socket of `Protocol` is: an address and a port. A value; any thread.
template <class Protocol>
class basic_endpoint {
public:
    using protocol_type = Protocol;

    /// IPv4, any address, port 0.
    basic_endpoint() noexcept = default;
    /// Any address of this version: what a listener binds to.
    basic_endpoint(const Protocol& protocol, std::uint16_t port) noexcept
        : value_(protocol == Protocol::v4() ? ip::address(address_v4::any())
                                            : ip::address(address_v6::any()),
                 port) {}
    basic_endpoint(const ip::address& address, std::uint16_t port) noexcept
        : value_(address, port) {}

    /// The version of the address.
    protocol_type protocol() const noexcept {
        return value_.is_v4() ? Protocol::v4() : Protocol::v6();
    }
    ip::address address() const noexcept { return value_.address(); }
    void address(const ip::address& address) noexcept {
        value_ = detail::ip_endpoint(address, port());
    }
    std::uint16_t port() const noexcept { return value_.port(); }
    void port(std::uint16_t number) noexcept { value_.port(number); }

    /// The system's form: a sockaddr of size() bytes, in memory for capacity() bytes.
    void* data() noexcept { return value_.data(); }
    const void* data() const noexcept { return value_.data(); }
    std::size_t size() const noexcept { return value_.size(); }
    std::size_t capacity() const noexcept { return detail::ip_endpoint::capacity(); }
    /// Called after the system wrote `size` bytes to data(): nothing to do, the family tells.
    void resize(std::size_t) noexcept {}

    /// "127.0.0.1:80", "[::1]:80". Throws std::bad_alloc.
    std::string to_string() const { return value_.to_string(); }

    friend bool operator==(const basic_endpoint& a, const basic_endpoint& b) noexcept {
        return a.address() == b.address() && a.port() == b.port();
    }
    /// By address, then by port.
    friend std::strong_ordering operator<=>(const basic_endpoint& a,
                                            const basic_endpoint& b) noexcept {
        const auto by_address = a.address() <=> b.address();
        return by_address != 0 ? by_address : a.port() <=> b.port();
    }
    template <class Traits>
    friend std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out,
                                                        const basic_endpoint& e) {
        return out << e.to_string();
    }

private:
    detail::ip_endpoint value_;
};

}  // namespace ip
}  // namespace gyre::inline v0
