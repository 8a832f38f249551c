// SPDX-License-Identifier: BSL-1.0
// Addresses and endpoints: what is read and written comes back, and the C library agrees.
#include <gyre/ip/tcp.hpp>

#include "fuzz/fuzz.hpp"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>

namespace ip = gyre::ip;
using gyre::testing::fuzz_input;

namespace {

void check_written(const ip::address& address) {
    const std::string text = address.to_string();
    FUZZ_CHECK(ip::make_address(text) == address);
    FUZZ_CHECK(text.size() <= 56);
    const ip::tcp::endpoint endpoint(address, 65'535);
    FUZZ_CHECK(endpoint.address() == address);
    const std::string written = endpoint.to_string();
    FUZZ_CHECK(written == (address.is_v6() ? '[' + text + "]:65535" : text + ":65535"));
}

/// Text that has neither a scope nor a zero, which the C library reads otherwise.
bool comparable(const std::string& text) {
    return text.find('%') == text.npos && text.find('\0') == text.npos;
}

void check_text(const std::string& text) {
    gyre::error_code ec;
    const ip::address address = ip::make_address(text, ec);
    gyre::error_code ec4;
    const ip::address_v4 v4 = ip::make_address_v4(text, ec4);
    gyre::error_code ec6;
    const ip::address_v6 v6 = ip::make_address_v6(text, ec6);
    FUZZ_CHECK(!ec == (!ec4 || !ec6));
    FUZZ_CHECK(ec4 || ec6);  // never both
    FUZZ_CHECK(ec ? address == ip::address() && ec == gyre::error::invalid_argument
                  : address == (ec4 ? ip::address(v6) : ip::address(v4)));
    if (!ec) {
        check_written(address);
    }
    unsigned char expected[16];
    if (comparable(text)) {
        FUZZ_CHECK(!ec4 == (inet_pton(AF_INET, text.c_str(), expected) == 1));
        FUZZ_CHECK(ec4 || std::equal(expected, expected + 4, v4.to_bytes().begin()));
        FUZZ_CHECK(!ec6 == (inet_pton(AF_INET6, text.c_str(), expected) == 1));
        FUZZ_CHECK(ec6 || std::equal(expected, expected + 16, v6.to_bytes().begin()));
    }
}

void check_bytes(std::string bytes) {
    bytes.resize(20);
    ip::address_v6::bytes_type b{};
    std::memcpy(b.data(), bytes.data(), 16);
    ip::scope_id_type scope = 0;
    std::memcpy(&scope, bytes.data() + 16, 4);
    check_written(ip::address_v6(b, scope));
    ip::address_v4::bytes_type four{};
    std::memcpy(four.data(), bytes.data(), 4);
    check_written(ip::address_v4(four));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    if (input.below(4) == 0) {
        check_bytes(input.take(20));
    } else {
        check_text(input.rest());
    }
    return 0;
}
