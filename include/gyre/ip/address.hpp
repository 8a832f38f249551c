// SPDX-License-Identifier: BSL-1.0
//
// An IP address of either version as a value. Knows no system call.

#pragma once

#include <gyre/detail/config.hpp>
#include <gyre/error.hpp>
#include <gyre/ip/address_v4.hpp>
#include <gyre/ip/address_v6.hpp>
#include <gyre/ip/bad_address_cast.hpp>

#include <compare>
#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>

namespace gyre::inline v0::ip {

/// An IPv4 or IPv6 address. A regular value; all IPv4 addresses order before all IPv6 ones. An IPv4
/// address and the IPv6 address it is mapped to are different. May be used from any thread as an
/// int may.
class address {
public:
    /// The IPv4 address 0.0.0.0.
    constexpr address() noexcept = default;

    /// An IPv4 address; implicit, because nothing is lost.
    constexpr address(const address_v4& v4) noexcept : v4_(v4) {}

    /// An IPv6 address; implicit, because nothing is lost.
    constexpr address(const address_v6& v6) noexcept : is_v6_(true), v6_(v6) {}

    /// Whether it is an IPv4 address.
    constexpr bool is_v4() const noexcept { return !is_v6_; }

    /// Whether it is an IPv6 address, a mapped one included.
    constexpr bool is_v6() const noexcept { return is_v6_; }

    /// The IPv4 address. Throws bad_address_cast if it is an IPv6 one, mapped or not.
    GYRE_API address_v4 to_v4() const;

    /// The IPv6 address. Throws bad_address_cast if it is an IPv4 one.
    GYRE_API address_v6 to_v6() const;

    /// The text of the address it holds: see address_v4::to_string and address_v6::to_string.
    GYRE_API std::string to_string() const;

    /// Whether it is a loopback address of its version.
    constexpr bool is_loopback() const noexcept {
        return is_v6_ ? v6_.is_loopback() : v4_.is_loopback();
    }

    /// Whether it is the unspecified address of its version.
    constexpr bool is_unspecified() const noexcept {
        return is_v6_ ? v6_.is_unspecified() : v4_.is_unspecified();
    }

    /// Whether it is a multicast address of its version.
    constexpr bool is_multicast() const noexcept {
        return is_v6_ ? v6_.is_multicast() : v4_.is_multicast();
    }

    friend constexpr bool operator==(const address&, const address&) noexcept = default;
    friend constexpr auto operator<=>(const address&, const address&) noexcept = default;

private:
    // The member of the other version stays as it was made, so that comparing all members in this
    // order is comparing addresses.
    bool is_v6_ = false;
    address_v4 v4_;
    address_v6 v6_;
};

/// Reads an address of either version, as make_address_v4 and make_address_v6 do. Throws
/// system_error with error::invalid_argument if `text` is neither.
GYRE_API address make_address(std::string_view text);

/// The same with the error in `ec`, which is cleared on success; 0.0.0.0 is returned on failure.
GYRE_API address make_address(std::string_view text, error_code& ec) noexcept;

/// Writes to_string(). Instantiating it needs <ostream>.
template <class Char, class Traits>
std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>& out,
                                             const address& address) {
    return out << address.to_string().c_str();
}

}  // namespace gyre::inline v0::ip

/// Equal addresses have equal hashes, the same in every run.
template <>
struct std::hash<gyre::ip::address> {
    GYRE_API std::size_t operator()(const gyre::ip::address& address) const noexcept;
};
