// SPDX-License-Identifier: BSL-1.0
// Sets of signals with one thread: every delivery ends one wait of each set, whoever waited when it
// came; what the system did with a signal before is restored.

#include <gyre/associated_cancellation_slot.hpp>
#include <gyre/bind_executor.hpp>
#include <gyre/cancellation_signal.hpp>
#include <gyre/dispatch_hook.hpp>
#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/signal_set.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/signals.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

using gyre::cancellation_signal;
using gyre::cancellation_slot;
using gyre::cancellation_type;
using gyre::error_code;
using gyre::io_context;
using gyre::signal_set;
using gyre::testing::hang_guard;

namespace {

const error_code aborted = gyre::error::operation_aborted;
const error_code success;

// What a handler was given, and how often it was called.
struct result {
    int calls = 0;
    error_code error = std::make_error_code(std::errc::not_connected);
    int number = -1;

    auto handler() {
        return [this](error_code e, int n) {
            ++calls;
            error = e;
            number = n;
        };
    }
    bool is(int n) const { return calls == 1 && !error && number == n; }
    bool was_aborted() const { return calls == 1 && error == aborted && number == 0; }
};

// A handler that names a cancellation slot.
struct slotted {
    using cancellation_slot_type = cancellation_slot;
    cancellation_slot slot;
    result* out;
    cancellation_slot_type get_cancellation_slot() const noexcept { return slot; }
    void operator()(error_code e, int n) const { out->handler()(e, n); }
};

// Waits again and again, and writes down what comes.
struct recorder {
    explicit recorder(signal_set& s) : set(s) { wait(); }
    void wait() {
        set.async_wait([this](error_code e, int n) {
            if (!e) {
                numbers.push_back(n);
                wait();
            }
        });
    }
    signal_set& set;
    std::vector<int> numbers;
};

using numbers = std::vector<int>;

void raise_times(int number, int times) {
    for (int i = 0; i < times; ++i) {
        ::raise(number);
    }
}

struct sigaction disposition(int number) {
    struct sigaction now {};
    REQUIRE(::sigaction(number, nullptr, &now) == 0);
    return now;
}

bool is_default(int number) { return disposition(number).sa_handler == SIG_DFL; }
int flags_of(int number) { return disposition(number).sa_flags; }

std::size_t run(io_context& ctx) {
    ctx.restart();
    return ctx.run();
}

std::size_t poll(io_context& ctx) {
    ctx.restart();
    return ctx.poll();
}

}  // namespace

static_assert(!std::is_copy_constructible_v<signal_set>);
static_assert(!std::is_move_constructible_v<signal_set>);

TEST_CASE("signal_set: a wait ends with the number of the signal, outside the call") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, SIGUSR1);
    CHECK(set.get_executor() == ctx.get_executor());
    result r;
    set.async_wait(r.handler());
    CHECK(ctx.poll() == 0);
    CHECK_FALSE(ctx.stopped());
    ::raise(SIGUSR1);
    CHECK(r.calls == 0);
    CHECK(ctx.run() == 1);
    CHECK(r.is(SIGUSR1));
}

TEST_CASE("signal_set: what came before anybody waited ends later waits, one each") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, SIGUSR1);
    raise_times(SIGUSR1, 3);
    CHECK(ctx.poll() == 0);
    result r[4];
    for (result& each : r) {
        set.async_wait(each.handler());
        CHECK(each.calls == 0);
    }
    CHECK(poll(ctx) == 3);
    for (int i = 0; i < 3; ++i) {
        CHECK(r[i].is(SIGUSR1));
    }
    CHECK(r[3].calls == 0);
    ::raise(SIGUSR1);
    CHECK(run(ctx) == 1);
    CHECK(r[3].is(SIGUSR1));
}

TEST_CASE("signal_set: no delivery is lost, however many come at once or in a handler") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, SIGUSR1);
    int seen = 0;
    std::function<void(error_code, int)> next = [&](error_code, int) {
        ++seen;
        if (seen < 1000) {
            ::raise(SIGUSR1);
        }
        if (seen < 1500) {
            set.async_wait(std::ref(next));
        }
    };
    raise_times(SIGUSR1, 501);
    set.async_wait(std::ref(next));
    CHECK(ctx.run() == 1500);
    CHECK(seen == 1500);
    result none;
    set.async_wait(none.handler());
    CHECK(poll(ctx) == 0);
}

#if defined(SIGRTMIN)  // macOS and OpenBSD queue none
TEST_CASE("signal_set: signals that the system queues are all counted while they are held back") {
    if (gyre::testing::signals_are_held_back) {
        GYRE_SKIP("ThreadSanitizer makes one signal of many");
    }
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, SIGRTMIN);
    const recorder log(set);
    sigset_t held;
    sigset_t before;
    sigemptyset(&held);
    sigaddset(&held, SIGRTMIN);
    ::pthread_sigmask(SIG_BLOCK, &held, &before);
    raise_times(SIGRTMIN, 20);
    CHECK(ctx.poll() == 0);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    CHECK(poll(ctx) == 20);
    CHECK(log.numbers == numbers(20, SIGRTMIN));
}
#endif

TEST_CASE("signal_set: one delivery ends the oldest wait only") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, SIGUSR1);
    std::vector<int> order;
    for (int i = 0; i < 5; ++i) {
        set.async_wait([&order, i](error_code, int) { order.push_back(i); });
    }
    ::raise(SIGUSR1);
    CHECK(ctx.poll() == 1);
    raise_times(SIGUSR1, 4);
    CHECK(ctx.run() == 4);
    CHECK(order == std::vector{0, 1, 2, 3, 4});
}

TEST_CASE("signal_set: each set of each context gets each delivery") {
    const hang_guard guard;
    io_context one;
    io_context two;
    signal_set a(one, SIGUSR1);
    signal_set b(one, SIGUSR1, SIGUSR2);
    signal_set c(two, SIGUSR2, SIGUSR1);
    recorder in_a(a);
    recorder in_b(b);
    recorder in_c(c);
    raise_times(SIGUSR1, 3);
    raise_times(SIGUSR2, 2);
    CHECK(one.poll() == 8);
    CHECK(two.poll() == 5);
    CHECK(in_a.numbers == numbers(3, SIGUSR1));
    CHECK(in_b.numbers.size() == 5);
    CHECK(in_c.numbers.size() == 5);
    // One that lets go leaves the others in peace.
    b.remove(SIGUSR1);
    ::raise(SIGUSR1);
    CHECK(one.poll() == 1);
    CHECK(two.poll() == 1);
    CHECK(in_a.numbers.size() == 4);
    CHECK(in_b.numbers.size() == 5);
}

TEST_CASE("signal_set: of several signals that have come each has its turn") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, SIGUSR1, SIGUSR2, SIGCONT);
    raise_times(SIGUSR1, 3);
    raise_times(SIGCONT, 2);
    raise_times(SIGUSR2, 1);
    const recorder log(set);
    CHECK(ctx.poll() == 6);
    CHECK(log.numbers == numbers{SIGUSR1, SIGUSR2, SIGCONT, SIGUSR1, SIGCONT, SIGUSR1});
}

TEST_CASE("signal_set: a signal that comes all the time does not hide another") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, SIGUSR1, SIGUSR2);
    bool second = false;
    int first = 0;
    std::function<void(error_code, int)> next = [&](error_code, int n) {
        first += n == SIGUSR1 ? 1 : 0;
        second = second || n == SIGUSR2;
        if (!second && first < 10'000) {
            raise_times(SIGUSR1, 2);
            set.async_wait(std::ref(next));
        }
    };
    raise_times(SIGUSR1, 1);
    raise_times(SIGUSR2, 1);
    set.async_wait(std::ref(next));
    ctx.run();
    CHECK(second);
    CHECK(first == 1);
}

TEST_CASE("signal_set: waits are work, signals alone are none") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, SIGUSR1);
    CHECK(ctx.run() == 0);
    CHECK(ctx.stopped());
    result r;
    set.async_wait(r.handler());
    gyre::steady_timer timer(ctx, std::chrono::milliseconds(2));
    timer.async_wait([](error_code) { ::kill(::getpid(), SIGUSR1); });
    CHECK(run(ctx) == 2);
    CHECK(r.is(SIGUSR1));
}

// ---- membership --------------------------------------------------------------------------------

TEST_CASE("signal_set: signals are added and taken out, and more than once is once") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx.get_executor());
    recorder log(set);
    set.add(SIGUSR1);
    set.add(SIGUSR1);
    error_code ec = gyre::error::eof;
    set.add(SIGUSR2, ec);
    CHECK_FALSE(ec);
    ::raise(SIGUSR1);
    ::raise(SIGUSR2);
    CHECK(ctx.poll() == 2);
    set.remove(SIGUSR1);
    CHECK(is_default(SIGUSR1));
    set.remove(SIGUSR1);
    set.remove(SIGCONT, ec);
    CHECK_FALSE(ec);
    ::raise(SIGUSR2);
    CHECK(ctx.poll() == 1);
    set.clear(ec);
    CHECK_FALSE(ec);
    CHECK(is_default(SIGUSR2));
    CHECK(ctx.poll() == 0);
    CHECK_FALSE(ctx.stopped());
    set.clear();
    set.add(SIGUSR1);
    ::raise(SIGUSR1);
    CHECK(ctx.poll() == 1);
    CHECK(log.numbers == numbers{SIGUSR1, SIGUSR2, SIGUSR2, SIGUSR1});
}

TEST_CASE("signal_set: what is no signal, or can't be caught, is invalid_argument") {
    io_context ctx;
    signal_set set(ctx);
    for (const int number : {0, -1, 100'000, SIGKILL, SIGSTOP}) {
        error_code ec;
        set.add(number, ec);
        CHECK(ec == gyre::error::invalid_argument);
        CHECK_THROWS_AS(set.add(number), gyre::system_error);
        CHECK_THROWS_AS(signal_set(ctx, number), gyre::system_error);
        CHECK_THROWS_AS(signal_set(ctx, SIGUSR1, SIGUSR2, number), gyre::system_error);
    }
    CHECK(is_default(SIGUSR1));
    CHECK(is_default(SIGUSR2));
    error_code ec;
    set.remove(-1, ec);
    CHECK(ec == gyre::error::invalid_argument);
    CHECK_THROWS_AS(set.remove(100'000), gyre::system_error);
    set.add(SIGUSR1, static_cast<signal_set::flags>(64), ec);
    CHECK(ec == gyre::error::invalid_argument);
}

TEST_CASE("signal_set: taking a signal out takes its deliveries too, and waits go on") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, SIGUSR1, SIGUSR2);
    result r;
    set.async_wait(r.handler());
    // Ready, with its signal, when another handler takes that away.
    gyre::post(ctx, [&] {
        ::raise(SIGUSR1);
        gyre::post(ctx, [&] { set.remove(SIGUSR1); });
    });
    CHECK(ctx.poll() == 2);
    CHECK(r.calls == 0);
    set.add(SIGUSR1);
    CHECK(ctx.poll() == 0);
    ::raise(SIGUSR2);
    CHECK(ctx.run() == 1);
    CHECK(r.is(SIGUSR2));
    ::raise(SIGUSR2);
    set.clear();
    set.add(SIGUSR2);
    set.async_wait(r.handler());
    CHECK(poll(ctx) == 0);
}

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

TEST_CASE("signal_set: the flags are a set") {
    using flags = signal_set::flags;
    flags f = flags::restart | flags::no_child_wait;
    CHECK((f & flags::restart) == flags::restart);
    CHECK((f ^ flags::restart) == flags::no_child_wait);
    CHECK((~f & f) == flags::none);
    f &= ~flags::restart;
    CHECK(f == flags::no_child_wait);
    f |= flags::no_child_stop;
    f ^= flags::no_child_wait;
    CHECK(f == flags::no_child_stop);
}

TEST_CASE("signal_set: the end of a child is a signal like any other") {
    if (gyre::testing::signals_are_held_back) {
        GYRE_SKIP("ThreadSanitizer holds signals back while the loop sleeps");
    }
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, SIGCHLD);
    result r;
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

// ---- cancellation and the end ------------------------------------------------------------------

TEST_CASE("signal_set: cancel() aborts and counts the waits, and a signal that came is not lost") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, SIGUSR1);
    result r[3];
    CHECK(set.cancel() == 0);
    set.async_wait(r[0].handler());
    set.async_wait(r[1].handler());
    error_code ec = gyre::error::eof;
    CHECK(set.cancel(ec) == 2);
    CHECK_FALSE(ec);
    CHECK(r[0].calls == 0);
    CHECK(ctx.run() == 2);
    CHECK(r[0].was_aborted());
    CHECK(r[1].was_aborted());

    // Ready, with a signal of its own, when it is cancelled.
    result ready;
    set.async_wait(ready.handler());
    gyre::post(ctx, [&] {
        ::raise(SIGUSR1);
        gyre::post(ctx, [&] { CHECK(set.cancel() == 1); });
    });
    CHECK(run(ctx) == 3);
    CHECK(ready.was_aborted());
    set.async_wait(r[2].handler());
    CHECK(run(ctx) == 1);
    CHECK(r[2].is(SIGUSR1));
}

TEST_CASE("signal_set: of two waits the second gets what the first was cancelled for") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, SIGUSR1);
    cancellation_signal signal;
    result first;
    result second;
    set.async_wait(slotted{signal.slot(), &first});
    set.async_wait(second.handler());
    ::raise(SIGUSR1);
    signal.emit(cancellation_type::all);
    CHECK(ctx.run() == 2);
    CHECK(first.was_aborted());
    CHECK(second.is(SIGUSR1));
    signal.emit(cancellation_type::all);  // over
    result third;
    set.async_wait(third.handler());
    ::raise(SIGUSR1);
    CHECK(run(ctx) == 1);
    CHECK(third.is(SIGUSR1));
}

TEST_CASE("signal_set: destroying a set cancels its waits") {
    const hang_guard guard;
    io_context ctx;
    std::optional<signal_set> set(std::in_place, ctx, SIGUSR1);
    result r[2];
    set->async_wait(r[0].handler());
    set->async_wait(r[1].handler());
    ::raise(SIGUSR1);
    set.reset();
    CHECK(is_default(SIGUSR1));
    CHECK(ctx.run() == 2);
    CHECK(r[0].was_aborted());
    CHECK(r[1].was_aborted());
}

TEST_CASE("signal_set: destroying a context destroys handlers uncalled, and the sets they own") {
    int calls = 0;
    const auto owner = std::make_shared<int>(0);
    {
        io_context ctx;
        auto set = std::make_unique<signal_set>(ctx, SIGUSR1);
        signal_set& waits = *set;
        waits.async_wait([owner, set = std::move(set), &calls](error_code, int) { ++calls; });
        signal_set other(ctx, SIGUSR1, SIGUSR2);
        other.async_wait([owner, &calls](error_code, int) { ++calls; });
        raise_times(SIGUSR1, 2);
        CHECK(owner.use_count() == 3);
    }
    CHECK(owner.use_count() == 1);
    CHECK(calls == 0);
    CHECK(is_default(SIGUSR1));
}

TEST_CASE("signal_set: at the bound of the slab a wait throws, and nothing was started") {
    const hang_guard guard;
    gyre::io_context_options options;
    options.slab_bytes_max = 1 << 17;
    io_context ctx(options);
    signal_set set(ctx, SIGUSR1);
    std::size_t started = 0;
    std::size_t ended = 0;
    bool thrown = false;
    while (!thrown && started < 100'000) {
        try {
            set.async_wait([&](error_code e, int) { ended += e == aborted ? 1 : 0; });
            ++started;
        } catch (const std::bad_alloc&) {
            thrown = true;
        }
    }
    CHECK(thrown);
    CHECK(set.cancel() == started);
    CHECK(ctx.run() == started);
    CHECK(ended == started);
}

TEST_CASE("signal_set: a handler that throws leaves run(), and what came after it is not lost") {
    const hang_guard guard;
    io_context ctx;
    signal_set set(ctx, SIGUSR1);
    raise_times(SIGUSR1, 2);
    result r;
    set.async_wait([](error_code, int) { throw 1; });
    set.async_wait(r.handler());
    CHECK_THROWS_AS(ctx.run(), int);
    CHECK(ctx.run() == 1);
    CHECK(r.is(SIGUSR1));
}

// ---- handlers ----------------------------------------------------------------------------------

TEST_CASE("signal_set: a handler runs where its executor says, and holds work there until then") {
    const hang_guard guard;
    io_context ctx;
    io_context other;
    signal_set set(ctx, SIGUSR1);
    result r;
    set.async_wait(gyre::bind_executor(other.get_executor(), r.handler()));
    CHECK(other.poll() == 0);
    CHECK_FALSE(other.stopped());
    ::raise(SIGUSR1);
    CHECK(ctx.run() == 1);
    CHECK(r.calls == 0);
    CHECK(other.run() == 1);
    CHECK(r.is(SIGUSR1));
}

TEST_CASE("signal_set: a handler that can only be moved may destroy its own set") {
    const hang_guard guard;
    io_context ctx;
    auto set = std::make_unique<signal_set>(ctx, SIGUSR1);
    signal_set& waits = *set;
    int calls = 0;
    waits.async_wait([set = std::move(set), &calls](error_code, int) mutable {
        set.reset();
        ++calls;
    });
    ::raise(SIGUSR1);
    CHECK(ctx.run() == 1);
    CHECK(calls == 1);
    CHECK(is_default(SIGUSR1));
}

TEST_CASE("signal_set: the dispatch hook is told which kind of operation it was") {
    io_context ctx;
    signal_set set(ctx, SIGUSR1);
    std::vector<gyre::dispatch_info> seen;
    ctx.set_dispatch_hook({[](void* user, const gyre::dispatch_info& info) noexcept {
                               static_cast<decltype(seen)*>(user)->push_back(info);
                           },
                           nullptr, &seen});
    const recorder log(set);
    raise_times(SIGUSR1, 2);
    CHECK(ctx.poll() == 2);
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].kind == gyre::operation_kind::signal_wait);
    CHECK(seen[0].object != nullptr);
    CHECK(seen[0].object == seen[1].object);
    CHECK_FALSE(seen[0].error);
}
