// SPDX-License-Identifier: BSL-1.0
// post, dispatch and defer: when and where the function runs, and what happens to handlers that
// are move-only, large, over-aligned, throwing or with an allocator of their own.

#include <gyre/async_result.hpp>
#include <gyre/bind_executor.hpp>
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

using gyre::io_context;
using gyre::io_context_options;

namespace {

int plain_calls = 0;
void plain_function() { ++plain_calls; }

// Counts what it has given out.
template <class T>
struct counting_allocator {
    using value_type = T;
    std::ptrdiff_t* live;
    std::size_t* made;

    counting_allocator(std::ptrdiff_t* live_count, std::size_t* made_count)
        : live(live_count), made(made_count) {}
    template <class U>
    counting_allocator(const counting_allocator<U>& other) : live(other.live), made(other.made) {}

    T* allocate(std::size_t n) {
        *live += static_cast<std::ptrdiff_t>(n * sizeof(T));
        ++*made;
        return static_cast<T*>(::operator new(n * sizeof(T)));
    }
    void deallocate(T* p, std::size_t n) {
        *live -= static_cast<std::ptrdiff_t>(n * sizeof(T));
        ::operator delete(p);
    }
    friend bool operator==(const counting_allocator&, const counting_allocator&) = default;
};

struct allocating_handler {
    using allocator_type = counting_allocator<char>;
    std::ptrdiff_t* live;
    std::size_t* made;
    std::ptrdiff_t* live_when_called;
    allocator_type get_allocator() const noexcept { return {live, made}; }
    void operator()() const { *live_when_called = *live; }
};

struct count_lives {
    int* live;
    explicit count_lives(int* counter) : live(counter) { ++*live; }
    count_lives(const count_lives& other) : live(other.live) { ++*live; }
    count_lives(count_lives&& other) noexcept : live(other.live) { ++*live; }
    count_lives& operator=(const count_lives&) = delete;
    ~count_lives() { --*live; }
};

template <std::size_t Size, std::size_t Alignment>
struct sized_handler {
    alignas(Alignment) std::array<unsigned char, Size> bytes{};
    int* good;
    void operator()() const {
        bool same = reinterpret_cast<std::uintptr_t>(this) % Alignment == 0;
        for (std::size_t i = 0; i < Size; ++i) {
            same = same && bytes[i] == static_cast<unsigned char>(i * 7);
        }
        *good += same ? 1 : 0;
    }
    explicit sized_handler(int* counter) : good(counter) {
        for (std::size_t i = 0; i < Size; ++i) {
            bytes[i] = static_cast<unsigned char>(i * 7);
        }
    }
};

template <std::size_t Size, std::size_t Alignment>
void post_sized(io_context& ctx, int& good) {
    gyre::post(ctx, sized_handler<Size, Alignment>(&good));
}

struct throwing_copy {
    int* live;
    explicit throwing_copy(int* counter) : live(counter) { ++*live; }
    throwing_copy(const throwing_copy&) { throw std::runtime_error("copy"); }
    throwing_copy(throwing_copy&& other) noexcept : live(other.live) { ++*live; }
    ~throwing_copy() { --*live; }
    void operator()() const {}
};

// A token that is no handler: sets a flag, and tells its initiating function's caller a number.
struct flag_token {
    bool* flag;
};

}  // namespace

template <>
class gyre::async_result<flag_token, void()> {
public:
    template <class Initiation, class... Arguments>
    static int initiate(Initiation&& initiation, flag_token token, Arguments&&... arguments) {
        std::forward<Initiation>(initiation)([token] { *token.flag = true; },
                                             std::forward<Arguments>(arguments)...);
        return 42;
    }
};

TEST_CASE("post: functions run first in, first out, and never inside the call") {
    io_context ctx;
    std::vector<int> order;
    for (int i = 0; i < 1000; ++i) {
        gyre::post(ctx, [&order, i] { order.push_back(i); });
    }
    CHECK(order.empty());
    CHECK(ctx.run() == 1000);
    REQUIRE(order.size() == 1000);
    for (int i = 0; i < 1000; ++i) {
        REQUIRE(order[static_cast<std::size_t>(i)] == i);
    }
}

TEST_CASE("post: inside a handler it is never called inside the call either", "[L10]") {
    io_context ctx;
    bool inside = false;
    int ran = 0;
    gyre::post(ctx, [&] {
        inside = true;
        gyre::post(ctx, [&] { ran += inside ? 100 : 1; });
        gyre::post(ctx.get_executor(), [&] { ran += inside ? 100 : 1; });
        gyre::defer(ctx, [&] { ran += inside ? 100 : 1; });
        gyre::defer(ctx.get_executor(), [&] { ran += inside ? 100 : 1; });
        ctx.get_executor().execute([&] { ran += inside ? 100 : 1; });
        inside = false;
    });
    CHECK(ctx.run() == 6);
    CHECK(ran == 5);
}

TEST_CASE("post: a long chain of self-posts does not grow the stack") {
    io_context ctx;
    struct chain {
        io_context* ctx;
        int left;
        std::uintptr_t* lowest;
        std::uintptr_t* highest;
        void operator()() const {
            const auto at = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
            *lowest = at < *lowest ? at : *lowest;
            *highest = at > *highest ? at : *highest;
            if (left > 0) {
                gyre::post(*ctx, chain{ctx, left - 1, lowest, highest});
            }
        }
    };
    std::uintptr_t lowest = UINTPTR_MAX;
    std::uintptr_t highest = 0;
    gyre::post(ctx, chain{&ctx, 100'000, &lowest, &highest});
    CHECK(ctx.run() == 100'001);
    CHECK(highest - lowest < 64 * 1024);
}

TEST_CASE("dispatch: outside run() it queues, inside it calls at once, in order with posts") {
    io_context ctx;
    std::vector<int> order;
    gyre::dispatch(ctx, [&] {
        order.push_back(1);
        gyre::post(ctx, [&] { order.push_back(4); });
        gyre::dispatch(ctx, [&] { order.push_back(2); });
        gyre::dispatch(ctx.get_executor(), [&] { order.push_back(3); });
    });
    CHECK(order.empty());
    CHECK(ctx.run() == 2);
    CHECK(order == std::vector{1, 2, 3, 4});
}

TEST_CASE("dispatch: inside another context's handler it queues") {
    io_context a;
    io_context b;
    int ran = 0;
    gyre::post(a, [&] {
        gyre::dispatch(b, [&] { ++ran; });
        CHECK(ran == 0);
    });
    CHECK(a.run() == 1);
    CHECK(ran == 0);
    CHECK(b.run() == 1);
    CHECK(ran == 1);
}

TEST_CASE("dispatch: inside the context's own run() nested in another's it calls at once") {
    io_context a;
    io_context b;
    int ran = 0;
    gyre::post(a, [&] {
        gyre::post(b, [&] {
            gyre::dispatch(a, [&] { ++ran; });
            CHECK(ran == 1);
        });
        b.run();
    });
    a.run();
    CHECK(ran == 1);
}

TEST_CASE("dispatch: an exception of a function called at once passes through the call") {
    io_context ctx;
    bool caught = false;
    gyre::post(ctx, [&] {
        try {
            gyre::dispatch(ctx, [] { throw std::runtime_error("inside"); });
        } catch (const std::runtime_error&) {
            caught = true;
        }
    });
    CHECK(ctx.run() == 1);
    CHECK(caught);
}

TEST_CASE("post: without an executor a function runs on the one that it is bound to") {
    io_context ctx;
    int ran = 0;
    gyre::post(gyre::bind_executor(ctx.get_executor(), [&] { ++ran; }));
    gyre::defer(gyre::bind_executor(ctx.get_executor(), [&] { ++ran; }));
    gyre::dispatch(gyre::bind_executor(ctx.get_executor(), [&] { ++ran; }));
    CHECK(ran == 0);
    CHECK(ctx.run() == 3);
    CHECK(ran == 3);
    ctx.restart();
    gyre::post(ctx, [&] {
        gyre::dispatch(gyre::bind_executor(ctx.get_executor(), [&] { ++ran; }));
        CHECK(ran == 4);
    });
    CHECK(ctx.run() == 1);
}

TEST_CASE("post: takes plain functions, lvalues, const objects and mutable lambdas") {
    io_context ctx;
    plain_calls = 0;
    int ran = 0;
    auto lvalue = [&ran] { ++ran; };
    const auto constant = [&ran] { ++ran; };
    gyre::post(ctx, plain_function);
    gyre::post(ctx, &plain_function);
    gyre::post(ctx, lvalue);
    gyre::post(ctx, constant);
    gyre::post(ctx, [&ran, n = 1]() mutable { ran += n++; });
    CHECK(ctx.run() == 5);
    CHECK(plain_calls == 2);
    CHECK(ran == 3);
}

TEST_CASE("post: a move-only handler is moved, called as an rvalue and destroyed after its call") {
    io_context ctx;
    struct once {
        std::unique_ptr<int> value;
        int* sum;
        void operator()() && { *sum += *value; }
    };
    int sum = 0;
    gyre::post(ctx, once{std::make_unique<int>(5), &sum});
    gyre::dispatch(ctx, once{std::make_unique<int>(6), &sum});
    gyre::defer(ctx, once{std::make_unique<int>(7), &sum});
    CHECK(ctx.run() == 3);
    CHECK(sum == 18);
}

TEST_CASE("post: the handler is gone when its call has returned, before the next is called") {
    io_context ctx;
    auto shared = std::make_shared<int>(0);
    const std::weak_ptr<int> watched = shared;
    gyre::post(ctx, [shared] { CHECK(shared.use_count() == 1); });
    shared.reset();
    bool gone = false;
    gyre::post(ctx, [&] { gone = watched.expired(); });
    CHECK(ctx.run() == 2);
    CHECK(gone);
}

TEST_CASE("post: the handler is gone after its exception as well") {
    io_context ctx;
    int live = 0;
    gyre::post(ctx, [counted = count_lives(&live)] { throw 1; });
    CHECK(live == 1);
    CHECK_THROWS_AS(ctx.run(), int);
    CHECK(live == 0);
}

TEST_CASE("post: handlers of every size and alignment arrive whole and in order") {
    io_context ctx;
    int good = 0;
    for (int round = 0; round < 3; ++round) {
        post_sized<1, 1>(ctx, good);
        post_sized<24, 8>(ctx, good);
        post_sized<100, 16>(ctx, good);
        post_sized<300, 8>(ctx, good);
        post_sized<400, 8>(ctx, good);
        post_sized<440, 8>(ctx, good);
        post_sized<512, 1>(ctx, good);
        post_sized<4096, 8>(ctx, good);
        post_sized<32, 32>(ctx, good);
        post_sized<64, 64>(ctx, good);
        post_sized<4096, 64>(ctx, good);
        post_sized<16, 128>(ctx, good);
    }
    CHECK(ctx.run() == 36);
    CHECK(good == 36);
}

TEST_CASE("post: a handler's own allocator gives the memory and has it back before the call") {
    std::ptrdiff_t live = 0;
    std::size_t made = 0;
    std::ptrdiff_t when_called = -1;
    io_context ctx;
    gyre::post(ctx, allocating_handler{&live, &made, &when_called});
    CHECK(made == 1);
    CHECK(live > 0);
    CHECK(ctx.run() == 1);
    CHECK(when_called == 0);
    CHECK(live == 0);
}

TEST_CASE("post: a handler's own allocator has its memory back when the handler is never called") {
    std::ptrdiff_t live = 0;
    std::size_t made = 0;
    std::ptrdiff_t when_called = -1;
    {
        io_context ctx;
        gyre::post(ctx, allocating_handler{&live, &made, &when_called});
        CHECK(live > 0);
    }
    CHECK(live == 0);
    CHECK(when_called == -1);
}

TEST_CASE("post: a handler bound to another context keeps its allocator on the whole way") {
    std::ptrdiff_t live = 0;
    std::size_t made = 0;
    std::ptrdiff_t when_called = -1;
    io_context a;
    io_context b;
    gyre::post(
        a, gyre::bind_executor(b.get_executor(), allocating_handler{&live, &made, &when_called}));
    CHECK(live > 0);
    CHECK(a.run() == 1);
    CHECK(live > 0);
    CHECK(made == 2);
    CHECK(b.run() == 1);
    CHECK(live == 0);
    CHECK(when_called == 0);
}

TEST_CASE("post: a handler whose copy throws leaves nothing posted and no work") {
    io_context ctx;
    int live = 0;
    {
        const throwing_copy handler(&live);
        CHECK_THROWS_AS(gyre::post(ctx, handler), std::runtime_error);
        CHECK_THROWS_AS(gyre::dispatch(ctx, handler), std::runtime_error);
    }
    CHECK(live == 0);
    CHECK(ctx.run() == 0);
}

TEST_CASE("post: at the bound of the slab it throws bad_alloc, starts nothing and recovers") {
    const gyre::testing::hang_guard guard;
    io_context_options options;
    options.slab_bytes_max = 1 << 20;
    io_context ctx(options);
    std::size_t posted = 0;
    std::size_t ran = 0;
    int live = 0;
    const auto fill = [&] {
        try {
            for (;;) {
                gyre::post(ctx, [&ran, counted = count_lives(&live)] { ++ran; });
                ++posted;
            }
        } catch (const std::bad_alloc&) {}
    };
    fill();
    CHECK(posted > 1000);
    CHECK(posted < (std::size_t{1} << 20) / 32);
    CHECK(live == static_cast<int>(posted));
    CHECK_THROWS_AS(gyre::post(ctx, [&ran] { ++ran; }), std::bad_alloc);
    for (int i = 0; i < 1000; ++i) {
        REQUIRE(ctx.run_one() == 1);
    }
    CHECK_NOTHROW(gyre::post(ctx, [&ran, counted = count_lives(&live)] { ++ran; }));
    ++posted;
    CHECK(ctx.run() == posted - 1000);
    CHECK(ran == posted);
    CHECK(live == 0);
    ctx.restart();
    const std::size_t first = posted - 1;
    // A few free slots may be kept for the threads that run the context; not more each time.
    for (int round = 0; round < 10; ++round) {
        const std::size_t before = posted;
        fill();
        CHECK(posted - before >= first - 128);
        CHECK(ctx.run() == posted - before);
        CHECK(live == 0);
        ctx.restart();
    }
}

TEST_CASE("post: a token of one's own decides about handler and return value") {
    io_context ctx;
    bool posted = false;
    bool deferred = false;
    bool dispatched = false;
    CHECK(gyre::post(ctx, flag_token{&posted}) == 42);
    CHECK(gyre::defer(ctx.get_executor(), flag_token{&deferred}) == 42);
    CHECK(gyre::dispatch(ctx, flag_token{&dispatched}) == 42);
    CHECK(ctx.run() == 3);
    CHECK(posted);
    CHECK(deferred);
    CHECK(dispatched);
}
