// SPDX-License-Identifier: BSL-1.0
// One lookup, from a query to a list: what is checked before the system is asked, and what becomes
// of its answer. Blocks; knows neither threads nor operations.
#pragma once

#include <gyre/detail/resolved_list.hpp>
#include <gyre/detail/resolver_object.hpp>

#include "platform/platform.hpp"

#include <string_view>
#include <system_error>

namespace gyre::inline v0::detail {

/// Longer names exist nowhere, and no system takes them.
inline constexpr std::size_t name_size_max = 1024;

/// What a service's text is.
enum class service_text {
    none,     ///< empty
    number,   ///< a port
    name,     ///< to be looked up
    refused,  ///< a number that is no port: systems would take some part of it for one
};
service_text service_text_of(std::string_view service) noexcept;

/// Whether the query is answered without looking anything up: by the system, and at once.
bool is_numeric(const resolver_query& query) noexcept;

/// `answer` is untouched on failure.
std::error_code look_up(name_ops& names, const resolver_query& query,
                        resolved_list& answer) noexcept;

// Per system.

/// The system's bits for the flags of resolver_base.
int system_flags(unsigned flags) noexcept;
/// Whether an answer's address is one that an IP endpoint holds.
bool is_ip_address(const name_answer& answer) noexcept;
/// The system's bits to ask for the names of an endpoint; `numeric_service` asks for its port.
int reverse_flags(const resolver_query& query, bool numeric_service) noexcept;

}  // namespace gyre::inline v0::detail
