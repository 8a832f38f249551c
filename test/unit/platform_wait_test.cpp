// SPDX-License-Identifier: BSL-1.0
// What belongs to no facility alone: waiting for one handle, choosing a poller, clocks, randomness.
#include <gyre/error.hpp>

#include "platform/platform.hpp"
#include "support/catch.hpp"
#include "support/environment.hpp"
#include "support/pair.hpp"

#include <csignal>
#include <ctime>
#include <memory>
#include <set>
#include <string>

#if !defined(_WIN32)
#include <sys/time.h>
#endif

namespace gyre::inline v0::detail {
namespace {

using namespace gyre::testing;

constexpr time_ns millisecond = 1'000'000;
constexpr time_ns watchdog = 20'000 * millisecond;

time_ns now() { return native_platform().clock().steady_now(); }

std::error_code wait_one(native_handle_type fd, interest direction, time_ns deadline) {
    return native_platform().wait_one(fd, direction, deadline);
}

TEST_CASE("native wait_one: tells readiness in the direction that was asked for") {
    fd_pair pair = tcp_pair();
    CHECK_FALSE(wait_one(pair.a.get(), interest::write, no_deadline));
    CHECK(wait_one(pair.a.get(), interest::read, immediately) == error::timed_out);
    put_byte(pair.b.get());
    CHECK_FALSE(wait_one(pair.a.get(), interest::read, now() + watchdog));
    CHECK(wait_one(pair.a.get(), interest::except, immediately) == error::timed_out);
    REQUIRE(::send(pair.b.get(), "!", 1, MSG_OOB) == 1);
    CHECK_FALSE(wait_one(pair.a.get(), interest::except, now() + watchdog));
}

TEST_CASE("native wait_one: a hang-up ends the wait in any direction") {
    fd_pair pair = tcp_pair();
    reset(pair.b);
    CHECK_FALSE(wait_one(pair.a.get(), interest::read, no_deadline));
    CHECK_FALSE(wait_one(pair.a.get(), interest::except, no_deadline));
}

TEST_CASE("native wait_one: comes back at the deadline and never earlier") {
    const fd_pair pair = tcp_pair();
    for (const time_ns length : {time_ns{1}, 300'000 + 7 * millisecond, time_ns{-5}}) {
        const time_ns deadline = now() + length;
        CHECK(wait_one(pair.a.get(), interest::read, deadline) == error::timed_out);
        CHECK(now() >= deadline);
    }
}

TEST_CASE("native wait_one: a handle that is not open is bad_descriptor") {
    CHECK(wait_one(1'000'000, interest::read, no_deadline) == error::bad_descriptor);
    CHECK(wait_one(invalid_native_handle, interest::read, no_deadline) == error::bad_descriptor);
}

#if !defined(_WIN32)  // no SIGALRM
volatile std::sig_atomic_t alarms = 0;

TEST_CASE("native wait_one: a storm of signals neither ends the wait nor postpones its deadline") {
    struct sigaction counting {};
    struct sigaction before {};
    counting.sa_handler = [](int) { alarms = alarms + 1; };  // without SA_RESTART
    REQUIRE(::sigaction(SIGALRM, &counting, &before) == 0);
    itimerval storm{};
    storm.it_interval.tv_usec = 1000;
    storm.it_value.tv_usec = 1000;
    alarms = 0;
    const fd_pair pair = tcp_pair();
    REQUIRE(::setitimer(ITIMER_REAL, &storm, nullptr) == 0);
    const time_ns deadline = now() + 50 * millisecond;
    const std::error_code error = wait_one(pair.a.get(), interest::read, deadline);
    const time_ns after = now();
    storm = {};
    ::setitimer(ITIMER_REAL, &storm, nullptr);
    ::sigaction(SIGALRM, &before, nullptr);
    CHECK(error == error::timed_out);
    CHECK(after >= deadline);
    CHECK(after < deadline + watchdog);
    CHECK(alarms > 0);
}
#endif

TEST_CASE("native clocks: the steady one does not go back, the other one tells the date") {
    time_ns last = now();
    for (int i = 0; i < 1000; ++i) {
        const time_ns next = now();
        CHECK(next >= last);
        last = next;
    }
    const auto date = static_cast<time_ns>(std::time(nullptr));
    const time_ns seconds = native_platform().clock().system_now() / (1000 * millisecond);
    CHECK(seconds >= date);
    CHECK(seconds <= date + 20);
}

TEST_CASE("native random: numbers do not repeat") {
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 1000; ++i) {
        seen.insert(native_platform().random().next());
    }
    CHECK(seen.size() == 1000);
    CHECK(*seen.rbegin() - *seen.begin() > std::uint64_t{1} << 60);
}

TEST_CASE("native platform: makes the poller that was wished for, else the default one") {
    const environment variable("GYRE_POLLER", "");
    std::error_code error;
    const poller_factory* const wish = &pollers().back();
    const std::unique_ptr<poller> wished(native_platform().make_poller(wish, error));
    REQUIRE(wished != nullptr);
    CHECK(std::string(wished->name()) == wish->name);
    const std::unique_ptr<poller> usual(native_platform().make_poller(nullptr, error));
    REQUIRE(usual != nullptr);
    CHECK(std::string(usual->name()) == default_poller()->name);
    CHECK_FALSE(error);
}

TEST_CASE("native platform: a poller that is not there is not_found") {
    const environment variable("GYRE_POLLER", "no-such-poller");
    std::error_code error;
    CHECK(native_platform().make_poller(nullptr, error) == nullptr);
    CHECK(error == error::not_found);
}

}  // namespace
}  // namespace gyre::inline v0::detail
