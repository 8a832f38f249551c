// SPDX-License-Identifier: BSL-1.0
// The inbox by itself: order, and where taking ends while others go on pushing. What threads do to
// it at once is for the stress suite.

#include "core/inbox.hpp"
#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <vector>

using gyre::detail::inbox;
using gyre::detail::slot;

namespace {

struct fixture {
    std::array<slot, 8> slots{};
    inbox box;
    std::vector<std::ptrdiff_t> taken;

    void push(std::size_t n) { box.push(&slots[n]); }
    void take(slot* s) { taken.push_back(s - slots.data()); }
};

}  // namespace

TEST_CASE("inbox: gives out the oldest first, over several pushes and takes") {
    fixture f;
    CHECK(f.box.empty());
    CHECK(f.box.pop() == nullptr);
    f.push(0);
    f.push(1);
    CHECK_FALSE(f.box.empty());
    f.take(f.box.pop());
    f.push(2);
    CHECK_FALSE(f.box.empty());
    while (slot* s = f.box.pop()) {
        f.take(s);
    }
    CHECK(f.taken == std::vector<std::ptrdiff_t>{0, 1, 2});
    CHECK(f.box.empty());
}

TEST_CASE("inbox: taking all takes what was there, and leaves what comes meanwhile") {
    fixture f;
    f.push(0);
    f.push(1);
    f.take(f.box.pop());  // the next one has been fetched by that, and is not the newest
    f.push(2);
    std::size_t next = 3;
    f.box.take_all([&](slot* s) {
        f.take(s);
        if (next < f.slots.size()) {
            f.push(next++);
        }
    });
    CHECK(f.taken == std::vector<std::ptrdiff_t>{0, 1, 2, 3});
    CHECK_FALSE(f.box.empty());
    f.box.take_all([&](slot* s) { f.take(s); });
    CHECK(f.taken == std::vector<std::ptrdiff_t>{0, 1, 2, 3, 4, 5});
    CHECK(f.box.empty());
    f.box.take_all([&](slot* s) { f.take(s); });
    CHECK(f.taken.size() == 6);
}
