// SPDX-License-Identifier: BSL-1.0
// The native resolver, as far as it needs no network, and the errors it translates.
#include <gyre/error.hpp>

#include "platform/platform.hpp"
#include "support/catch.hpp"
#include "support/wine.hpp"

#include <cstring>
#include <string>
#include <vector>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace gyre::inline v0::detail {
namespace {

name_query query_of(std::string host, std::string service) {
    name_query query;
    query.host = std::move(host);
    query.service = std::move(service);
    query.family = AF_INET;
    query.type = SOCK_STREAM;
    return query;
}

std::error_code resolve(const name_query& query, std::vector<name_answer>& answers) {
    return native_platform().names().resolve(query, answers);
}

std::error_code error_of(const name_query& query) {
    std::vector<name_answer> answers(3);
    const std::error_code error = resolve(query, answers);
    CHECK(answers.size() == 3);
    return error;
}

sockaddr_in first_address(const std::vector<name_answer>& answers) {
    sockaddr_in address{};
    REQUIRE_FALSE(answers.empty());
    REQUIRE(answers[0].family == AF_INET);
    REQUIRE(answers[0].address.size() == sizeof address);
    std::memcpy(&address, answers[0].address.data(), sizeof address);
    return address;
}

TEST_CASE("native names: a numeric host and service are copied into the answer") {
    std::vector<name_answer> answers;
    name_query query = query_of("127.0.0.1", "8080");
    query.flags = AI_NUMERICHOST | AI_NUMERICSERV;
    REQUIRE_FALSE(resolve(query, answers));
    CHECK(answers.size() == 1);
    CHECK(answers[0].type == SOCK_STREAM);
    CHECK(answers[0].protocol == IPPROTO_TCP);
    const sockaddr_in address = first_address(answers);
    CHECK(address.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    CHECK(address.sin_port == htons(8080));
}

TEST_CASE("native names: localhost is the loopback address") {
    std::vector<name_answer> answers(5);
    name_query query = query_of("localhost", "");
    query.flags = AI_CANONNAME;
    REQUIRE_FALSE(resolve(query, answers));
    CHECK(first_address(answers).sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    CHECK(answers[0].canonical_name == "localhost");
}

TEST_CASE("native names: an empty host is the wildcard for a passive query, else loopback") {
    std::vector<name_answer> answers;
    name_query query = query_of("", "80");
    REQUIRE_FALSE(resolve(query, answers));
    CHECK(first_address(answers).sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    query.flags = AI_PASSIVE;
    REQUIRE_FALSE(resolve(query, answers));
    CHECK(first_address(answers).sin_addr.s_addr == htonl(INADDR_ANY));
}

TEST_CASE("native names: failures have names and leave the answers alone") {
    name_query query = query_of("no number", "80");
    query.flags = AI_NUMERICHOST;
    CHECK(error_of(query) == error::host_not_found);
    CHECK(error_of(query_of("", "")) == error::host_not_found);
    CHECK(error_of(query_of("127.0.0.1", "no such service")) == error::service_not_found);

    query = query_of("127.0.0.1", "80");
    query.type = 77;
    CHECK(error_of(query) == error::socket_type_not_supported);
    query = query_of("127.0.0.1", "80");
    query.family = 77;
    CHECK(error_of(query) == error::address_family_not_supported);
#if !defined(_WIN32)  // which does not look at flags that it does not know
    query = query_of("127.0.0.1", "80");
    query.flags = 1 << 30;
    CHECK(error_of(query) == error::invalid_argument);
#endif
}

TEST_CASE("native names: an address of the other family only is no_data or not found") {
    name_query query = query_of("::1", "80");
    query.flags = AI_NUMERICHOST;
    const std::error_code error = error_of(query);
    INFO(error);
    // Wine 8 has no name for it.
    CHECK((error == error::no_data || error == error::host_not_found ||
           (gyre::testing::on_wine() && error == error::no_recovery)));
}

TEST_CASE("native names: an address turns back into text") {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(8080);
    std::string host = "before";
    std::string service = "before";
    const int numeric = NI_NUMERICHOST | NI_NUMERICSERV;
    name_ops& ops = native_platform().names();
    REQUIRE_FALSE(ops.reverse(&address, sizeof address, numeric, host, service));
    CHECK(host == "127.0.0.1");
    CHECK(service == "8080");
    CHECK(ops.reverse(&address, 3, numeric, host, service) == error::address_family_not_supported);
    CHECK(host == "127.0.0.1");
}

}  // namespace
}  // namespace gyre::inline v0::detail
