// SPDX-License-Identifier: BSL-1.0
//
// IPv6 addresses as values, and their relation to IPv4's. Knows no system call and no interface of
// this machine: a scope is a number.

#pragma once

#include <gyre/detail/config.hpp>
#include <gyre/error.hpp>
#include <gyre/ip/address_v4.hpp>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

namespace gyre::inline v0::ip {

/// The type of the constant v4_mapped.
enum v4_mapped_t {
    /// Selects the conversions between IPv4 and mapped IPv6 addresses.
    v4_mapped
};

/// What an IPv6 scope is called by: the number of an interface, 0 for none. (Systems use numbers;
/// names of interfaces are for users.)
using scope_id_type = std::uint_least32_t;

/// An IPv6 address with its scope. A regular value, ordered by its bytes and then by its scope; may
/// be used from any thread as an int may.
class address_v6 {
public:
    /// The sixteen bytes in network order, the first group of the written address first.
    using bytes_type = std::array<unsigned char, 16>;

    /// The address `::` with no scope.
    constexpr address_v6() noexcept = default;

    /// From bytes in network order.
    constexpr explicit address_v6(const bytes_type& bytes, scope_id_type scope = 0) noexcept
        : bytes_(bytes), scope_id_(scope) {}

    /// The bytes in network order.
    constexpr bytes_type to_bytes() const noexcept { return bytes_; }

    /// The scope: which interface a link-local address is meant on; 0 for none.
    constexpr scope_id_type scope_id() const noexcept { return scope_id_; }

    /// Sets the scope.
    constexpr void scope_id(scope_id_type scope) noexcept { scope_id_ = scope; }

    /// The text of RFC 5952: lower case, no leading zeros, the first of the longest runs of at
    /// least two zero groups as `::`, mapped addresses as `::ffff:192.0.2.1`. A scope follows as a
    /// number: `fe80::1%3`. Throws what std::string throws.
    GYRE_API std::string to_string() const;

    /// Whether it is `::1`, whatever its scope.
    constexpr bool is_loopback() const noexcept {
        return bytes_ == bytes_type{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    }

    /// Whether it is `::`, whatever its scope.
    constexpr bool is_unspecified() const noexcept { return bytes_ == bytes_type{}; }

    /// Whether it is in fe80::/10 (RFC 4291, 2.5.6).
    constexpr bool is_link_local() const noexcept {
        return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
    }

    /// Whether it is in fec0::/10, which RFC 3879 took out of use.
    constexpr bool is_site_local() const noexcept {
        return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0xc0;
    }

    /// Whether it is in ::ffff:0:0/96 and so stands for an IPv4 address (RFC 4291, 2.5.5.2).
    constexpr bool is_v4_mapped() const noexcept {
        for (std::size_t i = 0; i != 10; ++i) {
            if (bytes_[i] != 0) {
                return false;
            }
        }
        return bytes_[10] == 0xff && bytes_[11] == 0xff;
    }

    /// Whether it is in ff00::/8 (RFC 4291, 2.7); those below tell how far it reaches.
    constexpr bool is_multicast() const noexcept { return bytes_[0] == 0xff; }

    /// A multicast address of global scope.
    constexpr bool is_multicast_global() const noexcept { return reaches(0xe); }

    /// A multicast address that stays on the link.
    constexpr bool is_multicast_link_local() const noexcept { return reaches(0x2); }

    /// A multicast address that stays on the machine.
    constexpr bool is_multicast_node_local() const noexcept { return reaches(0x1); }

    /// A multicast address that stays within an organisation.
    constexpr bool is_multicast_org_local() const noexcept { return reaches(0x8); }

    /// A multicast address that stays within a site.
    constexpr bool is_multicast_site_local() const noexcept { return reaches(0x5); }

    /// `::`: to bind to all interfaces.
    static constexpr address_v6 any() noexcept { return address_v6(); }

    /// `::1`.
    static constexpr address_v6 loopback() noexcept {
        return address_v6(bytes_type{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
    }

    friend constexpr bool operator==(const address_v6&, const address_v6&) noexcept = default;
    friend constexpr auto operator<=>(const address_v6&, const address_v6&) noexcept = default;

private:
    constexpr bool reaches(unsigned char scope) const noexcept {
        return is_multicast() && (bytes_[1] & 0x0f) == scope;
    }

    bytes_type bytes_{};
    scope_id_type scope_id_ = 0;
};

/// From bytes in network order.
constexpr address_v6 make_address_v6(const address_v6::bytes_type& bytes,
                                     scope_id_type scope = 0) noexcept {
    return address_v6(bytes, scope);
}

/// Reads an address in any of the forms of RFC 4291, 2.2: eight groups of one to four hexadecimal
/// digits, at most one `::` for one or more groups of zeros, the last two groups optionally as an
/// IPv4 address. A scope may follow as `%` and a decimal number without leading zeros; the name of
/// an interface is not accepted, because no system is asked. Throws system_error with
/// error::invalid_argument if `text` is not that.
GYRE_API address_v6 make_address_v6(std::string_view text);

/// The same with the error in `ec`, which is cleared on success; `::` is returned on failure.
GYRE_API address_v6 make_address_v6(std::string_view text, error_code& ec) noexcept;

/// The mapped address, ::ffff:a.b.c.d, of an IPv4 address.
constexpr address_v6 make_address_v6(v4_mapped_t, const address_v4& address) noexcept {
    const address_v4::bytes_type b = address.to_bytes();
    return address_v6(
        address_v6::bytes_type{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, b[0], b[1], b[2], b[3]});
}

/// The IPv4 address that a mapped address stands for. Throws bad_address_cast if it is not
/// is_v4_mapped().
GYRE_API address_v4 make_address_v4(v4_mapped_t, const address_v6& address);

/// Writes to_string(). Instantiating it needs <ostream>.
template <class Char, class Traits>
std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>& out,
                                             const address_v6& address) {
    return out << address.to_string().c_str();
}

}  // namespace gyre::inline v0::ip

/// Equal addresses have equal hashes, the same in every run.
template <>
struct std::hash<gyre::ip::address_v6> {
    GYRE_API std::size_t operator()(const gyre::ip::address_v6& address) const noexcept;
};
