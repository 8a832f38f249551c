// SPDX-License-Identifier: BSL-1.0
// Operations with their type erased: how handlers are kept, called, and destroyed.
#include <gyre/detail/handler_operation.hpp>

#include "slab/slab.hpp"
#include "support/catch.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <vector>

using namespace gyre::detail;

namespace {

template <class Handler>
operation* make_post(slab* memory, Handler&& handler) {
    return post_operation<std::decay_t<Handler>>::make(memory, std::forward<Handler>(handler));
}

/// Counts what it allocates; a handler names it.
struct counting_allocator_state {
    int live = 0;
    int total = 0;
};
template <class T>
struct counting_allocator {
    using value_type = T;
    explicit counting_allocator(counting_allocator_state& s) : state(&s) {}
    template <class U>
    explicit counting_allocator(const counting_allocator<U>& other) : state(other.state) {}
    T* allocate(std::size_t n) {
        ++state->live;
        ++state->total;
        return std::allocator<T>().allocate(n);
    }
    void deallocate(T* p, std::size_t n) {
        --state->live;
        std::allocator<T>().deallocate(p, n);
    }
    counting_allocator_state* state;
};

struct with_allocator {
    using allocator_type = counting_allocator<int>;
    allocator_type get_allocator() const noexcept { return counting_allocator<int>(*state); }
    void operator()() { ++*calls; }
    counting_allocator_state* state;
    int* calls;
};

}  // namespace

TEST_CASE("operation: the slot is free before the handler is called", "[operation]") {
    slab memory(0);
    std::size_t live = 99;
    make_post(&memory, [&] { live = memory.usage().live_slots; })->call();
    CHECK(live == 0);
}

TEST_CASE("operation: the next operation reuses the slot while the handler runs", "[operation]") {
    slab memory(0);
    operation* next = nullptr;
    operation* first = make_post(&memory, [&] { next = make_post(&memory, [&] {}); });
    first->call();
    CHECK(next == first);
    next->destroy();
}

TEST_CASE("operation: destroying calls nothing and frees handler and slot", "[operation]") {
    slab memory(0);
    auto owned = std::make_shared<int>(1);
    bool called = false;
    operation* op = make_post(&memory, [owned, &called] { called = true; });
    CHECK(owned.use_count() == 2);
    op->destroy();
    CHECK(owned.use_count() == 1);
    CHECK_FALSE(called);
    CHECK(memory.usage().live_slots == 0);
}

TEST_CASE("operation: a move-only handler is called as an rvalue", "[operation]") {
    struct once {
        std::unique_ptr<int> value;
        int* out;
        void operator()() && { *out = *value; }
    };
    slab memory(0);
    int out = 0;
    make_post(&memory, once{std::make_unique<int>(7), &out})->call();
    CHECK(out == 7);
}

TEST_CASE("operation: a large handler lives outside, is counted and leaves nothing behind",
          "[operation]") {
    slab memory(0);
    std::array<unsigned char, 4096> big{};
    big[4095] = 42;
    int seen = 0;
    make_post(&memory, [big, &seen] { seen = big[4095]; })->call();
    CHECK(seen == 42);
    make_post(&memory, [big, &seen] { seen = big[4095]; })->destroy();
    CHECK(memory.usage().spilled_handlers == 2);
    CHECK(memory.usage().live_slots == 0);
}

TEST_CASE("operation: an over-aligned handler keeps its alignment", "[operation]") {
    struct alignas(64) aligned {
        bool* right;
        void operator()() { *right = reinterpret_cast<std::uintptr_t>(this) % 64 == 0; }
    };
    slab memory(0);
    bool right = false;
    make_post(&memory, aligned{&right})->call();
    CHECK(right);
    CHECK(memory.usage().spilled_handlers == 1);
}

TEST_CASE("operation: a handler that fits is not spilled", "[operation]") {
    slab memory(0);
    std::array<unsigned char, 256> payload{};
    make_post(&memory, [payload] { static_cast<void>(payload); })->call();
    CHECK(memory.usage().spilled_handlers == 0);
}

TEST_CASE("operation: a handler's own allocator is used and gets everything back", "[operation]") {
    slab memory(0);
    counting_allocator_state state;
    int calls = 0;
    make_post(&memory, with_allocator{&state, &calls})->call();
    make_post(&memory, with_allocator{&state, &calls})->destroy();
    CHECK(calls == 1);
    CHECK(state.total == 2);
    CHECK(state.live == 0);
}

TEST_CASE("operation: a handler whose copy throws leaves no slot behind", "[operation]") {
    struct refuses {
        refuses() = default;
        refuses(const refuses&) { throw std::runtime_error("no copy"); }
        refuses(refuses&&) { throw std::runtime_error("no move"); }
        void operator()() {}
    };
    struct refuses_large : refuses {
        std::array<char, 1000> padding{};
        refuses_large() = default;
        refuses_large(const refuses_large& other) : refuses(other) {}
    };
    slab memory(0);
    CHECK_THROWS_AS(post_operation<refuses>::make(&memory, refuses()), std::runtime_error);
    CHECK_THROWS_AS(post_operation<refuses_large>::make(&memory, refuses_large()),
                    std::runtime_error);
    CHECK(memory.usage().live_slots == 0);
}

TEST_CASE("operation: a handler that throws has already given its slot back", "[operation]") {
    slab memory(0);
    operation* op = make_post(&memory, [] { throw std::runtime_error("out"); });
    CHECK_THROWS_AS(op->call(), std::runtime_error);
    CHECK(memory.usage().live_slots == 0);
}

TEST_CASE("ready_list: first in, first out, also when pushed to in between", "[operation]") {
    slab memory(0);
    std::vector<int> order;
    ready_list list;
    for (int i = 0; i != 4; ++i) {
        list.push(make_post(&memory, [&order, i] { order.push_back(i); }));
    }
    list.pop()->call();
    list.push(make_post(&memory, [&order] { order.push_back(4); }));
    while (!list.empty()) {
        list.pop()->call();
    }
    CHECK(order == std::vector<int>{0, 1, 2, 3, 4});
}

TEST_CASE("operation_queue: any element can leave, the rest keeps its order", "[operation]") {
    slab memory(0);
    for (int leaving = 0; leaving != 5; ++leaving) {
        operation_queue queue;
        std::vector<operation*> ops;
        for (int i = 0; i != 5; ++i) {
            ops.push_back(make_post(&memory, [] {}));
            queue.push(ops.back());
        }
        queue.remove(ops[static_cast<std::size_t>(leaving)]);
        CHECK_FALSE(ops[static_cast<std::size_t>(leaving)]->linked());
        std::vector<operation*> left;
        for (operation* op = queue.front(); op != nullptr; op = queue.after(op)) {
            left.push_back(op);
        }
        std::vector<operation*> expected = ops;
        expected.erase(expected.begin() + leaving);
        CHECK(left == expected);
        for (operation* op : left) {
            queue.remove(op);
        }
        CHECK(queue.empty());
        for (operation* op : ops) {
            op->destroy();
        }
    }
}
