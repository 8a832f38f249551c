// SPDX-License-Identifier: BSL-1.0
// What the poller of Windows does with its sockets, over a driver that is played: what Wine does
// not show, what a race decides elsewhere, and what only goes wrong when memory is short.
#include "poll/afd_set.hpp"

#include "support/catch.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <system_error>
#include <vector>

using namespace gyre;
namespace afd = gyre::detail::afd;
using gyre::detail::afd_outcome;
using gyre::detail::afd_submission;

namespace {

constexpr readiness both = readiness::readable | readiness::writable;

/// The driver. A handle's base is the handle itself, unless it is layered.
class driver {
public:
    struct request {
        std::uint32_t asked = 0;
        bool cancelled = false;
    };

    native_handle_type base_of(native_handle_type handle, std::error_code& error) {
        if (refused_bases.contains(handle)) {
            error = std::make_error_code(std::errc::bad_file_descriptor);
        }
        const auto found = layers.find(handle);
        return found != layers.end() ? found->second : handle;
    }
    afd_submission submit(request& r, native_handle_type base, std::uint32_t events) {
        // The rule that Windows breaks programs over.
        REQUIRE_FALSE(pending.contains(base));
        ++submissions;
        if (closed.contains(base)) {
            return afd_submission::refused;
        }
        r = {events, false};
        pending[base] = &r;
        return afd_submission::pending;
    }
    void cancel(request& r) {
        ++cancellations;
        REQUIRE_FALSE(r.cancelled);
        r.cancelled = true;
    }

    std::uint32_t asked(native_handle_type base) { return pending.at(base)->asked; }

    std::map<native_handle_type, native_handle_type> layers;
    std::map<native_handle_type, request*> pending;
    std::set<native_handle_type> closed;
    std::set<native_handle_type> refused_bases;
    int submissions = 0;
    int cancellations = 0;
};

/// A set over a driver, and the events of one wait.
struct rig {
    driver system;
    detail::afd_set<driver> set{system};
    std::vector<poll_event> storage = std::vector<poll_event>(8);

    void add(native_handle_type handle, std::uint64_t key, interest want) {
        REQUIRE_FALSE(set.add(handle, key, want));
    }
    void modify(native_handle_type handle, std::uint64_t key, interest want) {
        REQUIRE_FALSE(set.modify(handle, key, want));
    }
    void remove(native_handle_type handle, remove_reason why = remove_reason::closing) {
        REQUIRE_FALSE(set.remove(handle, why));
    }
    std::vector<poll_event> update(std::size_t room = 8) {
        event_buffer events(std::span<poll_event>(storage).first(room));
        set.update(events);
        return {events.begin(), events.end()};
    }
    /// The completion of the poll that is outstanding for that base.
    std::vector<poll_event> complete(native_handle_type base, std::uint32_t what,
                                     afd_outcome outcome = afd_outcome::done) {
        event_buffer events(storage);
        driver::request* const r = system.pending.at(base);
        system.pending.erase(base);
        set.complete(*r, outcome, what, events);
        return {events.begin(), events.end()};
    }
    std::vector<poll_event> complete_cancelled(native_handle_type base) {
        CHECK(system.pending.at(base)->cancelled);
        // What a cancelled poll leaves in its memory is what was asked for: nobody may look at it.
        return complete(base, system.asked(base), afd_outcome::cancelled);
    }
};

bool is(const std::vector<poll_event>& events, std::uint64_t key, readiness what) {
    return events.size() == 1 && events[0].key == key && events[0].what == what;
}

constexpr std::uint32_t always = afd::abort | afd::connect_fail | afd::local_close;

}  // namespace

TEST_CASE("afd: asks for what is wanted and for every way to end, and never for CONNECT") {
    CHECK(detail::to_afd(interest::read) ==
          (always | afd::receive | afd::accept | afd::disconnect));
    CHECK(detail::to_afd(interest::write) == (always | afd::send));
    CHECK(detail::to_afd(interest::except) == (always | afd::receive_expedited));
    CHECK((detail::to_afd(interest::read | interest::write | interest::except) & 0x40) == 0);
}

TEST_CASE("afd: an end is told in both directions, whatever was asked for") {
    for (const interest want : {interest::read, interest::write, interest::except}) {
        CHECK(detail::from_afd(afd::abort, want) == (both | readiness::error | readiness::hangup));
        CHECK(detail::from_afd(afd::connect_fail, want) == (both | readiness::error));
        CHECK(detail::from_afd(afd::local_close, want) == (both | readiness::error));
    }
    CHECK(detail::from_afd(afd::disconnect, interest::read) == readiness::readable);
    CHECK(detail::from_afd(afd::disconnect, interest::write) == readiness::none);
    CHECK(detail::from_afd(afd::receive | afd::send, interest::write) == readiness::writable);
    CHECK(detail::from_afd(afd::receive_expedited, interest::read) == readiness::none);
}

TEST_CASE("afd: is asked at the next wait, once, and again when its answer was taken") {
    rig r;
    r.add(1, 7, interest::read);
    CHECK(r.system.submissions == 0);
    CHECK(r.update().empty());
    CHECK(r.update().empty());
    CHECK(r.system.submissions == 1);
    CHECK(is(r.complete(1, afd::receive), 7, readiness::readable));
    r.update();
    CHECK(r.system.submissions == 1);  // one-shot
    r.modify(1, 8, interest::read);
    r.update();
    CHECK(is(r.complete(1, afd::receive), 8, readiness::readable));
}

TEST_CASE("afd: less that is wanted leaves the poll alone, more has it cancelled and asked anew") {
    rig r;
    r.add(1, 7, interest::read | interest::write);
    r.update();
    r.modify(1, 8, interest::read);
    r.update();
    CHECK(r.system.cancellations == 0);
    CHECK(r.complete(1, afd::send).empty());  // wanted no more
    r.update();
    CHECK(r.system.asked(1) == detail::to_afd(interest::read));
    r.modify(1, 9, interest::read | interest::write);
    r.update();
    CHECK(r.system.cancellations == 1);
    r.modify(1, 10, interest::read | interest::write);  // while its end is awaited
    CHECK(r.update().empty());
    CHECK(r.system.cancellations == 1);
    CHECK(r.complete_cancelled(1).empty());
    r.update();
    CHECK(is(r.complete(1, afd::send), 10, readiness::writable));
}

TEST_CASE("afd: what a cancelled poll saw all the same is left to the next one") {
    rig r;
    r.add(1, 7, interest::read);
    r.update();
    r.modify(1, 8, interest::read | interest::write);
    r.update();
    CHECK(r.complete(1, afd::receive).empty());
    r.update();
    CHECK(is(r.complete(1, afd::receive | afd::send), 8, both));
}

TEST_CASE("afd: a socket that is registered anew waits for the end of its last poll") {
    rig r;
    r.add(1, 7, interest::read);
    r.update();
    r.remove(1);
    CHECK(r.system.cancellations == 1);
    r.add(1, 8, interest::read);
    CHECK(r.update().empty());  // a second poll would be mixed up with the first
    CHECK(r.complete(1, afd::receive).empty());
    r.update();
    CHECK(r.system.submissions == 2);
    CHECK(is(r.complete(1, afd::receive), 8, readiness::readable));
}

TEST_CASE("afd: so does one under another number, if it is the same socket below") {
    rig r;
    r.system.layers = {{10, 1}, {11, 1}};
    r.add(10, 7, interest::read);
    r.update();
    r.remove(10);
    r.add(11, 8, interest::write);
    r.update();
    CHECK(r.system.submissions == 1);
    CHECK(r.complete_cancelled(1).empty());
    r.update();
    CHECK(is(r.complete(1, afd::send), 8, readiness::writable));
    r.remove(11);
    CHECK(r.set.outstanding() == 0);
}

TEST_CASE("afd: removed and registered twice while the first poll ends, it is still one socket") {
    rig r;
    r.add(1, 7, interest::read);
    r.update();
    for (std::uint64_t key = 8; key < 12; ++key) {
        r.remove(1);
        r.add(1, key, interest::read);
        r.update();
    }
    CHECK(r.system.cancellations == 1);
    r.complete_cancelled(1);
    r.update();
    CHECK(is(r.complete(1, afd::receive), 11, readiness::readable));
}

TEST_CASE(
    "afd: a poll whose socket was removed reports nothing, and its memory is kept till then") {
    rig r;
    r.add(1, 7, interest::read);
    r.update();
    r.remove(1);
    CHECK(r.set.outstanding() == 1);
    CHECK(r.complete(1, afd::receive).empty());
    CHECK(r.set.outstanding() == 0);
    r.add(2, 8, interest::read);
    r.remove(2);  // never asked for
    CHECK(r.update().empty());
    CHECK(r.set.outstanding() == 0);
    CHECK(r.system.submissions == 1);
}

TEST_CASE("afd: a socket that was closed without remove() is told to who waits, once") {
    rig r;
    SECTION("while a poll is pending") {
        r.add(1, 7, interest::write);
        r.update();
        CHECK(is(r.complete(1, afd::local_close), 7, both | readiness::error));
    }
    SECTION("before it was asked for") {
        r.add(1, 7, interest::write);
        r.system.closed = {1};
        CHECK(is(r.update(), 7, both | readiness::error));
    }
    CHECK(r.update().empty());
    const int submissions = r.system.submissions;
    r.update();
    CHECK(r.system.submissions == submissions);
    r.remove(1, remove_reason::releasing);
    r.add(1, 8, interest::read);
}

TEST_CASE("afd: a poll that fails is told to who waits") {
    rig r;
    r.add(1, 7, interest::read);
    r.update();
    CHECK(is(r.complete(1, 0, afd_outcome::failed), 7, both | readiness::error));
}

TEST_CASE("afd: a poll that is answered with no event is asked again") {
    rig r;
    r.add(1, 7, interest::read);
    r.update();
    CHECK(r.complete(1, 0).empty());
    r.update();
    CHECK(r.system.submissions == 2);
}

TEST_CASE("afd: sockets that can't be polled are told as room permits, and none is forgotten") {
    rig r;
    for (native_handle_type handle = 1; handle <= 5; ++handle) {
        r.add(handle, static_cast<std::uint64_t>(handle), interest::read);
        r.system.closed.insert(handle);
    }
    std::set<std::uint64_t> told;
    for (const std::size_t room : {2, 2, 2}) {
        for (const poll_event& event : r.update(room)) {
            CHECK(told.insert(event.key).second);
        }
    }
    CHECK(told.size() == 5);
}

TEST_CASE("afd: clear() cancels what is pending, and handles can be registered anew at once") {
    rig r;
    r.add(1, 7, interest::read);
    r.add(2, 8, interest::read);
    r.update();
    r.add(3, 9, interest::read);
    r.set.clear();
    CHECK(r.system.cancellations == 2);
    r.add(1, 10, interest::read);
    r.update();
    CHECK(r.complete_cancelled(1).empty());
    CHECK(r.complete_cancelled(2).empty());
    r.update();
    CHECK(is(r.complete(1, afd::receive), 10, readiness::readable));
    CHECK(r.set.modify(3, 1, interest::read) == std::errc::no_such_file_or_directory);
}

TEST_CASE("afd: unknown, doubled and impossible handles are refused") {
    rig r;
    r.add(1, 7, interest::read);
    CHECK(r.set.add(1, 8, interest::read) == std::errc::file_exists);
    CHECK(r.set.modify(2, 8, interest::read) == std::errc::no_such_file_or_directory);
    CHECK(r.set.remove(2, remove_reason::releasing) == std::errc::no_such_file_or_directory);
    CHECK_FALSE(r.set.remove(2, remove_reason::closing));
    r.system.refused_bases = {3};
    CHECK(r.set.add(3, 8, interest::read) == std::errc::bad_file_descriptor);
    CHECK(r.set.remove(3, remove_reason::releasing) == std::errc::no_such_file_or_directory);
}
