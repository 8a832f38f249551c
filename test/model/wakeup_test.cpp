// SPDX-License-Identifier: BSL-1.0
// The library itself, compiled over modelled atomics, in every order of a few threads' operations:
// a loop that falls asleep is woken for whatever another thread leaves for it, by inbox, ring or
// flag, and a timer ends at its time to the nanosecond. With GYRE_STRESS=full one more preemption.
//
// What the model sees: interleavings, and stores that other threads see late (bounds::buffered). It
// does not see other reorderings of weak memory; those are ThreadSanitizer's to find.
#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/local/stream_protocol.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "model/modelled_world.hpp"
#include "support/catch.hpp"
#include "support/hang_guard.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <optional>

#include <sys/socket.h>
#include <unistd.h>

using namespace gyre;
using namespace gyre::testing;
using model::findings;
using model::modelled_world;
using model::play;

namespace {

using work_guard = executor_work_guard<>;
using std::chrono::nanoseconds;

// A context that a thread of the play runs, with work until count() was called as often as wanted.
struct stage_set {
    explicit stage_set(std::size_t ring_capacity = 4) : ctx(options(ring_capacity)) {}

    io_context_options options(std::size_t ring_capacity) {
        io_context_options o = world.options();
        o.ring_capacity = ring_capacity;
        return o;
    }
    void count() {
        ++calls;
        if (calls == wanted) {
            work.reset();
        }
    }
    void run_in(play& p, std::string_view name = "loop") {
        p.thread(name, [this] { ctx.run(); });
    }

    // Plays it: each handler that counts has to be called once.
    void go_on(play& p) {
        p.go_on();
        if (calls != wanted) {
            p.fail("not each called once");
        }
    }

    modelled_world world;
    io_context ctx;
    std::optional<work_guard> work{make_work_guard(ctx)};
    int calls = 0;
    int wanted = 1;
};

// Plays it in all orders, with stores seen at once and late.
void explore(void (*body)(play&), unsigned preemptions = 2) {
    for (const bool buffered : {false, true}) {
        const findings f =
            model::explore({preemptions + (full_stress() ? 1U : 0U), buffered}, body);
        CAPTURE(buffered, f.runs, f.steps);
        INFO(f.failure);
        CHECK(f.failure.empty());
        CHECK(f.runs > 10);
    }
}

}  // namespace

TEST_CASE("model: a post always wakes a loop that falls asleep", "[L18]") {
    explore([](play& p) {
        stage_set s;
        s.run_in(p);
        p.thread("post", [&] { post(s.ctx, [&] { s.count(); }); });
        s.go_on(p);
        if (s.world.device().signals > 1) {
            p.fail("woken twice for one post");
        }
    });
}

TEST_CASE("model: posts of two threads always wake a loop that falls asleep") {
    explore(
        [](play& p) {
            stage_set s;
            s.wanted = 3;
            int last = 0;
            bool ordered = true;
            s.run_in(p);
            p.thread("one", [&] {
                for (int i = 1; i <= 2; ++i) {
                    post(s.ctx, [&, i] {
                        ordered = ordered && last == i - 1;
                        last = i;
                        s.count();
                    });
                }
            });
            p.thread("two", [&] { post(s.ctx, [&] { s.count(); }); });
            s.go_on(p);
            if (!ordered) {
                p.fail("posts of one thread overtook each other");
            }
        },
        1);
}

namespace {

// Posts that have to be called in their order.
struct in_order {
    play& p;
    stage_set& s;
    int last = 0;

    void called(int number) {
        if (number != ++last) {
            p.fail("posts of one thread overtook each other");
        }
        s.count();
    }
    // Travels with others; too much to travel so; not nothing but bytes.
    void post_small(int number) {
        post(s.ctx, [this, number] { called(number); });
    }
    void post_large(int number) {
        const std::array<char, 64> ballast{};
        post(s.ctx, [this, number, ballast] { called(number + ballast[0]); });
    }
    void post_owning(int number) {
        post(s.ctx, [this, owned = std::make_unique<int>(number)] { called(*owned); });
    }
};

}  // namespace

TEST_CASE("model: a thread's posts keep their order, small and large ones, and wake the loop") {
    explore([](play& p) {
        stage_set s;
        s.wanted = 4;
        in_order one{p, s};
        s.run_in(p);
        p.thread("one", [&] {
            one.post_small(1);
            one.post_large(2);
            one.post_small(3);
            one.post_small(4);
        });
        s.go_on(p);
    });
}

TEST_CASE("model: the posts of two threads that travel together keep the order of each") {
    explore(
        [](play& p) {
            stage_set s;
            s.wanted = 5;
            in_order one{p, s};
            in_order two{p, s};
            s.run_in(p);
            p.thread("one", [&] {
                one.post_small(1);
                one.post_small(2);
                one.post_owning(3);
            });
            p.thread("two", [&] {
                two.post_small(1);
                two.post_large(2);
            });
            s.go_on(p);
        },
        1);
}

TEST_CASE("model: a timer of another thread, earlier than the sleep of the loop, ends in time",
          "[L1]") {
    explore([](play& p) {
        stage_set s;
        s.work.reset();
        steady_timer far(s.ctx, nanoseconds(1000));
        steady_timer near(s.ctx);
        const time_ns start = model::now();
        time_ns ended = 0;
        far.async_wait([&](error_code) { s.count(); });
        s.run_in(p);
        p.thread("arm", [&] {
            near.expires_at(steady_timer::time_point(nanoseconds(start + 10)));
            near.async_wait([&](error_code e) {
                ended = model::now();
                if (e) {
                    p.fail("aborted");
                }
                far.cancel();
            });
        });
        s.go_on(p);
        if (ended != start + 10) {
            p.fail("not at its time");
        }
    });
}

TEST_CASE("model: a timer of another thread, later than the sleep of the loop, wakes nobody") {
    explore([](play& p) {
        stage_set s;
        steady_timer near(s.ctx, nanoseconds(10));
        steady_timer far(s.ctx);
        const time_ns start = model::now();
        time_ns ended = 0;
        near.async_wait([](error_code) {});
        s.run_in(p);
        p.thread("arm", [&] {
            far.expires_at(steady_timer::time_point(nanoseconds(start + 1000)));
            far.async_wait([&](error_code) {
                ended = model::now();
                s.count();
            });
        });
        s.go_on(p);
        if (ended != start + 1000) {
            p.fail("not at its time");
        }
        if (s.world.device().signals != 0) {
            p.fail("woken for nothing");
        }
    });
}

TEST_CASE("model: timers of two threads that find the ring full end in time all the same",
          "[D10]") {
    explore(
        [](play& p) {
            stage_set s(1);
            s.wanted = 4;
            const time_ns start = model::now();
            std::array<std::optional<steady_timer>, 4> timers;
            const auto arm = [&](int n) {
                steady_timer& timer = *timers[n];
                timer.expires_at(steady_timer::time_point(nanoseconds(start + 10 * (n + 1))));
                timer.async_wait([&, n](error_code e) {
                    if (e || model::now() != start + 10 * (n + 1)) {
                        p.fail("not at its time");
                    }
                    s.count();
                });
            };
            for (auto& timer : timers) {
                timer.emplace(s.ctx);
            }
            s.run_in(p);
            p.thread("one", [&] {
                arm(0);
                arm(3);
            });
            p.thread("two", [&] {
                arm(2);
                arm(1);
            });
            s.go_on(p);
        },
        1);
}

TEST_CASE("model: a timer that another thread changes again and again ends by its last change") {
    explore([](play& p) {
        stage_set s(2);
        s.wanted = 3;
        const time_ns start = model::now();
        steady_timer timer(s.ctx, nanoseconds(1000));
        int aborts = 0;
        time_ns ended = 0;
        const auto wait = [&] {
            timer.async_wait([&](error_code e) {
                aborts += e ? 1 : 0;
                ended = e ? ended : model::now();
                s.count();
            });
        };
        wait();
        s.run_in(p);
        p.thread("change", [&] {
            timer.expires_at(steady_timer::time_point(nanoseconds(start + 20)));
            wait();
            timer.cancel();
            timer.expires_at(steady_timer::time_point(nanoseconds(start + 30)));
            wait();
        });
        p.go_on();
        if (s.calls != 3 || aborts != 2) {
            p.fail("not each called once, the first two aborted");
        }
        if (ended != start + 30) {
            p.fail("not at its time");
        }
    });
}

TEST_CASE("model: the end of the last work always ends a run() that falls asleep") {
    explore([](play& p) {
        stage_set s;
        work_guard second = make_work_guard(s.ctx);
        s.run_in(p);
        p.thread("one", [&] { s.work.reset(); });
        p.thread("two", [&] { second.reset(); });
        p.go_on();
    });
}

TEST_CASE("model: stop() always ends a run() that falls asleep") {
    explore([](play& p) {
        stage_set s;
        s.run_in(p);
        p.thread("stop", [&] { s.ctx.stop(); });
        p.go_on();
        if (!s.ctx.stopped()) {
            p.fail("not stopped");
        }
    });
}

TEST_CASE("model: of two threads in run() one is always woken for a post, and both by the end") {
    explore(
        [](play& p) {
            stage_set s;
            s.wanted = 2;
            s.run_in(p, "run");
            s.run_in(p, "too");
            p.thread("post", [&] {
                post(s.ctx, [&] { s.count(); });
                post(s.ctx, [&] { s.count(); });
            });
            s.go_on(p);
        },
        1);
}

TEST_CASE("model: a thread that leaves run_one() wakes one that waits for its turn") {
    explore([](play& p) {
        stage_set s;
        s.wanted = 2;
        post(s.ctx, [&] { s.count(); });
        post(s.ctx, [&] { s.count(); });
        p.thread("leave", [&] { s.ctx.run_one(); });
        s.run_in(p, "stay");
        s.go_on(p);
    });
}

TEST_CASE("model: stop() in a handler ends the run() of a thread that waits, before it returns") {
    explore([](play& p) {
        stage_set s;
        bool inside = false;
        bool ended = false;
        post(s.ctx, [&] {
            inside = true;
            s.ctx.stop();
            model::sleep([&] { return ended; }, no_deadline, true);
        });
        s.run_in(p, "stop");
        p.thread("wait", [&] {
            model::sleep([&] { return inside; }, no_deadline, true);
            s.ctx.run();
            ended = true;
        });
        p.go_on();
    });
}

namespace {

// What a foreign loop does that watches the handle, and has a timer or none.
void be_host(stage_set& s, bool has_timer) {
    for (;;) {
        s.ctx.poll();
        if (s.ctx.stopped()) {
            return;
        }
        s.world.host_sleeps(has_timer ? s.ctx.next_deadline() : no_deadline);
    }
}

}  // namespace

TEST_CASE("model: a post always calls a host that goes to sleep on the handle") {
    explore([](play& p) {
        stage_set s;
        s.wanted = 2;
        static_cast<void>(s.ctx.native_handle());
        p.thread("host", [&] { be_host(s, false); });
        p.thread("post", [&] {
            post(s.ctx, [&] { s.count(); });
            post(s.ctx, [&] { s.count(); });
        });
        s.go_on(p);
    });
}

TEST_CASE("model: a timer of another thread calls a host that would sleep longer") {
    explore([](play& p) {
        stage_set s;
        const time_ns start = model::now();
        steady_timer timer(s.ctx);
        static_cast<void>(s.ctx.native_handle());
        p.thread("host", [&] { be_host(s, true); });
        p.thread("arm", [&] {
            timer.expires_at(steady_timer::time_point(nanoseconds(start + 10)));
            timer.async_wait([&](error_code e) {
                if (e || model::now() != start + 10) {
                    p.fail("not at its time");
                }
                s.count();
            });
        });
        s.go_on(p);
    });
}

namespace {

// A socket of the context, and its peer, which is not.
struct line {
    explicit line(io_context& ctx) : here(ctx) {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        here.assign(local::stream_protocol(), ends[0]);
        there = ends[1];
    }
    line(const line&) = delete;
    line& operator=(const line&) = delete;
    ~line() { ::close(there); }

    // The peer reads the end of the stream.
    bool closed() const {
        char byte;
        return ::recv(there, &byte, 1, MSG_DONTWAIT) == 0;
    }

    local::stream_protocol::socket here;
    int there;
};

}  // namespace

TEST_CASE("model: sockets that several threads close are closed though nobody runs the context") {
    explore([](play& p) {
        stage_set s;
        std::array<std::optional<line>, 2> lines;
        for (auto& each : lines) {
            each.emplace(s.ctx);
        }
        p.thread("one", [&] { lines[0]->here.close(); });
        p.thread("two", [&] { lines[1]->here.close(); });
        p.go_on();
        if (!lines[0]->closed() || !lines[1]->closed()) {
            p.fail("still open");
        }
    });
}

TEST_CASE("model: a socket that is closed while another thread leaves poll() is closed") {
    explore([](play& p) {
        stage_set s;
        line l(s.ctx);
        p.thread("poll", [&] { s.ctx.poll(); });
        p.thread("close", [&] { l.here.close(); });
        p.go_on();
        if (!l.closed()) {
            p.fail("still open");
        }
    });
}

TEST_CASE("model: a socket is released though another thread closes one, if nobody runs") {
    explore([](play& p) {
        stage_set s;
        std::array<std::optional<line>, 2> lines;
        for (auto& each : lines) {
            each.emplace(s.ctx);
        }
        p.thread("close", [&] { lines[0]->here.close(); });
        p.thread("release", [&] {
            error_code error;
            const int handle = lines[1]->here.release(error);
            if (error) {
                p.fail("refused");
            } else {
                ::close(handle);
            }
        });
        p.go_on();
        if (!lines[0]->closed() || !lines[1]->closed()) {
            p.fail("still open");
        }
    });
}
