// SPDX-License-Identifier: BSL-1.0
// The contract of <gyre/poller.hpp>: the table, registrations and what is reported of them. Runs
// for every poller; knows none of them by name, except for the choice between them.
#include <gyre/poller.hpp>

#include "support/catch.hpp"
#include "support/environment.hpp"
#include "support/pair.hpp"
#include "support/poller_rig.hpp"

#include <cstdint>
#include <set>
#include <string>

#if !defined(_WIN32)
#include <fcntl.h>
#endif

using namespace gyre;
using namespace gyre::testing;

TEST_CASE("poller table: has entries with different names that find_poller finds") {
    std::set<std::string> names;
    REQUIRE_FALSE(pollers().empty());
    for (const poller_factory& entry : pollers()) {
        CHECK(names.insert(entry.name).second);
        CHECK(find_poller(entry.name) == &entry);
    }
    CHECK(find_poller("no such poller") == nullptr);
    CHECK(find_poller("") == nullptr);
}

TEST_CASE("poller table: each entry makes a poller of its own name") {
    GYRE_FOR_EACH_POLLER(rig);
    CHECK(std::string(rig->name()) == rig.factory().name);
}

TEST_CASE("default poller: the environment chooses, and a wrong name chooses nothing") {
    for (const poller_factory& entry : pollers()) {
        const environment wish("GYRE_POLLER", entry.name);
        CHECK(default_poller() == &entry);
    }
    {
        const environment wish("GYRE_POLLER", "epol");
        CHECK(default_poller() == nullptr);
    }
    const environment no_wish("GYRE_POLLER", "");
    REQUIRE(default_poller() != nullptr);
    CHECK(find_poller(default_poller()->name) == default_poller());
}

TEST_CASE("poller: reports a handle as readable once there is data, and not before") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    rig.add(pair.a.get(), 7, interest::read);
    CHECK(rig.quiet());
    put_byte(pair.b.get());
    CHECK(rig.next_of(7) == readiness::readable);
}

TEST_CASE("poller: reports readiness that was there before add()") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = tcp_pair();
    put_byte(pair.b.get());
    rig.add(pair.a.get(), 7, interest::read | interest::write);
    CHECK(rig.next_of(7) == (readiness::readable | readiness::writable));
}

TEST_CASE("poller: reports only the directions that were asked for") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = tcp_pair();
    put_byte(pair.b.get());
    rig.add(pair.a.get(), 7, interest::write);
    CHECK(rig.next_of(7) == readiness::writable);
    rig.modify(pair.a.get(), 8, interest::read);
    CHECK(rig.next_of(8) == readiness::readable);
    rig.modify(pair.a.get(), 9, interest::except);
    CHECK(rig.quiet());
}

TEST_CASE("poller: a full send buffer is not writable until the peer has read") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    rig.add(pair.a.get(), 7, interest::write);
    for (int round = 0; round < 5; ++round) {
        CHECK(rig.next_of(7) == readiness::writable);
        fill(pair.a.get());
        rig.modify(pair.a.get(), 7, interest::write);
        CHECK(rig.quiet());
        drain(pair.b.get());
    }
    CHECK(rig.next_of(7) == readiness::writable);
}

TEST_CASE("poller: reports a waiting connection and a finished connect") {
    GYRE_FOR_EACH_POLLER(rig);
    const unique_fd listener(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listener.get(), raw, length) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);
    REQUIRE(::getsockname(listener.get(), raw, &length) == 0);
    rig.add(listener.get(), 1, interest::read);
    CHECK(rig.quiet());

    const unique_fd client(::socket(AF_INET, SOCK_STREAM, 0));
    set_nonblocking(client.get());
    (void)::connect(client.get(), raw, length);
    CHECK(rig.next_of(1) == readiness::readable);
    rig.remove(listener.get());
    rig.add(client.get(), 2, interest::write);
    CHECK(rig.next_of(2) == readiness::writable);
}

TEST_CASE("poller: reports urgent data as priority, to who asked for it") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = tcp_pair();
    rig.add(pair.a.get(), 7, interest::except);
    CHECK(rig.quiet());
    REQUIRE(::send(pair.b.get(), "!", 1, MSG_OOB) == 1);
    if (has(rig->features(), poller_features::no_priority)) {
        CHECK(rig.quiet());
    } else {
        CHECK(rig.next_of(7) == readiness::priority);
    }
    rig.modify(pair.a.get(), 7, interest::write);
    CHECK(rig.next_of(7) == readiness::writable);
}

TEST_CASE("poller: a level-triggered registration repeats, a one-shot one waits for modify()",
          "[L8][L27]") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    rig.add(pair.a.get(), 7, interest::read);
    put_byte(pair.b.get());
    CHECK(rig.next_of(7) == readiness::readable);
    if (rig.one_shot()) {
        CHECK(rig.quiet());
        pair.b.reset();  // a hang-up is no reason to report a disarmed registration
        CHECK(rig.quiet());
        rig.modify(pair.a.get(), 8, interest::read);
        const readiness what = rig.next_of(8);
        CHECK(any(what & (rig.tells_hangups() ? readiness::hangup : readiness::readable)));
        CHECK(rig.quiet());
        return;
    }
    for (int i = 0; i < 10; ++i) {
        CHECK(rig.next_of(7) == readiness::readable);
    }
    take_byte(pair.a.get());
    CHECK(rig.quiet());
}

TEST_CASE("poller: a one-shot event disarms every direction of its registration", "[D2]") {
    GYRE_FOR_EACH_POLLER(rig);
    if (!rig.one_shot()) {
        SUCCEED("level-triggered: nothing is disarmed");
        return;
    }
    fd_pair pair = unix_pair();
    fill(pair.a.get());
    rig.add(pair.a.get(), 7, interest::read | interest::write);
    put_byte(pair.b.get());
    CHECK(rig.next_of(7) == readiness::readable);
    drain(pair.b.get());
    CHECK(rig.quiet());
    rig.modify(pair.a.get(), 7, interest::write);
    CHECK(rig.next_of(7) == readiness::writable);
}

TEST_CASE("poller: modify() looks at readiness anew and replaces the key") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    rig.add(pair.a.get(), 1, interest::read);
    CHECK(rig.quiet());
    put_byte(pair.b.get());
    for (std::uint64_t key = 2; key < 6; ++key) {
        rig.modify(pair.a.get(), key, interest::read);
        CHECK(rig.next_of(key) == readiness::readable);
    }
}

TEST_CASE("poller: returns keys as they were given, and refuses the greatest one") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    const std::uint64_t greatest = UINT64_MAX;
    CHECK(rig->add(pair.a.get(), greatest, interest::write) == std::errc::invalid_argument);
    rig.add(pair.a.get(), 0, interest::write);
    CHECK(rig.next_of(0) == readiness::writable);
    CHECK(rig->modify(pair.a.get(), greatest, interest::write) == std::errc::invalid_argument);
    for (const std::uint64_t key :
         {std::uint64_t{1}, std::uint64_t{1} << 32, greatest - 1, greatest >> 1,
          (greatest >> 1) + 1, static_cast<std::uint64_t>(pair.a.get())}) {
        rig.modify(pair.a.get(), key, interest::write);
        CHECK(rig.next_of(key) == readiness::writable);
    }
}

#if !defined(_WIN32)  // no dup()
TEST_CASE("poller: two handles of one description are two registrations") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    const unique_fd twin(::dup(pair.a.get()));
    put_byte(pair.b.get());
    rig.add(pair.a.get(), 1, interest::read);
    rig.add(twin.get(), 2, interest::read);
    std::set<std::uint64_t> keys;
    for (const time_ns end = watchdog(); keys.size() < 2 && now() < end;) {
        for (const poll_event& event : rig.next()) {
            keys.insert(event.key);
        }
    }
    CHECK(keys == std::set<std::uint64_t>{1, 2});
}
#endif

TEST_CASE("poller: adding a registered handle is file_exists and changes nothing", "[D5b][L24]") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    rig.add(pair.a.get(), 1, interest::read);
    CHECK(rig->add(pair.a.get(), 2, interest::write) == std::errc::file_exists);
    CHECK(rig.quiet());
    put_byte(pair.b.get());
    CHECK(rig.next_of(1) == readiness::readable);
    // Still so when a one-shot poller has disarmed it.
    CHECK(rig->add(pair.a.get(), 2, interest::write) == std::errc::file_exists);
}

TEST_CASE("poller: modify and remove of an unknown handle are no_such_file_or_directory",
          "[D5b][L24]") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    const int open = pair.a.get();
    fd_pair other = unix_pair();
    const int closed = other.a.get();
    other.a.reset();
    for (const int handle : {open, closed, -1, 1 << 20}) {
        INFO("handle " << handle);
        CHECK(rig->modify(handle, 1, interest::read) == std::errc::no_such_file_or_directory);
        CHECK(rig->remove(handle, remove_reason::releasing) ==
              std::errc::no_such_file_or_directory);
        CHECK(rig->remove(handle, remove_reason::closing) == std::error_code());
    }
    rig.add(open, 1, interest::read);
    rig.remove(open);
    CHECK(rig->remove(open, remove_reason::releasing) == std::errc::no_such_file_or_directory);
    CHECK(rig->modify(open, 1, interest::read) == std::errc::no_such_file_or_directory);
}

TEST_CASE("poller: refuses what is no open descriptor and what can't be waited for", "[L24]") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    const int closed = pair.a.get();
    pair.a.reset();
    CHECK(rig->add(closed, 1, interest::read) == std::errc::bad_file_descriptor);
    CHECK(rig->add(-1, 1, interest::read) == std::errc::bad_file_descriptor);

#if !defined(_WIN32)  // where a handle is a socket or nothing
    char path[] = "/tmp/gyre-poller-test-XXXXXX";
    const unique_fd file(::mkstemp(path));
    REQUIRE(file.get() >= 0);
    ::unlink(path);
    const unique_fd directory(::open("/", O_RDONLY));
    for (const int handle : {file.get(), directory.get()}) {
        CHECK(rig->add(handle, 1, interest::read) == std::errc::operation_not_permitted);
        CHECK(rig->remove(handle, remove_reason::releasing) ==
              std::errc::no_such_file_or_directory);
    }
#endif
    CHECK(rig.quiet());
}

TEST_CASE("poller: add works again after remove, and nothing is reported in between") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    put_byte(pair.b.get());
    for (std::uint64_t key = 1; key < 20; ++key) {
        rig.add(pair.a.get(), key, interest::read);
        CHECK(rig.next_of(key) == readiness::readable);
        rig.remove(pair.a.get());
        CHECK(rig.wait(immediately).empty());
    }
    rig.add(pair.a.get(), 99, interest::read);
    rig.remove(pair.a.get());  // ready, but not reported yet
    CHECK(rig.quiet());
}

TEST_CASE("poller: removing a registration leaves one that has been reported as it was") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    rig.add(pair.a.get(), 1, interest::read);
    rig.add(pair.b.get(), 2, interest::read);
    put_byte(pair.a.get());
    CHECK(rig.next_of(2) == readiness::readable);
    rig.remove(pair.a.get());
    CHECK(rig->add(pair.b.get(), 3, interest::read) == std::errc::file_exists);
    rig.modify(pair.b.get(), 3, interest::read);
    CHECK(rig.next_of(3) == readiness::readable);
    rig.remove(pair.b.get());
    CHECK(rig.quiet());
}

TEST_CASE("poller: wait() appends to what the buffer holds and reports nothing twice", "[L16]") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    rig.add(pair.a.get(), 5, interest::read);
    put_byte(pair.b.get());
    std::vector<poll_event> storage(4);
    event_buffer events(storage);
    events.push(42, readiness::error);
    REQUIRE(rig->wait(events, watchdog()) == std::error_code());
    REQUIRE(events.size() == 2);
    CHECK(events.begin()[0].key == 42);
    CHECK(events.begin()[1].key == 5);
    take_byte(pair.a.get());
    REQUIRE(rig->wait(events, immediately) == std::error_code());
    CHECK(events.size() == 2);
}

TEST_CASE("poller: reset() forgets every registration and leaves the poller usable") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    fd_pair other = unix_pair();
    put_byte(pair.b.get());
    rig.add(pair.a.get(), 1, interest::read);
    rig.add(other.b.get(), 2, interest::write);
    for (int round = 0; round < 3; ++round) {
        REQUIRE(rig->reset() == std::error_code());
        CHECK(rig.quiet());
        CHECK(rig->modify(pair.a.get(), 1, interest::read) == std::errc::no_such_file_or_directory);
        rig.add(pair.a.get(), 3, interest::read);
        CHECK(rig.next_of(3) == readiness::readable);
    }
    rig->notify();
    REQUIRE(rig->reset() == std::error_code());
    const time_ns end = watchdog();
    CHECK(rig.wait(end).empty());
    CHECK(now() < end);
}
