// SPDX-License-Identifier: BSL-1.0
// The dispatch hook: two functions around every handler, with what is known of it.

#include <gyre/dispatch_hook.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using gyre::dispatch_hook;
using gyre::dispatch_info;
using gyre::error_code;
using gyre::io_context;
using gyre::operation_kind;
using gyre::steady_timer;
using gyre::testing::hang_guard;

namespace {

// Writes down each call.
struct recorder {
    std::string calls;  // b, a and what handlers append
    std::vector<dispatch_info> before;
    std::vector<dispatch_info> after;

    dispatch_hook hook() {
        return {[](void* user, const dispatch_info& info) noexcept {
                    auto* self = static_cast<recorder*>(user);
                    self->calls += 'b';
                    self->before.push_back(info);
                },
                [](void* user, const dispatch_info& info) noexcept {
                    auto* self = static_cast<recorder*>(user);
                    self->calls += 'a';
                    self->after.push_back(info);
                },
                this};
    }
};

}  // namespace

TEST_CASE("dispatch hook: stands around each handler, with the same facts before and after") {
    const hang_guard guard;
    io_context ctx;
    recorder log;
    ctx.set_dispatch_hook(log.hook());
    steady_timer timer(ctx, 1ms);
    timer.async_wait([&](error_code) { log.calls += '2'; });
    gyre::post(ctx, [&] { log.calls += '1'; });
    CHECK(ctx.run() == 2);
    CHECK(log.calls == "b1ab2a");
    REQUIRE(log.before.size() == 2);
    REQUIRE(log.after.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
        CHECK(log.before[i].id == log.after[i].id);
        CHECK(log.before[i].kind == log.after[i].kind);
        CHECK(log.before[i].object == log.after[i].object);
        CHECK(log.before[i].error == log.after[i].error);
        CHECK(log.before[i].bytes == log.after[i].bytes);
        CHECK(log.before[i].queued_ns == log.after[i].queued_ns);
        CHECK(log.before[i].queued_ns >= 0);
        CHECK(log.before[i].bytes == 0);
    }
    CHECK(log.before[0].kind == operation_kind::post);
    CHECK(log.before[0].object == nullptr);
    CHECK(log.before[1].kind == operation_kind::timer_wait);
    CHECK(log.before[1].object != nullptr);
}

TEST_CASE("dispatch hook: tells the result, and which timer it was") {
    io_context ctx;
    recorder log;
    ctx.set_dispatch_hook(log.hook());
    steady_timer one(ctx, 1h);
    steady_timer two(ctx);
    one.async_wait([](error_code) {});
    one.async_wait([](error_code) {});
    two.async_wait([](error_code) {});
    one.cancel();
    CHECK(ctx.run() == 3);
    const void* first = nullptr;
    int aborts = 0;
    for (const dispatch_info& info : log.before) {
        CHECK(info.kind == operation_kind::timer_wait);
        if (info.error == gyre::error_code(gyre::error::operation_aborted)) {
            ++aborts;
            CHECK((first == nullptr || first == info.object));
            first = info.object;
        }
    }
    CHECK(aborts == 2);
    for (const dispatch_info& info : log.before) {
        if (!info.error) {
            CHECK(info.object != first);
        }
    }
}

TEST_CASE("dispatch hook: no two operations have one id, although they share memory in turn") {
    io_context ctx;
    recorder log;
    ctx.set_dispatch_hook(log.hook());
    for (int i = 0; i < 1000; ++i) {
        gyre::post(ctx, [] {});
        ctx.poll();
        ctx.restart();
    }
    std::set<std::uint64_t> ids;
    for (const dispatch_info& info : log.before) {
        ids.insert(info.id);
    }
    CHECK(ids.size() == 1000);
}

TEST_CASE("dispatch hook: tells how long an operation was ready before its handler") {
    const hang_guard guard;
    io_context ctx;
    recorder log;
    ctx.set_dispatch_hook(log.hook());
    gyre::post(ctx, [&] {
        gyre::post(ctx, [] {});
        gyre::testing::spin_for(5ms);
    });
    gyre::post(ctx, [] {});
    CHECK(ctx.run() == 3);
    REQUIRE(log.before.size() == 3);
    CHECK(log.before[1].queued_ns >= 5'000'000);
    // The second was posted inside the handler, in a turn whose time may be its beginning.
    CHECK(log.before[2].queued_ns >= 4'000'000);
    for (const dispatch_info& info : log.before) {
        CHECK(info.queued_ns < 20'000'000'000);
    }
}

TEST_CASE("dispatch hook: a handler that throws is followed by after as well") {
    io_context ctx;
    recorder log;
    ctx.set_dispatch_hook(log.hook());
    gyre::post(ctx, [] { throw std::runtime_error("handler"); });
    gyre::post(ctx, [] {});
    CHECK_THROWS_AS(ctx.run(), std::runtime_error);
    CHECK(log.calls == "ba");
    CHECK(ctx.run() == 1);
    CHECK(log.calls == "baba");
}

TEST_CASE("dispatch hook: nested poll() nests the calls") {
    io_context ctx;
    recorder log;
    ctx.set_dispatch_hook(log.hook());
    gyre::post(ctx, [&] { ctx.poll(); });
    gyre::post(ctx, [] {});
    CHECK(ctx.run() == 1);
    CHECK(log.calls == "bbaa");
    REQUIRE(log.before.size() == 2);
    CHECK(log.before[0].id == log.after[1].id);
    CHECK(log.before[1].id == log.after[0].id);
}

TEST_CASE("dispatch hook: may be set and ended inside a handler") {
    io_context ctx;
    recorder log;
    gyre::post(ctx, [&] { ctx.set_dispatch_hook(log.hook()); });
    gyre::post(ctx, [&] { log.calls += '1'; });
    gyre::post(ctx, [&] { ctx.set_dispatch_hook({}); });
    gyre::post(ctx, [&] { log.calls += '2'; });
    CHECK(ctx.run() == 4);
    CHECK(log.calls.find("b1a") != std::string::npos);
    CHECK(log.calls.back() == '2');
    const std::size_t calls = log.calls.size();
    ctx.restart();
    gyre::post(ctx, [] {});
    CHECK(ctx.run() == 1);
    CHECK(log.calls.size() == calls);
}

TEST_CASE("dispatch hook: a null function is not called, the other one is") {
    io_context ctx;
    recorder log;
    dispatch_hook only_before = log.hook();
    only_before.after = nullptr;
    ctx.set_dispatch_hook(only_before);
    gyre::post(ctx, [] {});
    CHECK(ctx.poll() == 1);
    CHECK(log.calls == "b");
    dispatch_hook only_after = log.hook();
    only_after.before = nullptr;
    ctx.set_dispatch_hook(only_after);
    ctx.restart();
    gyre::post(ctx, [] {});
    CHECK(ctx.poll() == 1);
    CHECK(log.calls == "ba");
}

TEST_CASE("dispatch hook: a dispatch at once is part of its caller, a destroyed handler none") {
    recorder log;
    {
        io_context ctx;
        ctx.set_dispatch_hook(log.hook());
        gyre::post(ctx, [&] { gyre::dispatch(ctx, [&] { log.calls += '1'; }); });
        CHECK(ctx.run() == 1);
        gyre::post(ctx, [] {});
    }
    CHECK(log.calls == "b1a");
}
