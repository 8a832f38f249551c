// SPDX-License-Identifier: BSL-1.0
// The end of things: contexts destroyed with work outstanding, objects destroyed later, and what a
// context stores.

#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using gyre::error_code;
using gyre::io_context;
using gyre::steady_timer;
using gyre::testing::await;
using gyre::testing::hang_guard;

namespace {

// Counts handlers that are called and handlers that exist.
struct tally {
    int live = 0;
    int calls = 0;
};

class counted {
public:
    explicit counted(tally& t) : tally_(&t) { ++t.live; }
    counted(counted&& other) noexcept : tally_(std::exchange(other.tally_, nullptr)) {}
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() {
        if (tally_ != nullptr) {
            --tally_->live;
        }
    }
    void called() { ++tally_->calls; }

private:
    tally* tally_;
};

// Posts when it is destroyed.
class late_poster {
public:
    late_poster(io_context& ctx, tally& t) : ctx_(&ctx), tally_(&t) {}
    late_poster(late_poster&& other) noexcept
        : ctx_(std::exchange(other.ctx_, nullptr)), tally_(other.tally_) {}
    late_poster& operator=(const late_poster&) = delete;
    ~late_poster() {
        if (ctx_ != nullptr) {
            gyre::post(*ctx_, [c = counted(*tally_)]() mutable { c.called(); });
        }
    }
    void operator()() const {}

private:
    io_context* ctx_;
    tally* tally_;
};

// Destroyed later; tells in which order and thread.
struct mortal {
    std::vector<int>* deaths;
    int number;
    std::thread::id* where = nullptr;
    ~mortal() {
        deaths->push_back(number);
        if (where != nullptr) {
            *where = std::this_thread::get_id();
        }
    }
};

std::string* stored_deaths = nullptr;
int stored_made = 0;

template <char Name>
struct stored {
    stored() { ++stored_made; }
    ~stored() {
        if (stored_deaths != nullptr) {
            *stored_deaths += Name;
        }
    }
    int value = 0;
};

}  // namespace

TEST_CASE("destruction: pending handlers are destroyed uncalled, each exactly once") {
    tally t;
    {
        io_context ctx;
        steady_timer pending(ctx, 1h);
        steady_timer due(ctx);
        steady_timer aborted(ctx, 1h);
        for (int i = 0; i < 10; ++i) {
            gyre::post(ctx, [c = counted(t)]() mutable { c.called(); });
            pending.async_wait([c = counted(t)](error_code) mutable { c.called(); });
            due.async_wait([c = counted(t)](error_code) mutable { c.called(); });
            aborted.async_wait([c = counted(t)](error_code) mutable { c.called(); });
        }
        aborted.cancel();
        CHECK(t.live == 40);
    }
    CHECK(t.live == 0);
    CHECK(t.calls == 0);
}

TEST_CASE("destruction: ten thousand posts and waits whose captures own timers of the context") {
    const hang_guard guard;
    tally t;
    {
        io_context ctx;
        const auto now = std::chrono::steady_clock::now();
        for (int i = 0; i < 10'000; ++i) {
            const auto at = now + std::chrono::minutes(60 + i % 97);
            auto timer = std::make_unique<steady_timer>(ctx, at);
            auto inner = std::make_unique<steady_timer>(ctx, now + std::chrono::hours(i % 31));
            inner->async_wait([c = counted(t)](error_code) mutable { c.called(); });
            steady_timer& waits = *timer;
            waits.async_wait(
                [c = counted(t), timer = std::move(timer)](error_code) mutable { c.called(); });
            gyre::post(ctx, [c = counted(t), inner = std::move(inner)]() mutable { c.called(); });
        }
        CHECK(t.live == 30'000);
    }
    CHECK(t.live == 0);
    CHECK(t.calls == 0);
}

TEST_CASE("destruction: captures that own timers whose waits own timers, a thousand deep") {
    const hang_guard guard;
    tally t;
    {
        io_context ctx;
        auto outer = std::make_unique<steady_timer>(ctx, 1h);
        for (int i = 0; i < 1000; ++i) {
            auto next = std::make_unique<steady_timer>(ctx, 1h);
            next->async_wait(
                [c = counted(t), outer = std::move(outer)](error_code) mutable { c.called(); });
            outer = std::move(next);
        }
        gyre::post(ctx, [outer = std::move(outer)] {});
    }
    CHECK(t.live == 0);
    CHECK(t.calls == 0);
}

TEST_CASE("destruction: captures that post when they are destroyed are no trouble") {
    const hang_guard guard;
    tally t;
    {
        io_context ctx;
        for (int i = 0; i < 100; ++i) {
            gyre::post(ctx, late_poster(ctx, t));
        }
    }
    CHECK(t.live == 0);
    CHECK(t.calls == 0);
}

TEST_CASE("destruction: timers may live until the context's end in handlers that were stopped") {
    tally t;
    {
        io_context ctx;
        auto timer = std::make_shared<steady_timer>(ctx, 1h);
        timer->async_wait([timer, c = counted(t)](error_code) mutable { c.called(); });
        gyre::post(ctx, [&ctx] { ctx.stop(); });
        gyre::post(ctx, [timer, c = counted(t)]() mutable { c.called(); });
        CHECK(ctx.run() == 1);
    }
    CHECK(t.live == 0);
    CHECK(t.calls == 0);
}

TEST_CASE("destruction: after an exception left run() everything is destroyed as well") {
    tally t;
    {
        io_context ctx;
        gyre::post(ctx, [c = counted(t)] { throw 1; });
        gyre::post(ctx, [c = counted(t)] {});
        CHECK_THROWS_AS(ctx.run(), int);
        CHECK(t.live == 1);
    }
    CHECK(t.live == 0);
}

TEST_CASE("destruction: what other threads left in inbox and ring is destroyed, not lost") {
    const hang_guard guard;
    tally t;
    {
        gyre::io_context_options options;
        options.ring_capacity = 8;
        io_context ctx(options);
        std::vector<std::unique_ptr<steady_timer>> timers;
        gyre::post(ctx, [&] {
            // This thread owns the reactor; the other one can only leave its errands.
            std::thread other([&] {
                for (int i = 0; i < 100; ++i) {
                    gyre::post(ctx, [c = counted(t)]() mutable { c.called(); });
                    timers.push_back(std::make_unique<steady_timer>(ctx, i % 2 == 0 ? 0h : 1h));
                    timers.back()->async_wait([c = counted(t)](error_code) mutable { c.called(); });
                    if (i % 3 == 0) {
                        timers.back()->cancel();
                    }
                }
            });
            other.join();
            ctx.stop();
        });
        CHECK(ctx.run() == 1);
        CHECK(t.live == 200);
    }
    CHECK(t.live == 0);
    CHECK(t.calls == 0);
}

TEST_CASE("destruction: a context that never ran, or ran dry, ends quietly") {
    { const io_context ctx; }
    {
        io_context ctx(4);
        ctx.poll();
    }
    {
        io_context ctx;
        ctx.stop();
    }
}

TEST_CASE("destroy_later: the object lives through its own handler and dies in run()") {
    io_context ctx;
    std::vector<int> deaths;
    std::vector<int> after_first;
    auto* object = new mortal{&deaths, 1};
    gyre::post(ctx, [&, object] {
        ctx.destroy_later(object);
        CHECK(object->number == 1);
        CHECK(deaths.empty());
    });
    CHECK(ctx.run() == 1);
    CHECK(deaths == std::vector{1});
}

TEST_CASE("destroy_later: handlers of the same turn may still use the object") {
    io_context ctx;
    std::vector<int> deaths;
    auto* object = new mortal{&deaths, 1};
    gyre::post(ctx, [&, object] { ctx.destroy_later(object); });
    gyre::post(ctx, [&, object] {
        CHECK(deaths.empty());
        CHECK(object->number == 1);
    });
    CHECK(ctx.run() == 2);
    CHECK(deaths == std::vector{1});
}

TEST_CASE("destroy_later: counts as work, in order, without handlers to call") {
    const hang_guard guard;
    io_context ctx;
    std::vector<int> deaths;
    for (int i = 0; i < 5; ++i) {
        ctx.destroy_later(new mortal{&deaths, i});
    }
    CHECK(deaths.empty());
    CHECK(ctx.run() == 0);
    CHECK(deaths == std::vector{0, 1, 2, 3, 4});
}

TEST_CASE("destroy_later: a destructor may cancel, post and destroy further objects later") {
    const hang_guard guard;
    io_context ctx;
    struct session {
        io_context* ctx;
        steady_timer timer;
        std::vector<int>* deaths;
        ~session() {
            ctx->destroy_later(new mortal{deaths, 2});
            gyre::post(*ctx, [d = deaths] { d->push_back(3); });
            deaths->push_back(1);
        }
    };
    std::vector<int> deaths;
    error_code got;
    auto* object = new session{&ctx, steady_timer(ctx, 1h), &deaths};
    object->timer.async_wait([&](error_code e) { got = e; });
    gyre::post(ctx, [&, object] { ctx.destroy_later(object); });
    ctx.run();
    CHECK(got == gyre::error_code(gyre::error::operation_aborted));
    REQUIRE(deaths.size() == 3);
    CHECK(deaths[0] == 1);
}

TEST_CASE("destroy_later: what waits for it when the context ends is destroyed then") {
    std::vector<int> deaths;
    {
        io_context ctx;
        ctx.destroy_later(new mortal{&deaths, 1});
        gyre::post(ctx, [&] {
            ctx.destroy_later(new mortal{&deaths, 2});
            ctx.stop();
        });
    }
    CHECK(deaths == std::vector{1});
}

TEST_CASE("destroy_later: from another thread it wakes the loop and deletes in its thread",
          "[L10]") {
    const hang_guard guard;
    io_context ctx;
    std::vector<int> deaths;
    std::thread::id where;
    auto work = gyre::make_work_guard(ctx);
    std::atomic<bool> started = false;
    gyre::post(ctx, [&] { started = true; });
    std::thread loop([&] { ctx.run(); });
    await([&] { return started.load(); });
    const auto loop_id = loop.get_id();
    auto* object = new mortal{&deaths, 1, &where};
    ctx.destroy_later(object);
    // The object's end is work: run() does not return before it.
    work.reset();
    loop.join();
    CHECK(deaths == std::vector{1});
    CHECK(where == loop_id);
}

TEST_CASE("destroy_later: at the bound of the slab the object is destroyed and bad_alloc thrown") {
    gyre::io_context_options options;
    options.slab_bytes_max = 1 << 17;
    std::vector<int> deaths;
    {
        io_context ctx(options);
        try {
            for (;;) {
                gyre::post(ctx, [] {});
            }
        } catch (const std::bad_alloc&) {}
        bool thrown = false;
        int made = 0;
        while (!thrown && made < 100'000) {
            try {
                ctx.destroy_later(new mortal{&deaths, made++});
            } catch (const std::bad_alloc&) {
                thrown = true;
            }
        }
        CHECK(thrown);
        CHECK(deaths == std::vector{made - 1});
        deaths.clear();
    }
}

TEST_CASE("slot: there is one of each type for each context, made at first use") {
    stored_made = 0;
    stored_deaths = nullptr;
    io_context one;
    io_context two;
    CHECK(stored_made == 0);
    one.slot<stored<'a'>>().value = 5;
    CHECK(stored_made == 1);
    CHECK(one.slot<stored<'a'>>().value == 5);
    CHECK(&one.slot<stored<'a'>>() == &one.slot<stored<'a'>>());
    CHECK(two.slot<stored<'a'>>().value == 0);
    CHECK(&one.slot<stored<'a'>>() != &two.slot<stored<'a'>>());
    CHECK(static_cast<void*>(&one.slot<stored<'b'>>()) != &one.slot<stored<'a'>>());
    CHECK(stored_made == 3);
    CHECK(one.slot<int>() == 0);
}

TEST_CASE("slot: the stored objects are destroyed with the context, the youngest first") {
    std::string deaths;
    stored_deaths = &deaths;
    {
        io_context ctx;
        ctx.slot<stored<'a'>>();
        ctx.slot<stored<'b'>>();
        ctx.slot<stored<'c'>>();
        ctx.slot<stored<'a'>>();
        gyre::post(ctx, [&] { ctx.slot<stored<'d'>>(); });
        ctx.run();
        CHECK(deaths.empty());
    }
    CHECK(deaths == "dcba");
    stored_deaths = nullptr;
}

TEST_CASE("slot: a stored object may own timers with waits, and handlers may use it to the end") {
    tally t;
    {
        io_context ctx;
        struct service {
            std::vector<steady_timer> timers;
        };
        auto& timers = ctx.slot<service>().timers;
        for (int i = 0; i < 10; ++i) {
            timers.emplace_back(ctx, 1h);
            timers.back().async_wait([c = counted(t)](error_code) mutable { c.called(); });
        }
        CHECK(ctx.poll() == 0);
    }
    CHECK(t.live == 0);
    CHECK(t.calls == 0);
}
