// SPDX-License-Identifier: BSL-1.0
//
// The exception for asking an address for what it is not.

#pragma once

#include <gyre/detail/config.hpp>

#include <typeinfo>

namespace gyre::inline v0::ip {

/// Thrown when an address is converted to the version that it is not of: by address::to_v4,
/// address::to_v6 and the make_address_v4 that takes a mapped address.
class GYRE_API bad_address_cast : public std::bad_cast {
public:
    bad_address_cast() noexcept = default;
    bad_address_cast(const bad_address_cast&) noexcept = default;
    bad_address_cast& operator=(const bad_address_cast&) noexcept = default;
    ~bad_address_cast() override;

    const char* what() const noexcept override;
};

}  // namespace gyre::inline v0::ip
