// SPDX-License-Identifier: BSL-1.0
// The contract of <gyre/poller.hpp>: what is reported when one end goes away, and when a handle is
// closed or its number used again.
#include <gyre/poller.hpp>

#include "support/catch.hpp"
#include "support/pair.hpp"
#include "support/poller_rig.hpp"

#include <fcntl.h>

using namespace gyre;
using namespace gyre::testing;

namespace {

constexpr readiness both = readiness::readable | readiness::writable;

}  // namespace

#if !defined(_WIN32)  // no pipes, no dup()
TEST_CASE("poller: the end of a pipe's data is a hang-up, readable and writable", "[D3]") {
    GYRE_FOR_EACH_POLLER(rig);
    for (const interest want : {interest::read, interest::except}) {
        fd_pair pair = pipe_pair();
        rig.add(pair.a.get(), 7, want);
        CHECK(rig.quiet());
        pair.b.reset();
        CHECK(rig.next_of(7) == (both | readiness::hangup));
        rig.remove(pair.a.get());
    }
}
#endif

#if !defined(_WIN32)  // no pipes, no dup()
TEST_CASE("poller: a pipe that nobody reads any more is reported in both directions", "[D3]") {
    GYRE_FOR_EACH_POLLER(rig);
    for (const interest want : {interest::write, interest::read}) {
        fd_pair pair = pipe_pair();
        fill(pair.b.get());
        rig.add(pair.b.get(), 7, want);
        CHECK(rig.quiet());
        pair.a.reset();
        const readiness what = rig.next_of(7);
        CHECK((what & both) == both);
        CHECK(any(what & (readiness::error | readiness::hangup)));
        rig.remove(pair.b.get());
    }
}
#endif

TEST_CASE("poller: a reset connection is an error and a hang-up in both directions", "[D3]") {
    GYRE_FOR_EACH_POLLER(rig);
    for (const interest want : {interest::read, interest::write, interest::except}) {
        fd_pair pair = tcp_pair();
        fill(pair.a.get());
        rig.add(pair.a.get(), 7, want);
        CHECK(rig.quiet());
        reset(pair.b);
        CHECK(rig.next_of(7) == (both | readiness::error | readiness::hangup));
        rig.remove(pair.a.get());
    }
}

TEST_CASE("poller: a refused connect is an error, readable and writable", "[L31]") {
    GYRE_FOR_EACH_POLLER(rig);
    // Bound but not listening: the port is nobody else's.
    const unique_fd bound(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(bound.get(), raw, length) == 0);
    REQUIRE(::getsockname(bound.get(), raw, &length) == 0);
    const unique_fd client(::socket(AF_INET, SOCK_STREAM, 0));
    set_nonblocking(client.get());
    REQUIRE(::connect(client.get(), raw, length) != 0);
    rig.add(client.get(), 7, interest::write);
    const readiness what = rig.next_of(7);
    CHECK((what & both) == both);
    CHECK(any(what & readiness::error));
}

TEST_CASE("poller: a half close is readable and no hang-up", "[L32]") {
    GYRE_FOR_EACH_POLLER(rig);
    const bool tcp = GENERATE(true, false);
    fd_pair pair = tcp ? tcp_pair() : unix_pair();
    rig.add(pair.a.get(), 7, interest::read);
    CHECK(rig.quiet());
    REQUIRE(::shutdown(pair.b.get(), SHUT_WR) == 0);
    CHECK(rig.next_of(7) == readiness::readable);
    rig.modify(pair.a.get(), 7, interest::read | interest::write);
    CHECK(rig.next_of(7) == both);
}

TEST_CASE("poller: this end's own half close is writable and no hang-up") {
    GYRE_FOR_EACH_POLLER(rig);
    const bool tcp = GENERATE(true, false);
    fd_pair pair = tcp ? tcp_pair() : unix_pair();
    REQUIRE(::shutdown(pair.a.get(), SHUT_WR) == 0);
    rig.add(pair.a.get(), 7, interest::write);
    CHECK(rig.next_of(7) == readiness::writable);
    put_byte(pair.b.get());
    rig.modify(pair.a.get(), 7, interest::read | interest::write);
    CHECK(rig.next_of(7) == both);
}

TEST_CASE("poller: who waits for urgent data only hears of no data and no half close") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = tcp_pair();
    rig.add(pair.a.get(), 7, interest::except);
    CHECK(rig.quiet());
    put_byte(pair.b.get());
    CHECK(rig.quiet());
    put_byte(pair.b.get());
    rig.modify(pair.a.get(), 7, interest::except);
    CHECK(rig.quiet());
    REQUIRE(::shutdown(pair.b.get(), SHUT_WR) == 0);
    CHECK(rig.quiet());
    rig.modify(pair.a.get(), 7, interest::except | interest::read);
    CHECK(rig.next_of(7) == readiness::readable);
}

#if !defined(_WIN32)  // no pipes, no dup()
TEST_CASE("poller: a hang-up is reported at every wait, to who waits for urgent data as well") {
    GYRE_FOR_EACH_POLLER(rig);
    for (const interest want : {interest::read, interest::except}) {
        fd_pair pair = pipe_pair();
        rig.add(pair.a.get(), 7, want);
        CHECK(rig.quiet());
        pair.b.reset();
        for (int i = 0; i < 4; ++i) {
            CHECK(rig.next_of(7) == (both | readiness::hangup));
            if (rig.one_shot()) {
                rig.modify(pair.a.get(), 7, want);
            }
        }
        rig.modify(pair.a.get(), 7, interest::except);
        CHECK(rig.next_of(7) == (both | readiness::hangup));
        rig.remove(pair.a.get());
    }
}
#endif

TEST_CASE("poller: a connection down in both directions is a hang-up", "[D3]") {
    GYRE_FOR_EACH_POLLER(rig);
    if (!rig.tells_hangups()) {
        GYRE_SKIP("this poller does not tell hang-ups");
    }
    const bool tcp = GENERATE(true, false);
    fd_pair pair = tcp ? tcp_pair() : unix_pair();
    fill(pair.a.get());
    rig.add(pair.a.get(), 7, interest::write);
    CHECK(rig.quiet());
    drain(pair.b.get());
    REQUIRE(::shutdown(pair.a.get(), SHUT_WR) == 0);
    drain(pair.b.get());
    pair.b.reset();
    // The peer's own end may come some time after this one's.
    readiness what = readiness::none;
    for (const time_ns end = watchdog(); !any(what & readiness::hangup) && now() < end;) {
        rig.modify(pair.a.get(), 7, interest::write);
        what = rig.next_of(7);
    }
    CHECK((what & (both | readiness::hangup)) == (both | readiness::hangup));
}

TEST_CASE("poller: what the peer wrote before it closed is still readable") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    rig.add(pair.a.get(), 7, interest::read);
    put_byte(pair.b.get());
    pair.b.reset();
    CHECK(any(rig.next_of(7) & readiness::readable));
    take_byte(pair.a.get());
    rig.modify(pair.a.get(), 7, interest::read);
    const readiness what = rig.tells_hangups() ? both | readiness::hangup : readiness::readable;
    CHECK((rig.next_of(7) & what) == what);
}

TEST_CASE("poller: a removed registration reports no hang-up") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    rig.add(pair.a.get(), 7, interest::read);
    rig.remove(pair.a.get());
    pair.b.reset();
    CHECK(rig.quiet());
}

#if !defined(_WIN32)  // no pipes, no dup()
TEST_CASE("poller: a closed handle's number can be registered for another socket", "[L30]") {
    GYRE_FOR_EACH_POLLER(rig);
    const remove_reason why = GENERATE(remove_reason::closing, remove_reason::releasing);
    fd_pair one = unix_pair();
    fd_pair other = unix_pair();
    const int number = one.a.get();
    put_byte(one.b.get());
    rig.add(number, 1, interest::read);
    CHECK(rig.next_of(1) == readiness::readable);
    rig.remove(number, why);
    one.a.reset();
    REQUIRE(::fcntl(other.a.get(), F_DUPFD, number) == number);
    one.a.reset(number);

    rig.add(number, 2, interest::read);
    CHECK(rig.quiet());
    put_byte(other.b.get());
    CHECK(rig.next_of(2) == readiness::readable);
    rig.remove(number);
    CHECK(rig.quiet());
}
#endif

#if !defined(_WIN32)  // no pipes, no dup()
TEST_CASE("poller: a registration removed as releasing stays gone while a duplicate lives",
          "[L26]") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    const unique_fd twin(::dup(pair.a.get()));
    put_byte(pair.b.get());
    rig.add(pair.a.get(), 1, interest::read);
    CHECK(rig.next_of(1) == readiness::readable);
    rig.remove(pair.a.get(), remove_reason::releasing);
    pair.a.reset();
    CHECK(rig.quiet());
    rig.add(twin.get(), 2, interest::read);
    CHECK(rig.next_of(2) == readiness::readable);
}
#endif

#if !defined(_WIN32)  // no pipes, no dup()
TEST_CASE("poller: reset() forgets a closed description that a duplicate keeps alive", "[L26]") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    const unique_fd twin(::dup(pair.a.get()));
    put_byte(pair.b.get());
    rig.add(pair.a.get(), 1, interest::read);
    CHECK(rig.next_of(1) == readiness::readable);
    rig.remove(pair.a.get(), remove_reason::closing);  // a lie: this close is not the last
    pair.a.reset();
    REQUIRE(rig->reset() == std::error_code());
    CHECK(rig.quiet());
}
#endif

TEST_CASE("poller: closing many registered handles leaves nothing behind") {
    GYRE_FOR_EACH_POLLER(rig);
    for (int round = 0; round < 200; ++round) {
        fd_pair pair = unix_pair();
        put_byte(pair.b.get());
        rig.add(pair.a.get(), 1, interest::read);
        rig.add(pair.b.get(), 2, interest::read);
        CHECK(rig.next_of(1) == readiness::readable);
        rig.remove(pair.a.get(), remove_reason::closing);
        rig.remove(pair.b.get(), remove_reason::closing);
    }
    CHECK(rig.quiet());
}
