// SPDX-License-Identifier: BSL-1.0
// Resolvers: what is found, what isn't, and where lookups run. Names come from a world that the
// test answers for, or, where the system is asked, need no network: numbers, and what the files of
// this machine say.

#include <gyre/any_io_executor.hpp>
#include <gyre/bind_executor.hpp>
#include <gyre/dispatch_hook.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/basic_resolver.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"
#include "support/name_world.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

using gyre::error_code;
using gyre::io_context;
using gyre::ip::address_v4;
using gyre::ip::address_v6;
using gyre::ip::make_address;
using gyre::ip::tcp;
using gyre::testing::hang_guard;
using gyre::testing::name_world;
using results_type = tcp::resolver::results_type;

namespace {

// What a handler was given.
struct found {
    int calls = 0;
    error_code error = std::make_error_code(std::errc::not_connected);
    results_type results;
    std::thread::id where;

    auto handler() {
        return [this](error_code e, results_type r) {
            ++calls;
            error = e;
            results = std::move(r);
            where = std::this_thread::get_id();
        };
    }
    bool is(const error_code& e) const { return calls == 1 && error == e; }
};

const error_code success;

std::vector<std::string> texts(const results_type& results) {
    std::vector<std::string> list;
    for (const auto& entry : results) {
        list.push_back(entry.endpoint().to_string());
    }
    return list;
}

using strings = std::vector<std::string>;

// The errors by which a system says that a name does not exist, or that it could not ask.
bool says_not_found(const error_code& e) {
    return e == gyre::error::host_not_found || e == gyre::error::host_not_found_try_again ||
           e == gyre::error::no_data || e == gyre::error::no_recovery;
}

// A token that keeps the operation for later.
struct kept {};

}  // namespace

template <class Signature>
class gyre::async_result<kept, Signature> {
public:
    template <class Initiation, class... Arguments>
    static auto initiate(Initiation initiation, kept, Arguments... arguments) {
        return [initiation, ... args = std::move(arguments)](auto handler) mutable {
            initiation(std::move(handler), std::move(args)...);
        };
    }
};

static_assert(std::forward_iterator<results_type::const_iterator>);
static_assert(std::is_nothrow_move_constructible_v<tcp::resolver>);
static_assert(!std::is_copy_constructible_v<tcp::resolver>);
static_assert(std::is_convertible_v<results_type::value_type, tcp::endpoint>);

TEST_CASE("resolver: a host and a port in numbers become one endpoint") {
    io_context ctx;
    tcp::resolver resolver(ctx);
    CHECK(resolver.get_executor() == ctx.get_executor());
    const results_type results = resolver.resolve("127.0.0.1", "8080");
    REQUIRE(results.size() == 1);
    CHECK_FALSE(results.empty());
    const auto entry = *results.begin();
    CHECK(entry.endpoint() == tcp::endpoint(address_v4::loopback(), 8080));
    CHECK(entry.host_name() == "127.0.0.1");
    CHECK(entry.service_name() == "8080");
    const tcp::endpoint converted = entry;
    CHECK(converted == entry.endpoint());
    CHECK(texts(resolver.resolve("::1", "80")) == strings{"[::1]:80"});
    CHECK(texts(resolver.resolve("fe80::1%1", "80", tcp::resolver::numeric_host)) ==
          strings{"[" + make_address("fe80::1%1").to_string() + "]:80"});
}

TEST_CASE("resolver: numbers are answered without a thread, and not inside the call") {
    const hang_guard guard;
    name_world world(name_world::jobs::refused);
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    found host;
    found flagged;
    found any;
    resolver.async_resolve("192.0.2.7", "80", host.handler());
    resolver.async_resolve("host", "80",
                           tcp::resolver::numeric_host | tcp::resolver::numeric_service,
                           flagged.handler());
    resolver.async_resolve("", "80", any.handler());
    CHECK(host.calls + flagged.calls + any.calls == 0);
    CHECK(ctx.run() == 3);
    CHECK(host.is(success));
    CHECK(flagged.is(success));
    CHECK(any.is(success));
    CHECK(world.submitted() == 0);
    CHECK(host.results.size() == 2);
}

TEST_CASE("resolver: a name is looked up in another thread, its handler runs in the loop's") {
    const hang_guard guard;
    name_world world;
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    found r;
    resolver.async_resolve("name", "80", r.handler());
    CHECK(ctx.run() == 1);
    CHECK(r.is(success));
    CHECK(r.where == std::this_thread::get_id());
    CHECK(world.submitted() == 1);
    CHECK(texts(r.results) == strings{"192.0.2.1:80", "192.0.2.2:80"});
    for (const auto& entry : r.results) {
        CHECK(entry.host_name() == "name");
        CHECK(entry.service_name() == "80");
    }
}

TEST_CASE("resolver: run() goes on while a lookup is under way, and the loop with other things") {
    const hang_guard guard;
    name_world world;
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    found r;
    int ticks = 0;
    resolver.async_resolve("slow", "80", r.handler());
    REQUIRE(world.await_calls(1));
    CHECK(ctx.poll() == 0);
    CHECK_FALSE(ctx.stopped());
    gyre::steady_timer timer(ctx, std::chrono::milliseconds(2));
    timer.async_wait([&](error_code) {
        ++ticks;
        world.open_gate();
    });
    CHECK(ctx.run() == 2);
    CHECK(ticks == 1);
    CHECK(r.is(success));
    CHECK(ctx.stopped());
}

TEST_CASE("resolver: the forms with a protocol, flags and an endpoint ask for what they say") {
    const hang_guard guard;
    name_world world(name_world::jobs::run);
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    const auto asked = [&](auto&& start) {
        found r;
        start(r);
        ctx.restart();
        CHECK(ctx.run() == 1);
        CHECK(r.is(success));
        return world.last_query();
    };
    auto q = asked([&](found& r) { resolver.async_resolve("a", "1", r.handler()); });
    CHECK(q.host == "a");
    CHECK(q.service == "1");
    CHECK(q.family == AF_UNSPEC);
    CHECK(q.type == SOCK_STREAM);
    CHECK(q.protocol == IPPROTO_TCP);
    q = asked([&](found& r) { resolver.async_resolve(tcp::v6(), "b", "2", r.handler()); });
    CHECK(q.host == "b");
    CHECK(q.family == AF_INET6);
    const int plain = q.flags;
    q = asked([&](found& r) {
        resolver.async_resolve(tcp::v4(), "c", "3", tcp::resolver::passive, r.handler());
    });
    CHECK(q.family == AF_INET);
    CHECK(q.flags != plain);
    const int passive = q.flags;
    q = asked(
        [&](found& r) { resolver.async_resolve("d", "4", tcp::resolver::passive, r.handler()); });
    CHECK(q.flags == passive);
    CHECK(q.family == AF_UNSPEC);

    found back;
    const tcp::endpoint endpoint(make_address("192.0.2.9"), 9);
    resolver.async_resolve(endpoint, back.handler());
    ctx.restart();
    CHECK(ctx.run() == 1);
    REQUIRE(back.is(success));
    REQUIRE(back.results.size() == 1);
    CHECK(back.results.begin()->endpoint() == endpoint);
    CHECK(back.results.begin()->host_name() == "host.example");
    CHECK(back.results.begin()->service_name() == "service");
}

TEST_CASE("resolver: the blocking forms ask the same, with an error_code or throwing") {
    name_world world(name_world::jobs::refused);
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    constexpr auto passive = tcp::resolver::passive;
    error_code ec = gyre::error::eof;
    CHECK(resolver.resolve("a", "1", ec).size() == 2);
    CHECK_FALSE(ec);
    CHECK(resolver.resolve("a", "1").size() == 2);
    CHECK(resolver.resolve("a", "1", passive).size() == 2);
    CHECK(resolver.resolve("a", "1", passive, ec).size() == 2);
    CHECK(resolver.resolve(tcp::v4(), "a", "1").size() == 2);
    CHECK(resolver.resolve(tcp::v4(), "a", "1", ec).size() == 2);
    CHECK(resolver.resolve(tcp::v4(), "a", "1", passive).size() == 2);
    CHECK(resolver.resolve(tcp::v6(), "a", "1", passive, ec).size() == 2);
    CHECK(world.last_query().family == AF_INET6);
    const tcp::endpoint endpoint(address_v4::loopback(), 1);
    CHECK(resolver.resolve(endpoint).begin()->host_name() == "host.example");
    CHECK(resolver.resolve(endpoint, ec).size() == 1);

    world.set_error(gyre::error::host_not_found_try_again);
    CHECK(resolver.resolve("bad", "1", ec).empty());
    CHECK(ec == gyre::error::host_not_found_try_again);
    try {
        resolver.resolve("bad", "1");
        FAIL("no exception");
    } catch (const gyre::system_error& e) {
        CHECK(e.code() == gyre::error::host_not_found_try_again);
    }
    CHECK(world.submitted() == 0);
}

TEST_CASE("resolver: a failure reaches the handler with no results") {
    const hang_guard guard;
    name_world world;
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    for (const error_code& e :
         {error_code(gyre::error::host_not_found), error_code(gyre::error::no_data),
          error_code(gyre::error::no_recovery), error_code(gyre::error::no_memory)}) {
        world.set_error(e);
        found r;
        resolver.async_resolve("bad", "80", r.handler());
        ctx.restart();
        CHECK(ctx.run() == 1);
        CHECK(r.is(e));
        CHECK(r.results.empty());
        CHECK(r.results == results_type());
    }
}

TEST_CASE("resolver: a text that can be no name or port is refused, in each form") {
    const hang_guard guard;
    name_world world(name_world::jobs::refused);
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    const std::string zero("127.0.0.1\0", 10);
    struct row {
        std::string host;
        std::string service;
        error_code error;
    };
    const row table[] = {
        {zero, "80", gyre::error::invalid_argument},
        {"host", std::string("http\0", 5), gyre::error::invalid_argument},
        {std::string(5000, 'a'), "80", gyre::error::name_too_long},
        {"host", std::string(5000, 'a'), gyre::error::name_too_long},
        {"127.0.0.1", "65536", gyre::error::service_not_found},
        {"127.0.0.1", "-1", gyre::error::service_not_found},
    };
    for (const row& bad : table) {
        error_code ec;
        CHECK(resolver.resolve(bad.host, bad.service, ec).empty());
        CHECK(ec == bad.error);
        found r;
        resolver.async_resolve(bad.host, bad.service, r.handler());
        CHECK(r.calls == 0);
        ctx.restart();
        CHECK(ctx.run() == 1);
        CHECK(r.is(bad.error));
    }
    CHECK(world.calls() == 0);
}

TEST_CASE("resolver: with the pool's queue full a lookup fails with try_again, later") {
    const hang_guard guard;
    name_world world(name_world::jobs::refused);
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    found r;
    resolver.async_resolve("name", "80", r.handler());
    CHECK(r.calls == 0);
    CHECK(ctx.run() == 1);
    CHECK(r.is(gyre::error::try_again));
    CHECK(world.jobs_alive() == 0);
    // As soon as there is room again, lookups work again.
    world.set_mode(name_world::jobs::run);
    found again;
    resolver.async_resolve("name", "80", again.handler());
    ctx.restart();
    CHECK(ctx.run() == 1);
    CHECK(again.is(success));
}

TEST_CASE("resolver: the process's pool takes a bounded number of lookups, and none is lost") {
    const hang_guard guard;
    name_world world;
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    std::size_t accepted = 0;
    std::size_t refused = 0;
    const auto start = [&] {
        resolver.async_resolve("slow", "80", [&](error_code e, const results_type& results) {
            accepted += !e && results.size() == 2 ? 1 : 0;
            refused += e == gyre::error::try_again ? 1 : 0;
        });
    };
    // What others of this process left in the pool may take room of it, and lend it to us again.
    std::size_t started = 0;
    for (; refused == 0 && started < 5000; ++started) {
        start();
        ctx.restart();
        ctx.poll();
    }
    CHECK(refused == 1);
    CHECK(started > 1000);
    CHECK(started < 2000);
    world.open_gate();
    ctx.restart();
    ctx.run();
    CHECK(accepted == started - 1);
    CHECK(refused == 1);
}

TEST_CASE("resolver: a kept initiation owns the names it was given") {
    const hang_guard guard;
    name_world world;
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    auto host = std::make_unique<std::string>(100, 'h');
    auto later = resolver.async_resolve(*host, "80", kept());
    host.reset();
    CHECK(ctx.poll() == 0);
    found r;
    later(r.handler());
    ctx.restart();
    CHECK(ctx.run() == 1);
    CHECK(r.is(success));
    CHECK(r.results.begin()->host_name() == std::string(100, 'h'));
}

TEST_CASE("resolver: a handler runs where its executor says, and holds work there until then") {
    const hang_guard guard;
    name_world world;
    io_context ctx(world.options());
    io_context other;
    tcp::resolver resolver(ctx);
    found r;
    resolver.async_resolve("name", "80", gyre::bind_executor(other.get_executor(), r.handler()));
    CHECK(other.poll() == 0);
    CHECK_FALSE(other.stopped());
    CHECK(ctx.run() == 1);
    CHECK(r.calls == 0);
    CHECK(other.run() == 1);
    CHECK(r.is(success));
    CHECK(r.results.size() == 2);
}

TEST_CASE("resolver: a handler that can only be moved, and is large, works") {
    const hang_guard guard;
    name_world world;
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    struct {
        char bytes[2000];
    } large{};
    int calls = 0;
    resolver.async_resolve(
        "name", "80",
        [large, once = std::make_unique<int>(7), &calls](error_code, results_type results) {
            calls += *once == 7 && large.bytes[0] == 0 && results.size() == 2 ? 1 : 0;
        });
    CHECK(ctx.run() == 1);
    CHECK(calls == 1);
}

TEST_CASE("resolver: a handler may start the next lookup, and destroy the resolver") {
    const hang_guard guard;
    name_world world;
    io_context ctx(world.options());
    std::optional<tcp::resolver> resolver(std::in_place, ctx);
    int left = 100;
    struct chain {
        std::optional<tcp::resolver>& resolver;
        int& left;
        void operator()(error_code e, const results_type& results) const {
            REQUIRE_FALSE(e);
            REQUIRE(results.size() == 2);
            if (--left == 0) {
                resolver.reset();
            } else {
                resolver->async_resolve(left % 2 == 0 ? "name" : "192.0.2.1", "80", *this);
            }
        }
    };
    resolver->async_resolve("name", "80", chain{resolver, left});
    CHECK(ctx.run() == 100);
    CHECK(left == 0);
}

TEST_CASE("resolver: moved, it takes its lookups along") {
    const hang_guard guard;
    name_world world;
    io_context ctx(world.options());
    tcp::resolver first(ctx);
    found r;
    found overwritten;
    first.async_resolve("slow", "80", r.handler());
    tcp::resolver second(std::move(first));
    tcp::resolver third(ctx);
    third.async_resolve("slow", "80", overwritten.handler());
    third = std::move(second);
    world.open_gate();
    found fresh;
    first.async_resolve("name", "80", fresh.handler());  // NOLINT: as good as new
    CHECK(ctx.run() == 3);
    CHECK(r.is(success));
    CHECK(overwritten.is(gyre::error::operation_aborted));
    CHECK(fresh.is(success));
}

TEST_CASE("resolver: the dispatch hook is told which kind of operation it was") {
    const hang_guard guard;
    name_world world;
    io_context ctx(world.options());
    tcp::resolver resolver(ctx);
    std::vector<gyre::dispatch_info> seen;
    ctx.set_dispatch_hook({[](void* user, const gyre::dispatch_info& info) noexcept {
                               static_cast<decltype(seen)*>(user)->push_back(info);
                           },
                           nullptr, &seen});
    resolver.async_resolve("name", "80", [](error_code, const results_type&) {});
    resolver.async_resolve("bad", "80", [](error_code, const results_type&) {});
    CHECK(ctx.run() == 2);
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].kind == gyre::operation_kind::resolve);
    CHECK(seen[0].object != nullptr);
    CHECK(seen[0].object == seen[1].object);
    CHECK((seen[0].error == gyre::error::host_not_found ||
           seen[1].error == gyre::error::host_not_found));
}

// ---- results -----------------------------------------------------------------------------------

TEST_CASE("resolver results: a range that copies share, and that its iterators keep alive") {
    io_context ctx;
    tcp::resolver resolver(ctx);
    const results_type none;
    CHECK(none.empty());
    CHECK(none.size() == 0);
    CHECK(none.begin() == none.end());
    CHECK(none.max_size() > 1000);

    const tcp::endpoint endpoints[] = {{address_v4::loopback(), 1}, {address_v6::loopback(), 2}};
    results_type made = results_type::create(std::begin(endpoints), std::end(endpoints), "h", "s");
    CHECK(texts(made) == strings{"127.0.0.1:1", "[::1]:2"});
    const results_type copy = made;
    CHECK(copy == made);
    CHECK(copy != none);
    CHECK(copy.cbegin() == made.begin());
    CHECK(std::distance(copy.begin(), copy.end()) == 2);

    auto it = made.begin();
    const auto entry = *it++;
    made = results_type::create(endpoints[0], "other", "");
    CHECK(made != copy);
    CHECK(it->endpoint() == endpoints[1]);
    CHECK(it->host_name() == "h");
    CHECK(entry.service_name() == "s");
    CHECK(++it == copy.end());

    results_type swapped;
    swapped.swap(made);
    CHECK(made.empty());
    CHECK(swapped.begin()->host_name() == "other");
    // The results may go before their iterator.
    auto alone = resolver.resolve("127.0.0.1", "7").begin();
    CHECK(alone->endpoint().port() == 7);
}

TEST_CASE("resolver results: an entry is a value") {
    const results_type::value_type none;
    CHECK(none.endpoint() == tcp::endpoint());
    CHECK(none.host_name().empty());
    const tcp::endpoint endpoint(address_v6::loopback(), 5);
    const results_type::value_type entry(endpoint, "host", "service");
    auto copy = entry;
    CHECK(copy.endpoint() == endpoint);
    copy = none;
    CHECK(entry.host_name() == "host");
    CHECK(entry.service_name() == "service");
    const auto is_v6 = [](const tcp::endpoint& e) { return e.address().is_v6(); };
    const results_type results = results_type::create(endpoint, "", "");
    CHECK(std::find_if(results.begin(), results.end(), is_v6) == results.begin());
}

// ---- the system --------------------------------------------------------------------------------

TEST_CASE("resolver: localhost is this machine") {
    const hang_guard guard;
    io_context ctx;
    tcp::resolver resolver(ctx);
    error_code ec;
    resolver.resolve("localhost", "", ec);
    if (ec) {
        GYRE_SKIP("localhost is unknown here: " + ec.message());
    }
    found r;
    resolver.async_resolve("localhost", "80", r.handler());
    CHECK(ctx.run() == 1);
    REQUIRE(r.is(success));
    REQUIRE_FALSE(r.results.empty());
    for (const auto& entry : r.results) {
        CHECK(entry.endpoint().address().is_loopback());
        CHECK(entry.endpoint().port() == 80);
    }
}

TEST_CASE("resolver: the name of a service is its port") {
    const hang_guard guard;
    io_context ctx;
    tcp::resolver resolver(ctx);
    error_code ec;
    resolver.resolve("127.0.0.1", "http", ec);
    if (ec) {
        GYRE_SKIP("no list of services here: " + ec.message());
    }
    found r;
    resolver.async_resolve("127.0.0.1", "http", r.handler());
    CHECK(ctx.run() == 1);
    REQUIRE(r.is(success));
    CHECK(texts(r.results) == strings{"127.0.0.1:80"});
    CHECK(r.results.begin()->service_name() == "http");
    CHECK(resolver.resolve("127.0.0.1", "no-such-service", ec).empty());
    CHECK(ec == gyre::error::service_not_found);
}

TEST_CASE("resolver: a name that does not exist is not found, or not to be found for now") {
    const hang_guard guard;
    io_context ctx;
    tcp::resolver resolver(ctx);
    found r;
    resolver.async_resolve("gyre-test.invalid", "80", r.handler());
    // Where queries go unanswered the system may try for half a minute.
    gyre::steady_timer patience(ctx, std::chrono::seconds(5));
    patience.async_wait([&](error_code) { resolver.cancel(); });
    while (r.calls == 0) {
        ctx.run_one();
    }
    patience.cancel();
    ctx.run();
    CHECK(r.calls == 1);
    CHECK((says_not_found(r.error) || r.error == gyre::error::operation_aborted));
    error_code ec;
    CHECK(resolver.resolve("localhost", "80", tcp::resolver::numeric_host, ec).empty());
    CHECK(ec == gyre::error::host_not_found);
}

TEST_CASE("resolver: neither host nor service is not found, one of them will do") {
    io_context ctx;
    tcp::resolver resolver(ctx);
    error_code ec;
    CHECK(resolver.resolve("", "", ec).empty());
    CHECK(ec == gyre::error::host_not_found);
    CHECK(texts(resolver.resolve(tcp::v4(), "", "80")) == strings{"127.0.0.1:80"});
    CHECK(texts(resolver.resolve(tcp::v4(), "", "80", tcp::resolver::passive)) ==
          strings{"0.0.0.0:80"});
    CHECK(texts(resolver.resolve("127.0.0.1", "")) == strings{"127.0.0.1:0"});
}

TEST_CASE("resolver: a protocol's version must be that of the address, or be mapped to it") {
    io_context ctx;
    tcp::resolver resolver(ctx);
    error_code ec;
    CHECK(resolver.resolve(tcp::v6(), "127.0.0.1", "80", ec).empty());
    CHECK(says_not_found(ec));
    const results_type mapped =
        resolver.resolve(tcp::v6(), "127.0.0.1", "80", tcp::resolver::v4_mapped, ec);
    if (ec) {
        GYRE_SKIP("this system maps no addresses: " + ec.message());
    }
    CHECK(texts(mapped) == strings{"[::ffff:127.0.0.1]:80"});
}

TEST_CASE("resolver: an endpoint turns back into names, and what has none into numbers") {
    const hang_guard guard;
    io_context ctx;
    tcp::resolver resolver(ctx);
    // A documentation address might be asked for over the network: loopback is not.
    const tcp::endpoint endpoint(address_v4::loopback(), 1);
    found r;
    resolver.async_resolve(tcp::endpoint(address_v4::loopback(), 64999), r.handler());
    CHECK(ctx.run() == 1);
    REQUIRE(r.is(success));
    REQUIRE(r.results.size() == 1);
    const auto entry = *r.results.begin();
    CHECK(entry.endpoint().port() == 64999);
    CHECK(entry.service_name() == "64999");
    CHECK_FALSE(entry.host_name().empty());
    CHECK(resolver.resolve(endpoint).begin()->host_name() == entry.host_name());
}
