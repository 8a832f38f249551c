// SPDX-License-Identifier: BSL-1.0
// What a resolver makes of texts before it asks the system, and of the system's answers.
#include <gyre/error.hpp>
#include <gyre/ip/basic_resolver.hpp>
#include <gyre/ip/tcp.hpp>

#include "net/name_lookup.hpp"
#include "support/catch.hpp"

#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace gyre::inline v0::detail {
namespace {

using base = ip::resolver_base;
using namespace std::string_view_literals;

/// Says what it was asked, and answers what it was told to.
class scripted_names final : public name_ops {
public:
    std::error_code resolve(const name_query& query,
                            std::vector<name_answer>& found) noexcept override {
        ++calls;
        asked = query;
        found = answers;
        return error;
    }
    std::error_code reverse(const void*, std::size_t, int flags, std::string& host,
                            std::string& service) noexcept override {
        reverse_asked.push_back(flags);
        host = "host";
        service = "service";
        const bool fails = reverse_asked.size() <= failures;
        return fails ? error::make_error_code(error::host_not_found) : std::error_code();
    }

    int calls = 0;
    name_query asked;
    std::vector<name_answer> answers;
    std::error_code error;
    std::vector<int> reverse_asked;
    std::size_t failures = 0;
};

name_answer answer_of(int family, std::size_t size) {
    name_answer answer;
    answer.family = family;
    answer.address.resize(size);
    sockaddr head{};
    head.sa_family = static_cast<sa_family_t>(family);
    std::memcpy(answer.address.data(), &head, sizeof head.sa_family + 2);
    return answer;
}

resolver_query query_of(std::string host, std::string service, unsigned flags = 0) {
    return {std::move(host), std::move(service), flags, 0, SOCK_STREAM, IPPROTO_TCP};
}

}  // namespace

TEST_CASE("name lookup: a service is nothing, a port, a name, or a number that is no port") {
    const std::pair<std::string_view, service_text> table[] = {
        {"", service_text::none},          {"0", service_text::number},
        {"80", service_text::number},      {"65535", service_text::number},
        {"00080", service_text::number},   {"0000000000", service_text::number},
        {"http", service_text::name},      {"80x", service_text::name},
        {"8 0", service_text::name},       {"-", service_text::name},
        {" ", service_text::name},         {"0x50", service_text::name},
        {"65536", service_text::refused},  {"99999", service_text::refused},
        {"100000", service_text::refused}, {"18446744073709551616", service_text::refused},
        {"-1", service_text::refused},     {"-0", service_text::refused},
        {"+80", service_text::refused},    {" 80", service_text::refused},
        {"\t80", service_text::refused},   {"--80", service_text::refused},
        {"80\0"sv, service_text::name},
    };
    for (const auto& [text, meaning] : table) {
        INFO('"' << text << '"');
        CHECK(service_text_of(text) == meaning);
    }
}

TEST_CASE("name lookup: a query of numbers needs no thread, one of names does") {
    CHECK(is_numeric(query_of("127.0.0.1", "80")));
    CHECK(is_numeric(query_of("::1", "")));
    CHECK(is_numeric(query_of("fe80::1%1", "80")));
    CHECK(is_numeric(query_of("", "80")));
    CHECK(is_numeric(query_of("localhost", "80", base::numeric_host)));
    CHECK(is_numeric(query_of("127.0.0.1", "http", base::numeric_service)));
    CHECK(is_numeric(query_of("127.0.0.1", "65536")));
    CHECK_FALSE(is_numeric(query_of("localhost", "80")));
    CHECK_FALSE(is_numeric(query_of("127.0.0.1", "http")));
    CHECK_FALSE(is_numeric(query_of("127.0.0.1.", "80")));
    CHECK_FALSE(is_numeric(query_of("[::1]", "80")));
    CHECK_FALSE(is_numeric(query_of("256.0.0.1", "80")));
    resolver_query reverse = query_of("", "");
    reverse.address = "some bytes";
    CHECK_FALSE(is_numeric(reverse));
}

TEST_CASE("name lookup: texts that no name can be are refused without asking the system") {
    scripted_names names;
    const std::string zero("local\0host", 10);
    const std::string longest(name_size_max, 'a');
    struct row {
        std::string host;
        std::string service;
        std::error_code error;
    };
    const row table[] = {
        {zero, "80", error::invalid_argument},
        {"host", std::string("80\0", 3), error::invalid_argument},
        {std::string(1, '\0'), "80", error::invalid_argument},
        {longest + 'a', "80", error::name_too_long},
        {"host", longest + 'a', error::name_too_long},
        {"host", "65536", error::service_not_found},
        {"127.0.0.1", "-1", error::service_not_found},
    };
    for (const row& r : table) {
        resolved_list list("before", "before");
        const resolver_query query = query_of(r.host, r.service);
        CHECK(look_up(names, query, list) == r.error);
        CHECK(list.host() == "before");
    }
    CHECK(names.calls == 0);
    names.answers = {answer_of(AF_INET, sizeof(sockaddr_in))};
    resolved_list list;
    CHECK_FALSE(look_up(names, query_of(longest, longest), list));
    CHECK(names.asked.host == longest);
}

TEST_CASE("name lookup: numbers are asked for as numbers, so that the system looks nothing up") {
    scripted_names names;
    resolved_list list;
    look_up(names, query_of("127.0.0.1", "80"), list);
    CHECK(names.asked.flags == (AI_NUMERICHOST | AI_NUMERICSERV));
    look_up(names, query_of("host", "80"), list);
    CHECK(names.asked.flags == AI_NUMERICSERV);
    look_up(names, query_of("::1", "http"), list);
    CHECK(names.asked.flags == AI_NUMERICHOST);
    look_up(names, query_of("host", "http"), list);
    CHECK(names.asked.flags == 0);
    CHECK(names.asked.type == SOCK_STREAM);
    CHECK(names.asked.protocol == IPPROTO_TCP);
    CHECK(names.asked.family == AF_UNSPEC);
}

TEST_CASE("name lookup: each flag has its counterpart in the system") {
    const std::pair<base::flags, int> table[] = {
        {base::canonical_name, AI_CANONNAME},
        {base::passive, AI_PASSIVE},
        {base::numeric_host, AI_NUMERICHOST},
        {base::numeric_service, AI_NUMERICSERV},
        {base::v4_mapped, AI_V4MAPPED},
        {base::all_matching, AI_ALL},
        {base::address_configured, AI_ADDRCONFIG},
    };
    for (const auto& [ours, system] : table) {
        CHECK(system_flags(ours) == system);
    }
    CHECK(system_flags(0) == 0);
    CHECK(system_flags(base::passive | base::v4_mapped) == (AI_PASSIVE | AI_V4MAPPED));
    CHECK(system_flags(~0U << 7) == 0);
}

TEST_CASE("name lookup: the flags are a set") {
    base::flags f = base::passive | base::numeric_host;
    CHECK((f & base::passive) == base::passive);
    CHECK((f ^ base::passive) == base::numeric_host);
    CHECK((~f & f) == base::flags());
    f &= ~base::passive;
    CHECK(f == base::numeric_host);
    f |= base::v4_mapped;
    f ^= base::numeric_host;
    CHECK(f == base::v4_mapped);
}

TEST_CASE("name lookup: only addresses of IP get into the list, in their order") {
    scripted_names names;
    names.answers = {answer_of(AF_UNIX, 20), answer_of(AF_INET6, sizeof(sockaddr_in6)),
                     answer_of(AF_INET, sizeof(sockaddr_in) - 1), answer_of(AF_INET6, 100),
                     answer_of(AF_INET, sizeof(sockaddr_in))};
    resolved_list list;
    REQUIRE_FALSE(look_up(names, query_of("host", "80"), list));
    REQUIRE(list.size() == 2);
    const ip::tcp::resolver::results_type results(std::move(list));
    CHECK(results.begin()->endpoint().address().is_v6());
    CHECK((++results.begin())->endpoint().address().is_v4());
}

TEST_CASE("name lookup: an answer without any address is no_data, a failure is passed on") {
    scripted_names names;
    resolved_list list("before", "");
    CHECK(look_up(names, query_of("host", "80"), list) == error::no_data);
    names.answers = {answer_of(AF_UNIX, 20)};
    CHECK(look_up(names, query_of("host", "80"), list) == error::no_data);
    names.error = error::host_not_found_try_again;
    CHECK(look_up(names, query_of("host", "80"), list) == error::host_not_found_try_again);
    CHECK(list.host() == "before");
}

TEST_CASE("name lookup: the canonical name takes the place of the one that was asked for") {
    scripted_names names;
    names.answers = {answer_of(AF_INET, sizeof(sockaddr_in))};
    resolved_list list;
    REQUIRE_FALSE(look_up(names, query_of("host", "80"), list));
    CHECK(list.host() == "host");
    CHECK(list.service() == "80");
    names.answers.front().canonical_name = "host.example";
    REQUIRE_FALSE(look_up(names, query_of("host", "80", base::canonical_name), list));
    CHECK(list.host() == "host.example");
}

TEST_CASE("name lookup: without a name for the service an endpoint's port is given in numbers") {
    scripted_names names;
    const ip::tcp::endpoint endpoint(ip::address_v4::loopback(), 7);
    resolver_query query = query_of("", "");
    query.address.assign(static_cast<const char*>(endpoint.data()), endpoint.size());
    resolved_list list;
    REQUIRE_FALSE(look_up(names, query, list));
    CHECK(names.reverse_asked == std::vector{0});
    CHECK(list.size() == 1);
    CHECK(list.host() == "host");
    CHECK(list.service() == "service");

    names.failures = 2;
    REQUIRE_FALSE(look_up(names, query, list));
    CHECK(names.reverse_asked == std::vector{0, 0, NI_NUMERICSERV});
    names.failures = 9;
    query.type = SOCK_DGRAM;
    CHECK(look_up(names, query, list) == error::host_not_found);
    CHECK(names.reverse_asked.back() == (NI_DGRAM | NI_NUMERICSERV));
}

}  // namespace gyre::inline v0::detail
