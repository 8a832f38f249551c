// SPDX-License-Identifier: BSL-1.0
// Datagrams of UDP on the loopback interface: whole, with their senders, in the order of the calls,
// none lost by a cancellation; what is too long, what comes back as an error, and the options of
// IP.
#include <gyre/io_context.hpp>
#include <gyre/ip/multicast.hpp>
#include <gyre/ip/udp.hpp>
#include <gyre/ip/unicast.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/counting_poller.hpp"
#include "support/hang_guard.hpp"
#include "support/native_world.hpp"
#include "support/tcp_pair.hpp"
#include "support/udp_pair.hpp"
#include "support/wine.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

TEST_CASE("udp socket: a datagram arrives whole, and with its sender, by blocking calls") {
    io_context ctx;
    udp_pair s(ctx);
    CHECK(s.a.send_to(buffer("hello", 5), s.of_b()) == 5);
    CHECK(s.a.send_to(std::array{buffer("by", 2), buffer("e", 1)}, s.of_b()) == 3);
    char text[16];
    udp::endpoint from;
    CHECK(s.b.receive_from(buffer(text), from) == 5);
    CHECK(std::string(text, 5) == "hello");
    CHECK(from == s.of_a());
    CHECK(s.b.receive(buffer(text)) == 3);
    CHECK(std::string(text, 3) == "bye");
}

TEST_CASE("udp socket: a blocking receive waits for a datagram that comes later") {
    const hang_guard guard;
    watched_world world;
    io_context ctx(world.options());
    udp_pair s(ctx);
    std::thread other([&] {
        world.await_wait();
        s.a.send_to(buffer("late", 4), s.of_b());
    });
    char text[16];
    udp::endpoint from;
    CHECK(s.b.receive_from(buffer(text), from) == 4);
    other.join();
}

TEST_CASE("udp socket: with non_blocking(true) a receive reports would_block, sender untouched") {
    io_context ctx;
    udp_pair s(ctx);
    s.b.non_blocking(true);
    char text[16];
    udp::endpoint from = s.of_a();
    error_code ec;
    CHECK(s.b.receive_from(buffer(text), from, 0, ec) == 0);
    CHECK(ec == error::would_block);
    CHECK(from == s.of_a());
    CHECK(s.b.receive(buffer(text), 0, ec) == 0);
    CHECK(ec == error::would_block);
}

TEST_CASE("udp socket: asynchronous receives get one datagram each, in their order") {
    io_context ctx;
    udp_pair s(ctx);
    std::array<std::array<char, 16>, 3> texts;
    std::array<udp::endpoint, 3> from;
    std::string order;
    for (std::size_t i = 0; i != 3; ++i) {
        s.b.async_receive_from(buffer(texts[i]), from[i], [&, i](error_code e, std::size_t n) {
            CHECK_FALSE(e);
            CHECK(n == i + 1);
            order += static_cast<char>('0' + i);
        });
    }
    for (std::size_t i = 0; i != 3; ++i) {
        s.a.async_send_to(buffer("abc", i + 1), s.of_b(), [i](error_code e, std::size_t n) {
            CHECK_FALSE(e);
            CHECK(n == i + 1);
        });
    }
    run(ctx);
    CHECK(order == "012");
    for (const udp::endpoint& e : from) {
        CHECK(e == s.of_a());
    }
}

TEST_CASE("udp socket: datagrams that wait already are received one after the other") {
    io_context ctx;
    udp_pair s(ctx);
    const int count = 200;
    for (int i = 0; i != count; ++i) {
        s.a.send_to(buffer(&i, sizeof i), s.of_b());
    }
    int next = 0;
    int value = -1;
    udp::endpoint from;
    struct receiver {
        udp_pair& s;
        int& next;
        int& value;
        udp::endpoint& from;
        void start() {
            s.b.async_receive_from(buffer(&value, sizeof value), from,
                                   [this](error_code e, std::size_t n) {
                                       CHECK_FALSE(e);
                                       CHECK(n == sizeof value);
                                       CHECK(value == next);
                                       if (++next != count) {
                                           start();
                                       }
                                   });
        }
    } all{s, next, value, from};
    all.start();
    run(ctx);
    CHECK(next == count);
}

TEST_CASE("udp socket: a datagram of no bytes is a datagram, and no end") {
    io_context ctx;
    udp_pair s(ctx);
    char text[4];
    udp::endpoint from;
    result sent;
    result received;
    s.b.async_receive_from(buffer(text), from, received.keep());
    s.a.async_send_to(const_buffer(), s.of_b(), sent.keep());
    run(ctx);
    CHECK((sent.calls == 1 && !sent.error && sent.bytes == 0));
    CHECK((received.calls == 1 && !received.error && received.bytes == 0));
    CHECK(from == s.of_a());
    s.a.send_to(const_buffer(), s.of_b());
    from = {};
    CHECK(s.b.receive_from(buffer(text), from) == 0);
    CHECK(from == s.of_a());
    s.a.connect(s.of_b());
    s.b.connect(s.of_a());
    result plain;
    s.b.async_receive(buffer(text), plain.keep());
    s.a.send(const_buffer());
    run(ctx);
    CHECK((plain.calls == 1 && !plain.error && plain.bytes == 0));
}

TEST_CASE("udp socket: what does not fit into the buffers is cut, and message_truncate tells") {
    io_context ctx;
    udp_pair s(ctx);
    char text[4];
    udp::endpoint from;
    result first;
    s.a.send_to(buffer("too long", 8), s.of_b());
    s.b.async_receive_from(buffer(text), from, first.keep());
    run(ctx);
    CHECK((!first.error && first.bytes == 4));
    CHECK(std::string(text, 4) == "too ");
    result second;
    s.a.send_to(buffer("too long", 8), s.of_b());
    s.b.async_receive_from(buffer(text), from, udp::socket::message_truncate, second.keep());
    run(ctx);
    const std::size_t told = on_windows ? 4 : 8;  // which cuts, and does not say how much
    CHECK((!second.error && second.bytes == told));
}

TEST_CASE("udp socket: connected, it sends to its peer and hears nobody else") {
    io_context ctx;
    udp_pair s(ctx);
    udp::socket stranger(ctx, any_port());
    s.a.connect(s.of_b());
    CHECK(s.a.remote_endpoint() == s.of_b());
    stranger.send_to(buffer("?", 1), s.of_a());
    char text[8];
    result received;
    s.a.async_receive(buffer(text), received.keep());
    s.b.async_send_to(buffer("me", 2), s.of_a(), [](error_code e, std::size_t) { CHECK_FALSE(e); });
    run(ctx);
    CHECK((!received.error && received.bytes == 2));
    CHECK(std::string(text, 2) == "me");
    result sent;
    s.a.async_send(buffer("you", 3), sent.keep());
    run(ctx);
    CHECK((!sent.error && sent.bytes == 3));
    CHECK(s.b.receive(buffer(text)) == 3);
}

TEST_CASE("udp socket: without a peer send() fails, and a datagram that is too long as well") {
    io_context ctx;
    udp_pair s(ctx);
    error_code ec;
    CHECK(s.a.send(buffer("x", 1), 0, ec) == 0);
    CHECK(ec);
    CHECK((on_windows || ec == std::errc::destination_address_required));
    result sent;
    s.a.async_send(buffer("x", 1), sent.keep());
    const std::vector<char> huge(70'000);
    result too_long;
    s.a.async_send_to(buffer(huge), s.of_b(), too_long.keep());
    run(ctx);
    CHECK((sent.calls == 1 && sent.error == ec));
    CHECK((too_long.calls == 1 && too_long.error == error::message_size && too_long.bytes == 0));
}

TEST_CASE("udp socket: a datagram of more buffers than one call takes is refused, not cut") {
    io_context ctx;
    udp_pair s(ctx);
    s.a.connect(s.of_b());
    const std::vector<const_buffer> many(17, buffer("x", 1));
    error_code ec;
    CHECK(s.a.send_to(many, s.of_b(), 0, ec) == 0);
    CHECK(ec == error::message_size);
    CHECK(s.a.send(many, 0, ec) == 0);
    CHECK(ec == error::message_size);
    result to;
    result plain;
    s.a.async_send_to(many, s.of_b(), to.keep());
    s.a.async_send(many, plain.keep());
    run(ctx);
    CHECK((to.calls == 1 && to.error == error::message_size));
    CHECK((plain.calls == 1 && plain.error == error::message_size));
    const std::vector<const_buffer> enough(16, buffer("x", 1));
    CHECK(s.a.send_to(enough, s.of_b()) == 16);
}

TEST_CASE("udp socket: a port where nobody listens is reported to a connected socket") {
    if (on_wine()) {
        GYRE_SKIP("Wine 8 reports it to a poll for ever, and to no call");
    }
    io_context ctx;
    udp::socket socket(ctx, any_port());
    {
        udp::socket gone(ctx, any_port());
        socket.connect(gone.local_endpoint());
    }
    char text[4];
    result received;
    socket.async_receive(buffer(text), received.keep());
    socket.send(buffer("x", 1));
    run(ctx);
    CHECK((received.calls == 1 && received.error == error::connection_refused));
    CHECK(received.bytes == 0);
}

TEST_CASE("udp socket: an error of the network that nobody fetches keeps no loop busy nor alive") {
    if (on_wine()) {
        GYRE_SKIP("Wine 8 reports it to a poll for ever, and to no call");
    }
    poller_watch watch;
    io_context ctx(poller_watch::options());
    udp::socket socket(ctx, any_port());
    {
        udp::socket gone(ctx, any_port());
        socket.connect(gone.local_endpoint());
    }
    char text[4];
    result received;
    socket.async_receive(buffer(text), received.keep());
    ctx.poll();  // watched by now
    CHECK(socket.cancel() == 1);
    result sent;
    socket.async_send(buffer("x", 1), sent.keep());
    run(ctx);
    CHECK(received == once(aborted));
    CHECK(sent == once({}, 1));
    steady_timer timer(ctx, std::chrono::milliseconds(20));
    timer.async_wait([](error_code e) { CHECK_FALSE(e); });
    const std::size_t before = watch.waits;
    run(ctx);
    CHECK(watch.waits - before < 10);
    error_code ec;
    socket.receive(buffer(text), 0, ec);
    CHECK(ec == error::connection_refused);
    socket.close();
    CHECK(ctx.poll() == 0);
}

TEST_CASE("udp socket: a cancelled receive takes no datagram, not even one that has come") {
    io_context ctx;
    udp_pair s(ctx);
    char text[8];
    udp::endpoint from = s.of_b();
    result from_somebody;
    result several;
    std::array<udp::socket::received_type, 2> room{};
    room[0].buffer = buffer(text);
    s.b.async_receive_from(buffer(text), from, from_somebody.keep());
    s.b.async_receive_many(room, several.keep());
    s.a.send_to(buffer("kept", 4), s.of_b());
    CHECK(s.b.cancel() == 2);
    run(ctx);
    CHECK(from_somebody.error == error::operation_aborted);
    CHECK(several.error == error::operation_aborted);
    CHECK(from == s.of_b());
    CHECK(s.b.receive(buffer(text)) == 4);
    CHECK(std::string(text, 4) == "kept");
}

TEST_CASE("udp socket: closing aborts what is pending, and a closed one refuses all") {
    io_context ctx;
    udp_pair s(ctx);
    char text[8];
    udp::endpoint from;
    result pending;
    s.b.async_receive_from(buffer(text), from, pending.keep());
    s.b.close();
    run(ctx);
    CHECK(pending.error == error::operation_aborted);
    error_code ec;
    s.b.receive_from(buffer(text), from, 0, ec);
    CHECK(ec == error::bad_descriptor);
    s.b.send_to(buffer("x", 1), s.of_a(), 0, ec);
    CHECK(ec == error::bad_descriptor);
    s.b.receive_many(std::array<udp::socket::received_type, 1>(), ec);
    CHECK(ec == error::bad_descriptor);
    result receive;
    result send;
    result many;
    std::array<udp::socket::outgoing_type, 1> out{};
    s.b.async_receive_from(buffer(text), from, receive.keep());
    s.b.async_send_to(buffer("x", 1), s.of_a(), send.keep());
    s.b.async_send_many(out, many.keep());
    run(ctx);
    CHECK(receive.error == error::bad_descriptor);
    CHECK(send.error == error::bad_descriptor);
    CHECK(many.error == error::bad_descriptor);
}

TEST_CASE("udp socket: destroying the context destroys pending handlers uncalled") {
    auto owned = std::make_shared<int>(0);
    {
        io_context ctx;
        udp_pair s(ctx);
        char text[8];
        udp::endpoint from;
        s.b.async_receive_from(buffer(text), from, [owned](error_code, std::size_t) { FAIL(); });
        CHECK(owned.use_count() == 2);
        const native_handle_type a = s.a.release();
        const native_handle_type b = s.b.release();
        close_fd(a);
        close_fd(b);
    }
    CHECK(owned.use_count() == 1);
}

TEST_CASE("udp socket: async_wait sees a datagram and takes nothing") {
    io_context ctx;
    udp_pair s(ctx);
    bool waited = false;
    s.b.async_wait(udp::socket::wait_read, [&](error_code e) {
        CHECK_FALSE(e);
        waited = true;
    });
    s.a.send_to(buffer("x", 1), s.of_b());
    run(ctx);
    CHECK(waited);
    udp::socket::bytes_readable there;
    s.b.io_control(there);
    CHECK(there.get() == 1);
    char text[4];
    CHECK(s.b.receive(buffer(text)) == 1);
}

TEST_CASE("udp socket: datagrams of IPv6, if the host has it") {
    io_context ctx;
    error_code ec;
    udp::socket a(ctx);
    a.open(udp::v6(), ec);
    if (!ec) {
        a.bind({ip::address_v6::loopback(), 0}, ec);
    }
    if (ec) {
        WARN("no IPv6 here");
        return;
    }
    a.set_option(ip::unicast::hops(7));
    ip::unicast::hops hops;
    a.get_option(hops);
    CHECK(hops.value() == 7);
    a.set_option(ip::multicast::hops(3));
    ip::multicast::hops groups;
    a.get_option(groups);
    CHECK(groups.value() == 3);
    udp::socket b(ctx, udp::v6());
    b.send_to(buffer("six", 3), a.local_endpoint());
    char text[4];
    udp::endpoint from;
    CHECK(a.receive_from(buffer(text), from) == 3);
    CHECK(from.protocol() == udp::v6());
}

TEST_CASE("udp socket: the options of IPv4 are set and read back") {
    io_context ctx;
    udp::socket socket(ctx, udp::v4());
    socket.set_option(ip::unicast::hops(9));
    ip::unicast::hops hops;
    socket.get_option(hops);
    CHECK(hops.value() == 9);
    socket.set_option(ip::multicast::hops(200));
    ip::multicast::hops groups;
    socket.get_option(groups);
    CHECK(groups.value() == 200);
    ip::multicast::enable_loopback loop;
    socket.get_option(loop);
    CHECK(loop.value());
    socket.set_option(ip::multicast::enable_loopback(false));
    socket.get_option(loop);
    CHECK_FALSE(loop.value());
    socket.set_option(udp::socket::broadcast(true));
    udp::socket::broadcast broadcast;
    socket.get_option(broadcast);
    CHECK(broadcast.value());
    socket.close();
    error_code ec;
    socket.set_option(ip::multicast::hops(1), ec);
    CHECK(ec == error::bad_descriptor);
}

TEST_CASE("udp socket: a member of a group hears what is sent to it, and no longer after it left") {
    io_context ctx;
    const auto group = ip::make_address_v4("239.255.71.83");
    const auto here = ip::address_v4::loopback();
    udp::socket member(ctx, udp::v4());
    member.bind({ip::address_v4::any(), 0});
    error_code ec;
    member.set_option(ip::multicast::join_group(group, here), ec);
    if (ec) {
        WARN("no multicast on the loopback interface: " << ec.message());
        return;
    }
    member.set_option(ip::multicast::join_group(group, here), ec);
    CHECK(ec == error::address_in_use);
    udp::socket sender(ctx, udp::v4());
    sender.set_option(ip::multicast::outbound_interface(here));
    sender.send_to(buffer("all", 3), {group, member.local_endpoint().port()});
    char text[8];
    result received;
    udp::endpoint from;
    member.async_receive_from(buffer(text), from, received.keep());
    run(ctx);
    CHECK((!received.error && received.bytes == 3));
    member.set_option(ip::multicast::leave_group(group, here));
    member.set_option(ip::multicast::leave_group(group, here), ec);
    CHECK(ec);
    CHECK((on_windows || ec == error::address_not_available));
}

TEST_CASE("udp socket: moved, its pending operations go along") {
    io_context ctx;
    udp_pair s(ctx);
    char text[8];
    udp::endpoint from;
    result received;
    s.b.async_receive_from(buffer(text), from, received.keep());
    udp::socket moved(std::move(s.b));
    CHECK_FALSE(s.b.is_open());
    s.a.send_to(buffer("x", 1), moved.local_endpoint());
    run(ctx);
    CHECK(received == once({}, 1));
}

TEST_CASE("udp socket: started by another thread while the context runs, it does the same") {
    const hang_guard guard;
    io_context ctx;
    udp_pair s(ctx);
    auto work = make_work_guard(ctx);
    std::thread loop([&] { ctx.run(); });
    char text[8];
    udp::endpoint from;
    std::atomic<bool> done{false};
    s.b.async_receive_from(buffer(text), from, [&](error_code e, std::size_t n) {
        CHECK_FALSE(e);
        CHECK(n == 3);
        done = true;
    });
    s.a.async_send_to(buffer("far", 3), s.of_b(),
                      [](error_code e, std::size_t) { CHECK_FALSE(e); });
    await([&] { return done.load(); });
    work.reset();
    loop.join();
    CHECK(from == s.of_a());
}
