// SPDX-License-Identifier: BSL-1.0
// Pools of threads: who runs what, until when, and what becomes of the rest; and the executor that
// has no thread at all.
#include <gyre/bind_executor.hpp>
#include <gyre/executor_work_guard.hpp>
#include <gyre/inline_executor.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>
#include <gyre/strand.hpp>
#include <gyre/thread_pool.hpp>
#include <gyre/use_future.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/latch.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

using namespace gyre;
using namespace gyre::testing;
using namespace std::chrono_literals;

TEST_CASE("thread_pool: its threads run what is posted, at the same time, and nobody else does") {
    const hang_guard guard;
    thread_pool pool(3);
    latch all_inside(3);
    std::mutex mutex;
    std::set<std::thread::id> ids;
    std::atomic<int> elsewhere{0};
    for (int i = 0; i != 3; ++i) {
        post(pool, [&] {
            elsewhere += pool.running_in_this_thread() ? 0 : 1;
            {
                const std::lock_guard lock(mutex);
                ids.insert(std::this_thread::get_id());
            }
            all_inside.arrive_and_wait();
        });
    }
    pool.join();
    CHECK(elsewhere == 0);
    CHECK(ids.size() == 3);
    CHECK(ids.count(std::this_thread::get_id()) == 0);
    CHECK_FALSE(pool.running_in_this_thread());
}

TEST_CASE("thread_pool: join() waits for what is posted meanwhile, and for work guards") {
    const hang_guard guard;
    thread_pool pool(2);
    std::atomic<int> calls{0};
    auto work = make_work_guard(pool);
    std::thread other([&] {
        for (int i = 0; i != 100; ++i) {
            post(pool, [&] {
                ++calls;
                post(pool, [&] { ++calls; });
            });
        }
        work.reset();
    });
    pool.join();
    CHECK(calls == 200);
    other.join();
}

TEST_CASE("thread_pool: stop() leaves what waits uncalled, and the pool destroys it") {
    const hang_guard guard;
    auto kept = std::make_shared<int>(0);
    {
        thread_pool pool(1);
        latch inside(1);
        latch stopped(1);
        post(pool, [&] {
            inside.count_down();
            stopped.wait();
        });
        inside.wait();
        struct again {
            thread_pool* pool;
            std::shared_ptr<int> kept;
            again(thread_pool& p, std::shared_ptr<int> k) : pool(&p), kept(std::move(k)) {}
            again(again&&) = default;
            ~again() {
                if (kept) {
                    post(*pool, [k = kept] { FAIL(); });
                }
            }
            void operator()() { FAIL(); }
        };
        post(pool, again(pool, kept));
        pool.stop();
        stopped.count_down();
    }
    CHECK(kept.use_count() == 1);
}

TEST_CASE("thread_pool: without threads of its own it runs in those that are attached") {
    const hang_guard guard;
    thread_pool pool(0);
    std::thread::id id;
    post(pool, [&] { id = std::this_thread::get_id(); });
    post(pool, [&] { pool.stop(); });
    pool.attach();
    CHECK(id == std::this_thread::get_id());
}

TEST_CASE("thread_pool: dispatch() inside it calls at once, a strand over it takes turns") {
    const hang_guard guard;
    thread_pool pool(3);
    const auto s = make_strand(pool);
    std::atomic<int> inside{0};
    std::atomic<int> wrong{0};
    int passed = 0;
    for (int i = 0; i != 500; ++i) {
        post(pool, [&] {
            bool ran = false;
            dispatch(pool, [&] { ran = true; });
            wrong += ran ? 0 : 1;
            dispatch(s, [&] {
                wrong += ++inside == 1 && s.running_in_this_thread() ? 0 : 1;
                ++passed;
                --inside;
            });
        });
    }
    pool.join();
    CHECK(passed == 500);
    CHECK(wrong == 0);
}

TEST_CASE(
    "thread_pool: handlers of a loop's operations are bound to it, and futures come from it") {
    const hang_guard guard;
    io_context ctx;
    thread_pool pool(1);
    steady_timer timer(ctx, 1ns);
    bool ran = false;
    timer.async_wait(bind_executor(
        pool.get_executor(), [&](error_code e) { ran = !e && pool.running_in_this_thread(); }));
    ctx.run();
    CHECK(post(pool, use_future([] { return std::string("done"); })).get() == "done");
    pool.join();
    CHECK(ran);
}

TEST_CASE("thread_pool: the default has threads, and wait() is join()") {
    const hang_guard guard;
    thread_pool pool;
    std::atomic<bool> ran{false};
    post(pool, [&] { ran = true; });
    pool.wait();
    CHECK(ran);
}

TEST_CASE(
    "inline_executor: calls at once, and a handler that is bound to it where the operation ends") {
    io_context ctx;
    const inline_executor here;
    bool ran = false;
    here.execute([&] { ran = true; });
    CHECK(ran);
    CHECK(here.running_in_this_thread());
    CHECK(here == inline_executor());
    steady_timer timer(make_strand(ctx), 1ns);
    int calls = 0;
    timer.async_wait(bind_executor(here, [&](error_code e) {
        CHECK_FALSE(e);
        ++calls;
    }));
    ctx.run();
    CHECK(calls == 1);
}
