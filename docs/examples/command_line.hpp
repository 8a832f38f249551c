// SPDX-License-Identifier: BSL-1.0
// The two arguments that the network examples have in common: an address and a port.
#pragma once

#include <gyre/ip/tcp.hpp>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace example {

/// A whole number that fills the text; nothing if it is anything else.
template <class Number>
std::optional<Number> number_of(std::string_view text) {
    Number number{};
    const char* const end = text.data() + text.size();
    const auto [rest, problem] = std::from_chars(text.data(), end, number);
    if (problem != std::errc() || rest != end) {
        return std::nullopt;
    }
    return number;
}

/// The endpoint that ADDRESS and PORT name; nothing if one of them is wrong. Names are not looked
/// up.
template <class Protocol = gyre::ip::tcp>
std::optional<typename Protocol::endpoint> endpoint_of(std::string_view address,
                                                       std::string_view port) {
    gyre::error_code error;
    const gyre::ip::address ip = gyre::ip::make_address(address, error);
    const auto number = number_of<std::uint16_t>(port);
    if (error || !number) {
        return std::nullopt;
    }
    return typename Protocol::endpoint(ip, *number);
}

}  // namespace example
