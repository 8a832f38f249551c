// SPDX-License-Identifier: BSL-1.0
//
// IPv4 addresses as values. Knows no system call and no interface of this machine.

#pragma once

#include <gyre/detail/config.hpp>
#include <gyre/error.hpp>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

namespace gyre::inline v0::ip {

/// An IPv4 address. A regular value of four bytes, ordered as its number is; may be used from any
/// thread as an int may.
class address_v4 {
public:
    /// The four bytes in network order, the first part of the written address first.
    using bytes_type = std::array<unsigned char, 4>;

    /// An address as a number: 127.0.0.1 is 0x7f000001 on every machine.
    using uint_type = std::uint_least32_t;

    /// 0.0.0.0.
    constexpr address_v4() noexcept = default;

    /// From bytes in network order.
    constexpr explicit address_v4(const bytes_type& bytes) noexcept
        : value_(uint_type{bytes[0]} << 24 | uint_type{bytes[1]} << 16 | uint_type{bytes[2]} << 8 |
                 uint_type{bytes[3]}) {}

    /// From a number (see uint_type), of which the lowest 32 bits count.
    constexpr explicit address_v4(uint_type value) noexcept : value_(value & 0xffffffffU) {}

    /// The bytes in network order.
    constexpr bytes_type to_bytes() const noexcept {
        return {static_cast<unsigned char>(value_ >> 24), static_cast<unsigned char>(value_ >> 16),
                static_cast<unsigned char>(value_ >> 8), static_cast<unsigned char>(value_)};
    }

    /// The number (see uint_type), in the machine's own byte order.
    constexpr uint_type to_uint() const noexcept { return value_; }

    /// Four decimal numbers with dots: "192.0.2.1". Throws what std::string throws.
    GYRE_API std::string to_string() const;

    /// Whether it is in 127.0.0.0/8 (RFC 1122, 3.2.1.3).
    constexpr bool is_loopback() const noexcept { return value_ >> 24 == 127; }

    /// Whether it is 0.0.0.0.
    constexpr bool is_unspecified() const noexcept { return value_ == 0; }

    /// Whether it is in 224.0.0.0/4 (RFC 5771).
    constexpr bool is_multicast() const noexcept { return value_ >> 28 == 0xe; }

    /// 0.0.0.0: to bind to all interfaces.
    static constexpr address_v4 any() noexcept { return address_v4(); }

    /// 127.0.0.1.
    static constexpr address_v4 loopback() noexcept { return address_v4(0x7f000001U); }

    /// 255.255.255.255: everybody on the local network.
    static constexpr address_v4 broadcast() noexcept { return address_v4(0xffffffffU); }

    friend constexpr bool operator==(const address_v4&, const address_v4&) noexcept = default;
    friend constexpr auto operator<=>(const address_v4&, const address_v4&) noexcept = default;

private:
    uint_type value_ = 0;
};

/// From bytes in network order.
constexpr address_v4 make_address_v4(const address_v4::bytes_type& bytes) noexcept {
    return address_v4(bytes);
}

/// From a number (see address_v4::uint_type).
constexpr address_v4 make_address_v4(address_v4::uint_type value) noexcept {
    return address_v4(value);
}

/// Reads exactly four decimal numbers from 0 to 255 with dots between, without leading zeros (which
/// some take for octal), spaces or anything else around them. Throws system_error with
/// error::invalid_argument if `text` is not that.
GYRE_API address_v4 make_address_v4(std::string_view text);

/// The same with the error in `ec`, which is cleared on success; 0.0.0.0 is returned on failure.
GYRE_API address_v4 make_address_v4(std::string_view text, error_code& ec) noexcept;

/// Writes to_string(). Instantiating it needs <ostream>.
template <class Char, class Traits>
std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>& out,
                                             const address_v4& address) {
    return out << address.to_string().c_str();
}

}  // namespace gyre::inline v0::ip

/// Equal addresses have equal hashes, the same in every run.
template <>
struct std::hash<gyre::ip::address_v4> {
    std::size_t operator()(const gyre::ip::address_v4& address) const noexcept {
        // Multiplying by the golden ratio spreads neighbours, which addresses usually are.
        const std::uint64_t mixed = address.to_uint() * std::uint64_t{0x9e3779b97f4a7c15};
        return static_cast<std::size_t>(mixed ^ mixed >> 32);
    }
};
