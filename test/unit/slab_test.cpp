// SPDX-License-Identifier: BSL-1.0
// Slots: where they come from, where they go back to, and what stays readable for ever.
#include "slab/slab.hpp"

#include "support/catch.hpp"

#include <cstdint>
#include <new>
#include <set>
#include <thread>
#include <vector>

using gyre::detail::owner_frame;
using gyre::detail::slab;
using gyre::detail::slot;
using gyre::detail::slot_class;
using gyre::detail::slot_kind;
using gyre::detail::slot_object_size_max;
using gyre::detail::top_owner_frame;

namespace {

/// Makes the calling thread the owner while it lives.
class ownership {
public:
    explicit ownership(const slab& s) : frame_{&s, nullptr, top_owner_frame} {
        top_owner_frame = &frame_;
    }
    ~ownership() { top_owner_frame = frame_.outer; }
    ownership(const ownership&) = delete;
    ownership& operator=(const ownership&) = delete;

private:
    owner_frame frame_;
};

std::uint32_t generation(const void* object) { return slot::of(object)->generation; }

}  // namespace

TEST_CASE("slab: a released slot is the next one given out, with a new generation", "[slab]") {
    slab s(0);
    const ownership claim(s);
    void* first = s.acquire(slot_class(100), slot_kind::post);
    const std::uint32_t before = generation(first);
    gyre::detail::release_slot(first);
    CHECK(generation(first) == before + 1);
    void* second = s.acquire(slot_class(110), slot_kind::receive);
    CHECK(second == first);
    CHECK(generation(second) == before + 1);
    CHECK(slot::of(second)->kind == slot_kind::receive);
    gyre::detail::release_slot(second);
}

TEST_CASE("slab: objects of every size have room, alignment and a slot of their own", "[slab]") {
    slab s(0);
    const ownership claim(s);
    std::vector<std::pair<unsigned char*, std::size_t>> objects;
    for (std::size_t size = 1; size <= slot_object_size_max; ++size) {
        for (int i = 0; i != 3; ++i) {
            auto* p = static_cast<unsigned char*>(s.acquire(slot_class(size), slot_kind::post));
            REQUIRE(reinterpret_cast<std::uintptr_t>(p) % gyre::detail::slot_object_alignment == 0);
            std::fill_n(p, size, static_cast<unsigned char>(size));
            objects.emplace_back(p, size);
        }
    }
    for (const auto& [p, size] : objects) {
        for (std::size_t i = 0; i != size; ++i) {
            REQUIRE(p[i] == static_cast<unsigned char>(size));
        }
        gyre::detail::release_slot(p);
    }
    CHECK(s.usage().live_slots == 0);
}

TEST_CASE("slab: a slot's number is its own and leads back to it", "[slab]") {
    slab s(0);
    const ownership claim(s);
    std::set<std::uint32_t> numbers;
    std::vector<void*> objects;
    for (int i = 0; i != 5000; ++i) {
        void* p = s.acquire(slot_class(static_cast<std::size_t>(i % 400 + 1)), slot_kind::post);
        objects.push_back(p);
        const std::uint32_t n = s.number_of(p);
        CHECK(numbers.insert(n).second);
        REQUIRE(s.at(n) == slot::of(p));
    }
    for (void* p : objects) {
        gyre::detail::release_slot(p);
    }
}

TEST_CASE("slab: a stale reference can read the generation of a slot freed long ago", "[slab]") {
    slab s(0);
    const ownership claim(s);
    void* p = s.acquire(slot_class(64), slot_kind::post);
    const std::uint32_t then = generation(p);
    for (int i = 0; i != 1000; ++i) {
        gyre::detail::release_slot(p);
        REQUIRE(s.acquire(slot_class(64), slot_kind::post) == p);
        REQUIRE(generation(p) != then);
    }
    gyre::detail::release_slot(p);
}

TEST_CASE("slab: at its bound it throws, and goes on when a slot is free again", "[slab]") {
    slab s(slab::page_bytes);
    const ownership claim(s);
    std::vector<void*> objects;
    try {
        for (;;) {
            objects.push_back(s.acquire(slot_class(slot_object_size_max), slot_kind::post));
        }
    } catch (const std::bad_alloc&) {}
    CHECK(objects.size() == (slab::page_bytes - 64) / 512);
    CHECK(s.usage().live_slots == objects.size());
    gyre::detail::release_slot(objects.back());
    CHECK(s.acquire(slot_class(slot_object_size_max), slot_kind::post) == objects.back());
    CHECK_THROWS_AS(s.acquire(slot_class(slot_object_size_max), slot_kind::post), std::bad_alloc);
    for (void* p : objects) {
        gyre::detail::release_slot(p);
    }
}

TEST_CASE("slab: what other threads take and the owner releases goes round without growing",
          "[slab]") {
    slab s(0);
    const ownership claim(s);
    std::size_t pages = 0;
    for (int round = 0; round != 200; ++round) {
        std::vector<void*> taken;
        std::thread([&] {
            for (int i = 0; i != 100; ++i) {
                taken.push_back(s.acquire(slot_class(96), slot_kind::post));
            }
        }).join();
        for (void* p : taken) {
            gyre::detail::release_slot(p);
        }
        s.return_shared();
        if (round == 0) {
            pages = s.usage().pages;
        }
    }
    CHECK(s.usage().pages == pages);
    CHECK(s.usage().live_slots == 0);
}

TEST_CASE("slab: what the owner takes and other threads release goes round without growing",
          "[slab]") {
    slab s(0);
    const ownership claim(s);
    std::size_t pages = 0;
    for (int round = 0; round != 200; ++round) {
        std::vector<void*> taken;
        for (int i = 0; i != 100; ++i) {
            taken.push_back(s.acquire(slot_class(96), slot_kind::post));
        }
        std::thread([&] {
            for (void* p : taken) {
                gyre::detail::release_slot(p);
            }
        }).join();
        if (round == 0) {
            pages = s.usage().pages;
        }
    }
    CHECK(s.usage().pages == pages);
}

TEST_CASE("slab: four threads take and release at once, each slot in one hand", "[slab]") {
    slab s(0);
    std::vector<std::thread> threads;
    for (int t = 0; t != 4; ++t) {
        threads.emplace_back([&s, t] {
            std::vector<std::uint32_t*> mine;
            for (int i = 0; i != 20000; ++i) {
                auto* p = static_cast<std::uint32_t*>(s.acquire(slot_class(64), slot_kind::post));
                *p = static_cast<std::uint32_t>(t);
                mine.push_back(p);
                if (mine.size() == 50) {
                    for (auto* q : mine) {
                        if (*q != static_cast<std::uint32_t>(t)) {
                            std::terminate();
                        }
                        gyre::detail::release_slot(q);
                    }
                    mine.clear();
                }
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(s.usage().live_slots == 0);
    CHECK(s.usage().pages <= 4);
}

TEST_CASE("slab: without a slab a slot comes from the heap", "[slab]") {
    slab* const none = nullptr;
    void* p = gyre::detail::acquire_slot(none, slot_class(200), slot_kind::post);
    CHECK(slot::of(p)->kind == slot_kind::post);
    CHECK(slot::of(p)->origin == gyre::detail::slot_origin::heap);
    gyre::detail::release_slot(p);
}

TEST_CASE("slab: walking visits slots in use and no others", "[slab]") {
    slab s(0);
    const ownership claim(s);
    std::vector<void*> objects;
    for (int i = 0; i != 1000; ++i) {
        objects.push_back(
            s.acquire(slot_class(64), i % 2 == 0 ? slot_kind::post : slot_kind::source));
    }
    for (std::size_t i = 0; i < objects.size(); i += 3) {
        gyre::detail::release_slot(objects[i]);
    }
    std::size_t posts = 0;
    std::size_t sources = 0;
    s.for_each_live([&](slot&, slot_kind kind) { ++(kind == slot_kind::post ? posts : sources); });
    CHECK(posts == 333);
    CHECK(sources == 333);
}
