// SPDX-License-Identifier: BSL-1.0
// Datagrams of UDP several at a time: how many of them are moved, and what ends a call.
#include <gyre/io_context.hpp>
#include <gyre/ip/udp.hpp>

#include "support/catch.hpp"
#include "support/tcp_pair.hpp"
#include "support/udp_pair.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

TEST_CASE("udp socket: several datagrams are sent and received by one call each") {
    io_context ctx;
    udp_pair s(ctx);
    std::vector<std::string> texts;
    std::vector<udp::socket::outgoing_type> out;
    for (int i = 0; i != 10; ++i) {
        texts.push_back(std::string(static_cast<std::size_t>(i), 'a'));
    }
    for (const std::string& t : texts) {
        out.push_back({buffer(t), s.of_b()});
    }
    CHECK(s.a.send_many(out) == 10);
    std::vector<std::array<char, 6>> bytes(16);
    std::vector<udp::socket::received_type> in(16);
    for (std::size_t i = 0; i != in.size(); ++i) {
        in[i].buffer = buffer(bytes[i]);
    }
    std::size_t got = 0;
    s.b.async_receive_many(in, [&](error_code e, std::size_t n) {
        CHECK_FALSE(e);
        got = n;
    });
    run(ctx);
    REQUIRE(got == 10);
    for (std::size_t i = 0; i != got; ++i) {
        CHECK(in[i].bytes == std::min<std::size_t>(i, 6));
        CHECK(in[i].truncated == (i > 6));
        CHECK(in[i].sender == s.of_a());
    }
    CHECK(in[10].bytes == 0);
}

TEST_CASE("udp socket: a receive of several waits for the first datagram, and for no other") {
    io_context ctx;
    udp_pair s(ctx);
    s.a.connect(s.of_b());
    std::array<char, 8> bytes;
    std::array<udp::socket::received_type, 4> in{};
    in[0].buffer = buffer(bytes);
    result received;
    s.b.async_receive_many(in, received.keep());
    result sent;
    const std::array<const_buffer, 1> out{buffer("one", 3)};
    s.a.async_send_many(out, sent.keep());
    run(ctx);
    CHECK((!sent.error && sent.bytes == 1));
    CHECK(received == once({}, 1));
    CHECK(std::string(bytes.data(), in[0].bytes) == "one");
}

TEST_CASE("udp socket: no more than max_datagrams are moved by a call, and none of none") {
    io_context ctx;
    udp_pair s(ctx);
    const std::size_t most = udp::socket::max_datagrams;
    std::vector<udp::socket::outgoing_type> out(most + 1, {buffer("x", 1), s.of_b()});
    CHECK(s.a.send_many(out) == most);
    std::vector<udp::socket::received_type> in(most + 1);
    CHECK(s.b.receive_many(in) == most);
    std::vector<udp::socket::received_type> no_room;
    CHECK(s.b.receive_many(no_room) == 0);
    result nothing;
    s.b.async_receive_many(no_room, nothing.keep());
    run(ctx);
    CHECK((nothing.calls == 1 && !nothing.error && nothing.bytes == 0));
}

TEST_CASE("udp socket: a datagram that can't be sent ends a call, and is the next one's result") {
    io_context ctx;
    udp_pair s(ctx);
    const std::vector<char> huge(70'000);
    const std::array<udp::socket::outgoing_type, 3> out{
        {{buffer("a", 1), s.of_b()}, {buffer(huge), s.of_b()}, {buffer("b", 1), s.of_b()}}};
    CHECK(s.a.send_many(out) == 1);
    const std::vector<udp::socket::outgoing_type> rest(out.begin() + 1, out.end());
    error_code ec;
    CHECK(s.a.send_many(rest, ec) == 0);
    CHECK(ec == error::message_size);
}
