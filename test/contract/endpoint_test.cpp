// SPDX-License-Identifier: BSL-1.0
// ip::tcp and its endpoints as values.
#include <gyre/ip/tcp.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <sstream>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

using namespace gyre;
using tcp = ip::tcp;

TEST_CASE("endpoint: the default one is any IPv4 address and port 0") {
    const tcp::endpoint e;
    CHECK(e.address() == ip::address(ip::address_v4::any()));
    CHECK(e.port() == 0);
    CHECK(e.protocol() == tcp::v4());
    CHECK(e == tcp::endpoint(tcp::v4(), 0));
}

TEST_CASE("endpoint: made of a protocol it is any address of that version") {
    const tcp::endpoint v6(tcp::v6(), 80);
    CHECK(v6.address() == ip::address(ip::address_v6::any()));
    CHECK(v6.protocol() == tcp::v6());
    CHECK(v6.port() == 80);
    CHECK(tcp::v4() != tcp::v6());
    CHECK(tcp::v4().family() == AF_INET);
    CHECK(tcp::v6().family() == AF_INET6);
    CHECK(tcp::v4().type() == SOCK_STREAM);
}

TEST_CASE("endpoint: gives back what it was made of, for either version and any port") {
    for (const char* text : {"127.0.0.1", "255.255.255.255", "::1", "2001:db8::1", "fe80::1%3"}) {
        for (const int port : {0, 1, 80, 256, 65535}) {
            const ip::address address = ip::make_address(text);
            const tcp::endpoint e(address, static_cast<std::uint16_t>(port));
            CHECK(e.address() == address);
            CHECK(e.port() == port);
            CHECK(e.protocol() == (address.is_v4() ? tcp::v4() : tcp::v6()));
        }
    }
}

TEST_CASE("endpoint: address and port change alone") {
    tcp::endpoint e(ip::make_address("127.0.0.1"), 7);
    e.port(8);
    CHECK(e == tcp::endpoint(ip::make_address("127.0.0.1"), 8));
    e.address(ip::make_address("::1"));
    CHECK(e == tcp::endpoint(ip::make_address("::1"), 8));
    CHECK(e.protocol() == tcp::v6());
    e.port(9);
    e.address(ip::make_address("10.0.0.1"));
    CHECK(e == tcp::endpoint(ip::make_address("10.0.0.1"), 9));
}

TEST_CASE("endpoint: orders by address, then by port, IPv4 first") {
    const std::vector<tcp::endpoint> sorted{
        {ip::make_address("10.0.0.1"), 2}, {ip::make_address("10.0.0.1"), 256},
        {ip::make_address("10.0.0.2"), 1}, {ip::make_address("::1"), 0},
        {ip::make_address("::1"), 1},      {ip::make_address("fe80::1"), 0},
    };
    std::vector<tcp::endpoint> mixed(sorted.rbegin(), sorted.rend());
    std::sort(mixed.begin(), mixed.end());
    CHECK(mixed == sorted);
    CHECK(sorted[0] < sorted[1]);
    CHECK(sorted[0] != sorted[1]);
    CHECK_FALSE(sorted[0] < sorted[0]);
}

TEST_CASE("endpoint: is written with brackets around IPv6") {
    CHECK(tcp::endpoint(ip::make_address("127.0.0.1"), 80).to_string() == "127.0.0.1:80");
    CHECK(tcp::endpoint(ip::make_address("::1"), 65535).to_string() == "[::1]:65535");
    std::ostringstream out;
    out << tcp::endpoint(ip::make_address("::1"), 0);
    CHECK(out.str() == "[::1]:0");
}

TEST_CASE("endpoint: data() is the system's address, in network order, and size() its size") {
    const tcp::endpoint v4(ip::make_address("1.2.3.4"), 0x1234);
    REQUIRE(v4.size() == sizeof(sockaddr_in));
    sockaddr_in in{};
    std::copy_n(static_cast<const char*>(v4.data()), sizeof in, reinterpret_cast<char*>(&in));
    CHECK(in.sin_family == AF_INET);
    CHECK(ntohs(in.sin_port) == 0x1234);
    CHECK(ntohl(in.sin_addr.s_addr) == 0x01020304);

    const tcp::endpoint v6(ip::make_address("fe80::1%3"), 0x1234);
    REQUIRE(v6.size() == sizeof(sockaddr_in6));
    sockaddr_in6 in6{};
    std::copy_n(static_cast<const char*>(v6.data()), sizeof in6, reinterpret_cast<char*>(&in6));
    CHECK(in6.sin6_family == AF_INET6);
    CHECK(ntohs(in6.sin6_port) == 0x1234);
    CHECK(in6.sin6_addr.s6_addr[0] == 0xfe);
    CHECK(in6.sin6_addr.s6_addr[15] == 1);
    CHECK(in6.sin6_scope_id == 3);
}

TEST_CASE("endpoint: takes an address that the system wrote into data()") {
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(99);
    in6.sin6_addr.s6_addr[15] = 1;
    tcp::endpoint e;
    REQUIRE(e.capacity() >= sizeof in6);
    std::copy_n(reinterpret_cast<const char*>(&in6), sizeof in6, static_cast<char*>(e.data()));
    e.resize(sizeof in6);
    CHECK(e == tcp::endpoint(ip::make_address("::1"), 99));
    CHECK(e.size() == sizeof in6);
}
