// SPDX-License-Identifier: BSL-1.0
// Addresses in the form that the system's socket calls take, and the numbers of its protocols.
#include <gyre/ip/basic_endpoint.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/ip/udp.hpp>

#include "platform/socket_headers.hpp"

#include <cstring>

namespace gyre::inline v0 {
namespace detail {
namespace {

template <class Address>
Address load(const unsigned char* bytes) noexcept {
    Address a;
    std::memcpy(&a, bytes, sizeof a);
    return a;
}

int family_of(const unsigned char* bytes) noexcept { return load<sockaddr>(bytes).sa_family; }

}  // namespace

static_assert(sizeof(sockaddr_in6) <= ip_endpoint::capacity());

ip_endpoint::ip_endpoint() noexcept : ip_endpoint(ip::address(), 0) {}

ip_endpoint::ip_endpoint(const ip::address& address, std::uint16_t port) noexcept : bytes_{} {
    if (address.is_v4()) {
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_port = htons(port);
        a.sin_addr.s_addr = htonl(address.to_v4().to_uint());
        std::memcpy(bytes_, &a, sizeof a);
    } else {
        sockaddr_in6 a{};
        a.sin6_family = AF_INET6;
        a.sin6_port = htons(port);
        const auto v6 = address.to_v6();
        const auto octets = v6.to_bytes();
        std::memcpy(&a.sin6_addr, octets.data(), octets.size());
        a.sin6_scope_id = static_cast<std::uint32_t>(v6.scope_id());
        std::memcpy(bytes_, &a, sizeof a);
    }
}

bool ip_endpoint::is_v4() const noexcept { return family_of(bytes_) == AF_INET; }

ip::address ip_endpoint::address() const noexcept {
    if (is_v4()) {
        return ip::address_v4(ntohl(load<sockaddr_in>(bytes_).sin_addr.s_addr));
    }
    const auto a = load<sockaddr_in6>(bytes_);
    ip::address_v6::bytes_type octets;
    std::memcpy(octets.data(), &a.sin6_addr, octets.size());
    return ip::address_v6(octets, a.sin6_scope_id);
}

std::uint16_t ip_endpoint::port() const noexcept {
    // The port is at the same place in both.
    return ntohs(load<sockaddr_in>(bytes_).sin_port);
}

void ip_endpoint::port(std::uint16_t number) noexcept {
    auto a = load<sockaddr_in>(bytes_);
    a.sin_port = htons(number);
    std::memcpy(bytes_, &a, sizeof a);
}

std::size_t ip_endpoint::size() const noexcept {
    return is_v4() ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
}

std::string ip_endpoint::to_string() const {
    const ip::address a = address();
    const std::string text = a.to_string();
    return (a.is_v4() ? text : '[' + text + ']') + ':' + std::to_string(port());
}

}  // namespace detail

namespace ip {

int tcp::family() const noexcept { return version_ == 4 ? AF_INET : AF_INET6; }
int tcp::type() const noexcept { return SOCK_STREAM; }
int tcp::protocol() const noexcept { return IPPROTO_TCP; }

int udp::family() const noexcept { return version_ == 4 ? AF_INET : AF_INET6; }
int udp::type() const noexcept { return SOCK_DGRAM; }
int udp::protocol() const noexcept { return IPPROTO_UDP; }

}  // namespace ip
}  // namespace gyre::inline v0
