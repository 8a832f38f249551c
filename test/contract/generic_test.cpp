// SPDX-License-Identifier: BSL-1.0
// Sockets of a protocol that only the running program knows.
#include <gyre/generic/datagram_protocol.hpp>
#include <gyre/generic/seq_packet_protocol.hpp>
#include <gyre/generic/stream_protocol.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/udp.hpp>
#include <gyre/local/stream_protocol.hpp>

#include "support/catch.hpp"
#include "support/result.hpp"
#include "support/tcp_pair.hpp"
#include "support/wine.hpp"

#include <array>
#include <vector>

#include <sys/socket.h>

using namespace gyre;
using namespace gyre::testing;

TEST_CASE("generic endpoint: holds any address, compares by its bytes, and refuses a longer one") {
    const tcp::endpoint known(ip::address_v4::loopback(), 80);
    const generic::stream_protocol::endpoint e(known);
    CHECK(e.size() == known.size());
    CHECK(e == generic::stream_protocol::endpoint(known.data(), known.size()));
    CHECK(e != generic::stream_protocol::endpoint());
    CHECK(e.protocol().family() == tcp::v4().family());
    CHECK(e.protocol().protocol() == tcp::v4().protocol());
    const std::vector<char> huge(200);
    CHECK_THROWS_AS(generic::stream_protocol::endpoint(huge.data(), huge.size()),
                    std::system_error);
}

TEST_CASE("generic stream: connects to a listener of TCP, by an endpoint of its own form") {
    io_context ctx;
    tcp::acceptor acceptor(ctx, loopback());
    generic::stream_protocol::socket client(ctx);
    client.connect(acceptor.local_endpoint());
    CHECK(client.remote_endpoint() ==
          generic::stream_protocol::endpoint(acceptor.local_endpoint()));
    tcp::socket server = acceptor.accept();
    client.write_some(buffer("hello", 5));
    char text[8];
    CHECK(server.read_some(buffer(text)) == 5);
    generic::stream_protocol::socket other(ctx, generic::stream_protocol(tcp::v4()));
    CHECK(other.is_open());
}

TEST_CASE("generic datagrams: to and from a socket of UDP") {
    io_context ctx;
    ip::udp::socket known(ctx, ip::udp::endpoint(ip::address_v4::loopback(), 0));
    generic::datagram_protocol::socket any(ctx, generic::datagram_protocol(AF_INET, 0));
    any.send_to(buffer("x", 1), known.local_endpoint());
    std::array<char, 4> text;
    ip::udp::endpoint from;
    CHECK(known.receive_from(buffer(text), from) == 1);
    known.send_to(buffer("yz", 2), from);
    generic::datagram_protocol::endpoint sender;
    CHECK(any.receive_from(buffer(text), sender) == 2);
    CHECK(sender == generic::datagram_protocol::endpoint(known.local_endpoint()));
}

TEST_CASE("generic datagrams: of as many buffers as one call takes, and of more") {
    io_context ctx;
    ip::udp::socket known(ctx, ip::udp::endpoint(ip::address_v4::loopback(), 0));
    generic::datagram_protocol::socket any(ctx, generic::datagram_protocol(AF_INET, 0));
    const std::vector<const_buffer> most(16, buffer("x", 1));
    const std::array<const_buffer, 64> too_many{};
    result sent;
    any.async_send_to(most, known.local_endpoint(), sent.keep());
    any.async_send_to(too_many, known.local_endpoint(), [](error_code e, std::size_t n) {
        CHECK_FALSE(e);  // empty ones do not count
        CHECK(n == 0);
    });
    run(ctx);
    CHECK(sent == once({}, 16));
}

TEST_CASE("generic packets: a protocol that the system does not have is an error") {
    io_context ctx;
    generic::seq_packet_protocol::socket socket(ctx);
    error_code ec;
    socket.open(generic::seq_packet_protocol(AF_INET, 255), ec);
    CHECK(ec);
    CHECK_FALSE(socket.is_open());
    if (!on_windows) {
        socket.open(generic::seq_packet_protocol(AF_UNIX, 0), ec);
        CHECK_FALSE(ec);
    }
}
