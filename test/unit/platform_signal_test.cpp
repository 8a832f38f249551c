// SPDX-License-Identifier: BSL-1.0
// The process-wide registry of signals: exact counts, dispositions given back, removal under fire.
#include <gyre/error.hpp>

#include "platform/platform.hpp"
#include "support/catch.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <memory>
#include <thread>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gyre::inline v0::detail {
namespace {

signal_ops& ops() { return native_platform().signals(); }

class counter final : public signal_listener {
public:
    void notify() noexcept override { calls.fetch_add(1); }

    std::atomic<int> calls{0};
};

/// A registration that ends with its scope.
class registration {
public:
    registration(signal_listener& who, int number, int flags = 0) : who_(who), number_(number) {
        REQUIRE_FALSE(ops().add(who, number, flags));
    }
    registration(const registration&) = delete;
    registration& operator=(const registration&) = delete;
    ~registration() { ops().remove(who_, number_); }

private:
    signal_listener& who_;
    int number_;
};

struct sigaction disposition(int number) {
    struct sigaction now {};
    REQUIRE(::sigaction(number, nullptr, &now) == 0);
    return now;
}

void raise_times(int number, int times) {
    for (int i = 0; i < times; ++i) {
        ::raise(number);
    }
}

TEST_CASE("native signals: every delivery is counted for each listener and signal") {
    counter a;
    counter b;
    const registration a1(a, SIGUSR1);
    const registration b1(b, SIGUSR1);
    const registration b2(b, SIGUSR2);
    raise_times(SIGUSR1, 100);
    raise_times(SIGUSR2, 7);
    CHECK(ops().take(a, SIGUSR1) == 100);
    CHECK(ops().take(a, SIGUSR2) == 0);
    CHECK(ops().take(b, SIGUSR1) == 100);
    CHECK(ops().take(b, SIGUSR2) == 7);
    CHECK(a.calls == 100);
    CHECK(b.calls == 107);
    CHECK(ops().take(b, SIGUSR2) == 0);
    raise_times(SIGUSR2, 1);
    CHECK(ops().take(b, SIGUSR2) == 1);
}

TEST_CASE("native signals: a listener that left gets nothing, the others go on") {
    counter a;
    counter b;
    const registration stays(a, SIGUSR1);
    REQUIRE_FALSE(ops().add(b, SIGUSR1, 0));
    raise_times(SIGUSR1, 3);
    REQUIRE_FALSE(ops().remove(b, SIGUSR1));
    raise_times(SIGUSR1, 4);
    CHECK(ops().take(a, SIGUSR1) == 7);
    CHECK(ops().take(b, SIGUSR1) == 0);
    CHECK(b.calls == 3);
    CHECK_FALSE(ops().remove(b, SIGUSR1));
}

TEST_CASE("native signals: adding twice is adding once") {
    counter a;
    const registration once(a, SIGUSR1);
    CHECK_FALSE(ops().add(a, SIGUSR1, 0));
    raise_times(SIGUSR1, 5);
    CHECK(a.calls == 5);
    CHECK(ops().take(a, SIGUSR1) == 5);
}

TEST_CASE("native signals: the last listener gives back the disposition that was found") {
    struct sigaction mine {};
    mine.sa_handler = [](int) {};
    mine.sa_flags = SA_RESTART;
    struct sigaction before {};
    REQUIRE(::sigaction(SIGUSR1, &mine, &before) == 0);
    {
        counter a;
        counter b;
        REQUIRE_FALSE(ops().add(a, SIGUSR1, 0));
        REQUIRE_FALSE(ops().add(b, SIGUSR1, 0));
        CHECK(disposition(SIGUSR1).sa_handler != mine.sa_handler);
        REQUIRE_FALSE(ops().remove(a, SIGUSR1));
        CHECK(disposition(SIGUSR1).sa_handler != mine.sa_handler);
        REQUIRE_FALSE(ops().remove(b, SIGUSR1));
    }
    const struct sigaction after = disposition(SIGUSR1);
    CHECK(after.sa_handler == mine.sa_handler);
    CHECK((after.sa_flags & SA_RESTART) != 0);
    REQUIRE(::sigaction(SIGUSR1, &before, nullptr) == 0);
}

TEST_CASE("native signals: a handler that the program installed meanwhile is left alone") {
    counter a;
    REQUIRE_FALSE(ops().add(a, SIGUSR1, 0));
    struct sigaction mine {};
    mine.sa_handler = [](int) {};
    REQUIRE(::sigaction(SIGUSR1, &mine, nullptr) == 0);
    REQUIRE_FALSE(ops().remove(a, SIGUSR1));
    CHECK(disposition(SIGUSR1).sa_handler == mine.sa_handler);
    ::signal(SIGUSR1, SIG_DFL);
}

TEST_CASE("native signals: flags reach the system and have to agree") {
    counter a;
    counter b;
    const registration first(a, SIGUSR1, SA_RESTART);
    CHECK((disposition(SIGUSR1).sa_flags & SA_RESTART) != 0);
    CHECK(ops().add(b, SIGUSR1, 0) == error::invalid_argument);
    CHECK(ops().add(b, SIGUSR2, SA_SIGINFO) == error::invalid_argument);
    CHECK(ops().add(b, SIGUSR2, static_cast<int>(SA_RESETHAND)) == error::invalid_argument);
    raise_times(SIGUSR1, 1);
    CHECK(b.calls == 0);
    CHECK(disposition(SIGUSR2).sa_handler == SIG_DFL);
}

TEST_CASE("native signals: any flags go with all others, and the first who cares decides") {
    counter a;
    counter b;
    counter c;
    {
        const registration first(a, SIGUSR1, any_signal_flags);
        CHECK((disposition(SIGUSR1).sa_flags & SA_RESTART) != 0);
        const registration second(b, SIGUSR1, SA_NOCLDSTOP);
        CHECK((disposition(SIGUSR1).sa_flags & (SA_RESTART | SA_NOCLDSTOP)) == SA_NOCLDSTOP);
        CHECK(ops().add(c, SIGUSR1, SA_RESTART) == error::invalid_argument);
        const registration third(c, SIGUSR1, any_signal_flags);
        CHECK(ops().add(c, SIGUSR1, SA_RESTART) == error::invalid_argument);
        CHECK_FALSE(ops().add(a, SIGUSR1, SA_NOCLDSTOP));
        raise_times(SIGUSR1, 2);
        CHECK(a.calls + b.calls + c.calls == 6);
    }
    const registration anew(a, SIGUSR1, SA_RESTART);
    CHECK((disposition(SIGUSR1).sa_flags & (SA_RESTART | SA_NOCLDSTOP)) == SA_RESTART);
}

TEST_CASE("native signals: flags don't take the place of a handler that the program installed") {
    counter a;
    counter b;
    const registration first(a, SIGUSR1, any_signal_flags);
    struct sigaction mine {};
    mine.sa_handler = [](int) {};
    REQUIRE(::sigaction(SIGUSR1, &mine, nullptr) == 0);
    const registration second(b, SIGUSR1, SA_NOCLDSTOP);
    CHECK(disposition(SIGUSR1).sa_handler == mine.sa_handler);
    ::signal(SIGUSR1, SIG_DFL);
}

TEST_CASE("native signals: what is no signal, or can't be caught, is invalid_argument") {
    counter a;
    for (const int number : {0, -1, 100'000, SIGKILL, SIGSTOP}) {
        CHECK(ops().add(a, number, 0) == error::invalid_argument);
        CHECK(ops().take(a, number) == 0);
    }
    CHECK(ops().remove(a, -1) == error::invalid_argument);
    CHECK_FALSE(ops().remove(a, SIGUSR1));
}

class errno_spoiler final : public signal_listener {
public:
    void notify() noexcept override { errno = EXDEV; }
};

TEST_CASE("native signals: errno is not changed by the handler") {
    errno_spoiler spoiler;
    const registration once(spoiler, SIGUSR1);
    errno = ENOSPC;
    ::raise(SIGUSR1);
    const int after = errno;
    CHECK(after == ENOSPC);
}

class gate final : public signal_listener {
public:
    void notify() noexcept override {
        inside = true;
        while (!open) {}
        removed_while_inside = removed.load();
    }

    std::atomic<bool> inside{false};
    std::atomic<bool> open{false};
    std::atomic<bool> removed{false};
    std::atomic<bool> removed_while_inside{false};
};

TEST_CASE("native signals: removal waits for the handler that another thread is in") {
    gate listener;
    REQUIRE_FALSE(ops().add(listener, SIGUSR1, 0));
    std::thread raiser([] { ::raise(SIGUSR1); });
    while (!listener.inside) {
        std::this_thread::yield();
    }
    std::thread remover([&] {
        ops().remove(listener, SIGUSR1);
        listener.removed = true;
    });
    // Time for a removal that does not wait to be seen; one that waits passes however long it is.
    for (int i = 0; i < 2000 && !listener.removed; ++i) {
        std::this_thread::yield();
    }
    listener.open = true;
    raiser.join();
    remover.join();
    CHECK(listener.removed);
    CHECK_FALSE(listener.removed_while_inside);
}

TEST_CASE("native signals: listeners come and go under fire, and none is called after it left") {
    counter keeper;
    const registration kept(keeper, SIGUSR1);
    std::atomic<bool> stop{false};
    std::atomic<int> raised{0};
    std::thread raiser([&] {
        while (!stop) {
            ::raise(SIGUSR1);
            ++raised;
        }
    });
    int counted = 0;
    for (int i = 0; i < 500 || raised < 1000; ++i) {
        const auto passing = std::make_unique<counter>();
        REQUIRE_FALSE(ops().add(*passing, SIGUSR1, 0));
        counted += static_cast<int>(ops().take(keeper, SIGUSR1));
        REQUIRE_FALSE(ops().remove(*passing, SIGUSR1));
    }
    stop = true;
    raiser.join();
    counted += static_cast<int>(ops().take(keeper, SIGUSR1));
    CHECK(counted == raised);
}

int exit_code_of_child(int (*body)()) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::_exit(body());
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

counter inherited;

TEST_CASE("native signals: a child counts its own deliveries and none of its parent's") {
    const registration once(inherited, SIGUSR1);
    raise_times(SIGUSR1, 3);
    const int code = exit_code_of_child([] {
        raise_times(SIGUSR1, 2);
        const auto own = static_cast<int>(ops().take(inherited, SIGUSR1));
        const bool removed = !ops().remove(inherited, SIGUSR1);
        return removed ? own : 99;
    });
    CHECK(code == 2);
    CHECK(ops().take(inherited, SIGUSR1) == 3);
    raise_times(SIGUSR1, 1);
    CHECK(ops().take(inherited, SIGUSR1) == 1);
}

TEST_CASE("native signals: a child notifies nobody until the listener is added there") {
    const registration once(inherited, SIGUSR1);
    inherited.calls = 0;
    const int code = exit_code_of_child([] {
        raise_times(SIGUSR1, 2);
        const int before = inherited.calls;
        if (ops().add(inherited, SIGUSR1, 0)) {
            return 99;
        }
        raise_times(SIGUSR1, 3);
        const auto counted = static_cast<int>(ops().take(inherited, SIGUSR1));
        return 100 * before + 10 * inherited.calls + counted;
    });
    CHECK(code == 35);
    CHECK(inherited.calls == 0);
    CHECK(ops().take(inherited, SIGUSR1) == 0);
}

#if !defined(__APPLE__)  // deprecated there
TEST_CASE("native signals: what a child of vfork() is sent counts for nobody") {
    const registration once(inherited, SIGUSR1);
    inherited.calls = 0;
    const pid_t child = ::vfork();  // NOLINT: it shares this memory, which is the point
    if (child == 0) {
        ::kill(::getpid(), SIGUSR1);
        ::_exit(0);
    }
    REQUIRE(child > 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(ops().take(inherited, SIGUSR1) == 0);
    CHECK(inherited.calls == 0);
}
#endif

gate inherited_gate;

TEST_CASE("native signals: a child does not wait for handlers of threads that it does not have") {
    const registration once(inherited_gate, SIGUSR2);
    std::thread raiser([] { ::raise(SIGUSR2); });
    while (!inherited_gate.inside) {
        std::this_thread::yield();
    }
    const int code = exit_code_of_child([] {
        ::alarm(20);
        return ops().remove(inherited_gate, SIGUSR2) ? 1 : 0;
    });
    CHECK(code == 0);
    inherited_gate.open = true;
    raiser.join();
}

}  // namespace
}  // namespace gyre::inline v0::detail
