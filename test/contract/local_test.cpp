// SPDX-License-Identifier: BSL-1.0
// Sockets between processes of this host: paths, abstract names, pairs, and the three kinds of
// them.
#include <gyre/io_context.hpp>
#include <gyre/local/connect_pair.hpp>
#include <gyre/local/datagram_protocol.hpp>
#include <gyre/local/seq_packet_protocol.hpp>
#include <gyre/local/stream_protocol.hpp>
#include <gyre/read.hpp>
#include <gyre/write.hpp>

#include "support/catch.hpp"
#include "support/tcp_pair.hpp"

#include <array>
#include <cstdlib>
#include <sstream>
#include <string>
#include <system_error>

#include <unistd.h>

using namespace gyre;
using namespace gyre::testing;
using stream = local::stream_protocol;
using datagram = local::datagram_protocol;
using seq_packet = local::seq_packet_protocol;

namespace {

// A directory of its own, so that paths are short and collide with nobody's.
class folder {
public:
    folder() { REQUIRE(::mkdtemp(path_.data()) != nullptr); }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    ~folder() {
        for (const char* name : {"a", "b"}) {
            ::unlink(at(name).c_str());
        }
        ::rmdir(path_.c_str());
    }
    std::string at(const char* name) const { return path_ + '/' + name; }

private:
    std::string path_ = "/tmp/gyre-XXXXXX";
};

}  // namespace

TEST_CASE("local endpoint: keeps its path, compares by it, and prints it") {
    const stream::endpoint e("/tmp/some");
    CHECK(e.path() == "/tmp/some");
    CHECK(e == stream::endpoint(std::string("/tmp/some")));
    CHECK(e != stream::endpoint());
    CHECK(e < stream::endpoint("/tmp/somf"));
    CHECK(stream::endpoint().path().empty());
    CHECK(e.protocol() == stream());
    CHECK(e.size() > stream::endpoint().size());
    std::ostringstream out;
    out << e;
    CHECK(out.str() == "/tmp/some");
    stream::endpoint other;
    other.path("/x");
    CHECK(other.path() == "/x");
}

TEST_CASE("local endpoint: the longest path fits, and one more is name_too_long") {
    const std::size_t most = 107;
    CHECK(stream::endpoint(std::string(most, 'p')).path().size() == most);
    try {
        stream::endpoint too_long(std::string(most + 1, 'p'));
        FAIL("no exception");
    } catch (const std::system_error& e) {
        CHECK(e.code() == error::name_too_long);
    }
    // An abstract name needs no zero at its end.
    CHECK(stream::endpoint(std::string(most + 1, '\0')).path().size() == most + 1);
    CHECK_THROWS_AS(stream::endpoint(std::string(most + 2, '\0')), std::system_error);
}

TEST_CASE("local stream: listens on a path, connects, knows both ends and carries bytes") {
    const folder dir;
    io_context ctx;
    stream::acceptor acceptor(ctx, stream::endpoint(dir.at("a")));
    CHECK(acceptor.local_endpoint().path() == dir.at("a"));
    stream::socket client(ctx);
    stream::endpoint peer("?");
    bool connected = false;
    client.async_connect(dir.at("a"), [&](error_code e) {
        CHECK_FALSE(e);
        connected = true;
    });
    std::string got(5, ' ');
    stream::socket server(ctx);
    acceptor.async_accept(server, peer, [&](error_code e) {
        REQUIRE_FALSE(e);
        async_read(server, buffer(got), [&](error_code r, std::size_t n) {
            CHECK_FALSE(r);
            CHECK(n == 5);
        });
        async_write(client, buffer("hello", 5), [](error_code w, std::size_t) { CHECK_FALSE(w); });
    });
    run(ctx);
    CHECK(connected);
    CHECK(got == "hello");
    CHECK(peer.path().empty());
    CHECK(client.remote_endpoint().path() == dir.at("a"));
    client.close();
    char byte;
    error_code ec;
    CHECK(server.read_some(buffer(&byte, 1), ec) == 0);
    CHECK(ec == error::eof);
}

TEST_CASE("local stream: a path that is taken, and one where nobody listens, are errors", "[L11]") {
    const folder dir;
    io_context ctx;
    stream::acceptor acceptor(ctx, stream::endpoint(dir.at("a")));
    stream::acceptor second(ctx, stream());
    error_code ec;
    second.bind(dir.at("a"), ec);
    CHECK(ec == error::address_in_use);
    stream::socket client(ctx);
    client.connect(dir.at("b"), ec);
    CHECK(ec == std::errc::no_such_file_or_directory);
    acceptor.close();
    client.close();
    client.connect(dir.at("a"), ec);
    CHECK(ec == error::connection_refused);
}

#if defined(__linux__)  // others refuse at once
TEST_CASE("local stream: a listener whose backlog is full is try_again, and never a connection",
          "[L11]") {
    const folder dir;
    io_context ctx;
    stream::acceptor acceptor(ctx, stream());
    acceptor.bind(dir.at("a"));
    acceptor.listen(0);
    stream::socket first(ctx);
    first.connect(dir.at("a"));
    stream::socket second(ctx);
    result r;
    second.async_connect(dir.at("a"), r.keep());
    run(ctx);
    CHECK(r == once(error::try_again));
    error_code ec;
    second.remote_endpoint(ec);
    CHECK(ec == error::not_connected);
    // And with room it can be tried again.
    stream::socket taken = acceptor.accept();
    result again;
    second.async_connect(dir.at("a"), again.keep());
    run(ctx);
    CHECK(again == once());
}

TEST_CASE("local stream: an abstract name is no file, and may hold any bytes") {
    io_context ctx;
    const std::string name = std::string("\0gyre\0", 6) + std::to_string(::getpid());
    stream::acceptor acceptor(ctx, stream::endpoint(name));
    CHECK(acceptor.local_endpoint().path() == name);
    stream::socket client(ctx);
    client.connect(name);
    stream::socket server = acceptor.accept();
    CHECK(client.remote_endpoint().path() == name);
    stream::acceptor chosen(ctx, stream::endpoint());
    CHECK(chosen.local_endpoint().path().size() == 6);
    CHECK(chosen.local_endpoint().path()[0] == '\0');
}
#endif

TEST_CASE("connect_pair: two sockets that are connected, of different contexts if one likes") {
    io_context first;
    io_context second;
    stream::socket a(first);
    stream::socket b(second);
    local::connect_pair(a, b);
    std::string got(3, ' ');
    async_read(b, buffer(got), [](error_code e, std::size_t) { CHECK_FALSE(e); });
    async_write(a, buffer("far", 3), [](error_code e, std::size_t) { CHECK_FALSE(e); });
    run(first);
    run(second);
    CHECK(got == "far");
}

TEST_CASE("connect_pair: an open socket is an error, and the other one stays closed") {
    io_context ctx;
    stream::socket a(ctx, stream());
    stream::socket b(ctx);
    error_code ec;
    local::connect_pair(a, b, ec);
    CHECK(ec == error::already_open);
    CHECK_FALSE(b.is_open());
    local::connect_pair(b, a, ec);
    CHECK(ec == error::already_open);
    CHECK_THROWS_AS(local::connect_pair(b, a), std::system_error);
    CHECK_FALSE(b.is_open());
}

TEST_CASE("local datagrams: arrive whole, with the path of their sender") {
    const folder dir;
    io_context ctx;
    datagram::socket a(ctx, datagram::endpoint(dir.at("a")));
    datagram::socket b(ctx, datagram::endpoint(dir.at("b")));
    std::array<char, 8> text;
    datagram::endpoint from;
    std::size_t got = 0;
    b.async_receive_from(buffer(text), from, [&](error_code e, std::size_t n) {
        CHECK_FALSE(e);
        got = n;
    });
    a.async_send_to(buffer("hello", 5), dir.at("b"),
                    [](error_code e, std::size_t) { CHECK_FALSE(e); });
    run(ctx);
    CHECK(got == 5);
    CHECK(from.path() == dir.at("a"));
    datagram::socket nameless(ctx, datagram());
    nameless.send_to(buffer("?", 1), dir.at("b"));
    CHECK(b.receive_from(buffer(text), from) == 1);
    CHECK(from.path().empty());
    datagram::socket x(ctx);
    datagram::socket y(ctx);
    local::connect_pair(x, y);
    x.send(buffer("pair", 4));
    CHECK(y.receive(buffer(text)) == 4);
}

TEST_CASE("local datagrams: sending waits until a full receiver has room") {
    io_context ctx;
    datagram::socket a(ctx);
    datagram::socket b(ctx);
    local::connect_pair(a, b);
    const std::string block(1000, 'd');
    std::size_t sent = 0;
    a.non_blocking(true);
    error_code ec;
    while (a.send(buffer(block), 0, ec) == block.size()) {
        ++sent;
    }
    CHECK(ec == error::would_block);
    bool done = false;
    a.async_send(buffer(block), [&](error_code e, std::size_t n) {
        CHECK_FALSE(e);
        CHECK(n == block.size());
        done = true;
    });
    ctx.poll();
    CHECK_FALSE(done);
    std::string text(2000, ' ');
    for (std::size_t i = 0; i != sent; ++i) {
        CHECK(b.receive(buffer(text)) == block.size());
    }
    run(ctx);
    CHECK(done);
    CHECK(b.receive(buffer(text)) == block.size());
}

TEST_CASE(
    "local packets: each arrives whole, the flags say what became of it, and there is an end") {
    const folder dir;
    io_context ctx;
    seq_packet::acceptor acceptor(ctx, seq_packet::endpoint(dir.at("a")));
    seq_packet::socket client(ctx);
    client.connect(dir.at("a"));
    seq_packet::socket server = acceptor.accept();
    client.send(buffer("first", 5));
    client.send(std::array{buffer("sec", 3), buffer("ond", 3)});
    std::array<char, 16> text;
    seq_packet::socket::flags_type flags = -1;
    CHECK(server.receive(buffer(text), flags) == 5);
    CHECK((flags & seq_packet::socket::message_truncate) == 0);
    std::size_t got = 0;
    server.async_receive(buffer(text, 4), flags, [&](error_code e, std::size_t n) {
        CHECK_FALSE(e);
        got = n;
    });
    run(ctx);
    CHECK(got == 4);
    CHECK((flags & seq_packet::socket::message_truncate) != 0);
    bool ended = false;
    server.async_receive(buffer(text), flags, [&](error_code e, std::size_t n) {
        CHECK(e == error::eof);
        CHECK(n == 0);
        ended = true;
    });
    bool sent = false;
    client.async_send(buffer("x", 0), [&](error_code e, std::size_t n) {
        CHECK_FALSE(e);
        CHECK(n == 0);
        sent = true;
        client.close();
    });
    run(ctx);
    CHECK((sent && ended));
    error_code ec;
    flags = -1;
    CHECK(server.receive(buffer(text), 0, flags, ec) == 0);
    CHECK(ec == error::eof);
    CHECK(flags == -1);
}

TEST_CASE("local packets: a cancelled receive takes no packet") {
    io_context ctx;
    seq_packet::socket a(ctx);
    seq_packet::socket b(ctx);
    local::connect_pair(a, b);
    std::array<char, 8> text;
    seq_packet::socket::flags_type flags = -1;
    bool aborted = false;
    b.async_receive(buffer(text), flags, [&](error_code e, std::size_t) {
        CHECK(e == error::operation_aborted);
        aborted = true;
    });
    a.send(buffer("kept", 4));
    CHECK(b.cancel() == 1);
    run(ctx);
    CHECK(aborted);
    CHECK(flags == -1);
    CHECK(b.receive(buffer(text), flags) == 4);
}
