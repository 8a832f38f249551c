// SPDX-License-Identifier: BSL-1.0
// Small functions that another thread posts travel to the loop many at a time. Nobody sees a
// difference: each is called by itself, in its order, once.

#include <gyre/dispatch_hook.hpp>
#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using gyre::dispatch_info;
using gyre::io_context;
using gyre::io_context_options;
using gyre::post;
using gyre::testing::hang_guard;

namespace {

// Posts from another thread while this one is in a handler of the context, so that all of it is
// there when the handler returns.
template <class F>
void post_from_outside(io_context& ctx, F produce) {
    post(ctx, [&ctx, produce] { std::thread([&] { produce(ctx); }).join(); });
}

struct calls {
    std::vector<int> numbers;

    // A pointer and a number: it is copied.
    auto small(int number) {
        return [this, number] { numbers.push_back(number); };
    }
    auto large(int number) {
        return [this, number, ballast = std::array<char, 100>()] {
            numbers.push_back(number + ballast[0]);
        };
    }
    auto owning(int number) {
        return [this, owned = std::make_unique<int>(number)] { numbers.push_back(*owned); };
    }
    void post_some(io_context& ctx, int count) {
        for (int i = 0; i < count; ++i) {
            post(ctx, small(i));
        }
    }
};

struct named_function {
    calls* all;
    int number;
    void operator()() const { all->numbers.push_back(number); }
};

std::vector<int> up_to(int count) {
    std::vector<int> all;
    for (int i = 0; i < count; ++i) {
        all.push_back(i);
    }
    return all;
}

}  // namespace

TEST_CASE("foreign post: functions of all kinds are called in the order of their thread") {
    const hang_guard guard;
    const int step = GENERATE(1, 2, 7, 18, 19, 40);  // small ones between two others
    io_context ctx;
    calls c;
    post_from_outside(ctx, [&](io_context&) {
        for (int i = 0; i < 200; ++i) {
            if (i % step != 0) {
                post(ctx, c.small(i));
            } else if (i % 2 == 0) {
                post(ctx, c.large(i));
            } else {
                post(ctx, c.owning(i));
            }
        }
    });
    CHECK(ctx.run() == 201);
    CHECK(c.numbers == up_to(200));
}

TEST_CASE("foreign post: run_one() calls one of them, and poll() in a handler the others") {
    const hang_guard guard;
    io_context ctx;
    calls c;
    post_from_outside(ctx, [&](io_context&) {
        c.post_some(ctx, 25);
        post(ctx, [&ctx, &c] {
            c.numbers.push_back(25);
            CHECK(ctx.poll() == 4);
        });
        for (int i = 26; i < 30; ++i) {
            post(ctx, c.small(i));
        }
    });
    CHECK(ctx.run_one() == 1);
    for (int i = 1; i <= 25; ++i) {
        REQUIRE(ctx.run_one() == 1);
        REQUIRE(c.numbers == up_to(i));
    }
    CHECK(ctx.run() == 1);
    CHECK(c.numbers == up_to(30));
}

TEST_CASE("foreign post: what they post themselves comes behind all of them") {
    const hang_guard guard;
    io_context ctx;
    calls c;
    post_from_outside(ctx, [&](io_context&) {
        post(ctx, [&ctx, &c] { post(ctx, c.small(30)); });
        c.post_some(ctx, 30);
    });
    CHECK(ctx.run() == 33);
    CHECK(c.numbers == up_to(31));
}

TEST_CASE("foreign post: an exception of one leaves run(), and the next run() calls the others") {
    const hang_guard guard;
    io_context ctx;
    calls c;
    post_from_outside(ctx, [&](io_context&) {
        c.post_some(ctx, 3);
        post(ctx, [] { throw std::runtime_error("thrown"); });
        for (int i = 3; i < 40; ++i) {
            post(ctx, c.small(i));
        }
    });
    CHECK_THROWS_AS(ctx.run(), std::runtime_error);
    CHECK(c.numbers == up_to(3));
    CHECK(ctx.run() == 37);
    CHECK(c.numbers == up_to(40));
}

TEST_CASE("foreign post: stop() in one leaves the others to the run() after restart()") {
    const hang_guard guard;
    io_context ctx;
    calls c;
    post_from_outside(ctx, [&](io_context&) {
        c.post_some(ctx, 5);
        post(ctx, [&ctx] { ctx.stop(); });
        for (int i = 5; i < 30; ++i) {
            post(ctx, c.small(i));
        }
    });
    CHECK(ctx.run() == 7);
    CHECK(c.numbers == up_to(5));
    ctx.restart();
    CHECK(ctx.run() == 25);
    CHECK(c.numbers == up_to(30));
}

TEST_CASE("foreign post: the dispatch hook sees each by itself, with a number of its own") {
    const hang_guard guard;
    io_context ctx;
    struct log {
        std::vector<dispatch_info> before;
        std::vector<std::uint64_t> after;
    } seen;
    ctx.set_dispatch_hook({[](void* user, const dispatch_info& info) noexcept {
                               static_cast<log*>(user)->before.push_back(info);
                           },
                           [](void* user, const dispatch_info& info) noexcept {
                               static_cast<log*>(user)->after.push_back(info.id);
                           },
                           &seen});
    calls c;
    post_from_outside(ctx, [&](io_context&) {
        for (int i = 0; i < 50; ++i) {
            post(ctx, named_function{&c, i});
        }
    });
    CHECK(ctx.run() == 51);
    CHECK(c.numbers == up_to(50));
    REQUIRE(seen.before.size() == 51);
    REQUIRE(seen.after.size() == 51);
    std::set<std::uint64_t> ids;
    for (std::size_t i = 1; i < seen.before.size(); ++i) {
        const dispatch_info& info = seen.before[i];
        CHECK(info.kind == gyre::operation_kind::post);
        CHECK(info.id == seen.after[i]);
        CHECK(info.queued_ns >= 0);
        CHECK(info.bytes == 0);
        CHECK(std::string(info.handler).find("named_function") != std::string::npos);
        ids.insert(info.id);
    }
    CHECK(ids.size() == 50);
}

TEST_CASE("foreign post: with the hook set while they wait, the times go on being told") {
    const hang_guard guard;
    io_context ctx;
    static std::vector<gyre::time_ns> queued;
    queued.clear();
    calls c;
    post_from_outside(ctx, [&](io_context&) {
        c.post_some(ctx, 3);
        post(ctx, [&ctx] {
            ctx.set_dispatch_hook({[](void*, const dispatch_info& info) noexcept {
                                       queued.push_back(info.queued_ns);
                                   },
                                   nullptr, nullptr});
        });
        for (int i = 3; i < 30; ++i) {
            post(ctx, c.small(i));
        }
    });
    CHECK(ctx.run() == 32);
    CHECK(c.numbers == up_to(30));
    REQUIRE(queued.size() == 27);
    for (std::size_t i = 0; i < queued.size(); ++i) {
        CHECK(queued[i] >= 0);
    }
}

TEST_CASE("foreign post: a context that is destroyed calls none of them") {
    const hang_guard guard;
    calls c;
    {
        io_context ctx;
        const bool begun = GENERATE(false, true);
        post_from_outside(ctx, [&](io_context&) { c.post_some(ctx, 30); });
        CHECK(ctx.run_one() == 1);
        if (begun) {
            CHECK(ctx.run_one() == 1);
        }
        c.numbers.clear();
    }
    CHECK(c.numbers.empty());
}

TEST_CASE("foreign post: at the bound of the slab it throws, and what was posted is called") {
    const hang_guard guard;
    io_context_options options;
    options.slab_bytes_max = 64 * 1024;
    io_context ctx(options);
    calls c;
    for (int round = 0; round < 3; ++round) {
        int posted = 0;
        c.numbers.clear();
        post_from_outside(ctx, [&](io_context&) {
            for (bool room = true; room;) {
                try {
                    post(ctx, c.small(posted));
                    ++posted;
                } catch (const std::bad_alloc&) {
                    room = false;
                }
            }
        });
        const std::size_t ran = ctx.run();
        CHECK(ran == static_cast<std::size_t>(posted) + 1);
        ctx.restart();
        CHECK(posted > 500);
        CHECK(c.numbers == up_to(posted));
    }
}

TEST_CASE("foreign post: several threads in run() call each of them once") {
    const hang_guard guard;
    io_context ctx;
    constexpr int each = 20'000;
    std::vector<std::atomic<int>> called(2 * each);
    auto work = gyre::make_work_guard(ctx);
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&] { ctx.run(); });
    }
    for (int p = 0; p < 2; ++p) {
        threads.emplace_back([&, p] {
            for (int i = 0; i < each; ++i) {
                post(ctx, [one = &called[static_cast<std::size_t>(p * each + i)]] { ++*one; });
            }
        });
    }
    threads[3].join();
    threads[4].join();
    work.reset();
    for (int i = 0; i < 3; ++i) {
        threads[static_cast<std::size_t>(i)].join();
    }
    int wrong = 0;
    for (const auto& one : called) {
        wrong += one == 1 ? 0 : 1;
    }
    CHECK(wrong == 0);
}
