// SPDX-License-Identifier: BSL-1.0
// Completion tokens: what an initiating function returns for each, what becomes of the results, and
// that associations reach the operation through all of them.
#include <gyre/append.hpp>
#include <gyre/as_tuple.hpp>
#include <gyre/bind_allocator.hpp>
#include <gyre/bind_cancellation_slot.hpp>
#include <gyre/bind_executor.hpp>
#include <gyre/cancel_after.hpp>
#include <gyre/consign.hpp>
#include <gyre/deferred.hpp>
#include <gyre/detached.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/prepend.hpp>
#include <gyre/read.hpp>
#include <gyre/redirect_error.hpp>
#include <gyre/steady_timer.hpp>
#include <gyre/use_future.hpp>
#include <gyre/write.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/result.hpp"
#include "support/tcp_pair.hpp"

#include <cstddef>
#include <exception>
#include <future>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>

using namespace gyre;
using namespace gyre::testing;
using namespace std::chrono_literals;

namespace {

// An operation that is over at once, with these results, in the context of a post.
template <class Signature, class... Values>
struct answer {
    io_context& ctx;
    std::tuple<Values...> values;

    template <class Token>
    auto operator()(Token&& token) {
        return async_initiate<Signature>(
            [this](auto&& handler) {
                post(ctx,
                     [h = std::forward<decltype(handler)>(handler),
                      v = std::move(values)]() mutable { std::apply(std::move(h), std::move(v)); });
            },
            std::forward<Token>(token));
    }
};

template <class Signature, class... Values>
answer<Signature, Values...> answering(io_context& ctx, Values... values) {
    return {ctx, {std::move(values)...}};
}

template <class T>
struct counting_allocator {
    using value_type = T;
    std::size_t* count;

    explicit counting_allocator(std::size_t& made) : count(&made) {}
    template <class U>
    counting_allocator(const counting_allocator<U>& other) : count(other.count) {}
    T* allocate(std::size_t n) {
        ++*count;
        return std::allocator<T>().allocate(n);
    }
    void deallocate(T* p, std::size_t n) { std::allocator<T>().deallocate(p, n); }
    friend bool operator==(const counting_allocator&, const counting_allocator&) = default;
};

}  // namespace

TEST_CASE("use_future: is a future of nothing, of the one result, or of a tuple of several") {
    io_context ctx;
    std::future<void> none = answering<void()>(ctx)(use_future);
    std::future<void> no_error = answering<void(error_code)>(ctx, error_code())(use_future);
    std::future<int> one = answering<void(int)>(ctx, 1)(use_future);
    std::future<std::size_t> bytes =
        answering<void(error_code, std::size_t)>(ctx, error_code(), std::size_t{2})(use_future);
    std::future<std::tuple<int, std::string>> several =
        answering<void(error_code, int, std::string)>(ctx, error_code(), 3,
                                                      std::string("three"))(use_future);
    std::future<std::unique_ptr<int>> owned =
        answering<void(std::exception_ptr, std::unique_ptr<int>)>(
            ctx, std::exception_ptr(), std::make_unique<int>(4))(use_future);
    ctx.run();
    none.get();
    no_error.get();
    CHECK(one.get() == 1);
    CHECK(bytes.get() == 2);
    CHECK(several.get() == std::tuple(3, std::string("three")));
    CHECK(*owned.get() == 4);
}

TEST_CASE("use_future: an error is thrown as system_error, an exception as itself") {
    io_context ctx;
    auto failed = answering<void(error_code, int)>(ctx, error_code(error::eof), 1)(use_future);
    auto thrown = answering<void(std::exception_ptr)>(
        ctx, std::make_exception_ptr(std::out_of_range("far")))(use_future);
    ctx.run();
    try {
        failed.get();
        FAIL("no exception");
    } catch (const std::system_error& e) {
        CHECK(e.code() == error::eof);
    }
    CHECK_THROWS_AS(thrown.get(), std::out_of_range);
}

TEST_CASE("use_future: a promise is broken when the context dies first") {
    std::future<void> never_kept;
    {
        io_context ctx;
        steady_timer timer(ctx, 1h);
        never_kept = timer.async_wait(use_future);
    }
    try {
        never_kept.get();
        FAIL("no exception");
    } catch (const std::future_error& e) {
        CHECK(e.code() == std::future_errc::broken_promise);
    }
}

TEST_CASE("use_future: one thread waits for what another one's loop does") {
    const hang_guard guard;
    io_context ctx;
    auto work = make_work_guard(ctx);
    std::thread loop([&] { ctx.run(); });
    adopted a = adopt(ctx);
    std::string text(5, ' ');
    auto read = async_read(a.socket, buffer(text), use_future);
    auto written = async_write(a.socket, buffer("there", 5), use_future);
    CHECK(written.get() == 5);
    put(a.peer.get(), "hello");
    CHECK(read.get() == 5);
    CHECK(text == "hello");
    CHECK(post(ctx, use_future([] { return 7; })).get() == 7);
    work.reset();
    loop.join();
}

TEST_CASE("use_future: of a function, the future is what that returns or throws") {
    io_context ctx;
    auto length = answering<void(error_code, int)>(ctx, error_code(error::eof), 3)(
        use_future([](error_code e, int n) { return std::pair(e, n + 1); }));
    auto nothing = answering<void()>(ctx)(use_future([] {}));
    auto thrown =
        answering<void()>(ctx)(use_future([]() -> int { throw std::runtime_error("no"); }));
    ctx.run();
    CHECK(length.get() == std::pair(error_code(error::eof), 4));
    nothing.get();
    CHECK_THROWS_AS(thrown.get(), std::runtime_error);
}

TEST_CASE("use_future: the state is in memory of the allocator that is asked for") {
    io_context ctx;
    std::size_t made = 0;
    auto future = answering<void(int)>(ctx, 1)(use_future[counting_allocator<char>(made)]);
    CHECK(made != 0);
    ctx.run();
    CHECK(future.get() == 1);
}

TEST_CASE("detached: the operation is done and nobody is told, not even of an error") {
    io_context ctx;
    static_assert(std::is_void_v<decltype(answering<void(int)>(ctx, 1)(detached))>);
    answering<void(error_code)>(ctx, error_code(error::eof))(detached);
    bool ran = false;
    post(ctx, [&] { ran = true; });
    post(ctx, detached);
    CHECK(ctx.run() == 3);
    CHECK(ran);
}

TEST_CASE("as_tuple: the handler is given all results as one, and a future of it does not throw") {
    io_context ctx;
    std::tuple<error_code, std::size_t> got;
    answering<void(error_code, std::size_t)>(ctx, error_code(error::eof), std::size_t{3})(
        as_tuple([&](std::tuple<error_code, std::size_t> all) { got = all; }));
    std::future<std::tuple<error_code, int>> future =
        answering<void(error_code, int)>(ctx, error_code(error::eof), 4)(as_tuple(use_future));
    ctx.run();
    CHECK(got == std::tuple(error_code(error::eof), std::size_t{3}));
    CHECK(future.get() == std::tuple(error_code(error::eof), 4));
}

TEST_CASE("redirect_error: the error goes into the variable, the rest to the handler") {
    io_context ctx;
    error_code first;
    error_code second = error::eof;
    int got = 0;
    answering<void(error_code, int)>(ctx, error_code(error::eof),
                                     5)(redirect_error([&](int n) { got = n; }, first));
    auto future =
        answering<void(error_code, int)>(ctx, error_code(), 6)(redirect_error(use_future, second));
    ctx.run();
    CHECK(first == error::eof);
    CHECK(got == 5);
    CHECK_FALSE(second);
    CHECK(future.get() == 6);
}

TEST_CASE("append and prepend: values that are only movable come behind and before the results") {
    io_context ctx;
    std::string order;
    answering<void(int)>(ctx, 1)(
        append([&](int n, std::unique_ptr<int> p,
                   std::string s) { order += std::to_string(n) + std::to_string(*p) + s; },
               std::make_unique<int>(2), "three"));
    answering<void(int)>(ctx, 3)(
        prepend([&](std::string s, std::unique_ptr<int> p,
                    int n) { order += s + std::to_string(*p) + std::to_string(n); },
                std::string(" one"), std::make_unique<int>(2)));
    auto future = answering<void(error_code, int)>(ctx, error_code(), 1)(append(use_future, 2));
    auto nested = answering<void(int)>(ctx, 1)(prepend(append(use_future, 3), 0));
    ctx.run();
    CHECK(order == "12three one23");
    CHECK(future.get() == std::tuple(1, 2));
    CHECK(nested.get() == std::tuple(0, 1, 3));
}

TEST_CASE("consign: values live until the handler has returned, or is destroyed uncalled") {
    auto kept = std::make_shared<int>(1);
    {
        io_context ctx;
        steady_timer timer(ctx, 1ns);
        steady_timer later(ctx, 1h);
        long uses_in_handler = 0;
        timer.async_wait(consign(
            [&](error_code) {
                uses_in_handler = kept.use_count();
                ctx.stop();
            },
            kept));
        later.async_wait(consign([](error_code) { FAIL(); }, kept));
        CHECK(kept.use_count() == 3);
        ctx.run();
        CHECK(uses_in_handler == 3);
        CHECK(kept.use_count() == 2);
    }
    CHECK(kept.use_count() == 1);
}

TEST_CASE("deferred: nothing happens before the operation is called, with whatever token") {
    io_context ctx;
    steady_timer timer(ctx, 0ns);
    auto wait = timer.async_wait(deferred);
    CHECK(ctx.run() == 0);
    ctx.restart();
    result r;
    std::move(wait)(r.keep());
    CHECK(ctx.run() == 1);
    CHECK(r == once());
    ctx.restart();
    const auto again = timer.async_wait(deferred);
    auto first = again(use_future);
    auto second = again(use_future);
    CHECK(ctx.run() == 2);
    first.get();
    second.get();
}

TEST_CASE("deferred: a function goes on with a second operation, whose results are the whole's") {
    io_context ctx;
    adopted a = adopt(ctx);
    std::string text(8, ' ');
    put(a.peer.get(), "echo");
    result r;
    auto echo =
        a.socket.async_read_some(buffer(text), deferred([&](error_code e, std::size_t n) {
                                     CHECK_FALSE(e);
                                     return async_write(a.socket, buffer(text.data(), n), deferred);
                                 }));
    ctx.poll();
    CHECK(r == never);
    std::move(echo)(r.keep());
    run(ctx);
    CHECK(r == once({}, 4));
    CHECK(take(a.peer.get(), 4) == "echo");
}

TEST_CASE("binders: around any token, their executor, allocator and slot are the operation's") {
    io_context ctx;
    io_context other;
    std::size_t made = 0;
    cancellation_signal signal;
    steady_timer timer(ctx, 1h);
    auto future = timer.async_wait(
        bind_executor(other.get_executor(),
                      bind_allocator(counting_allocator<char>(made),
                                     bind_cancellation_slot(signal.slot(), as_tuple(use_future)))));
    CHECK(made == 1);
    signal.emit(cancellation_type::terminal);
    CHECK(ctx.run() == 1);
    CHECK(future.wait_for(0s) == std::future_status::timeout);
    CHECK(other.run() == 1);
    CHECK(future.get() == std::tuple(error_code(error::operation_aborted)));
}

TEST_CASE("binders: within an adaptor, they are the operation's as well") {
    io_context ctx;
    io_context other;
    cancellation_signal signal;
    steady_timer timer(ctx, 1h);
    bool called = false;
    timer.async_wait(
        append(bind_executor(
                   other.get_executor(),
                   bind_cancellation_slot(signal.slot(),
                                          [&, p = std::make_unique<int>(1)](error_code e, int n) {
                                              CHECK(e == error::operation_aborted);
                                              CHECK(n + *p == 3);
                                              CHECK(other.get_executor().running_in_this_thread());
                                              called = true;
                                          })),
               2));
    signal.emit(cancellation_type::total);
    ctx.run();
    CHECK_FALSE(called);
    other.run();
    CHECK(called);
}

TEST_CASE("cancel_after: goes around and into other tokens") {
    io_context ctx;
    adopted a = adopt(ctx);
    char text[4];
    error_code redirected;
    auto inside = a.socket.async_read_some(buffer(text), as_tuple(cancel_after(1ms, use_future)));
    a.socket.async_read_some(buffer(text),
                             cancel_after(1ms, redirect_error([](std::size_t) {}, redirected)));
    run(ctx);
    CHECK(std::get<0>(inside.get()) == error::timed_out);
    CHECK(redirected == error::timed_out);
}

TEST_CASE("tokens: throwing initiating functions leave nothing behind") {
    io_context_options small;
    small.slab_bytes_max = 1;
    io_context ctx(small);
    auto kept = std::make_shared<int>(1);
    CHECK_THROWS_AS(
        [&] {
            for (int i = 0; i != 100'000; ++i) {
                post(ctx, append([kept](int) {}, i));
            }
        }(),
        std::bad_alloc);
    ctx.run();
    CHECK(kept.use_count() == 1);
}
