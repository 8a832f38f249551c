// SPDX-License-Identifier: BSL-1.0
// What the tests of datagrams begin with: two sockets of UDP on the loopback interface.
#pragma once

#include <gyre/io_context.hpp>
#include <gyre/ip/udp.hpp>

namespace gyre::testing {

using ip::udp;

inline udp::endpoint any_port() { return {ip::address_v4::loopback(), 0}; }

/// Two sockets that know each other's addresses.
struct udp_pair {
    explicit udp_pair(io_context& ctx) : a(ctx, any_port()), b(ctx, any_port()) {}
    udp::endpoint of_a() const { return a.local_endpoint(); }
    udp::endpoint of_b() const { return b.local_endpoint(); }
    udp::socket a;
    udp::socket b;
};

}  // namespace gyre::testing
