// SPDX-License-Identifier: BSL-1.0
// The contract of <gyre/poller.hpp>: deadlines, notify() and signals. No case asks that a wait ends
// soon, only that it doesn't end before its time, or for want of being told.
#include <gyre/poller.hpp>

#include "support/catch.hpp"
#include "support/pair.hpp"
#include "support/poller_rig.hpp"

#include <atomic>
#include <chrono>
#include <climits>
#include <csignal>
#include <ctime>
#include <thread>

#if !defined(_WIN32)
#include <pthread.h>
#endif

using namespace gyre;
using namespace gyre::testing;

#if !defined(_WIN32)

namespace {

/// Processor time that the calling thread has used.
time_ns thread_time() {
    std::timespec used{};
    REQUIRE(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) == 0);
    return used.tv_sec * second + used.tv_nsec;
}

std::atomic<int> signals_handled{0};

/// Sends a signal to the thread that made it, once a millisecond and at most `limit` times.
class signal_storm {
public:
    explicit signal_storm(int limit) {
        signals_handled = 0;
        struct sigaction action {};  // no SA_RESTART
        action.sa_handler = [](int) { ++signals_handled; };
        REQUIRE(::sigaction(SIGUSR1, &action, &old_) == 0);
        thread_ = std::thread([this, limit, target = ::pthread_self()] {
            while (!stop_ && sent_ < limit) {
                ::pthread_kill(target, SIGUSR1);
                ++sent_;
                std::this_thread::sleep_for(std::chrono::milliseconds(1));  // until the next
            }
        });
    }
    signal_storm(const signal_storm&) = delete;
    signal_storm& operator=(const signal_storm&) = delete;
    ~signal_storm() {
        stop_ = true;
        thread_.join();
        ::sigaction(SIGUSR1, &old_, nullptr);
    }

    int sent() const { return sent_; }

private:
    std::atomic<bool> stop_{false};
    std::atomic<int> sent_{0};
    struct sigaction old_ {};
    std::thread thread_;
};

}  // namespace

#endif

TEST_CASE("poller wait: never returns before a deadline below a millisecond", "[D4][L4][L20]") {
    GYRE_FOR_EACH_POLLER(rig);
    for (int i = 0; i < 300; ++i) {
        const time_ns deadline = now() + 100 * microsecond + i * 1003;
        REQUIRE(rig.wait(deadline).empty());
        REQUIRE(now() >= deadline);
    }
}

TEST_CASE("poller wait: never returns before a deadline above a millisecond", "[D4][L4][L20]") {
    GYRE_FOR_EACH_POLLER(rig);
    for (int i = 0; i < 30; ++i) {
        const time_ns deadline = now() + 3100 * microsecond + i * 10'007;
        REQUIRE(rig.wait(deadline).empty());
        REQUIRE(now() >= deadline);
    }
}

#if !defined(_WIN32)  // no such signals
TEST_CASE("poller wait: sleeps through the fraction of a millisecond at the end", "[D4][L3]") {
    GYRE_FOR_EACH_POLLER(rig);
    const time_ns began = now();
    const time_ns used = thread_time();
    for (int i = 0; i < 100; ++i) {
        rig.wait(now() + 950 * microsecond);
    }
    // A wait that looks at the clock again and again uses nearly all of it.
    CHECK(thread_time() - used < (now() - began) / 2);
}
#endif

TEST_CASE("poller wait: two waits for the same deadline both end") {
    GYRE_FOR_EACH_POLLER(rig);
    const time_ns deadline = now() + 20 * millisecond;
    CHECK(rig.wait(deadline).empty());
    CHECK(now() >= deadline);
    CHECK(rig.wait(deadline).empty());
    CHECK(rig.wait(now() - second).empty());
    CHECK(rig.wait(0).empty());
}

TEST_CASE("poller wait: immediately never blocks, and still sees what is ready") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    rig.add(pair.a.get(), 1, interest::read);
    for (int i = 0; i < 100; ++i) {
        CHECK(rig.wait(immediately).empty());
    }
    put_byte(pair.b.get());
    CHECK(rig.wait(immediately).size() == 1);
}

TEST_CASE("poller wait: a deadline that has passed still sees what is ready") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    put_byte(pair.b.get());
    rig.add(pair.a.get(), 1, interest::read);
    CHECK(rig.wait(now() - second).size() == 1);
}

TEST_CASE("poller wait: far deadlines wait, without end if need be, and notify() ends them",
          "[L22]") {
    GYRE_FOR_EACH_POLLER(rig);
    const time_ns more_than_an_int = (time_ns{INT_MAX} + 1) * millisecond;
    for (const time_ns deadline :
         {now() + more_than_an_int, now() + 2 * more_than_an_int + millisecond,
          now() + 365 * 86'400 * second, no_deadline - 1, no_deadline}) {
        INFO("deadline " << deadline);
        std::atomic<bool> notified{false};
        std::thread other([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));  // so that it may fail
            notified = true;
            rig->notify();
        });
        CHECK(rig.wait(deadline).empty());
        CHECK(notified);
        other.join();
    }
}

TEST_CASE("poller wait: an earlier deadline does not end a later wait without one", "[L19]") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    rig.add(pair.a.get(), 1, interest::read);
    put_byte(pair.b.get());
    CHECK(rig.wait(now() + 20 * millisecond).size() == 1);
    rig.remove(pair.a.get());
    std::atomic<bool> notified{false};
    std::thread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));  // so that it may fail
        notified = true;
        rig->notify();
    });
    CHECK(rig.wait(no_deadline).empty());
    CHECK(notified);
    other.join();
}

#if !defined(_WIN32)  // no such signals
TEST_CASE("poller wait: signals neither end it nor put off its deadline", "[D8][L2]") {
    GYRE_FOR_EACH_POLLER(rig);
    constexpr int limit = 4000;
    const signal_storm storm(limit);
    const time_ns deadline = now() + 100 * millisecond;
    CHECK(rig.wait(deadline).empty());
    CHECK(now() >= deadline);
    CHECK(storm.sent() < limit);  // it did not take the end of the storm
    CHECK(signals_handled > 0);
}
#endif

TEST_CASE("poller notify: ends the next wait when none is in progress") {
    GYRE_FOR_EACH_POLLER(rig);
    rig->notify();
    const time_ns end = watchdog();
    CHECK(rig.wait(end).empty());
    CHECK(now() < end);
}

TEST_CASE("poller notify: many calls before a wait end only that one") {
    GYRE_FOR_EACH_POLLER(rig);
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 1000; ++i) {
            rig->notify();
        }
        const time_ns end = watchdog();
        CHECK(rig.wait(end).empty());
        CHECK(now() < end);
        const time_ns deadline = now() + 20 * millisecond;
        CHECK(rig.wait(deadline).empty());
        CHECK(now() >= deadline);
    }
}

TEST_CASE("poller notify: is drained by a wait that has events to report too", "[D10][L14]") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    put_byte(pair.b.get());
    rig.add(pair.a.get(), 1, interest::read);
    rig->notify();
    CHECK(rig.next_of(1) == readiness::readable);
    rig.remove(pair.a.get());
    rig.wait(immediately);  // a poller may have kept it for the next wait
    const time_ns deadline = now() + 20 * millisecond;
    CHECK(rig.wait(deadline).empty());
    CHECK(now() >= deadline);
}

TEST_CASE("poller notify: is not lost when there is room for one event only") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    put_byte(pair.b.get());
    rig.add(pair.a.get(), 1, interest::read);
    for (int i = 0; i < 100; ++i) {
        rig->notify();
        rig.next(1);
        rig.modify(pair.a.get(), 1, interest::read);
    }
    rig.remove(pair.a.get());
    rig.wait(immediately);
    rig->notify();
    const time_ns end = watchdog();
    CHECK(rig.wait(end).empty());
    CHECK(now() < end);
}

TEST_CASE("poller notify: wakes a thread that sleeps, a thousand times", "[L6]") {
    GYRE_FOR_EACH_POLLER(rig);
    std::atomic<int> asked{0};
    std::atomic<int> answered{0};
    std::thread other([&] {
        for (int i = 1; i <= 1000; ++i) {
            asked = i;
            rig->notify();
            for (const time_ns end = watchdog(); answered < i && now() < end;) {
                std::this_thread::yield();
            }
        }
    });
    int late = 0;
    while (answered < 1000 && late == 0) {
        const time_ns end = watchdog();
        rig.wait(end);
        late += now() >= end ? 1 : 0;
        answered = asked.load();
    }
    answered = 1000;
    other.join();
    CHECK(late == 0);
    CHECK(asked == 1000);
}

TEST_CASE("poller notify: none of a million calls of another thread is lost", "[D10][L21]") {
    GYRE_FOR_EACH_POLLER(rig);
    constexpr int total = 1'000'000;
    std::atomic<int> posted{0};
    std::thread other([&] {
        for (int i = 1; i <= total; ++i) {
            posted = i;
            rig->notify();
        }
    });
    int late = 0;
    for (int seen = 0; seen < total && late == 0; seen = posted) {
        const time_ns end = watchdog();
        rig.wait(end);
        late += now() >= end ? 1 : 0;
    }
    other.join();
    CHECK(late == 0);
    rig.wait(immediately);
    const time_ns deadline = now() + 20 * millisecond;
    CHECK(rig.wait(deadline).empty());
    CHECK(now() >= deadline);
}

TEST_CASE("poller notify: works while two threads call it and a third one's handle is busy") {
    GYRE_FOR_EACH_POLLER(rig);
    fd_pair pair = unix_pair();
    rig.add(pair.a.get(), 1, interest::read);
    constexpr int each = 20'000;
    std::atomic<int> posted{0};
    const auto post = [&] {
        for (int i = 0; i < each; ++i) {
            ++posted;
            rig->notify();
        }
    };
    std::thread first(post);
    std::thread second_one(post);
    int late = 0;
    for (int seen = 0; seen < 2 * each && late == 0; seen = posted) {
        const time_ns end = watchdog();
        for (const poll_event& event : rig.wait(end)) {
            CHECK(event.key == 1);
            drain(pair.a.get());
            rig.modify(pair.a.get(), 1, interest::read);
        }
        late += now() >= end ? 1 : 0;
        (void)!write_fd(pair.b.get(), "x", 1);
    }
    first.join();
    second_one.join();
    CHECK(late == 0);
}

TEST_CASE("poller notify: may be called while reset() runs, and is not lost by it") {
    GYRE_FOR_EACH_POLLER(rig);
    std::atomic<int> posted{0};
    std::atomic<bool> stop{false};
    std::thread other([&] {
        while (!stop) {
            ++posted;
            rig->notify();
        }
    });
    int late = 0;
    for (int i = 0; i < 1000 && late == 0; ++i) {
        CHECK(rig->reset() == std::error_code());
        const time_ns end = watchdog();
        rig.wait(end);
        late += now() >= end ? 1 : 0;
    }
    stop = true;
    other.join();
    CHECK(late == 0);
}

#if !defined(_WIN32)  // no such signals
TEST_CASE("poller notify: may be called inside a signal handler and keeps errno") {
    GYRE_FOR_EACH_POLLER(rig);
    static std::atomic<poller*> target{nullptr};
    target = &*rig;
    struct sigaction action {};
    struct sigaction old {};
    action.sa_handler = [](int) { target.load()->notify(); };
    REQUIRE(::sigaction(SIGUSR1, &action, &old) == 0);
    errno = 12345;
    CHECK(::raise(SIGUSR1) == 0);
    CHECK(errno == 12345);
    const time_ns end = watchdog();
    CHECK(rig.wait(end).empty());
    CHECK(now() < end);
    ::sigaction(SIGUSR1, &old, nullptr);
}
#endif
