// SPDX-License-Identifier: BSL-1.0
// A process that forks while its context has timers, sockets, signals and lookups: both sides go
// on, and neither disturbs the other.
#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/basic_resolver.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/post.hpp>
#include <gyre/signal_set.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/host.hpp"
#include "support/name_world.hpp"
#include "support/result.hpp"
#include "support/tcp_pair.hpp"

#include <chrono>
#include <csignal>
#include <cstddef>
#include <optional>
#include <string>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

using namespace gyre;
using namespace gyre::testing;
using namespace std::chrono_literals;

namespace {

/// Runs the function in a child, with the context told of it; a child that hangs is killed.
class forked {
public:
    template <class Function>
    forked(io_context& ctx, Function function) {
        ctx.notify_fork(io_context::fork_prepare);
        process_ = ::fork();
        REQUIRE(process_ >= 0);
        if (process_ == 0) {
            ::alarm(20);
            ctx.notify_fork(io_context::fork_child);
            ::_exit(function() ? 0 : 1);
        }
        ctx.notify_fork(io_context::fork_parent);
    }
    pid_t id() const { return process_; }
    /// Whether the function returned true.
    bool succeeded() const {
        int status = -1;
        return ::waitpid(process_, &status, 0) == process_ && WIFEXITED(status) &&
               WEXITSTATUS(status) == 0;
    }

private:
    pid_t process_ = -1;
};

bool ran_out(io_context& ctx) {
    ctx.restart();
    ctx.run_for(10s);
    return ctx.stopped();
}

}  // namespace

TEST_CASE("fork: timers that were set before, and posts, go on in both processes") {
    io_context ctx;
    steady_timer timer(ctx, 5ms);
    int calls = 0;
    timer.async_wait([&](error_code e) { calls += e ? 100 : 1; });
    post(ctx, [&] { calls += 10; });
    const forked child(ctx, [&] { return ran_out(ctx) && calls == 11; });
    run(ctx);
    CHECK(calls == 11);
    CHECK(child.succeeded());
}

TEST_CASE("fork: a connection can be served by the child, which the parent does not see", "[L39]") {
    io_context ctx;
    adopted a = adopt(ctx);
    char byte = 0;
    result r;
    a.socket.async_read_some(buffer(&byte, 1), r.keep());
    ctx.poll();  // watched by now
    const forked child(ctx, [&] {
        a.peer.reset();
        return ran_out(ctx) && r == once({}, 1) && byte == 'c' &&
               a.socket.write_some(buffer("!", 1)) == 1;
    });
    a.socket.close();
    run(ctx);
    CHECK(r == once(aborted));
    put(a.peer.get(), "c");
    CHECK(take(a.peer.get(), 1) == "!");
    CHECK(child.succeeded());
}

TEST_CASE("fork: what the child closes stays watched in the parent", "[L39]") {
    io_context ctx;
    adopted a = adopt(ctx);
    char byte = 0;
    result r;
    a.socket.async_read_some(buffer(&byte, 1), r.keep());
    ctx.poll();
    const forked child(ctx, [&] {
        a.socket.close();
        return ran_out(ctx) && r == once(aborted);
    });
    CHECK(child.succeeded());
    put(a.peer.get(), "p");
    run(ctx);
    CHECK(r == once({}, 1));
}

TEST_CASE("fork: in a handler, as a server does that has a process for each connection") {
    io_context ctx;
    tcp::acceptor acceptor(ctx, loopback());
    tcp::socket peer(ctx);
    std::optional<forked> child;
    acceptor.async_accept(peer, [&](error_code e) {
        REQUIRE_FALSE(e);
        child.emplace(ctx, [&] {
            acceptor.close();
            char text[8];
            bool echoed = false;
            peer.async_read_some(buffer(text), [&](error_code f, std::size_t n) {
                echoed = !f && peer.write_some(buffer(text, n)) == n;
            });
            while (!echoed && ctx.run_one_for(10s) == 1) {}
            return echoed;
        });
        peer.close();
    });
    tcp::socket client(ctx);
    client.connect(acceptor.local_endpoint());
    run(ctx);
    client.write_some(buffer("echo", 4));
    char text[8];
    CHECK(client.read_some(buffer(text)) == 4);
    CHECK(child->succeeded());
}

TEST_CASE(
    "fork: a thread of the child wakes the child's loop, and one of the parent the parent's") {
    io_context ctx;
    const auto woken_by_a_thread = [&] {
        auto work = make_work_guard(ctx);
        int calls = 0;
        std::thread other([&] {
            for (int i = 0; i != 100; ++i) {
                post(ctx, [&] { ++calls; });
            }
            work.reset();
        });
        const bool ended = ran_out(ctx);
        other.join();
        return ended && calls == 100;
    };
    const forked child(ctx, woken_by_a_thread);
    CHECK(woken_by_a_thread());
    CHECK(child.succeeded());
}

TEST_CASE("fork: a signal goes to the process that it is sent to, and is counted there") {
    io_context ctx;
    signal_set signals(ctx, SIGUSR1);
    result r;
    signals.async_wait([&](error_code e, int) { r = once(e); });
    ctx.poll();
    const forked child(ctx, [&] {
        ::raise(SIGUSR1);
        return ran_out(ctx) && r == once();
    });
    CHECK(child.succeeded());
    CHECK(ctx.poll() == 0);
    CHECK(r == never);
    ::raise(SIGUSR1);
    run(ctx);
    CHECK(r == once());
}

TEST_CASE("fork: a lookup reports operation_aborted in the child, and its answer in the parent") {
    name_world world(name_world::jobs::held);
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    error_code got;
    int calls = 0;
    resolver.async_resolve("some.host", "80", [&](error_code e, const auto&) {
        got = e;
        ++calls;
    });
    ctx.poll();
    const forked child(
        ctx, [&] { return ran_out(ctx) && calls == 1 && got == error::operation_aborted; });
    CHECK(child.succeeded());
    world.run_job();
    run(ctx);
    CHECK(calls == 1);
    CHECK_FALSE(got);
}

TEST_CASE("fork: a child that another loop is the host of has a handle of its own") {
    io_context ctx;
    if (!watching_host::can_have(ctx)) {
        return;
    }
    const auto work = make_work_guard(ctx);
    watching_host host(ctx);
    adopted a = adopt(ctx);
    char byte = 0;
    result r;
    a.socket.async_read_some(buffer(&byte, 1), r.keep());
    ctx.poll();
    ctx.next_deadline();
    const forked child(ctx, [&] {
        const watching_host own(ctx);
        ctx.poll();
        ctx.next_deadline();
        const bool idle = !own.called();
        bool called = false;
        post(ctx, [&] { called = true; });
        const bool told = own.called();
        ctx.poll();
        return idle && told && called && !own.called();
    });
    CHECK(child.succeeded());
    CHECK_FALSE(host.called());
    put(a.peer.get(), "x");
    CHECK(host.called());
    ctx.poll();
    CHECK(r == once({}, 1));
}
