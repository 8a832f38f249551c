// SPDX-License-Identifier: BSL-1.0
//
// IP addresses: values, classes, and their text both ways, against tables and the C library.

#include <gyre/ip/address.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#if !defined(_WIN32)
#include <arpa/inet.h>
#endif

namespace ip = gyre::ip;
using ip::make_address;
using ip::make_address_v4;
using ip::make_address_v6;

namespace {

// clang-format off
constexpr std::string_view not_v4[] = {
    "", " ", ".", "...", "1", "1.2.3", "1.2.3.", "1.2.3.4.", "1.2.3.4.5", ".1.2.3.4", "1..2.3",
    "256.1.1.1", "1.1.1.256", "1.1.1.999", "1.1.1.1000", "1.1.1.4294967297",
    "1.1.1.18446744073709551617", "01.2.3.4", "1.2.3.04", "00.0.0.0", "1.2.3.00", "0x7f.0.0.1",
    "1.2.3.a", "a.b.c.d", "-1.2.3.4", "+1.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1. 2.3.4", "1.2.3.4\n",
    "1,2,3,4", "1.2.3.4%1", "1.2.3.4/8", "1.2.3.4:80", "::1", "2130706433",
};

constexpr std::string_view not_v6[] = {
    "", " ", ":", ":::", "::::", "1", "1:", ":1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:",
    ":1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:", "1:2:3:4:5:6:7:8:9", "1::2::3", "::1::", ":::1",
    "1:::2", "1:::", "::1:", ":1::", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8",
    "12345::", "::12345", "00001::", "::g", "::-1", "::+1", "0x1::", " ::1", "::1 ", ":: 1",
    "::1\n", "[::1]", "::1/64", "1.2.3.4", "::1.2.3", "::1.2.3.4.5", "::1.2.3.4:5", "1.2.3.4::",
    "1:1.2.3.4::", "::1.2.3.4:1.2.3.4", "::1.2.3.256", "::01.2.3.4", "::1.2.3.04", "::1.2.3.",
    "::.1.2.3", "::a.2.3.4", "::1.2.3.4.", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:1.2.3.4",
    "1:2:3:4:5:6::1.2.3.4", "::2:3:4:5:6:7:1.2.3.4", "::12345.1.1.1", "fe80::1%", "fe80::1%eth0",
    "fe80::1%lo", "fe80::1%3x", "fe80::1% 3", "fe80::1%3 ", "fe80::1%-1", "fe80::1%03",
    "fe80::1%00", "fe80::1%4294967296", "fe80::1%99999999999999999999999", "fe80::1%3%3", "%3",
    "fe80%3::1", "fe80::1/3",
};
// clang-format on

std::string round_trip_v6(std::string_view text) { return make_address_v6(text).to_string(); }

template <class Address>
bool rejects(Address (*make)(std::string_view, gyre::error_code&) noexcept, std::string_view text) {
    gyre::error_code ec;
    const bool is_default = make(text, ec) == Address();
    return is_default && ec == gyre::error::invalid_argument;
}

bool rejects_v4(std::string_view text) { return rejects<ip::address_v4>(make_address_v4, text); }

bool rejects_v6(std::string_view text) { return rejects<ip::address_v6>(make_address_v6, text); }

bool rejects_any(std::string_view text) { return rejects<ip::address>(make_address, text); }

}  // namespace

TEST_CASE("address_v4: bytes, number and text are the same address") {
    constexpr ip::address_v4 a(ip::address_v4::bytes_type{192, 0, 2, 1});
    static_assert(a.to_uint() == 0xc0000201U);
    static_assert(ip::address_v4(0xc0000201U) == a);
    static_assert(a.to_bytes()[3] == 1);
    CHECK(a.to_string() == "192.0.2.1");
    CHECK(make_address_v4("192.0.2.1") == a);
    CHECK(make_address_v4(0xc0000201U) == a);
    CHECK(make_address_v4(a.to_bytes()) == a);
    CHECK(ip::address_v4().to_string() == "0.0.0.0");
    CHECK(ip::address_v4::any() == ip::address_v4());
    CHECK(ip::address_v4::loopback().to_string() == "127.0.0.1");
    CHECK(ip::address_v4::broadcast().to_string() == "255.255.255.255");
}

TEST_CASE("address_v4: classes begin and end where the RFCs say") {
    const auto loopback = [](const char* text) { return make_address_v4(text).is_loopback(); };
    CHECK_FALSE(loopback("126.255.255.255"));
    CHECK(loopback("127.0.0.0"));
    CHECK(loopback("127.255.255.255"));
    CHECK_FALSE(loopback("128.0.0.0"));
    const auto multicast = [](const char* text) { return make_address_v4(text).is_multicast(); };
    CHECK_FALSE(multicast("223.255.255.255"));
    CHECK(multicast("224.0.0.0"));
    CHECK(multicast("239.255.255.255"));
    CHECK_FALSE(multicast("240.0.0.0"));
    CHECK(ip::address_v4::any().is_unspecified());
    CHECK_FALSE(make_address_v4("0.0.0.1").is_unspecified());
}

TEST_CASE("address_v4: what is not four plain decimal numbers is rejected") {
    for (const std::string_view text : not_v4) {
        CAPTURE(text);
        CHECK(rejects_v4(text));
    }
    CHECK(rejects_v4(std::string_view("1.2.3.4\0", 8)));
    CHECK(rejects_v4(std::string_view("1.2\0.3.4", 8)));
    // Only the view counts, not what stands behind it.
    CHECK(make_address_v4(std::string_view("1.2.3.45", 7)) == ip::address_v4(0x01020304U));
}

TEST_CASE("address_v6: text is in the form of RFC 5952") {
    struct {
        const char* read;
        const char* written;
    } const cases[] = {
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"0:0:0:0:0:0:0:0", "::"},
        {"0000:0000:0000:0000:0000:0000:0000:0001", "::1"},
        {"2001:0db8::0001", "2001:db8::1"},
        {"2001:DB8:AAAA:bbbb:CcCc:dddd:eeee:0001", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1"},
        // One zero group is not shortened, of equal runs the first is, of others the longest.
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        {"0:0:1:0:0:0:0:1", "0:0:1::1"},
        {"0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"1:0:0:0:0:0:0:0", "1::"},
        {"0:0:0:0:0:0:1:0", "::1:0"},
        {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        // IPv4 inside: written only if mapped.
        {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
        {"::FFFF:c000:201", "::ffff:192.0.2.1"},
        {"::ffff:0:0", "::ffff:0.0.0.0"},
        {"::192.0.2.1", "::c000:201"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        {"1:2:3:4:5:6:7.8.9.10", "1:2:3:4:5:6:708:90a"},
        {"1:2:3:4:5::7.8.9.10", "1:2:3:4:5:0:708:90a"},
        {"::ffff:255.255.255.255%4294967295", "::ffff:255.255.255.255%4294967295"},
        // Scopes.
        {"fe80::1%3", "fe80::1%3"},
        {"fe80::1%0", "fe80::1"},
        {"::%1", "::%1"},
        {"1111:2222:3333:4444:5555:6666:7777:8888%4294967295",
         "1111:2222:3333:4444:5555:6666:7777:8888%4294967295"},
    };
    for (const auto& [read, written] : cases) {
        CAPTURE(read);
        CHECK(round_trip_v6(read) == written);
        CHECK(make_address_v6(written) == make_address_v6(read));
    }
}

TEST_CASE("address_v6: groups land in network order") {
    const ip::address_v6::bytes_type bytes = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0,    0,
                                              0,    0,    0,    0,    0, 0, 0xab, 0xcd};
    CHECK(make_address_v6("2001:db8::abcd").to_bytes() == bytes);
}

TEST_CASE("address_v6: what RFC 4291 does not allow is rejected") {
    for (const std::string_view text : not_v6) {
        CAPTURE(text);
        CHECK(rejects_v6(text));
        if (text != "1.2.3.4") {
            CHECK(rejects_any(text));
        }
    }
    CHECK(rejects_v6(std::string_view("::1\0", 4)));
    CHECK(rejects_v6(std::string_view("::1%3\0", 6)));
    CHECK(make_address_v6(std::string_view("::12", 3)) == ip::address_v6::loopback());
}

TEST_CASE("address_v6: classes") {
    const auto v6 = [](const char* text) { return make_address_v6(text); };
    CHECK(v6("::").is_unspecified());
    CHECK(v6("::%1").is_unspecified());
    CHECK_FALSE(v6("::1").is_unspecified());
    CHECK(v6("::1").is_loopback());
    CHECK(v6("::1") == ip::address_v6::loopback());
    CHECK_FALSE(v6("::2").is_loopback());
    CHECK_FALSE(v6("::ffff:127.0.0.1").is_loopback());
    CHECK_FALSE(v6("fe7f:ffff::").is_link_local());
    CHECK(v6("fe80::").is_link_local());
    CHECK(v6("febf:ffff::").is_link_local());
    CHECK_FALSE(v6("fec0::").is_link_local());
    CHECK(v6("fec0::").is_site_local());
    CHECK(v6("feff::").is_site_local());
    CHECK_FALSE(v6("ff00::").is_site_local());
    CHECK(v6("::ffff:1.2.3.4").is_v4_mapped());
    CHECK_FALSE(v6("::1.2.3.4").is_v4_mapped());
    CHECK_FALSE(v6("::1:ffff:102:304").is_v4_mapped());
    CHECK_FALSE(v6("1::ffff:102:304").is_v4_mapped());
    CHECK_FALSE(v6("::feff:102:304").is_v4_mapped());

    CHECK(v6("ff00::").is_multicast());
    CHECK_FALSE(v6("fe00::").is_multicast());
    CHECK(v6("ff0e::1").is_multicast_global());
    CHECK(v6("ff02::1").is_multicast_link_local());
    CHECK(v6("ff12::1").is_multicast_link_local());
    CHECK(v6("ff01::1").is_multicast_node_local());
    CHECK(v6("ff08::1").is_multicast_org_local());
    CHECK(v6("ff05::1").is_multicast_site_local());
    CHECK_FALSE(v6("ff05::1").is_multicast_global());
    CHECK_FALSE(v6("fe02::1").is_multicast_link_local());
}

TEST_CASE("address_v6: the scope is part of the value") {
    ip::address_v6 a = make_address_v6("fe80::1%7");
    CHECK(a.scope_id() == 7);
    CHECK(a != make_address_v6("fe80::1"));
    CHECK(a > make_address_v6("fe80::1%6"));
    CHECK(a < make_address_v6("fe80::2"));
    a.scope_id(0);
    CHECK(a == make_address_v6("fe80::1"));
    CHECK(make_address_v6(a.to_bytes(), 9).to_string() == "fe80::1%9");
}

TEST_CASE("address: mapped addresses convert both ways and others not at all") {
    const ip::address_v4 v4 = make_address_v4("192.0.2.1");
    const ip::address_v6 v6 = make_address_v6(ip::v4_mapped, v4);
    CHECK(v6 == make_address_v6("::ffff:192.0.2.1"));
    CHECK(make_address_v4(ip::v4_mapped, v6) == v4);
    CHECK_THROWS_AS(make_address_v4(ip::v4_mapped, make_address_v6("::1")), ip::bad_address_cast);
    CHECK_THROWS_AS(make_address_v4(ip::v4_mapped, make_address_v6("::1.2.3.4")),
                    ip::bad_address_cast);
}

TEST_CASE("address: holds either version and gives out only that one") {
    const ip::address none;
    CHECK(none.is_v4());
    CHECK(none.is_unspecified());
    const ip::address v4 = make_address("127.0.0.1");
    const ip::address v6 = make_address("::1");
    CHECK(v4.is_v4());
    CHECK_FALSE(v4.is_v6());
    CHECK(v6.is_v6());
    CHECK_FALSE(v6.is_v4());
    CHECK(v4.to_v4() == ip::address_v4::loopback());
    CHECK(v6.to_v6() == ip::address_v6::loopback());
    CHECK_THROWS_AS(v4.to_v6(), ip::bad_address_cast);
    CHECK_THROWS_AS(v6.to_v4(), std::bad_cast);
    CHECK_THROWS_AS(make_address("::ffff:1.2.3.4").to_v4(), ip::bad_address_cast);
    CHECK(std::string_view(ip::bad_address_cast().what()) == "bad address cast");
    CHECK(v4.is_loopback());
    CHECK(v6.is_loopback());
    CHECK(make_address("224.0.0.1").is_multicast());
    CHECK(make_address("ff02::1").is_multicast());
    CHECK_FALSE(v6.is_multicast());
    CHECK(v4.to_string() == "127.0.0.1");
    CHECK(v6.to_string() == "::1");
}

TEST_CASE("address: reading takes all kinds of strings, and throws or sets an error") {
    const std::string string = "10.0.0.1";
    gyre::error_code ec = gyre::error::eof;
    CHECK(make_address(string, ec) == make_address("10.0.0.1"));
    CHECK_FALSE(ec);
    CHECK(make_address_v4(string.c_str()) == make_address(std::string_view(string)).to_v4());
    ec = gyre::error::eof;
    CHECK(make_address_v6("::1", ec).is_loopback());
    CHECK_FALSE(ec);
    CHECK(rejects_any("localhost"));
    CHECK(rejects_any(""));
    try {
        make_address("localhost");
        FAIL("nothing was thrown");
    } catch (const gyre::system_error& e) {
        CHECK(e.code() == gyre::error::invalid_argument);
    }
    CHECK_THROWS_AS(make_address_v4("::1"), gyre::system_error);
    CHECK_THROWS_AS(make_address_v6("127.0.0.1"), gyre::system_error);
}

TEST_CASE("address: order is by version, then by number") {
    const std::vector<const char*> ordered = {
        "0.0.0.0", "1.2.3.4", "1.2.4.0",        "127.0.0.1",  "255.255.255.255", "::",
        "::%1",    "::1",     "::ffff:1.2.3.4", "2001:db8::", "ff02::1"};
    for (std::size_t i = 0; i != ordered.size(); ++i) {
        for (std::size_t j = 0; j != ordered.size(); ++j) {
            CAPTURE(ordered[i], ordered[j]);
            CHECK((make_address(ordered[i]) <=> make_address(ordered[j])) == (i <=> j));
            CHECK((make_address(ordered[i]) == make_address(ordered[j])) == (i == j));
        }
    }
    CHECK(make_address_v4("1.0.0.0") > make_address_v4("0.255.255.255"));
}

TEST_CASE("address: hashes agree with equality and spread neighbours") {
    std::unordered_set<ip::address> set;
    std::unordered_set<std::size_t> v4_hashes;
    std::unordered_set<std::size_t> v6_hashes;
    for (std::uint32_t i = 0; i != 1000; ++i) {
        const ip::address_v4 v4(0x0a000000U + i);
        set.insert(v4);
        set.insert(make_address_v6(ip::v4_mapped, v4));
        v4_hashes.insert(std::hash<ip::address_v4>()(v4));
        v6_hashes.insert(std::hash<ip::address_v6>()(ip::address_v6({0xfe, 0x80}, i)));
    }
    CHECK(set.size() == 2000);
    CHECK(set.contains(make_address("10.0.3.231")));
    CHECK_FALSE(set.contains(make_address("10.0.3.232")));
    CHECK(v4_hashes.size() > 990);
    CHECK(v6_hashes.size() > 990);
    CHECK(std::hash<ip::address>()(make_address("::1")) ==
          std::hash<ip::address_v6>()(ip::address_v6::loopback()));
}

TEST_CASE("address: streams out as its text, in wide characters too") {
    std::ostringstream narrow;
    narrow << make_address("1.2.3.4") << ' ' << make_address_v4("5.6.7.8") << ' '
           << make_address_v6("fe80::1%2");
    CHECK(narrow.str() == "1.2.3.4 5.6.7.8 fe80::1%2");
    std::wostringstream wide;
    wide << make_address("::1");
    CHECK(wide.str() == L"::1");
}

#if !defined(_WIN32)

namespace {

// Half of the groups are zero or small, so that runs of every shape and length come up.
ip::address_v6::bytes_type random_bytes(std::mt19937& random) {
    ip::address_v6::bytes_type bytes{};
    for (std::size_t i = 0; i != 16; i += 2) {
        const unsigned kind = random() % 4;
        const unsigned group = kind == 0 ? random() & 0xffff : kind == 1 ? random() & 0xf : 0;
        bytes[i] = static_cast<unsigned char>(group >> 8);
        bytes[i + 1] = static_cast<unsigned char>(group);
    }
    if (random() % 8 == 0) {
        bytes = {0, 0, 0,    0,    0,         0,         0,         0,
                 0, 0, 0xff, 0xff, bytes[12], bytes[13], bytes[14], bytes[15]};
    }
    return bytes;
}

// The C library writes ::a.b.c.d for the deprecated compatible addresses as well.
bool is_v4_compatible(const ip::address_v6::bytes_type& bytes) {
    for (std::size_t i = 0; i != 12; ++i) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

}  // namespace

TEST_CASE("address: random addresses are written and read as the C library does") {
    std::mt19937 random(20240229);
    for (int round = 0; round != 20000; ++round) {
        const ip::address_v6 v6(random_bytes(random));
        const auto bytes = v6.to_bytes();
        const std::string text = v6.to_string();
        char expected[INET6_ADDRSTRLEN];
        REQUIRE(inet_ntop(AF_INET6, bytes.data(), expected, sizeof(expected)) != nullptr);
        if (!is_v4_compatible(bytes)) {
            REQUIRE(text == expected);
        }
        REQUIRE(make_address_v6(text) == v6);
        REQUIRE(make_address_v6(expected) == v6);

        const ip::address_v4 v4(static_cast<ip::address_v4::uint_type>(random()));
        const auto v4_bytes = v4.to_bytes();
        REQUIRE(inet_ntop(AF_INET, v4_bytes.data(), expected, sizeof(expected)) != nullptr);
        REQUIRE(v4.to_string() == expected);
        REQUIRE(make_address(expected) == ip::address(v4));
    }
}

TEST_CASE("address: damaged texts are accepted or rejected as the C library does") {
    std::mt19937 random(7);
    const std::string_view alphabet = "0123456789abcdefABCDEFg::::....";
    int accepted = 0;
    for (int round = 0; round != 100000; ++round) {
        std::string text = random() % 4 == 0
                               ? ip::address_v4(static_cast<std::uint32_t>(random())).to_string()
                               : ip::address_v6(random_bytes(random)).to_string();
        for (unsigned damage = random() % 4; damage != 0 && !text.empty(); --damage) {
            const std::size_t place = random() % text.size();
            switch (random() % 3) {
            case 0: text.erase(place, 1); break;
            case 1: text.insert(place, 1, alphabet[random() % alphabet.size()]); break;
            default: text[place] = alphabet[random() % alphabet.size()]; break;
            }
        }
        CAPTURE(text);
        unsigned char expected[16];
        gyre::error_code ec;
        const ip::address_v4 v4 = make_address_v4(text, ec);
        REQUIRE(!ec == (inet_pton(AF_INET, text.c_str(), expected) == 1));
        REQUIRE((ec || std::equal(expected, expected + 4, v4.to_bytes().begin())));
        accepted += !ec;
        const ip::address_v6 v6 = make_address_v6(text, ec);
        REQUIRE(!ec == (inet_pton(AF_INET6, text.c_str(), expected) == 1));
        REQUIRE((ec || std::equal(expected, expected + 16, v6.to_bytes().begin())));
        accepted += !ec;
    }
    // Both answers must have come up often for this to mean something.
    CHECK(accepted > 20000);
    CHECK(accepted < 90000);
}

#endif
