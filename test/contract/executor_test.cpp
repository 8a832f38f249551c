// SPDX-License-Identifier: BSL-1.0
// Executors and associations: what a handler names is found through binders and intermediate
// handlers, it runs where it says, and work counts on both contexts until it has run.

#include <gyre/any_io_executor.hpp>
#include <gyre/assertion.hpp>
#include <gyre/associated_allocator.hpp>
#include <gyre/associated_cancellation_slot.hpp>
#include <gyre/associated_executor.hpp>
#include <gyre/bind_executor.hpp>
#include <gyre/cancellation_signal.hpp>
#include <gyre/execution_context.hpp>
#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

using namespace std::chrono_literals;
using gyre::any_io_executor;
using gyre::error_code;
using gyre::io_context;
using gyre::steady_timer;
using gyre::testing::hang_guard;

namespace {

// An execution context of one's own: a queue that the test empties by hand.
class manual_context final : public gyre::execution_context {
public:
    manual_context() = default;
    ~manual_context() {
        while (!queue_.empty()) {
            take()->destroy();
        }
    }

    any_io_executor get_executor() noexcept { return any_io_executor(*this); }

    std::size_t run_all() {
        std::size_t ran = 0;
        running_ = true;
        while (!queue_.empty()) {
            ++ran;
            take()->call();
        }
        running_ = false;
        return ran;
    }
    std::size_t queued() const { return queue_.size(); }
    int work() const { return work_; }

    void submit(gyre::detail::operation* operation) noexcept override {
        queue_.push_back(operation);
    }
    void work_started() noexcept override { ++work_; }
    void work_finished() noexcept override { --work_; }
    bool running_in_this_thread() const noexcept override { return running_; }

private:
    gyre::detail::operation* take() {
        gyre::detail::operation* first = queue_.front();
        queue_.pop_front();
        return first;
    }

    std::deque<gyre::detail::operation*> queue_;
    int work_ = 0;
    bool running_ = false;
};

// The least that an executor can be.
struct inline_executor {
    int* calls;
    template <class F>
    void execute(F&& f) const {
        ++*calls;
        std::forward<F>(f)();
    }
};

struct tag_allocator {
    using value_type = char;
    int tag = 0;
};

struct plain {
    void operator()() const {}
};

struct full {
    using executor_type = any_io_executor;
    using allocator_type = tag_allocator;
    using cancellation_slot_type = gyre::cancellation_slot;
    any_io_executor executor;
    int tag = 0;
    gyre::cancellation_slot slot;
    executor_type get_executor() const noexcept { return executor; }
    allocator_type get_allocator() const noexcept { return {tag}; }
    cancellation_slot_type get_cancellation_slot() const noexcept { return slot; }
    void operator()() const {}
};

// An intermediate handler of a composed operation.
template <class Handler>
struct step {
    using next_handler_type = Handler;
    Handler handler;
    const Handler& next_handler() const noexcept { return handler; }
};

// A type that can't be changed.
struct foreign {};

std::string broken_condition;
void throwing_assertion(const char* condition, const char*, int) {
    broken_condition = condition;
    throw std::logic_error("assertion");
}

}  // namespace

template <class Default>
struct gyre::associated_executor<foreign, Default> {
    using type = int;
    static type get(const foreign&, const Default&) noexcept { return 7; }
};

TEST_CASE("association: a handler that names nothing has the fallback") {
    io_context ctx;
    const plain handler;
    CHECK(gyre::get_associated_executor(handler, ctx.get_executor()) == ctx.get_executor());
    CHECK(gyre::get_associated_allocator(handler, tag_allocator{3}).tag == 3);
    const gyre::cancellation_slot none;
    CHECK(gyre::get_associated_cancellation_slot(handler, none) == none);
    static_assert(std::is_same_v<gyre::associated_executor_t<plain, int>, int>);
    static_assert(std::is_same_v<gyre::associated_allocator_t<plain, int>, int>);
    static_assert(std::is_same_v<gyre::associated_cancellation_slot_t<plain, int>, int>);
}

TEST_CASE("association: what a handler names is found, directly and behind intermediate handlers") {
    io_context a;
    io_context b;
    gyre::cancellation_signal signal;
    const full handler{a.get_executor(), 5, signal.slot()};
    const step<step<full>> behind{{handler}};
    CHECK(gyre::get_associated_executor(handler, b.get_executor()) == a.get_executor());
    CHECK(gyre::get_associated_executor(behind, b.get_executor()) == a.get_executor());
    CHECK(gyre::get_associated_allocator(handler, 1).tag == 5);
    CHECK(gyre::get_associated_allocator(behind, 1).tag == 5);
    CHECK(gyre::get_associated_cancellation_slot(handler, 1) == signal.slot());
    CHECK(gyre::get_associated_cancellation_slot(behind, 1) == signal.slot());
}

TEST_CASE("association: a binder decides the executor and passes the other associations on") {
    io_context a;
    io_context b;
    gyre::cancellation_signal signal;
    const auto bound =
        gyre::bind_executor(b.get_executor(), full{a.get_executor(), 9, signal.slot()});
    CHECK(bound.get_executor() == b.get_executor());
    CHECK(gyre::get_associated_executor(bound, a.get_executor()) == b.get_executor());
    CHECK(gyre::get_associated_allocator(bound, 1).tag == 9);
    CHECK(gyre::get_associated_cancellation_slot(bound, 1) == signal.slot());
    CHECK(bound.get().tag == 9);
    const auto twice = gyre::bind_executor(a.get_executor(), bound);
    CHECK(gyre::get_associated_executor(twice, 1) == a.get_executor());
}

TEST_CASE("association: a trait may be specialised for a type that can't be changed") {
    CHECK(gyre::get_associated_executor(foreign(), 1) == 7);
    CHECK(gyre::get_associated_executor(step<foreign>(), 1) == 7);
}

TEST_CASE("bind_executor: the binder calls its handler with what it is given") {
    io_context ctx;
    auto sum = gyre::bind_executor(ctx.get_executor(), [](int a, int b) { return a + b; });
    CHECK(sum(2, 3) == 5);
    const auto constant = sum;
    CHECK(constant(3, 4) == 7);
    auto only = gyre::bind_executor(ctx.get_executor(),
                                    [p = std::make_unique<int>(4)](int n) { return *p + n; });
    auto moved = std::move(only);
    CHECK(moved(1) == 5);
}

TEST_CASE("any_io_executor: compares by context and knows whether it refers to one") {
    io_context a;
    io_context b;
    const any_io_executor none;
    CHECK_FALSE(none);
    CHECK(none == any_io_executor());
    CHECK(a.get_executor());
    CHECK(a.get_executor() == a.get_executor());
    CHECK(a.get_executor() != b.get_executor());
    CHECK(a.get_executor() != none);
    CHECK(&a.get_executor().context() == &a);
}

TEST_CASE("any_io_executor: knows whether this thread runs its context") {
    io_context ctx;
    const auto executor = ctx.get_executor();
    CHECK_FALSE(executor.running_in_this_thread());
    bool inside = false;
    gyre::post(ctx, [&] { inside = executor.running_in_this_thread(); });
    ctx.poll();
    CHECK(inside);
    CHECK_FALSE(executor.running_in_this_thread());
    ctx.restart();
    gyre::post(ctx, [] { throw 1; });
    CHECK_THROWS_AS(ctx.run(), int);
    CHECK_FALSE(executor.running_in_this_thread());
}

TEST_CASE("executor: a timer's handler bound to another context runs there and nowhere else") {
    const hang_guard guard;
    io_context one;
    io_context two;
    steady_timer timer(one, 1ms);
    int calls = 0;
    timer.async_wait(gyre::bind_executor(two.get_executor(), [&](error_code e) {
        CHECK_FALSE(e);
        CHECK(two.get_executor().running_in_this_thread());
        CHECK_FALSE(one.get_executor().running_in_this_thread());
        ++calls;
    }));
    CHECK(two.poll() == 0);
    CHECK_FALSE(two.stopped());
    CHECK(one.run() == 1);
    CHECK(calls == 0);
    CHECK(two.run() == 1);
    CHECK(calls == 1);
    CHECK(two.stopped());
}

TEST_CASE("executor: a handler bound to its own context is called in the same step") {
    const hang_guard guard;
    io_context ctx;
    steady_timer timer(ctx, 1ms);
    int calls = 0;
    timer.async_wait(gyre::bind_executor(ctx.get_executor(), [&](error_code) { ++calls; }));
    CHECK(ctx.run_one() == 1);
    CHECK(calls == 1);
    CHECK(ctx.run() == 0);
}

TEST_CASE("executor: an operation that is on its way to another context is not counted by cancel") {
    io_context one;
    io_context two;
    steady_timer timer(one);
    error_code got = gyre::error::operation_aborted;
    timer.async_wait(gyre::bind_executor(two.get_executor(), [&](error_code e) { got = e; }));
    CHECK(one.run() == 1);
    CHECK(timer.cancel() == 0);
    CHECK(two.run() == 1);
    CHECK_FALSE(got);
}

TEST_CASE("executor: post to one context of a handler bound to another holds work on both") {
    io_context one;
    io_context two;
    int calls = 0;
    gyre::post(one, gyre::bind_executor(two.get_executor(), [&] { ++calls; }));
    CHECK(two.poll() == 0);
    CHECK_FALSE(two.stopped());
    CHECK(one.run() == 1);
    CHECK(calls == 0);
    CHECK(two.run() == 1);
    CHECK(calls == 1);
}

TEST_CASE("executor: destroying the first context drops the handler and its work on the second") {
    io_context two;
    auto owned = std::make_shared<int>(1);
    {
        io_context one;
        steady_timer timer(one, 1h);
        timer.async_wait(gyre::bind_executor(two.get_executor(), [owned](error_code) {}));
        gyre::post(one, gyre::bind_executor(two.get_executor(), [owned] {}));
        CHECK(owned.use_count() == 3);
        CHECK(two.poll() == 0);
        CHECK_FALSE(two.stopped());
    }
    CHECK(owned.use_count() == 1);
    CHECK(two.run() == 0);
    CHECK(two.stopped());
}

TEST_CASE("executor: an exception of a bound handler leaves the context that it runs in") {
    io_context one;
    io_context two;
    gyre::post(one, gyre::bind_executor(two.get_executor(), [] { throw 5; }));
    CHECK(one.run() == 1);
    CHECK_THROWS_AS(two.run(), int);
    CHECK(two.run() == 0);
}

TEST_CASE("executor: handlers can be bound to an executor that has nothing but execute") {
    const hang_guard guard;
    io_context ctx;
    int passed = 0;
    int calls = 0;
    const inline_executor executor{&passed};
    steady_timer timer(ctx, 1ms);
    timer.async_wait(gyre::bind_executor(executor, [&](error_code e) { calls += e ? 100 : 1; }));
    gyre::post(ctx, gyre::bind_executor(executor, [&] { ++calls; }));
    CHECK(ctx.run() == 2);
    CHECK(calls == 2);
    CHECK(passed == 2);
}

TEST_CASE("execution_context: one of the user's own gets each handler once, and its work counted") {
    const hang_guard guard;
    io_context ctx;
    manual_context manual;
    int calls = 0;
    steady_timer timer(ctx, 1ms);
    timer.async_wait(gyre::bind_executor(manual.get_executor(), [&](error_code e) {
        CHECK_FALSE(e);
        CHECK(manual.running_in_this_thread());
        gyre::dispatch(manual, [&] { ++calls; });
        CHECK(calls == 1);
    }));
    CHECK(manual.work() == 1);
    CHECK(manual.queued() == 0);
    CHECK(ctx.run() == 1);
    CHECK(manual.queued() == 1);
    CHECK(manual.run_all() == 1);
    CHECK(manual.work() == 0);
    gyre::post(manual, [&] { ++calls; });
    gyre::dispatch(manual.get_executor(), [&] { ++calls; });
    gyre::defer(manual, [&, p = std::make_unique<int>(1)] { calls += *p; });
    CHECK(calls == 1);
    CHECK(manual.run_all() == 3);
    CHECK(calls == 4);
}

TEST_CASE("execution_context: one of the user's own destroys what it did not call") {
    auto owned = std::make_shared<int>(1);
    {
        manual_context manual;
        gyre::post(manual, [owned] {});
        gyre::post(manual, [owned, big = std::array<char, 4096>()] { static_cast<void>(big); });
        CHECK(owned.use_count() == 3);
    }
    CHECK(owned.use_count() == 1);
}

TEST_CASE("execution_context: a timer needs one that has a reactor, and says so by assertion") {
    manual_context manual;
    const auto old = gyre::set_assertion_handler(&throwing_assertion);
    CHECK_THROWS_AS(steady_timer(manual.get_executor()), std::logic_error);
    CHECK_FALSE(broken_condition.empty());
    CHECK(gyre::set_assertion_handler(nullptr) == &throwing_assertion);
    CHECK(gyre::set_assertion_handler(old) == old);
}

TEST_CASE("work guard: counts as work until it is reset, copied or moved") {
    const hang_guard guard;
    io_context ctx;
    auto first = gyre::make_work_guard(ctx);
    CHECK(first.owns_work());
    CHECK(first.get_executor() == ctx.get_executor());
    auto copy = first;
    CHECK(copy.owns_work());
    auto moved = std::move(first);
    CHECK(moved.owns_work());
    CHECK_FALSE(first.owns_work());  // NOLINT: what a moved guard promises
    auto empty_copy = first;         // NOLINT
    CHECK_FALSE(empty_copy.owns_work());
    moved.reset();
    moved.reset();
    first.reset();
    CHECK_FALSE(moved.owns_work());
    CHECK(ctx.poll() == 0);
    CHECK_FALSE(ctx.stopped());
    copy.reset();
    CHECK(ctx.poll() == 0);
    CHECK(ctx.stopped());
}

TEST_CASE("work guard: is made of a context, an executor or an I/O object") {
    io_context ctx;
    manual_context manual;
    steady_timer timer(ctx);
    {
        const auto a = gyre::make_work_guard(ctx.get_executor());
        const auto b = gyre::make_work_guard(timer);
        const auto c = gyre::make_work_guard(manual);
        const gyre::executor_work_guard<any_io_executor> d(manual.get_executor());
        CHECK(a.owns_work());
        CHECK(b.get_executor() == ctx.get_executor());
        CHECK(manual.work() == 2);
        CHECK(ctx.poll() == 0);
        CHECK_FALSE(ctx.stopped());
    }
    CHECK(manual.work() == 0);
    CHECK(ctx.poll() == 0);
    CHECK(ctx.stopped());
}
