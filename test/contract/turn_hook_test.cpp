// SPDX-License-Identifier: BSL-1.0
// Hooks of the turn: their points, their order, and what they may do.
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>
#include <gyre/turn_hook.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/result.hpp"
#include "support/tcp_pair.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

using namespace gyre;
using namespace gyre::testing;
using namespace std::chrono_literals;

namespace {

struct note {
    std::string* all;
    char what;
    void operator()() const noexcept { *all += what; }
};

}  // namespace

TEST_CASE("turn_hook: hooks of a point are called in the order in which they were made") {
    io_context ctx;
    std::string said;
    const note a{&said, 'a'};
    const note b{&said, 'b'};
    const turn_hook first(ctx, turn_hook::end_of_turn, a);
    const turn_hook second(ctx, turn_hook::end_of_turn, b);
    post(ctx, [&] { said += 'h'; });
    ctx.run();
    CHECK(said == "hab");
}

TEST_CASE("turn_hook: a turn ends, the loop waits, the next turn begins") {
    const hang_guard guard;
    io_context ctx;
    std::string said;
    const note end{&said, 'e'};
    const note before{&said, 'b'};
    const note after{&said, 'a'};
    const turn_hook hooks[] = {{ctx, turn_hook::after_wait, after},
                               {ctx, turn_hook::end_of_turn, end},
                               {ctx, turn_hook::before_wait, before}};
    adopted pair = adopt(ctx);
    char byte = 0;
    pair.socket.async_read_some(buffer(&byte, 1), [&](error_code, std::size_t) {
        said += 'h';
        struct noted {
            std::string* said;
            ~noted() { *said += 'd'; }
        };
        ctx.destroy_later(new noted{&said});
    });
    ctx.poll();
    said.clear();
    put(pair.peer.get(), "x");
    ctx.run();
    const auto handler = said.find('h');
    REQUIRE(handler != std::string::npos);
    // Waits that found nothing may come first; the one before the handler is complete.
    CHECK(said.substr(handler - 2) == "bahde");
    CHECK(said.substr(0, handler).find("ee") == std::string::npos);
}

TEST_CASE("turn_hook: what a hook makes ready is not slept over") {
    const hang_guard guard;
    io_context ctx;
    const auto when = GENERATE(turn_hook::end_of_turn, turn_hook::before_wait);
    steady_timer timer(ctx, 1h);
    timer.async_wait([](error_code) {});
    bool once = true;
    auto posts = [&]() noexcept {
        if (once) {
            once = false;
            post(ctx, [&] { timer.cancel(); });
        }
    };
    const turn_hook hook(ctx, when, posts);
    CHECK(ctx.run() == 2);
}

TEST_CASE("turn_hook: a hook may destroy itself and its neighbours, and make others") {
    io_context ctx;
    std::string said;
    const note third{&said, '3'};
    const note fourth{&said, '4'};
    std::optional<turn_hook> hooks[4];
    auto self = [&]() noexcept {
        said += '1';
        hooks[0].reset();
    };
    auto others = [&]() noexcept {
        said += '2';
        hooks[2].reset();
        if (!hooks[3]) {
            hooks[3].emplace(ctx, turn_hook::end_of_turn, fourth);
        }
    };
    hooks[0].emplace(ctx, turn_hook::end_of_turn, self);
    hooks[1].emplace(ctx, turn_hook::end_of_turn, others);
    hooks[2].emplace(ctx, turn_hook::end_of_turn, third);
    post(ctx, [&] { said += 'h'; });
    ctx.run();
    ctx.restart();
    said += '|';
    post(ctx, [&] { said += 'h'; });
    ctx.run();
    const bool in_the_same_turn = said == "h124|h24";
    CHECK((in_the_same_turn || said == "h12|h24"));
}

TEST_CASE("turn_hook: a turn that a nested poll() ends has its hooks called, too") {
    io_context ctx;
    int ends = 0;
    auto end = [&]() noexcept { ++ends; };
    const turn_hook hook(ctx, turn_hook::end_of_turn, end);
    post(ctx, [&] {
        post(ctx, [] {});
        CHECK(ctx.poll() == 1);
        CHECK(ends >= 1);
    });
    ctx.run();
    CHECK(ends >= 2);
}

TEST_CASE("turn_hook: a hook is no work") {
    const hang_guard guard;
    io_context ctx;
    int calls = 0;
    auto f = [&]() noexcept { ++calls; };
    const turn_hook hook(ctx, turn_hook::end_of_turn, f);
    CHECK(ctx.run() == 0);
    CHECK(calls == 1);
}
