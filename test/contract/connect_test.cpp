// SPDX-License-Identifier: BSL-1.0
// connect and async_connect over several endpoints: with sockets, and with a scripted one that
// tells what was asked of it.
#include <gyre/bind_executor.hpp>
#include <gyre/cancellation_signal.hpp>
#include <gyre/connect.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/post.hpp>

#include "support/catch.hpp"
#include "support/handlers.hpp"
#include "support/scripted_stream.hpp"
#include "support/tcp_pair.hpp"

#include <array>
#include <list>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

namespace {

/// Attempts end as the script says of the port. Open is what a failed attempt leaves it.
class scripted_socket {
public:
    using executor_type = any_io_executor;
    using endpoint_type = tcp::endpoint;
    using protocol_type = tcp;

    explicit scripted_socket(io_context& context)
        : executor_(context.get_executor()), completer_(executor_) {}

    executor_type get_executor() const noexcept { return executor_; }
    bool is_open() const { return open_; }
    void cancel() { completer_.cancel(); }

    void open(const tcp& protocol, error_code& ec) {
        log += protocol == tcp::v6() ? "o6 " : "o4 ";
        ec = protocol == tcp::v6() ? no_v6 : error_code();
        open_ = !ec;
    }
    void close(error_code& ec) {
        log += open_ ? "c " : "";
        open_ = false;
        ec.clear();
    }
    void connect(const endpoint_type& to, error_code& ec) {
        if (!open_) {
            open(to.protocol(), ec);
        }
        if (open_) {
            log += std::to_string(to.port()) + ' ';
            ec = results[to.port()];
        }
    }
    template <class Handler>
    void async_connect(const endpoint_type& to, Handler&& handler) {
        error_code ec;
        connect(to, ec);
        // As a socket's: the handler takes the error alone.
        completer_.complete(ec, 0,
                            only_error<std::decay_t<Handler>>{std::forward<Handler>(handler)});
    }

    std::string log;
    std::map<int, error_code> results;
    error_code no_v6;

private:
    template <class Handler>
    struct only_error {
        using next_handler_type = Handler;
        const Handler& next_handler() const noexcept { return handler; }
        bool goes_on(const error_code& ec, std::size_t n) const noexcept {
            return handler.goes_on(ec, n);
        }
        void stop(detail::stop_reason reason) noexcept { handler.stop(reason); }
        void operator()(const error_code& ec, std::size_t) { std::move(handler)(ec); }
        Handler handler;
    };

    any_io_executor executor_;
    step_completer completer_;
    bool open_ = false;
};

using endpoints = std::vector<tcp::endpoint>;

tcp::endpoint v4(std::uint16_t port) { return {ip::address_v4::loopback(), port}; }
tcp::endpoint v6(std::uint16_t port) { return {ip::address_v6::loopback(), port}; }

/// What came of it: the port of the endpoint, 0 for none.
struct outcome {
    error_code error{};
    int port = 0;
    int calls = 1;

    friend bool operator==(const outcome&, const outcome&) = default;
    friend std::ostream& operator<<(std::ostream& out, const outcome& o) {
        return out << o.calls << " calls, " << o.error << ", port " << o.port;
    }
};

/// Calls f(form) with each form that takes a condition: form(socket, endpoints, condition).
template <class F>
void for_each_form(io_context& ctx, F f) {
    f([](auto& s, const endpoints& range, auto condition) {
        outcome o{error::access_denied};
        const tcp::endpoint e = connect(s, range, condition, o.error);
        return outcome{o.error, e.port()};
    });
    f([](auto& s, const endpoints& range, auto condition) {
        try {
            return outcome{{}, connect(s, range, condition).port()};
        } catch (const system_error& e) {
            return outcome{e.code()};
        }
    });
    f([](auto& s, const endpoints& range, auto condition) {
        outcome o{error::access_denied};
        const auto it = connect(s, range.begin(), range.end(), condition, o.error);
        return outcome{o.error, it == range.end() ? 0 : it->port()};
    });
    f([](auto& s, const endpoints& range, auto condition) {
        try {
            return outcome{{}, connect(s, range.begin(), range.end(), condition)->port()};
        } catch (const system_error& e) {
            return outcome{e.code()};
        }
    });
    f([&ctx](auto& s, const endpoints& range, auto condition) {
        outcome o{{}, 0, 0};
        async_connect(s, range, condition, [&o](error_code ec, const tcp::endpoint& e) {
            o = {ec, e.port(), o.calls + 1};
        });
        if (o.calls != 0) {
            throw std::logic_error("called inside");
        }
        run(ctx);
        return o;
    });
    f([&](auto& s, const endpoints& range, auto condition) {
        outcome o{{}, 0, 0};
        async_connect(s, range.begin(), range.end(), condition,
                      [&](error_code ec, endpoints::const_iterator it) {
                          o = {ec, it == range.end() ? 0 : it->port(), o.calls + 1};
                      });
        if (o.calls != 0) {
            throw std::logic_error("called inside");
        }
        run(ctx);
        return o;
    });
}

/// Connecting to it fails at once: a multicast address.
tcp::endpoint unconnectable() { return {ip::make_address("224.0.0.1"), 1}; }

const auto each = [](const error_code&, const tcp::endpoint&) { return true; };

}  // namespace

TEST_CASE("connect: an empty range is not_found, and the socket is left alone") {
    io_context ctx;
    for_each_form(ctx, [&](auto form) {
        scripted_socket s(ctx);
        error_code ec;
        s.open(tcp::v4(), ec);
        CHECK(form(s, {}, each) == outcome{error::not_found});
        CHECK(s.is_open());
        CHECK(s.log == "o4 ");
    });
}

TEST_CASE("connect: takes the first endpoint that works and tries none behind it") {
    io_context ctx;
    for_each_form(ctx, [&](auto form) {
        scripted_socket s(ctx);
        CHECK(form(s, {v4(1), v4(2), v4(3)}, each) == outcome{{}, 1});
        CHECK(s.log == "o4 1 ");
        CHECK(s.is_open());
    });
    for_each_form(ctx, [&](auto form) {
        scripted_socket s(ctx);
        s.results[1] = error::connection_refused;
        s.results[2] = error::timed_out;
        CHECK(form(s, {v4(1), v4(2), v6(3), v4(4)}, each) == outcome{{}, 3});
        CHECK(s.log == "o4 1 c o4 2 c o6 3 ");
        CHECK(s.is_open());
    });
}

TEST_CASE("connect: an open socket is closed first, and opened for the endpoint's protocol") {
    io_context ctx;
    for_each_form(ctx, [&](auto form) {
        scripted_socket s(ctx);
        error_code ec;
        s.open(tcp::v4(), ec);
        CHECK(form(s, {v6(1)}, each) == outcome{{}, 1});
        CHECK(s.log == "o4 c o6 1 ");
    });
}

TEST_CASE("connect: when all fail the last error is reported and the socket is closed") {
    io_context ctx;
    for_each_form(ctx, [&](auto form) {
        scripted_socket s(ctx);
        s.results[1] = error::timed_out;
        s.results[2] = error::connection_refused;
        CHECK(form(s, {v4(1), v4(2)}, each) == outcome{error::connection_refused});
        CHECK_FALSE(s.is_open());
        CHECK(s.log == "o4 1 c o4 2 c ");
    });
}

TEST_CASE("connect: an endpoint whose protocol is not there is passed over") {
    io_context ctx;
    for_each_form(ctx, [&](auto form) {
        scripted_socket s(ctx);
        s.no_v6 = error::address_family_not_supported;
        CHECK(form(s, {v6(1), v6(2), v4(3)}, each) == outcome{{}, 3});
        CHECK(s.log == "o6 o6 o4 3 ");
        CHECK(form(s, {v6(1)}, each) == outcome{error::address_family_not_supported});
        CHECK_FALSE(s.is_open());
    });
}

TEST_CASE("connect: the condition sees the last error and may skip endpoints") {
    io_context ctx;
    for_each_form(ctx, [&](auto form) {
        scripted_socket s(ctx);
        s.results[2] = error::connection_refused;
        std::vector<std::pair<error_code, int>> asked;
        const auto only_even = [&asked](const error_code& ec, const tcp::endpoint& e) {
            asked.emplace_back(ec, e.port());
            return e.port() % 2 == 0;
        };
        CHECK(form(s, {v4(1), v4(2), v4(3), v4(4), v4(5)}, only_even) == outcome{{}, 4});
        CHECK(s.log == "o4 2 c o4 4 ");
        const error_code refused = error::connection_refused;
        CHECK(asked == std::vector<std::pair<error_code, int>>{
                           {{}, 1}, {{}, 2}, {refused, 3}, {refused, 4}});
    });
    for_each_form(ctx, [&](auto form) {
        scripted_socket s(ctx);
        const auto none = [](const error_code&, const tcp::endpoint&) { return false; };
        CHECK(form(s, {v4(1), v4(2)}, none) == outcome{error::not_found});
        CHECK(s.log.empty());
        s.results[1] = error::connection_refused;
        const auto not_after_an_error = [](const error_code& ec, const tcp::endpoint&) {
            return !ec;
        };
        CHECK(form(s, {v4(1), v4(2)}, not_after_an_error) == outcome{error::connection_refused});
        CHECK_FALSE(s.is_open());
    });
}

TEST_CASE("connect: forms without a condition try all, and take what converts to endpoints") {
    struct entry {
        operator tcp::endpoint() const { return v4(port); }
        std::uint16_t port;
    };
    io_context ctx;
    const std::list<entry> range{{1}, {2}};
    const std::list<entry> none;
    scripted_socket s(ctx);
    s.results[1] = error::connection_refused;
    error_code ec = error::eof;
    CHECK(connect(s, range, ec).port() == 2);
    CHECK_FALSE(ec);
    CHECK(connect(s, range).port() == 2);
    CHECK(connect(s, range.begin(), range.end(), ec)->port == 2);
    CHECK(connect(s, range.begin(), range.end())->port == 2);
    CHECK(connect(s, none, ec) == tcp::endpoint());
    CHECK(ec == error::not_found);
    CHECK((connect(s, none.begin(), none.end(), ec) == none.end()));
    CHECK(ec == error::not_found);
    CHECK_THROWS_AS(connect(s, none), system_error);
    CHECK_THROWS_AS(connect(s, none.begin(), none.end()), system_error);
    int port = 0;
    async_connect(s, std::list<entry>(range), [&](error_code e, const tcp::endpoint& to) {
        CHECK_FALSE(e);
        port = to.port();
    });
    run(ctx);
    CHECK(port == 2);
    async_connect(s, range.begin(), range.end(), [&](error_code, auto it) { port += it->port; });
    run(ctx);
    CHECK(port == 4);
}

TEST_CASE("async_connect: the range is copied, and the handler may only be movable") {
    io_context ctx;
    scripted_socket s(ctx);
    s.results[1] = error::connection_refused;
    int port = 0;
    {
        endpoints range{v4(1), v4(2)};
        async_connect(s, range,
                      [&port, only = std::make_unique<int>(1)](error_code, const tcp::endpoint& e) {
                          port = e.port();
                      });
        range.assign(2, v4(9));
    }
    CHECK(port == 0);
    run(ctx);
    CHECK(port == 2);
}

TEST_CASE("async_connect: cancelled between two attempts, it makes no further one") {
    io_context ctx;
    scripted_socket s(ctx);
    for (int port = 1; port <= 3; ++port) {
        s.results[port] = error::connection_refused;
    }
    for (int attempts = 0; attempts < 3; ++attempts) {
        CAPTURE(attempts);
        s.log.clear();
        outcome o{{}, 0, 0};
        async_connect(s, endpoints{v4(1), v4(2), v4(3)}, [&](error_code ec, tcp::endpoint e) {
            o = {ec, e.port(), o.calls + 1};
        });
        ctx.restart();
        for (int i = 0; i < attempts; ++i) {
            REQUIRE(ctx.run_one() == 1);
        }
        s.cancel();
        run(ctx);
        // After the last one there is nothing to be cancelled.
        CHECK(o == outcome{attempts < 2 ? error::operation_aborted : error::connection_refused});
        error_code ignored;
        s.close(ignored);
    }
}

TEST_CASE("async_connect: a socket that is closed between two attempts stays closed") {
    io_context ctx;
    scripted_socket s(ctx);
    s.results[1] = error::connection_refused;
    outcome o{{}, 0, 0};
    async_connect(s, endpoints{v4(1), v4(2)}, [&](error_code ec, tcp::endpoint e) {
        o = {ec, e.port(), o.calls + 1};
    });
    error_code ec;
    s.close(ec);
    run(ctx);
    CHECK(o == outcome{error::operation_aborted});
    CHECK_FALSE(s.is_open());
    CHECK(s.log == "o4 1 c ");
}

TEST_CASE("async_connect: a signal ends it, whether an attempt hangs or has just failed") {
    io_context ctx;
    const full_listener full;
    const bool hangs = GENERATE(false, true);
    CAPTURE(hangs);
    tcp::acceptor acceptor(ctx, loopback());
    const endpoints range{hangs ? full.endpoint() : unconnectable(), acceptor.local_endpoint()};
    tcp::socket s(ctx);
    cancellation_signal signal;
    outcome o{{}, 0, 0};
    async_connect(s, range, cancellable{signal.slot(), [&](error_code ec, tcp::endpoint e) {
                                            o = {ec, e.port(), o.calls + 1};
                                        }});
    signal.emit(cancellation_type::terminal);
    CHECK(o.calls == 0);
    run(ctx);
    CHECK(o == outcome{error::operation_aborted});
}

TEST_CASE("async_connect: cancel and close end it while an attempt hangs") {
    io_context ctx;
    const full_listener full;
    const bool by_close = GENERATE(false, true);
    tcp::socket s(ctx);
    outcome o{{}, 0, 0};
    async_connect(s, endpoints{full.endpoint(), loopback(1)}, [&](error_code ec, tcp::endpoint e) {
        o = {ec, e.port(), o.calls + 1};
    });
    ctx.poll();
    if (by_close) {
        s.close();
    } else {
        CHECK(s.cancel() == 1);
    }
    run(ctx);
    CHECK(o == outcome{error::operation_aborted});
    CHECK(s.is_open() == !by_close);
}

TEST_CASE("connect: sockets find the one that listens") {
    io_context ctx;
    const closed_port one(ctx);
    const closed_port two(ctx);
    tcp::acceptor acceptor(ctx, loopback());
    const tcp::endpoint there = acceptor.local_endpoint();
    const endpoints range{one.endpoint(), unconnectable(), two.endpoint(), there, one.endpoint()};
    for_each_form(ctx, [&](auto form) {
        tcp::socket s(ctx);
        CHECK(form(s, range, each) == outcome{{}, there.port()});
        CHECK(s.remote_endpoint() == there);
        tcp::socket peer = acceptor.accept();
        s.close();
        CHECK(form(s, {one.endpoint(), two.endpoint()}, each) ==
              outcome{error::connection_refused});
        CHECK_FALSE(s.is_open());
    });
}

TEST_CASE(
    "async_connect: its result goes where the handler's executor says, the empty range's too") {
    io_context other;
    io_context ctx;
    const closed_port closed(ctx);
    tcp::acceptor acceptor(ctx, loopback());
    const endpoints ranges[] = {
        {}, {closed.endpoint()}, {closed.endpoint(), acceptor.local_endpoint()}};
    for (const endpoints& range : ranges) {
        tcp::socket s(ctx);
        int calls = 0;
        bool there = false;
        allocation_log log;
        async_connect(s, range,
                      bind_executor(other.get_executor(),
                                    allocating{&log, [&](error_code, const tcp::endpoint&) {
                                                   ++calls;
                                                   there = other.running_in_this_thread();
                                               }}));
        const auto end = std::chrono::steady_clock::now() + patience;
        while (calls == 0 && std::chrono::steady_clock::now() < end) {
            ctx.restart();
            other.restart();
            ctx.poll();
            other.poll();
        }
        CHECK(calls == 1);
        CHECK(there);
        CHECK(log.taken > 0);
        CHECK(log.taken == log.given_back);
    }
}

TEST_CASE("async_connect: destroyed with its context, it destroys its handler uncalled") {
    auto held = std::make_shared<int>(1);
    const std::weak_ptr<int> watched = held;
    const full_listener full;
    {
        io_context ctx;
        tcp::socket s(ctx);
        async_connect(s, endpoints{full.endpoint()},
                      [held = std::move(held)](error_code, const tcp::endpoint&) { FAIL(); });
        ctx.poll();
        CHECK_FALSE(watched.expired());
    }
    CHECK(watched.expired());
}
