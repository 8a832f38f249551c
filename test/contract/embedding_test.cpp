// SPDX-License-Identifier: BSL-1.0
// A context as the guest of another loop, which watches its handle or has a thread wait for it.
#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/poller.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>
#include <gyre/waiting_thread.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/host.hpp"
#include "support/loop_thread.hpp"
#include "support/result.hpp"
#include "support/tcp_pair.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <sys/socket.h>

using namespace gyre;
using namespace gyre::testing;
using namespace std::chrono_literals;

namespace {

// All that a server has: timers, a connection, posts of another thread. No turn of the host is for
// nothing, but for a few that stand for more than one reason to be called.
template <class Host>
void drive_everything(io_context& guest) {
    const auto work = make_work_guard(guest);
    int ticks = 0;
    steady_timer timer(guest);
    std::function<void()> tick = [&] {
        timer.expires_after(1ms);
        timer.async_wait([&](error_code e) {
            if (!e && ++ticks < 20) {
                tick();
            }
        });
    };
    tick();
    adopted connection = adopt(guest);
    std::string heard;
    char byte = 0;
    std::function<void()> read = [&] {
        connection.socket.async_read_some(buffer(&byte, 1), [&](error_code e, std::size_t) {
            if (!e) {
                heard += byte;
                read();
            }
        });
    };
    read();
    std::atomic<int> posted = 0;
    {
        Host host(guest);
        std::thread other([&] {
            for (int i = 0; i < 20; ++i) {
                post(guest, [&] { ++posted; });
                await([&] { return posted > i; });
                static_cast<void>(::send(connection.peer.get(), "x", 1, MSG_NOSIGNAL));
            }
        });
        host.run_until([&] { return ticks == 20 && posted == 20 && heard.size() == 20; });
        other.join();
        CHECK(host.turns() <= 3 * (20 + 20 + 20));
    }
    connection.socket.close();
    guest.poll();
}

}  // namespace

TEST_CASE("embedding: a host that watches the handle drives timers, sockets and posts") {
    const hang_guard guard;
    io_context guest;
    if (watching_host::can_have(guest)) {
        drive_everything<watching_host>(guest);
    }
}

TEST_CASE("embedding: a host with a waiting thread drives timers, sockets and posts") {
    const hang_guard guard;
    io_context guest;
    drive_everything<waited_for_host>(guest);
}

TEST_CASE("embedding: a poller without a handle says so") {
    io_context guest;
    error_code error;
    const bool can = guest.native_handle(error) != invalid_native_handle;
    std::error_code made_with;
    const std::unique_ptr<gyre::poller> same(gyre::default_poller()->make(made_with));
    REQUIRE(same);
    CHECK(can == has(same->features(), gyre::poller_features::pollable));
    CHECK(error == (can ? error_code() : error_code(gyre::error::operation_not_supported)));
    if (!can) {
        CHECK_THROWS_AS(guest.native_handle(), gyre::system_error);
    }
}

TEST_CASE("embedding: an idle guest does not call its host") {
    io_context guest;
    if (!watching_host::can_have(guest)) {
        return;
    }
    const auto work = make_work_guard(guest);
    watching_host host(guest);
    guest.poll();
    CHECK(guest.next_deadline() == no_deadline);
    steady_timer timer(guest, 1h);
    const time_ns before = now_ns();
    timer.async_wait([](error_code) {});
    guest.poll();
    const time_ns next = guest.next_deadline();
    CHECK(next > before + 3'500'000'000'000);
    CHECK(next < before + 3'700'000'000'000);
    CHECK_FALSE(host.called());
    timer.cancel();
    guest.poll();
}

TEST_CASE("embedding: whatever makes a handler ready between two polls calls the host") {
    io_context guest;
    if (!watching_host::can_have(guest)) {
        return;
    }
    const auto work = make_work_guard(guest);
    watching_host host(guest);
    int calls = 0;
    steady_timer timer(guest, 1h);
    timer.async_wait([&](error_code) { ++calls; });
    adopted connection = adopt(guest);
    char byte = 0;
    connection.socket.async_read_some(buffer(&byte, 1), [&](error_code, std::size_t) { ++calls; });
    const auto rest = [&] {
        guest.poll();
        guest.next_deadline();
        CHECK_FALSE(host.called());
    };
    rest();
    SECTION("a post of the host's own thread") {
        post(guest, [&] { ++calls; });
    }
    SECTION("many posts of another thread") {
        std::thread([&] {
            for (int i = 0; i < 100; ++i) {
                post(guest, [&] { ++calls; });
            }
        }).join();
        CHECK(host.called());
        CHECK(guest.next_deadline() == immediately);
        guest.poll();
        CHECK(calls == 100);
        calls = 1;
        post(guest, [] {});
    }
    SECTION("a cancelled timer") { timer.cancel(); }
    SECTION("a cancelled read, by another thread") {
        std::thread([&] { connection.socket.cancel(); }).join();
    }
    SECTION("a closed socket") { connection.socket.close(); }
    SECTION("a write that could be done at once") {
        connection.socket.async_write_some(buffer("!", 1),
                                           [&](error_code, std::size_t) { ++calls; });
    }
    SECTION("a timer that is due") {
        timer.expires_after(-1s);
        timer.async_wait([&](error_code) {});
    }
    SECTION("an object that is to be destroyed") {
        struct counted {
            int* calls;
            ~counted() { ++*calls; }
        };
        guest.destroy_later(new counted{&calls});
    }
    CHECK(host.called());
    CHECK(guest.next_deadline() == immediately);
    guest.poll();
    CHECK(calls == 1);
    CHECK_FALSE(host.called());
    connection.socket.close();
    timer.cancel();
    guest.poll();
}

TEST_CASE("embedding: a timer calls the host if it is due earlier than the host knows") {
    io_context guest;
    if (!watching_host::can_have(guest)) {
        return;
    }
    watching_host host(guest);
    steady_timer first(guest, 1h);
    first.async_wait([](error_code) {});
    guest.poll();
    const time_ns known = guest.next_deadline();
    steady_timer second(guest);
    SECTION("later") {
        second.expires_after(2h);
        second.async_wait([](error_code) {});
        CHECK_FALSE(host.called());
        CHECK(guest.next_deadline() == known);
    }
    SECTION("earlier") {
        second.expires_after(30min);
        second.async_wait([](error_code) {});
        CHECK(host.called());
        CHECK(guest.next_deadline() < known);
    }
    SECTION("earlier, by another thread") {
        std::thread([&] {
            second.expires_after(30min);
            second.async_wait([](error_code) {});
        }).join();
        CHECK(host.called());
        CHECK(guest.next_deadline() < known);
    }
    SECTION("earlier, with a hook") {
        struct heard {
            std::vector<time_ns> times;
            static void changed(void* user, time_ns next) noexcept {
                static_cast<heard*>(user)->times.push_back(next);
            }
        } all;
        guest.set_deadline_hook({&heard::changed, &all});
        CHECK(guest.next_deadline() == known);
        second.expires_after(30min);
        second.async_wait([](error_code) {});
        CHECK_FALSE(host.called());
        CHECK(all.times == std::vector{guest.next_deadline()});
        second.expires_after(40min);  // later than what the host knows by now
        second.async_wait([](error_code) {});
        CHECK(all.times.size() == 1);
        post(guest, [] {});
        CHECK(host.called());
        guest.set_deadline_hook({});
    }
    first.cancel();
    second.cancel();
    guest.poll();
}

TEST_CASE("embedding: a guest whose work has run out stops, and a stopped one needs nobody") {
    io_context guest;
    if (!watching_host::can_have(guest)) {
        return;
    }
    watching_host host(guest);
    std::optional work(make_work_guard(guest));
    guest.poll();
    guest.next_deadline();
    work.reset();
    CHECK(host.called());
    CHECK(guest.next_deadline() == immediately);
    CHECK(guest.poll() == 0);
    CHECK(guest.stopped());
    CHECK(guest.next_deadline() == no_deadline);
    guest.restart();
    int calls = 0;
    post(guest, [&] { ++calls; });
    CHECK(guest.next_deadline() == immediately);
    CHECK(guest.poll() == 1);
}

TEST_CASE("embedding: stop() by another thread calls the host") {
    io_context guest;
    if (!watching_host::can_have(guest)) {
        return;
    }
    const auto work = make_work_guard(guest);
    watching_host host(guest);
    guest.poll();
    guest.next_deadline();
    std::thread([&] { guest.stop(); }).join();
    CHECK(host.called());
    CHECK(guest.poll() == 0);
    CHECK(guest.stopped());
}

TEST_CASE("embedding: a context that another thread runs has nothing to do for a host") {
    const hang_guard guard;
    io_context guest;
    if (!watching_host::can_have(guest)) {
        return;
    }
    std::atomic<bool> runs = false;
    loop_thread loop(guest);
    post(guest, [&] { runs = true; });
    await([&] { return runs.load(); });
    CHECK(guest.next_deadline() == no_deadline);
    error_code error;
    CHECK(guest.native_handle(error) == invalid_native_handle);
    CHECK(error == gyre::error::try_again);
}

TEST_CASE("embedding: posts of many threads while the host polls are neither lost nor slept over") {
    const hang_guard guard;
    io_context guest;
    if (!watching_host::can_have(guest)) {
        return;
    }
    constexpr int each = 20'000;
    const auto work = make_work_guard(guest);
    std::atomic<int> calls = 0;
    std::vector<std::thread> threads;
    watching_host host(guest);
    for (int t = 0; t < 2; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < each; ++i) {
                const int before = calls;
                post(guest, [&] { ++calls; });
                if (i % 8 == 0) {  // lets the host fall asleep now and then
                    await([&] { return calls > before; });
                }
            }
        });
    }
    host.run_until([&] { return calls == 2 * each; });
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(calls == 2 * each);
}

TEST_CASE("embedding: a waiting thread calls no handler and destroys nothing") {
    const hang_guard guard;
    io_context guest;
    const auto work = make_work_guard(guest);
    waited_for_host host(guest);
    struct place {
        std::thread::id* where;
        ~place() { *where = std::this_thread::get_id(); }
    };
    std::thread::id called;
    std::thread::id destroyed;
    post(guest, [&] { called = std::this_thread::get_id(); });
    host.run_until([&] { return called != std::thread::id(); });
    guest.destroy_later(new place{&destroyed});
    host.run_until([&] { return destroyed != std::thread::id(); });
    CHECK(called == std::this_thread::get_id());
    CHECK(destroyed == std::this_thread::get_id());
}

TEST_CASE("embedding: a waiting thread ends while it waits, and while it may not wait") {
    const hang_guard guard;
    for (int round = 0; round < 200; ++round) {
        io_context guest;
        const auto work = make_work_guard(guest);
        std::atomic<int> calls = 0;
        auto ready = [&]() noexcept { ++calls; };
        const waiting_thread waiter(guest, ready);
        if (round % 2 != 0) {
            post(guest, [] {});
            await([&] { return calls == 1; });
        }
    }
}

TEST_CASE("embedding: a waiting thread tells of a stopped context") {
    const hang_guard guard;
    io_context guest;
    const auto work = make_work_guard(guest);
    waited_for_host host(guest);
    guest.stop();
    host.sleep();
    CHECK(guest.poll() == 0);
    CHECK(guest.stopped());
}
