// SPDX-License-Identifier: BSL-1.0
// A program of Asio's by another namespace: what its users write, spelled once each. Most of it
// only has to compile, with the types that it has there.
#include <gyre/gyre.hpp>

#include "support/catch.hpp"
#include "support/hang_guard.hpp"

#include <array>
#include <chrono>
#include <concepts>
#include <csignal>
#include <cstddef>
#include <functional>
#include <istream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <unistd.h>

namespace asio = gyre;

using asio::error_code;
using asio::ip::tcp;
using asio::ip::udp;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

// Never called: these functions compile.
[[maybe_unused]] void contexts(asio::io_context& ctx) {
    const asio::io_context with_hint(2);
    static_assert(!std::copy_constructible<asio::io_context>);
    asio::io_context::executor_type ex = ctx.get_executor();
    asio::io_context::count_type n = ctx.run();
    n += ctx.run_for(seconds(1)) + ctx.run_until(steady_clock::now()) + ctx.run_one();
    n += ctx.run_one_for(seconds(1)) + ctx.run_one_until(steady_clock::now());
    n += ctx.poll() + ctx.poll_one();
    static_assert(std::same_as<decltype(n), std::size_t>);
    ctx.stop();
    static_assert(std::same_as<decltype(ctx.stopped()), bool>);
    ctx.restart();
    static_cast<void>(ex == ctx.get_executor());
    static_cast<void>(&ex.context());
    static_cast<void>(ex.running_in_this_thread());
    ex.execute([] {});
    ex.on_work_started();
    ex.on_work_finished();
    asio::thread_pool pool(1);
    pool.attach();
    pool.join();
    pool.stop();
    pool.wait();
}

[[maybe_unused]] void executors(asio::io_context& ctx) {
    const auto ex = ctx.get_executor();
    asio::post(ctx, [] {});
    asio::dispatch(ctx, [] {});
    asio::defer(ctx, [] {});
    asio::post(ex, [] {});
    asio::dispatch(ex, [] {});
    asio::defer(ex, [] {});
    const auto bound = asio::bind_executor(ex, [] {});
    asio::post(bound);
    asio::dispatch(bound);
    asio::defer(bound);
    asio::executor_work_guard<asio::io_context::executor_type> guard = asio::make_work_guard(ctx);
    auto other = asio::make_work_guard(ex);
    static_cast<void>(guard.owns_work());
    static_cast<void>(guard.get_executor());
    guard.reset();
    asio::strand<asio::io_context::executor_type> s = asio::make_strand(ctx);
    const auto of_executor = asio::make_strand(ex);
    const asio::strand<asio::io_context::executor_type> made(ex);
    static_cast<void>(s.running_in_this_thread());
    static_cast<void>(s == of_executor);
    static_cast<void>(s.get_inner_executor());
    asio::post(s, [] {});
    const asio::any_io_executor any = s;
    static_cast<void>(asio::make_work_guard(any));
    static_cast<void>(asio::get_associated_executor(bound, ex));
    static_assert(std::same_as<asio::associated_executor_t<decltype(bound), asio::any_io_executor>,
                               asio::any_io_executor>);
    const auto allocating = asio::bind_allocator(std::allocator<char>(), [] {});
    static_assert(std::same_as<asio::associated_allocator_t<decltype(allocating), int>,
                               std::allocator<char>>);
    asio::cancellation_signal signal;
    const auto cancellable = asio::bind_cancellation_slot(signal.slot(), [] {});
    static_cast<void>(
        asio::get_associated_cancellation_slot(cancellable, asio::cancellation_slot()));
    signal.emit(asio::cancellation_type::terminal);
}

template <class Timer>
[[maybe_unused]] void timers(asio::io_context& ctx) {
    using time_point = typename Timer::time_point;
    using duration = typename Timer::duration;
    using clock = typename Timer::clock_type;
    Timer t(ctx);
    Timer at(ctx, clock::now());
    Timer after(ctx, duration(1));
    Timer by_executor(ctx.get_executor(), duration(1));
    std::size_t n = t.expires_after(duration(1)) + t.expires_at(clock::now());
    n += t.cancel() + t.cancel_one();
    static_assert(std::same_as<decltype(t.expiry()), time_point>);
    error_code ec;
    t.wait();
    t.wait(ec);
    t.async_wait([](const error_code&) {});
    Timer moved(std::move(t));
    moved = Timer(ctx);
    static_assert(std::same_as<decltype(t.get_executor()), typename Timer::executor_type>);
}
[[maybe_unused]] constexpr auto steady = &timers<asio::steady_timer>;
[[maybe_unused]] constexpr auto system_time = &timers<asio::system_timer>;
[[maybe_unused]] constexpr auto own =
    &timers<asio::basic_waitable_timer<std::chrono::system_clock>>;

// What all sockets have.
template <class Socket, class Endpoint>
void any_socket(Socket& s, const Endpoint& e) {
    error_code ec;
    s.open(e.protocol());
    s.open(e.protocol(), ec);
    s.bind(e);
    s.bind(e, ec);
    s.connect(e);
    s.connect(e, ec);
    s.async_connect(e, [](const error_code&) {});
    s.close();
    s.close(ec);
    s.cancel();
    s.cancel(ec);
    s.shutdown(asio::socket_base::shutdown_send);
    s.shutdown(asio::socket_base::shutdown_receive, ec);
    s.shutdown(asio::socket_base::shutdown_both, ec);
    static_assert(std::same_as<decltype(s.is_open()), bool>);
    static_assert(std::same_as<decltype(s.available()), std::size_t>);
    static_cast<void>(s.available(ec));
    s.assign(e.protocol(), s.native_handle());
    s.assign(e.protocol(), s.release(), ec);
    s.non_blocking(true);
    s.non_blocking(true, ec);
    static_assert(std::same_as<decltype(s.non_blocking()), bool>);
    static_assert(std::same_as<decltype(s.local_endpoint()), Endpoint>);
    static_assert(std::same_as<decltype(s.remote_endpoint(ec)), Endpoint>);
    s.wait(asio::socket_base::wait_read);
    s.wait(asio::socket_base::wait_write, ec);
    s.async_wait(asio::socket_base::wait_error, [](const error_code&) {});
    typename Socket::bytes_readable readable;
    s.io_control(readable);
    s.io_control(readable, ec);
    static_cast<void>(s.lowest_layer());
    static_cast<void>(s.get_executor());
    static_cast<void>(s.at_mark());
}

template <class Option>
[[maybe_unused]] void option(tcp::socket& s, Option set) {
    error_code ec;
    s.set_option(set);
    s.set_option(set, ec);
    Option got;
    s.get_option(got);
    s.get_option(got, ec);
}

[[maybe_unused]] void tcp_sockets(asio::io_context& ctx, asio::io_context& other) {
    tcp::endpoint e(tcp::v4(), 80);
    tcp::socket s(ctx);
    tcp::socket opened(ctx, tcp::v6());
    tcp::socket bound(ctx, e);
    tcp::socket adopted(ctx.get_executor(), tcp::v4(), s.native_handle());
    any_socket(s, e);
    error_code ec;
    char data[8];
    std::size_t n = s.read_some(asio::buffer(data)) + s.read_some(asio::buffer(data), ec);
    n += s.write_some(asio::buffer(data)) + s.write_some(asio::buffer(data), ec);
    n += s.send(asio::buffer(data)) + s.send(asio::buffer(data), 0);
    n += s.receive(asio::buffer(data), asio::socket_base::message_peek, ec);
    static_cast<void>(n);
    const auto done = [](const error_code&, std::size_t) {};
    s.async_read_some(asio::buffer(data), done);
    s.async_write_some(asio::buffer(data), done);
    s.async_send(asio::buffer(data), done);
    s.async_send(asio::buffer(data), 0, done);
    s.async_receive(asio::buffer(data), done);
    s.async_receive(asio::buffer(data), 0, done);
    option(s, tcp::no_delay(true));
    option(s, asio::socket_base::reuse_address(true));
    option(s, asio::socket_base::keep_alive(true));
    option(s, asio::socket_base::linger(true, 1));
    option(s, asio::socket_base::send_buffer_size(1));
    option(s, asio::socket_base::receive_buffer_size(1));
    option(s, asio::socket_base::broadcast(true));
    option(s, asio::ip::v6_only(true));

    tcp::acceptor a(ctx);
    tcp::acceptor listening(ctx, e);
    tcp::acceptor strict(ctx, e, false);
    a.open(tcp::v4());
    a.bind(e, ec);
    a.listen();
    a.listen(asio::socket_base::max_listen_connections, ec);
    a.accept(s);
    a.accept(s, ec);
    a.accept(s, e);
    a.accept(s, e, ec);
    tcp::socket accepted = a.accept();
    accepted = a.accept(ec);
    a.async_accept(s, [](const error_code&) {});
    a.async_accept(s, e, [](const error_code&) {});
    a.async_accept([](const error_code&, tcp::socket) {});
    a.async_accept(other, [](const error_code&, tcp::socket) {});
    a.async_accept(asio::make_strand(other), [](const error_code&, tcp::socket) {});
    a.async_accept(e, [](const error_code&, tcp::socket) {});
    a.cancel();
    a.close(ec);
}

[[maybe_unused]] void other_sockets(asio::io_context& ctx) {
    error_code ec;
    char data[8];
    const auto done = [](const error_code&, std::size_t) {};
    udp::endpoint e(asio::ip::address_v4::any(), 53);
    udp::socket u(ctx, e);
    any_socket(u, e);
    std::size_t n = u.send_to(asio::buffer(data), e) + u.send_to(asio::buffer(data), e, 0, ec);
    n += u.receive_from(asio::buffer(data), e) + u.receive_from(asio::buffer(data), e, 0, ec);
    n += u.send(asio::buffer(data)) + u.receive(asio::buffer(data), 0, ec);
    static_cast<void>(n);
    u.async_send_to(asio::buffer(data), e, done);
    u.async_receive_from(asio::buffer(data), e, done);
    u.async_send(asio::buffer(data), done);
    u.async_receive(asio::buffer(data), done);
    u.set_option(asio::ip::multicast::join_group(asio::ip::make_address("239.0.0.1")));
    u.set_option(asio::ip::multicast::leave_group(asio::ip::make_address("239.0.0.1")), ec);
    u.set_option(asio::ip::multicast::hops(1));
    u.set_option(asio::ip::multicast::enable_loopback(true));
    u.set_option(asio::ip::multicast::outbound_interface(asio::ip::address_v4::loopback()));
    u.set_option(asio::ip::unicast::hops(1));

    using stream = asio::local::stream_protocol;
    using datagram = asio::local::datagram_protocol;
    stream::socket s1(ctx);
    stream::socket s2(ctx);
    stream::acceptor acceptor(ctx, stream::endpoint("/tmp/path"));
    datagram::socket d1(ctx, datagram::endpoint("/tmp/path"));
    asio::local::connect_pair(s1, s2);
    asio::local::connect_pair(s1, s2, ec);
    any_socket(s1, stream::endpoint("/tmp/path"));
    asio::posix::stream_descriptor descriptor(ctx, ::dup(STDIN_FILENO));
    descriptor.async_read_some(asio::buffer(data), done);
    descriptor.async_write_some(asio::buffer(data), done);
    descriptor.async_wait(asio::posix::descriptor_base::wait_read, [](const error_code&) {});
    descriptor.assign(descriptor.release());
    asio::readable_pipe in(ctx);
    asio::writable_pipe out(ctx);
    asio::connect_pipe(in, out);
    asio::connect_pipe(in, out, ec);
}

[[maybe_unused]] void names(asio::io_context& ctx) {
    error_code ec;
    namespace ip = asio::ip;
    ip::address a = ip::make_address("::1");
    a = ip::make_address("::1", ec);
    a = ip::make_address_v4("127.0.0.1");
    a = ip::make_address_v6("::1");
    a = ip::address_v4::any();
    a = ip::address_v4::loopback();
    a = ip::address_v4::broadcast();
    static_cast<void>(a.to_string() + (a.is_v4() ? "4" : "6"));
    tcp::endpoint e(a, 80);
    static_cast<void>(e.address() == a && e.port() == 80 && e.protocol() == tcp::v4());
    static_cast<void>(e.data());
    static_cast<void>(e.size());
    tcp::resolver r(ctx);
    tcp::resolver::results_type found = r.resolve("localhost", "80");
    found = r.resolve("localhost", "80", ec);
    found = r.resolve("localhost", "80", tcp::resolver::numeric_service);
    r.async_resolve("localhost", "80", [](const error_code&, tcp::resolver::results_type) {});
    for (const auto& entry : found) {
        e = entry.endpoint();
    }
    r.cancel();
    udp::resolver u(ctx);
    u.async_resolve("localhost", "53", [](const error_code&, udp::resolver::results_type) {});
    tcp::socket s(ctx);
    e = asio::connect(s, found);
    e = asio::connect(s, found, ec);
    asio::async_connect(s, found, [](const error_code&, const tcp::endpoint&) {});
    asio::signal_set signals(ctx, SIGINT);
    signals.add(SIGTERM);
    signals.remove(SIGTERM, ec);
    signals.clear();
    signals.cancel();
    signals.async_wait([](const error_code&, int) {});
}

[[maybe_unused]] void buffers_and_streams(tcp::socket& s) {
    error_code ec;
    char array[8];
    std::array<char, 8> std_array{};
    std::vector<char> vector(8);
    std::string string;
    const std::string_view view;
    asio::mutable_buffer m = asio::buffer(array);
    asio::const_buffer c = m;
    m = asio::buffer(array, 4);
    m = asio::buffer(std_array);
    m = asio::buffer(vector);
    m = asio::buffer(string);
    c = asio::buffer(view);
    c = asio::buffer("text", 4);
    m = m + 1;
    static_cast<void>(asio::buffer_size(c) + asio::buffer_copy(m, c) + c.size());
    static_cast<void>(c.data());
    const auto count = [](const error_code&, std::size_t) {};
    std::size_t n = asio::read(s, m) + asio::read(s, m, ec);
    n += asio::read(s, m, asio::transfer_all()) + asio::read(s, m, asio::transfer_at_least(1), ec);
    n += asio::write(s, c) + asio::write(s, c, asio::transfer_exactly(1), ec);
    asio::async_read(s, m, count);
    asio::async_read(s, m, asio::transfer_at_least(1), count);
    asio::async_read(
        s, m, [](const error_code&, std::size_t) -> std::size_t { return 0; }, count);
    asio::async_write(s, c, count);
    asio::async_write(s, std::array{c, c}, asio::transfer_all(), count);
    asio::streambuf b;
    n += asio::read_until(s, b, '\n') + asio::read_until(s, b, "\r\n", ec);
    n += asio::read_until(s, asio::dynamic_buffer(string), '\n');
    n += asio::read_until(s, asio::dynamic_buffer(vector, 100), "\n");
    asio::async_read_until(s, b, "\n", count);
    asio::async_read_until(s, asio::dynamic_buffer(string), '\n', count);
    b.commit(asio::buffer_size(b.prepare(8)));
    b.consume(b.size());
    std::istream in(&b);
    std::getline(in, string);
    static_cast<void>(n);
}

template <class T>
concept comparable_with_errc = requires(T e) {
    { error_code(e) == std::errc::timed_out } -> std::convertible_to<bool>;
};

[[maybe_unused]] void errors() {
    namespace error = asio::error;
    static_assert(std::same_as<error_code, std::error_code>);
    static_assert(std::same_as<asio::system_error, std::system_error>);
    for (const error_code& e : std::initializer_list<error_code>{error::operation_aborted,
                                                                 error::eof,
                                                                 error::would_block,
                                                                 error::try_again,
                                                                 error::in_progress,
                                                                 error::connection_refused,
                                                                 error::connection_reset,
                                                                 error::connection_aborted,
                                                                 error::broken_pipe,
                                                                 error::address_in_use,
                                                                 error::bad_descriptor,
                                                                 error::already_open,
                                                                 error::already_connected,
                                                                 error::not_connected,
                                                                 error::not_found,
                                                                 error::host_not_found,
                                                                 error::host_not_found_try_again,
                                                                 error::service_not_found,
                                                                 error::timed_out,
                                                                 error::message_size,
                                                                 error::no_descriptors,
                                                                 error::network_unreachable,
                                                                 error::host_unreachable,
                                                                 error::invalid_argument,
                                                                 error::interrupted,
                                                                 error::access_denied,
                                                                 error::no_buffer_space,
                                                                 error::not_socket,
                                                                 error::shut_down}) {
        static_cast<void>(e);
    }
    static_assert(comparable_with_errc<decltype(asio::error::timed_out)>);
}

[[maybe_unused]] void tokens(asio::io_context& ctx, tcp::socket& s) {
    char data[8];
    asio::steady_timer t(ctx);
    std::future<void> waited = t.async_wait(asio::use_future);
    std::future<std::size_t> read = s.async_read_some(asio::buffer(data), asio::use_future);
    t.async_wait(asio::detached);
    t.async_wait(asio::deferred)(asio::detached);
    t.async_wait(asio::as_tuple([](std::tuple<error_code>) {}));
    error_code ec;
    s.async_read_some(asio::buffer(data), asio::redirect_error([](std::size_t) {}, ec));
    t.async_wait(asio::append([](error_code, int) {}, 1));
    t.async_wait(asio::prepend([](int, error_code) {}, 1));
    t.async_wait(asio::consign([](error_code) {}, std::make_unique<int>(1)));
    s.async_read_some(asio::buffer(data),
                      asio::cancel_after(seconds(1), [](error_code, std::size_t) {}));
    s.async_read_some(asio::buffer(data), asio::cancel_at(steady_clock::now(), asio::use_future));
    t.async_wait(std::bind([](const error_code&) {}, asio::placeholders::error));
    s.async_read_some(asio::buffer(data),
                      std::bind([](const error_code&, std::size_t) {}, asio::placeholders::error,
                                asio::placeholders::bytes_transferred));
}

// The echo server of Asio's documentation.
class session : public std::enable_shared_from_this<session> {
public:
    explicit session(tcp::socket socket) : socket_(std::move(socket)) {}
    void start() { do_read(); }

private:
    void do_read() {
        auto self(shared_from_this());
        socket_.async_read_some(asio::buffer(data_, max_length),
                                [this, self](std::error_code ec, std::size_t length) {
                                    if (!ec) {
                                        do_write(length);
                                    }
                                });
    }
    void do_write(std::size_t length) {
        auto self(shared_from_this());
        asio::async_write(socket_, asio::buffer(data_, length),
                          [this, self](std::error_code ec, std::size_t) {
                              if (!ec) {
                                  do_read();
                              }
                          });
    }

    tcp::socket socket_;
    enum { max_length = 1024 };
    char data_[max_length];
};

class server {
public:
    server(asio::io_context& io_context, unsigned short port)
        : acceptor_(io_context, tcp::endpoint(tcp::v4(), port)) {
        do_accept();
    }
    tcp::endpoint where() const { return acceptor_.local_endpoint(); }
    void stop() { acceptor_.close(); }

private:
    void do_accept() {
        acceptor_.async_accept([this](std::error_code ec, tcp::socket socket) {
            if (!ec) {
                std::make_shared<session>(std::move(socket))->start();
                do_accept();
            }
        });
    }

    tcp::acceptor acceptor_;
};

}  // namespace

TEST_CASE("porting: the echo server of Asio's documentation serves a blocking client of its own") {
    const gyre::testing::hang_guard guard;
    asio::io_context io_context;
    server s(io_context, 0);
    std::thread client([&] {
        asio::io_context own;
        tcp::resolver resolver(own);
        tcp::socket socket(own);
        asio::connect(socket, resolver.resolve("127.0.0.1", std::to_string(s.where().port())));
        const std::string request = "hello, world";
        asio::write(socket, asio::buffer(request));
        std::array<char, 64> reply;
        const std::size_t length = asio::read(socket, asio::buffer(reply, request.size()));
        CHECK(std::string(reply.data(), length) == request);
        asio::post(io_context, [&] { s.stop(); });
    });
    io_context.run();
    client.join();
}
