// SPDX-License-Identifier: BSL-1.0
// What timers cost, with few and with many of them pending. All is done inside handlers, in
// batches, and what is counted includes the call of each handler, cancelled waits too.

#include "measure.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::uint64_t batch = 100;
constexpr std::uint64_t populations[] = {100, 10'000, 1'000'000};

std::chrono::nanoseconds random_time(bench::random_numbers& random, steady_clock::duration least,
                                     steady_clock::duration width) {
    return least + std::chrono::nanoseconds(random(static_cast<std::uint64_t>(width.count())));
}

// A context with waits that will not end by themselves while it is measured.
template <class Library>
class population {
public:
    explicit population(std::uint64_t size) {
        for (std::uint64_t i = 0; i < size; ++i) {
            timers.emplace_back(context, random_time(random, 10min, 1h));
            timers.back().async_wait([](auto) {});
        }
    }

    // Calls one(i) ops times from inside handlers; the handlers of cancelled waits run in between.
    template <class One>
    bench::stopwatch drive(std::uint64_t ops, One one) {
        bench::stopwatch watch;
        std::uint64_t done = 0;
        Library::post(context, step<One>{this, &one, &watch, &done, ops});
        context.run();
        watch.end(ops);
        return watch;
    }

    typename Library::io_context context;
    std::deque<typename Library::timer> timers;
    bench::random_numbers random;

private:
    // One batch; a quarter of ops goes before, to warm up.
    template <class One>
    struct step {
        population* self;
        One* one;
        bench::stopwatch* watch;
        std::uint64_t* done;
        std::uint64_t ops;

        void operator()() const {
            if (*done == ops / 4) {
                watch->begin();
            } else if (*done == ops / 4 + ops) {
                self->context.stop();
                return;
            }
            for (std::uint64_t i = 0; i < batch; ++i) {
                (*one)((*done)++);
            }
            Library::post(self->context, *this);
        }
    };
};

template <class Library>
bench::stopwatch insert_and_cancel(std::uint64_t pending) {
    population<Library> all(pending);
    std::vector<std::chrono::nanoseconds> times(4096);
    std::generate(times.begin(), times.end(), [&] { return random_time(all.random, 1s, 60s); });
    std::deque<typename Library::timer> fresh;
    for (std::uint64_t i = 0; i < batch; ++i) {
        fresh.emplace_back(all.context);
    }
    return all.drive(1'000'000, [&](std::uint64_t i) {
        auto& timer = fresh[i % batch];
        timer.expires_after(times[i % times.size()]);
        timer.async_wait([](auto) {});
        if (i % batch == batch - 1) {
            for (auto& each : fresh) {
                each.cancel();
            }
        }
    });
}

template <class Library>
bench::stopwatch rearm(std::uint64_t pending, steady_clock::duration by) {
    population<Library> all(pending);
    return all.drive(1'000'000, [&, next = all.timers.begin()](std::uint64_t) mutable {
        next->expires_at(next->expiry() + by);
        next->async_wait([](auto) {});
        if (++next == all.timers.end()) {
            next = all.timers.begin();
        }
    });
}

// All come due before the loop runs.
template <class Library>
bench::stopwatch fire(std::uint64_t pending) {
    bench::stopwatch watch;
    const steady_clock::duration lead = 50us + 2us * static_cast<std::int64_t>(pending);
    for (std::uint64_t done = 0; done < 100'000; done += pending) {
        typename Library::io_context context;
        std::deque<typename Library::timer> timers;
        bench::random_numbers random;
        const auto start = steady_clock::now() + lead;
        for (std::uint64_t i = 0; i < pending; ++i) {
            timers.emplace_back(context, start + random_time(random, 0s, lead));
            timers.back().async_wait([](auto) {});
        }
        while (steady_clock::now() < start + lead) {}
        watch.begin();
        context.run();
        watch.end(pending);
    }
    return watch;
}

// Each handler arms the timer again for a time that is over.
template <class Library>
struct expired_link {
    typename Library::timer* timer;
    std::uint64_t* left;

    template <class Error>
    void operator()(Error) const {
        if (--*left != 0) {
            timer->expires_at({});
            timer->async_wait(*this);
        }
    }
};

template <class Library>
bench::stopwatch expired_chain(std::uint64_t length) {
    bench::stopwatch watch;
    typename Library::io_context context;
    typename Library::timer timer(context, steady_clock::time_point());
    std::uint64_t left = length;
    timer.async_wait(expired_link<Library>{&timer, &left});
    watch.begin();
    context.run();
    watch.end(length);
    return watch;
}

std::string named(const char* what, std::uint64_t pending) {
    std::string name = what;
    name += '_';
    name += std::to_string(pending);
    return name;
}

void compare_at(std::uint64_t pending) {
    const auto compare = [=](const char* what, auto one) {
        bench::compare(named(what, pending).c_str(), pending > 100'000 ? 2 : 3, one);
    };
    compare("timer_insert_cancel", [=]<class L> { return insert_and_cancel<L>(pending); });
    compare("timer_rearm_later", [=]<class L> { return rearm<L>(pending, 30s); });
    compare("timer_rearm_earlier", [=]<class L> { return rearm<L>(pending, -1us); });
    compare("timer_fire", [=]<class L> { return fire<L>(pending); });
}

}  // namespace

int main() {
    for (const std::uint64_t pending : populations) {
        compare_at(pending);
    }
    bench::compare("timer_expired_chain", 3, []<class L> { return expired_chain<L>(50'000); });
}
