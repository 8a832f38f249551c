// SPDX-License-Identifier: BSL-1.0
// What the kqueue poller does with a kernel's refusals, and with its bounds. Linked with the double
// of kqueue, as a part of the programs that run the contract suite on it.
#include <gyre/poller.hpp>

#include "support/catch.hpp"
#include "support/pair.hpp"
#include "support/poller_rig.hpp"

using namespace gyre;
using namespace gyre::testing;

// Beside kqueue_double/sys/event.h, which not every one of these programs is compiled with.
extern "C" void kqueue_double_refuse_writing(int handle);
extern "C" void kqueue_double_sleep_at_most(long nanoseconds);

namespace {

/// Refuses until it goes.
class refusal {
public:
    explicit refusal(int handle) { kqueue_double_refuse_writing(handle); }
    refusal(const refusal&) = delete;
    refusal& operator=(const refusal&) = delete;
    ~refusal() { kqueue_double_refuse_writing(-1); }
};

}  // namespace

TEST_CASE("kqueue: a registration of which the kernel refuses a half is none", "[D5]") {
    poller_rig rig(*find_poller("kqueue"));
    fd_pair pair = unix_pair();
    put_byte(pair.b.get());
    {
        const refusal refuse(pair.a.get());
        CHECK(rig->add(pair.a.get(), 1, interest::read | interest::write) ==
              std::errc::not_enough_memory);
        CHECK(rig.quiet());
        CHECK(rig->remove(pair.a.get(), remove_reason::releasing) ==
              std::errc::no_such_file_or_directory);
    }
    rig.add(pair.a.get(), 2, interest::read | interest::write);
    CHECK(rig.next_of(2) == (readiness::readable | readiness::writable));
}

TEST_CASE("kqueue: a change that the kernel refuses leaves the registration as it was", "[D5]") {
    poller_rig rig(*find_poller("kqueue"));
    fd_pair pair = unix_pair();
    rig.add(pair.a.get(), 1, interest::read);
    const refusal refuse(pair.a.get());
    CHECK(rig->modify(pair.a.get(), 2, interest::write) == std::errc::not_enough_memory);
    CHECK(rig.quiet());
    put_byte(pair.b.get());
    CHECK(rig.next_of(1) == readiness::readable);
}

TEST_CASE("kqueue: a registration whose handle was closed all the same can be removed", "[L30]") {
    poller_rig rig(*find_poller("kqueue"));
    fd_pair pair = unix_pair();
    put_byte(pair.b.get());
    rig.add(pair.a.get(), 1, interest::read | interest::write);
    const int number = pair.a.get();
    pair.a.reset();
    CHECK(rig.quiet());
    CHECK_FALSE(rig->remove(number, remove_reason::releasing));
    CHECK(rig->remove(number, remove_reason::releasing) == std::errc::no_such_file_or_directory);
}

TEST_CASE("kqueue: a kernel that sleeps less than it was asked to does not end a wait", "[L23]") {
    poller_rig rig(*find_poller("kqueue"));
    kqueue_double_sleep_at_most(200 * microsecond);
    const time_ns deadline = now() + 3 * millisecond;
    CHECK(rig.wait(deadline).empty());
    CHECK(now() >= deadline);
    kqueue_double_sleep_at_most(0);
}
