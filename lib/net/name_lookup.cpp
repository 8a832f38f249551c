// SPDX-License-Identifier: BSL-1.0
// Checks queries, asks the system, makes lists of its answers.
#include "net/name_lookup.hpp"

#include <gyre/error.hpp>
#include <gyre/ip/address.hpp>
#include <gyre/ip/basic_resolver.hpp>

#include <algorithm>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace gyre::inline v0::detail {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::error_code check(const std::string& name) noexcept {
    if (name.find('\0') != std::string::npos) {
        return error::make_error_code(error::invalid_argument);  // the system would see half of it
    }
    return name.size() > name_size_max ? error::make_error_code(error::name_too_long)
                                       : std::error_code();
}

bool is_numeric_host(const resolver_query& query) noexcept {
    std::error_code not_an_address;
    static_cast<void>(ip::make_address(query.host, not_an_address));
    return query.host.empty() || !not_an_address;
}

resolved_list list_of(const resolver_query& query, const std::vector<name_answer>& answers) {
    const bool canonical = !answers.empty() && !answers.front().canonical_name.empty();
    resolved_list list(canonical ? answers.front().canonical_name : query.host, query.service);
    for (const name_answer& answer : answers) {
        if (is_ip_address(answer)) {
            list.add(answer.address.data(), answer.address.size());
        }
    }
    return list;
}

std::error_code forward(name_ops& names, const resolver_query& query, resolved_list& answer) {
    for (const std::string* name : {&query.host, &query.service}) {
        if (const std::error_code e = check(*name)) {
            return e;
        }
    }
    const service_text service = service_text_of(query.service);
    if (service == service_text::refused) {
        return error::make_error_code(error::service_not_found);
    }
    unsigned flags = query.flags;
    if (is_numeric_host(query)) {
        flags |= ip::resolver_base::numeric_host;
    }
    if (service != service_text::name) {
        flags |= ip::resolver_base::numeric_service;
    }
    std::vector<name_answer> answers;
    const std::error_code e = names.resolve(
        {query.host, query.service, system_flags(flags), query.family, query.type, query.protocol},
        answers);
    if (e) {
        return e;
    }
    resolved_list list = list_of(query, answers);
    if (list.size() == 0) {
        return error::make_error_code(error::no_data);
    }
    answer = std::move(list);
    return {};
}

std::error_code reverse(name_ops& names, const resolver_query& query, resolved_list& answer) {
    const std::string& address = query.address;
    std::string host;
    std::string service;
    std::error_code e =
        names.reverse(address.data(), address.size(), reverse_flags(query, false), host, service);
    if (e) {  // some systems fail for want of the service's name
        e = names.reverse(address.data(), address.size(), reverse_flags(query, true), host,
                          service);
    }
    if (!e) {
        resolved_list list(host, service);
        list.add(address.data(), address.size());
        answer = std::move(list);
    }
    return e;
}

}  // namespace

// C libraries read "-1", " 80" and "+80" as numbers, and take the lower 16 bits of any.
service_text service_text_of(std::string_view service) noexcept {
    if (service.empty()) {
        return service_text::none;
    }
    const std::size_t begin = service.find_first_not_of(" \t\n\v\f\r+-");
    const std::string_view rest =
        begin == std::string_view::npos ? std::string_view() : service.substr(begin);
    if (rest.empty() || !std::all_of(rest.begin(), rest.end(), is_digit)) {
        return service_text::name;
    }
    const std::string_view digits = rest.substr(std::min(rest.find_first_not_of('0'), rest.size()));
    const bool fits = digits.size() < 5 || (digits.size() == 5 && digits <= "65535");
    return begin == 0 && fits ? service_text::number : service_text::refused;
}

bool is_numeric(const resolver_query& query) noexcept {
    if (!query.address.empty()) {
        return false;
    }
    if (check(query.host) || check(query.service)) {
        return true;
    }
    return ((query.flags & ip::resolver_base::numeric_host) != 0 || is_numeric_host(query)) &&
           ((query.flags & ip::resolver_base::numeric_service) != 0 ||
            service_text_of(query.service) != service_text::name);
}

std::error_code look_up(name_ops& names, const resolver_query& query,
                        resolved_list& answer) noexcept {
    try {
        return query.address.empty() ? forward(names, query, answer)
                                     : reverse(names, query, answer);
    } catch (const std::bad_alloc&) {
        return error::make_error_code(error::no_memory);
    }
}

}  // namespace gyre::inline v0::detail
