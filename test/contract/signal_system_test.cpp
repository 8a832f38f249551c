// SPDX-License-Identifier: BSL-1.0
// Sets of signals and what POSIX systems have beside delivering them: dispositions that were found,
// flags, signals that are queued while they are held back, children.

#include <gyre/io_context.hpp>
#include <gyre/signal_set.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/signal_sets.hpp"
#include "support/signals.hpp"

#include <vector>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

using gyre::error_code;
using gyre::io_context;
using gyre::signal_set;
using namespace gyre::testing;

namespace {

using numbers = std::vector<int>;

struct sigaction disposition(int number) {
    struct sigaction now {};
    REQUIRE(::sigaction(number, nullptr, &now) == 0);
    return now;
}

int flags_of(int number) { return disposition(number).sa_flags; }

}  // namespace

#if defined(SIGRTMIN)  // macOS and OpenBSD queue none
TEST_CASE("signal_set: signals that the system queues are all counted while they are held back") {
    if (signals_are_held_back) {
        GYRE_SKIP("ThreadSanitizer makes one signal of many");
    }
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, SIGRTMIN);
    const signal_recorder log(set);
    sigset_t held;
    sigset_t before;
    sigemptyset(&held);
    sigaddset(&held, SIGRTMIN);
    ::pthread_sigmask(SIG_BLOCK, &held, &before);
    raise_times(SIGRTMIN, 20);
    CHECK(ctx.poll() == 0);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ctx.restart();
    CHECK(ctx.poll() == 20);
    CHECK(log.numbers == numbers(20, SIGRTMIN));
}
#endif

TEST_CASE("signal_set: the last set that lets go restores what was found") {
    struct sigaction mine {};
    mine.sa_handler = [](int) {};
    mine.sa_flags = SA_NODEFER;
    struct sigaction before {};
    REQUIRE(::sigaction(SIGUSR1, &mine, &before) == 0);
    ::signal(SIGUSR2, SIG_IGN);
    {
        io_context ctx;
        signal_set a(ctx, SIGUSR1, SIGUSR2);
        {
            const signal_set b(ctx, SIGUSR1);
            CHECK(disposition(SIGUSR1).sa_handler != mine.sa_handler);
        }
        CHECK(disposition(SIGUSR1).sa_handler != mine.sa_handler);
        a.remove(SIGUSR2);
        CHECK(disposition(SIGUSR2).sa_handler == SIG_IGN);
    }
    CHECK(disposition(SIGUSR1).sa_handler == mine.sa_handler);
    CHECK((flags_of(SIGUSR1) & SA_NODEFER) != 0);
    REQUIRE(::sigaction(SIGUSR1, &before, nullptr) == 0);
    ::signal(SIGUSR2, SIG_DFL);
}

TEST_CASE("signal_set: flags reach the system, and sets of one signal have to agree") {
    using flags = signal_set::flags;
    io_context ctx;
    signal_set a(ctx);
    signal_set b(ctx);
    error_code ec;
    a.add(SIGUSR1);
    CHECK((flags_of(SIGUSR1) & SA_RESTART) != 0);  // nobody cares
    b.add(SIGUSR1, flags::none);                   // the first who does
    CHECK((flags_of(SIGUSR1) & SA_RESTART) == 0);
    a.add(SIGUSR1, flags::restart, ec);
    CHECK(ec == gyre::error::invalid_argument);
    a.add(SIGUSR1, flags::dont_care, ec);
    CHECK_FALSE(ec);
    a.remove(SIGUSR1);
    a.add(SIGUSR1, flags::restart, ec);
    CHECK(ec == gyre::error::invalid_argument);
    a.add(SIGUSR1, flags::none);
    a.clear();
    b.clear();
    CHECK(is_default(SIGUSR1));
    a.add(SIGUSR1, flags::restart);
    CHECK((flags_of(SIGUSR1) & SA_RESTART) != 0);
    a.add(SIGCHLD, flags::restart | flags::no_child_stop | flags::no_child_wait, ec);
    CHECK_FALSE(ec);
    constexpr int all = SA_RESTART | SA_NOCLDSTOP | SA_NOCLDWAIT;
    CHECK((flags_of(SIGCHLD) & all) == all);
    a.remove(SIGCHLD);
    a.add(SIGCHLD, flags::no_child_stop);
    CHECK((flags_of(SIGCHLD) & all) == SA_NOCLDSTOP);
}

TEST_CASE("signal_set: the end of a child is a signal like any other") {
    if (signals_are_held_back) {
        GYRE_SKIP("ThreadSanitizer holds signals back while the loop sleeps");
    }
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, SIGCHLD);
    signal_result r;
    set.async_wait(r.handler());
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::_exit(7);
    }
    CHECK(ctx.run() == 1);
    CHECK(r.is(SIGCHLD));
    int status = 0;
    CHECK(::waitpid(child, &status, 0) == child);
    CHECK(WEXITSTATUS(status) == 7);
}
