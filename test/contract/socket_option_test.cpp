// SPDX-License-Identifier: BSL-1.0
// Options of sockets: what is set can be read back, and the system was told.
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>

#include "support/catch.hpp"
#include "support/tcp_pair.hpp"
#include "support/wine.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

using namespace gyre;
using namespace gyre::testing;

namespace {

int system_value(tcp::socket& s, int level, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    REQUIRE(::getsockopt(s.native_handle(), level, name, &value, &size) == 0);
    return value;
}

template <class Option>
void check_boolean(int level, int name) {
    io_context ctx;
    tcp::socket s(ctx, tcp::v4());
    for (const bool on : {true, false, true}) {
        s.set_option(Option(on));
        Option option(!on);
        s.get_option(option);
        CHECK(option.value() == on);
        CHECK(static_cast<bool>(option) == on);
        CHECK(!option == !on);
        CHECK((system_value(s, level, name) != 0) == on);
    }
}

}  // namespace

TEST_CASE("socket option: the switches can be turned on and off") {
    check_boolean<tcp::no_delay>(IPPROTO_TCP, TCP_NODELAY);
    check_boolean<tcp::socket::keep_alive>(SOL_SOCKET, SO_KEEPALIVE);
    check_boolean<tcp::socket::reuse_address>(SOL_SOCKET, SO_REUSEADDR);
    if (!on_windows) {
        check_boolean<tcp::socket::reuse_port>(SOL_SOCKET, SO_REUSEPORT);
    }
    check_boolean<tcp::socket::broadcast>(SOL_SOCKET, SO_BROADCAST);
    if (!on_wine()) {  // which can't turn it off
        check_boolean<tcp::socket::do_not_route>(SOL_SOCKET, SO_DONTROUTE);
    }
    check_boolean<tcp::socket::out_of_band_inline>(SOL_SOCKET, SO_OOBINLINE);
}

TEST_CASE("socket option: v6_only can be turned on and off") {
    io_context ctx;
    error_code ec;
    tcp::socket s(ctx);
    s.open(tcp::v6(), ec);
    if (ec) {
        GYRE_SKIP("no IPv6");
    }
    for (const bool on : {true, false, true}) {
        s.set_option(ip::v6_only(on));
        ip::v6_only option(!on);
        s.get_option(option);
        CHECK(option.value() == on);
        CHECK((system_value(s, IPPROTO_IPV6, IPV6_V6ONLY) != 0) == on);
    }
}

TEST_CASE("socket option: values change by assignment") {
    tcp::no_delay flag;
    CHECK_FALSE(flag.value());
    flag = true;
    CHECK(flag.value());
    flag = false;
    CHECK(!flag);
    tcp::socket::send_buffer_size size;
    CHECK(size.value() == 0);
    size = 17;
    CHECK(size.value() == 17);
}

TEST_CASE("socket option: buffer sizes reach the system") {
    io_context ctx;
    tcp::socket s(ctx, tcp::v4());
    s.set_option(tcp::socket::send_buffer_size(20'000));
    s.set_option(tcp::socket::receive_buffer_size(30'000));
    tcp::socket::send_buffer_size send;
    tcp::socket::receive_buffer_size receive;
    s.get_option(send);
    s.get_option(receive);
    CHECK(send.value() >= 20'000);
    CHECK(receive.value() >= 30'000);
    CHECK(send.value() == system_value(s, SOL_SOCKET, SO_SNDBUF));
    CHECK(receive.value() == system_value(s, SOL_SOCKET, SO_RCVBUF));
}

TEST_CASE("socket option: low watermarks are what the system says") {
    if (on_windows) {
        GYRE_SKIP("Windows has no low watermarks");
    }
    io_context ctx;
    tcp::socket s(ctx, tcp::v4());
    s.set_option(tcp::socket::receive_low_watermark(5));
    tcp::socket::receive_low_watermark receive;
    s.get_option(receive);
    CHECK(receive.value() == 5);
    tcp::socket::send_low_watermark send;
    s.get_option(send);
    CHECK(send.value() == system_value(s, SOL_SOCKET, SO_SNDLOWAT));
}

TEST_CASE("socket option: linger carries a switch and seconds") {
    io_context ctx;
    tcp::socket s(ctx, tcp::v4());
    s.set_option(tcp::socket::linger(true, 7));
    tcp::socket::linger option;
    CHECK_FALSE(option.enabled());
    s.get_option(option);
    CHECK(option.enabled());
    CHECK(option.timeout() == 7);
    linger raw{};
    socklen_t size = sizeof raw;
    REQUIRE(::getsockopt(s.native_handle(), SOL_SOCKET, SO_LINGER, &raw, &size) == 0);
    CHECK(raw.l_onoff != 0);
    CHECK(raw.l_linger == 7);
    option.enabled(false);
    option.timeout(0);
    s.set_option(option);
    tcp::socket::linger off(true, 1);
    s.get_option(off);
    CHECK_FALSE(off.enabled());
}

TEST_CASE("socket option: an error leaves the option as it was") {
    io_context ctx;
    tcp::socket s(ctx);
    tcp::socket::send_buffer_size option(42);
    error_code ec;
    s.get_option(option, ec);
    CHECK(ec == error::bad_descriptor);
    CHECK(option.value() == 42);
    CHECK_THROWS_AS(s.get_option(option), system_error);
    CHECK_THROWS_AS(s.set_option(option), system_error);
    s.open(tcp::v4());
    s.set_option(ip::v6_only(true), ec);  // not of this protocol
    CHECK((on_windows || ec));
}

TEST_CASE("socket option: an error code that was set is cleared by success") {
    io_context ctx;
    tcp::socket s(ctx, tcp::v4());
    error_code ec = error::eof;
    s.set_option(tcp::no_delay(true), ec);
    CHECK_FALSE(ec);
    ec = error::eof;
    tcp::no_delay option;
    s.get_option(option, ec);
    CHECK_FALSE(ec);
    ec = error::eof;
    s.local_endpoint(ec);
    CHECK((on_windows || !ec));  // which knows no address of an unbound socket
    ec = error::eof;
    s.available(ec);
    CHECK_FALSE(ec);
    ec = error::eof;
    s.cancel(ec);
    CHECK_FALSE(ec);
    ec = error::eof;
    s.close(ec);
    CHECK_FALSE(ec);
}

TEST_CASE("socket option: an accepted socket can be given options of its own") {
    io_context ctx;
    connection c = connected(ctx);
    c.server.set_option(tcp::no_delay(true));
    tcp::no_delay option;
    c.server.get_option(option);
    CHECK(option.value());
    c.client.get_option(option);
    CHECK_FALSE(option.value());
}
