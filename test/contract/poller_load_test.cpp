// SPDX-License-Identifier: BSL-1.0
// The contract of <gyre/poller.hpp>: many handles, several pollers, and what making one costs the
// process, also when it fails or forks.
#include <gyre/poller.hpp>

#include "support/catch.hpp"
#include "support/pair.hpp"
#include "support/poller_rig.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include <poll.h>

#if !defined(_WIN32)
#include <fcntl.h>
#include <sys/wait.h>
#endif

using namespace gyre;
using namespace gyre::testing;

#if !defined(_WIN32)
namespace {

/// The same readable description under many numbers.
std::vector<unique_fd> readable_handles(std::size_t count, int readable) {
    std::vector<unique_fd> made;
    for (std::size_t i = 0; i < count; ++i) {
        made.emplace_back(::dup(readable));
        REQUIRE(made.back().get() >= 0);
    }
    return made;
}

}  // namespace
#endif

TEST_CASE("poller: reports one hundred connections in whichever order they get ready", "[L29]") {
    GYRE_FOR_EACH_POLLER(rig);
    std::vector<fd_pair> pairs;
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < 100; ++i) {
        pairs.push_back(tcp_pair());
        order.push_back(i);
        rig.add(pairs[i].a.get(), i, interest::read);
    }
    std::mt19937 random(4711);
    std::shuffle(order.begin(), order.end(), random);
    for (const std::size_t i : order) {
        put_byte(pairs[i].b.get());
        REQUIRE(rig.next_of(i) == readiness::readable);
        rig.remove(pairs[i].a.get(), remove_reason::closing);
        pairs[i].a.reset();
        // Those that stay are not mixed up by the one that went.
        CHECK(rig.wait(immediately).empty());
    }
}

#if !defined(_WIN32)  // no dup(), no limit
TEST_CASE("poller: of three thousand ready handles none is starved, however little the room") {
    GYRE_FOR_EACH_POLLER(rig);
    const descriptor_limit limit(3200);
    rlimit allowed{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &allowed) == 0);
    const std::size_t total = allowed.rlim_cur >= 3200 ? 3000 : 700;
    fd_pair pair = pipe_pair();
    put_byte(pair.b.get());
    const std::vector<unique_fd> handles = readable_handles(total, pair.a.get());
    for (std::size_t i = 0; i < total; ++i) {
        rig.add(handles[i].get(), i, interest::read);
    }
    // 8 divides the number of handles, and 7 and one more place make 8 as well.
    for (const std::size_t room : {std::size_t{1000}, std::size_t{7}, std::size_t{8}}) {
        INFO("room for " << room);
        std::vector<int> seen(total);
        std::size_t different = 0;
        for (std::size_t waits = 0; different < total && waits < 4 * (total / room + 4); ++waits) {
            const std::vector<poll_event> events = rig.wait(watchdog(), room);
            REQUIRE_FALSE(events.empty());
            REQUIRE(events.size() <= room);
            for (const poll_event& event : events) {
                REQUIRE(event.key < total);
                different += seen[event.key]++ == 0 ? 1 : 0;
                // A one-shot poller would get by without any fairness if it were not armed again.
                rig.modify(handles[event.key].get(), event.key, interest::read);
            }
        }
        CHECK(different == total);
    }
    for (const unique_fd& handle : handles) {
        rig.remove(handle.get());
    }
    CHECK(rig.quiet());
}
#endif

TEST_CASE("poller: an event that a wait had no room for is reported by a later one") {
    GYRE_FOR_EACH_POLLER(rig);
    std::vector<fd_pair> pairs;
    for (std::size_t i = 0; i < 10; ++i) {
        pairs.push_back(unix_pair());
        put_byte(pairs[i].b.get());
        rig.add(pairs[i].a.get(), i, interest::read);
    }
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 10; ++i) {
        const std::vector<poll_event> events = rig.next(1);
        CHECK(seen.insert(events[0].key).second);
        take_byte(pairs[events[0].key].a.get());
    }
    CHECK(rig.quiet());
}

#if !defined(_WIN32)  // no dup(), no limit
TEST_CASE("poller: a random walk of all calls reports what the system says is ready") {
    GYRE_FOR_EACH_POLLER(rig);
    struct watched {
        fd_pair pair;
        bool registered = false;
        interest want = interest::none;  // none: a one-shot poller has reported it since
        std::uint64_t key = 0;
    };
    std::vector<watched> all(50);
    for (watched& w : all) {
        w.pair = unix_pair();  // where what is written is there at once
    }
    std::mt19937 random(7);  // NOLINT: the same numbers each time
    std::uint64_t next_key = 1;
    for (int step = 0; step < 5000; ++step) {
        watched& w = all[random() % all.size()];
        const int fd = w.pair.a.get();
        switch (random() % 6) {
        case 0: put_byte(w.pair.b.get()); break;
        case 1: drain(fd); break;
        case 2:
            if (w.registered) {
                rig.remove(fd);
                w.registered = false;
                break;
            }
            [[fallthrough]];
        default:
            w.want = static_cast<interest>(1 + random() % 7);
            w.key = next_key++;
            w.registered ? rig.modify(fd, w.key, w.want) : rig.add(fd, w.key, w.want);
            w.registered = true;
        }
        if (step % 3 != 0) {
            continue;
        }
        std::map<std::uint64_t, readiness> expected;
        for (const watched& x : all) {
            pollfd p{x.pair.a.get(), POLLIN | POLLOUT, 0};
            ::poll(&p, 1, 0);
            readiness what = readiness::none;
            if ((p.revents & POLLIN) != 0 && any(x.want & interest::read)) {
                what = what | readiness::readable;
            }
            if ((p.revents & POLLOUT) != 0 && any(x.want & interest::write)) {
                what = what | readiness::writable;
            }
            if (x.registered && any(what)) {
                expected[x.key] = what;
            }
        }
        std::map<std::uint64_t, readiness> reported;
        for (const poll_event& event : rig.wait(immediately)) {
            CHECK(reported.emplace(event.key, event.what).second);
        }
        if (rig.reports_what_was()) {
            for (const auto& [key, what] : expected) {
                REQUIRE(reported.count(key) == 1);
            }
        } else {
            REQUIRE((reported == expected));
        }
        for (watched& x : all) {
            if (rig.one_shot() && reported.count(x.key) != 0) {
                x.want = interest::none;
            }
        }
    }
}
#endif

TEST_CASE("poller: what a thread registered and waited for is reported after that has ended") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    std::thread([&] {
        rig.add(pair.a.get(), 7, interest::read);
        CHECK(rig.wait(immediately).empty());
    }).join();
    put_byte(pair.b.get());
    CHECK(any(rig.next_of(7) & readiness::readable));
    const time_ns start = now();
    for (int i = 0; i < 2; ++i) {
        rig->notify();
        rig.wait(watchdog());
    }
    CHECK(now() < start + 10 * second);
}

TEST_CASE("poller: datagram sockets of both versions are readable when there is a datagram") {
    GYRE_FOR_EACH_POLLER(rig);
    const int family = GENERATE(AF_INET, AF_INET6);
    const unique_fd receiver(::socket(family, SOCK_DGRAM, 0));
    sockaddr_in6 address{};  // large enough for either
    socklen_t length = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    if (family == AF_INET6) {
        address.sin6_family = AF_INET6;
        address.sin6_addr = in6addr_loopback;
    } else {
        auto* const v4 = reinterpret_cast<sockaddr_in*>(&address);
        v4->sin_family = AF_INET;
        v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        length = sizeof *v4;
    }
    if (receiver.get() < 0 || ::bind(receiver.get(), raw, length) != 0) {
        GYRE_SKIP("no IPv6 loopback address");
    }
    REQUIRE(::getsockname(receiver.get(), raw, &length) == 0);
    const unique_fd sender(::socket(family, SOCK_DGRAM, 0));
    rig.add(receiver.get(), 1, interest::read);  // and it could be written to all the time
    CHECK(rig.quiet());
    for (int i = 0; i < 3; ++i) {
        REQUIRE(::sendto(sender.get(), "x", i, 0, raw, length) == i);  // an empty one, too
        CHECK(rig.next_of(1) == readiness::readable);
        char bytes[2];
        REQUIRE(::recv(receiver.get(), bytes, sizeof bytes, 0) == i);
        rig.modify(receiver.get(), 1, interest::read);
        CHECK(rig.wait(immediately).empty());
    }
    rig.modify(receiver.get(), 2, interest::read | interest::write);
    CHECK(rig.next_of(2) == readiness::writable);
}

TEST_CASE("poller: a handle may be registered with several pollers", "[L33]") {
    GYRE_FOR_EACH_POLLER(first);
    poller_rig second_one(first.factory());
    fd_pair pair = unix_pair();
    first.add(pair.a.get(), 1, interest::read);
    second_one.add(pair.a.get(), 2, interest::read);
    first->notify();
    CHECK(second_one.quiet());
    first.wait(immediately);
    put_byte(pair.b.get());
    CHECK(first.next_of(1) == readiness::readable);
    CHECK(second_one.next_of(2) == readiness::readable);
    first.remove(pair.a.get());
    CHECK(first.quiet());
    second_one.modify(pair.a.get(), 3, interest::read);
    CHECK(second_one.next_of(3) == readiness::readable);
}

TEST_CASE("poller: a pollable handle can be watched, and is readable when wait() has a reason") {
    GYRE_FOR_EACH_POLLER(outer);
    bool found = false;
    for (const poller_factory& factory : pollers()) {
        poller_rig inner(factory);
        const bool pollable = has(inner->features(), poller_features::pollable);
        CHECK((inner->pollable_handle() != invalid_native_handle) == pollable);
        if (!pollable) {
            continue;
        }
        found = true;
        fd_pair pair = unix_pair();
        inner.add(pair.a.get(), 1, interest::read);
        outer.add(inner->pollable_handle(), 2, interest::read);
        CHECK(outer.quiet());
        put_byte(pair.b.get());
        CHECK(outer.next_of(2) == readiness::readable);
        CHECK(inner.next_of(1) == readiness::readable);
        take_byte(pair.a.get());
        inner.modify(pair.a.get(), 1, interest::read);
        outer.modify(inner->pollable_handle(), 2, interest::read);
        CHECK(outer.quiet());
        inner->notify();
        CHECK(outer.next_of(2) == readiness::readable);
        inner.wait(immediately);
        outer.modify(inner->pollable_handle(), 3, interest::read);
        CHECK(outer.quiet());
        const native_handle_type watched = inner->pollable_handle();
        REQUIRE_FALSE(inner->reset());  // whoever watches need not know
        CHECK(inner->pollable_handle() == watched);
        inner.add(pair.a.get(), 4, interest::read);
        CHECK(outer.quiet());
        put_byte(pair.b.get());
        CHECK(outer.next_of(3) == readiness::readable);
        CHECK(inner.next_of(4) == readiness::readable);
        outer.remove(watched);
    }
    if (!found) {
        SUCCEED("no poller of this system is pollable");
    }
}

#if !defined(_WIN32)  // no dup(), no limit
TEST_CASE("poller: a thousand pollers made and destroyed leave no descriptor open", "[D16][L7]") {
    GYRE_FOR_EACH_POLLER(rig);
    const int before = open_descriptors();
    for (int i = 0; i < 1000; ++i) {
        poller_rig other(rig.factory());
        REQUIRE(other->reset() == std::error_code());
    }
    CHECK(open_descriptors() == before);
}
#endif

#if !defined(_WIN32)  // no dup(), no limit
TEST_CASE("poller: all its descriptors are closed on exec", "[L34]") {
    GYRE_FOR_EACH_POLLER(rig);
    for (int fd = 3; fd < 256; ++fd) {
        const int before = ::fcntl(fd, F_GETFD);
        if (before >= 0) {
            continue;
        }
        poller_rig other(rig.factory());
        REQUIRE(other->reset() == std::error_code());
        const int flags = ::fcntl(fd, F_GETFD);
        CHECK((flags < 0 || (flags & FD_CLOEXEC) != 0));
    }
}
#endif

#if !defined(_WIN32)  // no dup(), no limit
TEST_CASE("poller: cannot be made without descriptors, says so, and leaks none", "[D16]") {
    GYRE_FOR_EACH_POLLER(rig);
    const int before = open_descriptors();
    const int next = next_descriptor();
    bool made_one = false;
    for (int spare = 0; !made_one && spare < 8; ++spare) {
        std::error_code error;
        std::unique_ptr<poller> made;
        {
            const descriptor_limit limit(static_cast<rlim_t>(next + spare));
            made.reset(rig.factory().make(error));
        }
        if (spare == 0) {
            CHECK(made == nullptr);
        }
        if (made == nullptr) {
            CHECK(error == std::errc::too_many_files_open);
            CHECK(open_descriptors() == before);
        } else {
            CHECK_FALSE(error);
            made_one = true;
        }
    }
    CHECK(made_one);
}
#endif

#if !defined(_WIN32)  // no dup(), no limit
TEST_CASE("poller: a reset() that fails for want of descriptors changes nothing") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    put_byte(pair.b.get());
    rig.add(pair.a.get(), 1, interest::read);
    std::error_code error;
    {
        const descriptor_limit limit(static_cast<rlim_t>(next_descriptor()));
        error = rig->reset();
    }
    if (!error) {
        SUCCEED("this poller needs no descriptor for it");
        CHECK(rig.quiet());
        return;
    }
    CHECK(error == std::errc::too_many_files_open);
    CHECK(rig.next_of(1) == readiness::readable);
    rig->notify();
    const time_ns end = watchdog();
    rig.wait(end);
    CHECK(now() < end);
}
#endif

#if !defined(_WIN32)  // no dup(), no limit
TEST_CASE("poller: after fork() and reset() parent and child wake themselves only", "[L39]") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    rig.add(pair.a.get(), 1, interest::read);
    // The child inherits this call as pending, and the flag with it.
    rig->notify();
    fd_pair talk = unix_pair();
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        // No assertions here: what went wrong is the exit status.
        std::vector<poll_event> storage(8);
        event_buffer events(storage);
        const time_ns end = watchdog();
        int status = rig->reset() ? 1 : 0;
        rig->wait(events, immediately);
        rig->notify();
        (void)!::write(talk.b.get(), "x", 1);
        char byte = 0;
        ::fcntl(talk.b.get(), F_SETFL, 0);
        (void)!::read(talk.b.get(), &byte, 1);  // the parent has waited
        rig->wait(events, end);
        status = now() >= end ? 2 : events.size() != 0 ? 3 : status;
        ::_exit(status);
    }
    const time_ns end = watchdog();
    rig.wait(end);  // what was notified before the fork
    CHECK(now() < end);
    ::fcntl(talk.a.get(), F_SETFL, 0);
    take_byte(talk.a.get());
    // The child has notified itself by now, and that is no event here.
    const time_ns deadline = now() + 20 * millisecond;
    CHECK(rig.wait(deadline).empty());
    CHECK(now() >= deadline);
    rig->notify();
    CHECK(rig.wait(watchdog()).empty());
    put_byte(talk.a.get());
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    put_byte(pair.b.get());
    CHECK(rig.next_of(1) == readiness::readable);
}
#endif
