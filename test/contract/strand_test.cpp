// SPDX-License-Identifier: BSL-1.0
// Strands: one handler at a time and in order, whatever threads run the context; posts, bound
// handlers, and I/O objects that were made with a strand.
#include <gyre/bind_executor.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/post.hpp>
#include <gyre/read.hpp>
#include <gyre/steady_timer.hpp>
#include <gyre/strand.hpp>
#include <gyre/write.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/result.hpp"
#include "support/tcp_pair.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace gyre;
using namespace gyre::testing;
using namespace std::chrono_literals;

namespace {

// Counts who passes, and whoever finds somebody else inside, which is what a strand prevents. Of
// several threads, for the macros of the test framework are for one.
class turnstile {
public:
    void pass(bool well = true) {
        met_ += ++inside_ == 1 && well ? 0 : 1;
        std::this_thread::yield();
        --inside_;
        ++passed_;
    }
    int passed() const { return passed_; }
    int met() const { return met_; }

private:
    std::atomic<int> inside_{0};
    std::atomic<int> passed_{0};
    std::atomic<int> met_{0};
};

void run_in_threads(io_context& ctx, int count) {
    std::vector<std::thread> threads;
    for (int i = 0; i != count; ++i) {
        threads.emplace_back([&] { ctx.run(); });
    }
    for (std::thread& t : threads) {
        t.join();
    }
}

}  // namespace

TEST_CASE("strand: functions that are posted to it run in their order, and know where they are") {
    io_context ctx;
    const auto s = make_strand(ctx);
    const auto other = make_strand(ctx);
    std::string order;
    CHECK_FALSE(s.running_in_this_thread());
    post(s, [&] {
        order += 'a';
        CHECK(s.running_in_this_thread());
        CHECK_FALSE(other.running_in_this_thread());
        CHECK(ctx.get_executor().running_in_this_thread());
        post(s, [&] { order += 'd'; });
        dispatch(s, [&] { order += 'b'; });
        defer(s, [&] { order += 'e'; });
    });
    post(s, [&] { order += 'c'; });
    CHECK(order.empty());
    ctx.run();
    CHECK(order == "abcde");
    CHECK_FALSE(s.running_in_this_thread());
}

TEST_CASE(
    "strand: dispatch() calls at once where nobody has the turn, and in line where somebody has") {
    io_context ctx;
    const auto s = make_strand(ctx);
    std::string order;
    dispatch(s, [&] { order += 'b'; });
    CHECK(order.empty());  // outside run()
    post(ctx, [&] {
        post(s, [&] { order += 'c'; });
        dispatch(s, [&] { order += 'd'; });  // 'c' stands in line before it
        order += 'a';
    });
    ctx.run();
    CHECK(order == "bacd");
    ctx.restart();
    order.clear();
    post(ctx, [&] {
        dispatch(s, [&] {
            order += 'x';
            CHECK(s.running_in_this_thread());
            dispatch(s, [&] { order += 'y'; });
        });
        order += 'z';
        CHECK_FALSE(s.running_in_this_thread());
    });
    ctx.run();
    CHECK(order == "xyz");
}

TEST_CASE("strand: copies are the same one, and it goes wherever an executor goes") {
    io_context ctx;
    const strand<> s(ctx.get_executor());
    const strand<> copy = s;
    const any_io_executor erased = s;
    CHECK(copy == s);
    CHECK(erased == s);
    CHECK_FALSE(erased == ctx.get_executor());
    CHECK_FALSE(make_strand(ctx) == s);
    CHECK(s.get_inner_executor() == ctx.get_executor());
    any_io_executor assigned;
    CHECK_FALSE(assigned);
    assigned = erased;
    CHECK(assigned == s);
    any_io_executor moved(std::move(assigned));
    CHECK(moved == s);
    moved = ctx.get_executor();
    CHECK(moved == ctx.get_executor());
    const steady_timer timer(s);
    CHECK(timer.get_executor() == s);
    const auto nested = make_strand(s);
    CHECK(nested.get_inner_executor() == s);
}

TEST_CASE("strand: of many threads one at a time is inside, and every function is called once") {
    const hang_guard guard(60s);
    io_context ctx;
    const auto s = make_strand(ctx);
    turnstile gate;
    const int each = 2000;
    auto work = make_work_guard(ctx);
    std::vector<std::thread> posters;
    for (int t = 0; t != 3; ++t) {
        posters.emplace_back([&] {
            for (int i = 0; i != each; ++i) {
                post(s, [&] { gate.pass(); });
                if (i % 7 == 0) {
                    post(ctx, [&] { dispatch(s, [&] { gate.pass(); }); });
                }
            }
        });
    }
    std::thread closer([&] {
        for (std::thread& p : posters) {
            p.join();
        }
        work.reset();
    });
    run_in_threads(ctx, 3);
    closer.join();
    CHECK(gate.passed() == 3 * (each + (each + 6) / 7));
    CHECK(gate.met() == 0);
}

TEST_CASE("strand: bound handlers of operations run in it, one at a time, with several threads") {
    const hang_guard guard(60s);
    io_context ctx;
    const auto s = make_strand(ctx);
    turnstile gate;
    std::vector<std::unique_ptr<steady_timer>> timers;
    for (int i = 0; i != 500; ++i) {
        timers.push_back(std::make_unique<steady_timer>(ctx, std::chrono::microseconds(i)));
        timers.back()->async_wait(
            bind_executor(s, [&](error_code e) { gate.pass(!e && s.running_in_this_thread()); }));
    }
    run_in_threads(ctx, 3);
    CHECK(gate.passed() == 500);
    CHECK(gate.met() == 0);
}

TEST_CASE("strand: the handlers of objects that were made with it run in it, however they end") {
    io_context ctx;
    const auto s = make_strand(ctx);
    const auto inside = [&](int& calls) {
        return [&](error_code, auto...) {
            CHECK(s.running_in_this_thread());
            ++calls;
        };
    };
    int calls = 0;
    tcp::acceptor acceptor(s, loopback());
    tcp::socket client(s);
    tcp::socket server(s);
    acceptor.async_accept(server, inside(calls));
    client.async_connect(acceptor.local_endpoint(), inside(calls));
    run(ctx);
    CHECK(calls == 2);
    char text[8];
    server.async_read_some(buffer(text), inside(calls));
    client.async_write_some(buffer("x", 1), inside(calls));
    client.async_wait(tcp::socket::wait_write, inside(calls));
    steady_timer timer(s, 1ns);
    timer.async_wait(inside(calls));
    run(ctx);
    CHECK(calls == 6);
    std::string whole(5, ' ');
    async_read(server, buffer(whole), inside(calls));
    async_write(client, buffer("hello", 5), inside(calls));
    run(ctx);
    CHECK(calls == 8);
    server.async_read_some(buffer(text), inside(calls));
    timer.expires_after(1h);
    timer.async_wait(inside(calls));
    CHECK(server.cancel() == 1);
    CHECK(timer.cancel() == 1);
    run(ctx);
    CHECK(calls == 10);
    server.async_read_some(buffer(text), inside(calls));
    server.close();
    server.async_read_some(buffer(text), inside(calls));  // bad_descriptor
    run(ctx);
    CHECK(calls == 12);
}

TEST_CASE(
    "strand: an object that is destroyed with the last executor leaves its handlers a strand") {
    io_context ctx;
    int calls = 0;
    std::optional<strand<>> s = make_strand(ctx);
    adopted a = adopt(ctx);
    std::optional<tcp::socket> socket(std::in_place, *s, tcp::v4(), a.socket.release());
    std::optional<steady_timer> timer(std::in_place, *s, 1h);
    char text[8];
    const auto aborted_inside = [&](error_code e, auto...) {
        CHECK(e == error::operation_aborted);
        ++calls;
    };
    socket->async_read_some(buffer(text), aborted_inside);
    timer->async_wait(aborted_inside);
    socket.reset();
    timer.reset();
    s.reset();
    run(ctx);
    CHECK(calls == 2);
}

TEST_CASE("strand: a session over sockets with a strand keeps out every second thread") {
    const hang_guard guard(60s);
    io_context ctx;
    const auto s = make_strand(ctx);
    turnstile gate;
    struct half {
        tcp::socket socket;
        turnstile& gate;
        int left;
        std::array<char, 64> bytes{};
        void read() {
            socket.async_read_some(buffer(bytes), [this](error_code e, std::size_t n) {
                gate.pass();
                if (!e) {
                    write(n);
                }
            });
        }
        void write(std::size_t n) {
            if (left-- == 0) {
                socket.close();
                return;
            }
            async_write(socket, buffer(bytes, n), [this](error_code e, std::size_t) {
                gate.pass();
                if (!e) {
                    read();
                }
            });
        }
    };
    std::vector<std::unique_ptr<half>> halves;
    for (int i = 0; i != 4; ++i) {
        connection c = connected(ctx);
        for (tcp::socket* end : {&c.client, &c.server}) {
            halves.push_back(
                std::make_unique<half>(half{tcp::socket(s, tcp::v4(), end->release()), gate, 200}));
        }
        halves.back()->write(32);
        halves[halves.size() - 2]->read();
    }
    // Others that are not of the strand make the threads run at the same time.
    std::atomic<int> spun{0};
    std::vector<std::unique_ptr<steady_timer>> timers;
    for (int i = 0; i != 200; ++i) {
        timers.push_back(std::make_unique<steady_timer>(ctx, std::chrono::microseconds(50 * i)));
        timers.back()->async_wait([&](error_code) { ++spun; });
    }
    run_in_threads(ctx, 3);
    CHECK(spun == 200);
    CHECK(gate.passed() >= 4 * 400);
    CHECK(gate.met() == 0);
}

TEST_CASE("strand: an exception leaves run(), and the strand goes on") {
    io_context ctx;
    const auto s = make_strand(ctx);
    int calls = 0;
    post(s, [] { throw std::runtime_error("one"); });
    post(s, [&] { ++calls; });
    steady_timer timer(s, 1ns);
    timer.async_wait([](error_code) { throw std::runtime_error("two"); });
    for (int thrown = 0; thrown != 2;) {
        try {
            ctx.run();
            FAIL("no exception");
        } catch (const std::runtime_error&) {
            ++thrown;
        }
    }
    ctx.run();
    CHECK(calls == 1);
    ctx.restart();
    post(ctx, [&] { dispatch(s, [&] { ++calls; }); });
    ctx.run();
    CHECK(calls == 2);
}

TEST_CASE("strand: destroying the context destroys what waits in it, also what that posts") {
    auto kept = std::make_shared<int>(0);
    {
        io_context ctx;
        std::optional<strand<>> s = make_strand(ctx);
        struct reposts {
            strand<> where;
            std::shared_ptr<int> kept;
            reposts(const strand<>& w, std::shared_ptr<int> k) : where(w), kept(std::move(k)) {}
            reposts(reposts&&) = default;
            ~reposts() {
                if (kept && ++*kept < 3) {
                    post(where, [k = kept] {});
                }
            }
            void operator()() {}
        };
        post(*s, reposts(*s, kept));
        post(*s, [kept] {});
        steady_timer timer(*s, 1h);
        timer.async_wait([kept](error_code) {});
        s.reset();
    }
    CHECK(kept.use_count() == 1);
}

TEST_CASE("strand: work that waits in it keeps run() from returning") {
    io_context ctx;
    const auto s = make_strand(ctx);
    bool done = false;
    {
        auto work = make_work_guard(s);
        CHECK(work.owns_work());
        CHECK(ctx.poll() == 0);
        CHECK_FALSE(ctx.stopped());
        post(s, [&] { done = true; });
    }
    ctx.run();
    CHECK(done);
}

TEST_CASE("strand: over a strand, both take turns") {
    io_context ctx;
    const auto outer = make_strand(ctx);
    const auto inner = make_strand(outer);
    bool done = false;
    post(inner, [&] {
        CHECK(inner.running_in_this_thread());
        CHECK(outer.running_in_this_thread());
        done = true;
    });
    ctx.run();
    CHECK(done);
}

TEST_CASE("strand: a dispatch hook sees the functions behind it, by their names") {
    io_context ctx;
    const auto s = make_strand(ctx);
    std::vector<std::string> names;
    dispatch_hook hook;
    hook.user = &names;
    hook.before = [](void* user, const dispatch_info& info) noexcept {
        static_cast<std::vector<std::string>*>(user)->push_back(info.handler);
    };
    ctx.set_dispatch_hook(hook);
    struct known_by_name {
        void operator()() const {}
    };
    post(s, known_by_name());
    ctx.run();
    REQUIRE(names.size() == 1);
    CHECK(names[0].find("known_by_name") != std::string::npos);
}

TEST_CASE("make_strand: without memory it throws, and nothing is left") {
    io_context_options small;
    small.slab_bytes_max = 1;
    io_context ctx(small);
    std::vector<strand<>> many;
    const auto make_many = [&] {
        for (;;) {
            many.push_back(make_strand(ctx));
        }
    };
    CHECK_THROWS_AS(make_many(), std::bad_alloc);
    many.clear();
    CHECK_NOTHROW(make_strand(ctx));
}
