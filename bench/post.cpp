// SPDX-License-Identifier: BSL-1.0
// What it costs to give a function to the loop and to have it called.

#include "measure.hpp"

#include <cstdint>

namespace {

constexpr std::uint64_t at_once = 1000;
constexpr std::uint64_t rounds = 1000;
constexpr std::uint64_t chain_length = 1'000'000;

// Post a thousand from outside, then run them.
template <class Library>
void post_at_once(bench::stopwatch& watch) {
    typename Library::io_context context;
    std::uint64_t called = 0;
    auto round = [&] {
        for (std::uint64_t i = 0; i < at_once; ++i) {
            Library::post(context, [&called] { ++called; });
        }
        context.run();
        context.restart();
    };
    round();
    watch.begin();
    for (std::uint64_t i = 0; i < rounds; ++i) {
        round();
    }
    watch.end(called - at_once);
}

template <class Library>
struct link {
    typename Library::io_context* context;
    std::uint64_t* left;

    void operator()() const {
        if (--*left != 0) {
            Library::post(*context, *this);
        }
    }
};

// Each function posts the next one. A timer far away makes the context what it is in any program:
// one that has something to wait for as well.
template <class Library>
void post_chain(bench::stopwatch& watch) {
    typename Library::io_context context;
    typename Library::timer far(context, std::chrono::hours(1));
    far.async_wait([](auto) {});
    std::uint64_t left = chain_length;
    Library::post(context, link<Library>{&context, &left});
    context.poll_one();
    const std::uint64_t links = left;
    watch.begin();
    while (left != 0) {
        context.run_one();
    }
    watch.end(links);
}

// As post_chain, in one run().
template <class Library>
void post_chain_in_run(bench::stopwatch& watch) {
    typename Library::io_context context;
    typename Library::timer far(context, std::chrono::hours(1));
    far.async_wait([](auto) {});
    std::uint64_t left = chain_length;
    Library::post(context, [&] {
        watch.begin();
        link<Library>{&context, &left}();
    });
    std::uint64_t turns = 0;
    struct until_done {
        typename Library::io_context* context;
        std::uint64_t* left;
        std::uint64_t* turns;
        void operator()() const {
            ++*turns;
            if (*left == 0) {
                context->stop();
            }
        }
    };
    (void)turns;
    context.run();
    watch.end(chain_length);
}

}  // namespace

int main() {}
