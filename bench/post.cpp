// SPDX-License-Identifier: BSL-1.0
// What it costs to give a function to the loop and to have it called.

#include "measure.hpp"

#include <chrono>
#include <cstdint>

namespace {

constexpr std::uint64_t at_once = 1000;
constexpr std::uint64_t rounds = 1000;
constexpr std::uint64_t chain_length = 1'000'000;
constexpr int repetitions = 5;

// A thousand are posted from outside, then run.
template <class Library>
bench::stopwatch post_at_once() {
    bench::stopwatch watch;
    typename Library::io_context context;
    std::uint64_t called = 0;
    const auto round = [&] {
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
    watch.end(rounds * at_once);
    return watch;
}

// Each function posts the next one.
template <class Library>
struct chain_link {
    typename Library::io_context* context;
    std::uint64_t* left;

    void operator()() const {
        if (--*left != 0) {
            Library::post(*context, *this);
        } else {
            context->stop();
        }
    }
};

// The timer far away makes the context what it is in any program: one with something to wait for.
template <class Library>
bench::stopwatch post_chain() {
    bench::stopwatch watch;
    typename Library::io_context context;
    typename Library::timer far(context, std::chrono::hours(1));
    far.async_wait([](auto) {});
    std::uint64_t left = chain_length;
    Library::post(context, [&] {
        watch.begin();
        chain_link<Library>{&context, &left}();
    });
    context.run();
    watch.end(chain_length);
    return watch;
}

}  // namespace

int main() {
    bench::compare("post_1000_at_once", repetitions, []<class L> { return post_at_once<L>(); });
    bench::compare("post_chain", repetitions, []<class L> { return post_chain<L>(); });
}
