// SPDX-License-Identifier: BSL-1.0
// The native pipes and other descriptors, and that no way of writing raises SIGPIPE.
#include <gyre/error.hpp>

#include "platform/native_posix.hpp"
#include "support/catch.hpp"
#include "support/pair.hpp"

#include <array>
#include <csignal>
#include <string>
#include <string_view>

#include <pthread.h>
#include <signal.h>

namespace gyre::inline v0::detail {
namespace {

using namespace gyre::testing;

constexpr int bad_handle = 1'000'000;

descriptor_ops& ops() { return native_platform().descriptors(); }

fd_pair made_pipe() {
    native_handle_type read_end = invalid_native_handle;
    native_handle_type write_end = invalid_native_handle;
    REQUIRE_FALSE(ops().make_pipe(read_end, write_end));
    return {unique_fd(read_end), unique_fd(write_end)};
}

io_result perform(io_kind kind, int fd, io_buffer* buffers = nullptr, std::size_t count = 0) {
    io_request request{kind, fd, 0, buffers, count};
    io_result result;
    ops().perform(request, result);
    return result;
}

io_result send_text(int fd, std::string_view text) {
    io_buffer buffer{const_cast<char*>(text.data()), text.size()};
    return perform(io_kind::send, fd, &buffer, 1);
}

volatile std::sig_atomic_t sigpipes = 0;

/// Counts SIGPIPE instead of dying of it.
class sigpipe_counter {
public:
    sigpipe_counter() {
        sigpipes = 0;
        struct sigaction counting {};
        counting.sa_handler = [](int) { sigpipes = sigpipes + 1; };
        ::sigaction(SIGPIPE, &counting, &old_);
    }
    sigpipe_counter(const sigpipe_counter&) = delete;
    sigpipe_counter& operator=(const sigpipe_counter&) = delete;
    ~sigpipe_counter() { ::sigaction(SIGPIPE, &old_, nullptr); }

private:
    struct sigaction old_ {};
};

bool sigpipe_is_blocked() {
    sigset_t mask;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    return sigismember(&mask, SIGPIPE) == 1;
}

bool sigpipe_is_pending() {
    sigset_t pending;
    ::sigpending(&pending);
    return sigismember(&pending, SIGPIPE) == 1;
}

TEST_CASE("native descriptors: pipe ends are born non-blocking and close-on-exec") {
    const fd_pair pipe = made_pipe();
    for (const int fd : {pipe.a.get(), pipe.b.get()}) {
        CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
        CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    }
}

TEST_CASE("native descriptors: a pipe that can't be had is an error and no handle") {
    native_handle_type read_end = 7;
    native_handle_type write_end = 8;
    std::error_code failure;
    {
        // Checked later: UndefinedBehaviorSanitizer needs descriptors to look at an error_code.
        const descriptor_limit limit(static_cast<rlim_t>(next_descriptor()));
        failure = ops().make_pipe(read_end, write_end);
    }
    CHECK(failure == error::no_descriptors);
    CHECK(read_end == 7);
    CHECK(write_end == 8);
}

TEST_CASE("native descriptors: adopt makes a blocking descriptor non-blocking") {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const unique_fd a(ends[0]);
    const unique_fd b(ends[1]);
    CHECK_FALSE(ops().adopt(a.get()));
    CHECK((::fcntl(a.get(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK(ops().adopt(bad_handle) == error::bad_descriptor);
}

TEST_CASE("native descriptors: bytes go through a pipe in sequences, then comes its end") {
    fd_pair pipe = made_pipe();
    std::array<char, 6> out{'a', 'b', 'c', 'd', 'e', 'f'};
    std::array<io_buffer, 3> three{{{&out[0], 1}, {&out[1], 3}, {&out[4], 2}}};
    CHECK(perform(io_kind::send, pipe.b.get(), three.data(), three.size()).bytes == 6);
    std::array<char, 8> in{};
    std::array<io_buffer, 2> two{{{&in[0], 2}, {&in[2], 6}}};
    CHECK(perform(io_kind::receive, pipe.a.get(), two.data(), two.size()).bytes == 6);
    CHECK(std::string_view(in.data(), 6) == "abcdef");
    CHECK(perform(io_kind::receive, pipe.a.get(), two.data(), 1).error == error::would_block);
    CHECK_FALSE(ops().close(pipe.b.release()));
    const io_result end = perform(io_kind::receive, pipe.a.get(), two.data(), 1);
    CHECK_FALSE(end.error);
    CHECK(end.bytes == 0);
}

TEST_CASE("native descriptors: a full pipe would block") {
    const fd_pair pipe = made_pipe();
    fill(pipe.b.get());
    std::array<char, 4096> page{};
    io_buffer buffer{page.data(), page.size()};
    CHECK(perform(io_kind::send, pipe.b.get(), &buffer, 1).error == error::would_block);
}

TEST_CASE("native descriptors: each call on a handle that is not open says so") {
    char byte = 0;
    io_buffer buffer{&byte, 1};
    CHECK(ops().close(bad_handle) == error::bad_descriptor);
    CHECK(perform(io_kind::receive, bad_handle, &buffer, 1).error == error::bad_descriptor);
    CHECK(perform(io_kind::send, bad_handle, &buffer, 1).error == error::bad_descriptor);
    CHECK_FALSE(perform(io_kind::wait, bad_handle).error);
}

TEST_CASE("native descriptors: what only sockets can do is not supported") {
    const fd_pair pipe = made_pipe();
    CHECK(perform(io_kind::accept, pipe.a.get()).error == error::operation_not_supported);
    CHECK(perform(io_kind::connect, pipe.a.get()).error == error::operation_not_supported);
}

TEST_CASE("native descriptors: without any buffer nothing moves and nothing fails") {
    const fd_pair pipe = made_pipe();
    REQUIRE(send_text(pipe.b.get(), "x").bytes == 1);
    for (const io_result& result :
         {perform(io_kind::send, pipe.b.get()), perform(io_kind::receive, pipe.a.get())}) {
        CHECK_FALSE(result.error);
        CHECK(result.bytes == 0);
    }
}

TEST_CASE("native descriptors: writing to a pipe that nobody reads raises no SIGPIPE") {
    const sigpipe_counter counter;
    fd_pair pipe = made_pipe();
    pipe.a.reset();
    CHECK(send_text(pipe.b.get(), "x").error == error::broken_pipe);
    CHECK(send_text(pipe.b.get(), "x").error == error::broken_pipe);
    CHECK(sigpipes == 0);
    CHECK_FALSE(sigpipe_is_blocked());
    CHECK_FALSE(sigpipe_is_pending());
}

TEST_CASE("native descriptors: the way through the signal mask raises no SIGPIPE either") {
    const sigpipe_counter counter;
    fd_pair pipe = made_pipe();
    pipe.a.reset();
    char byte = 'x';
    const iovec piece{&byte, 1};
    errno = 0;
    CHECK(write_with_sigpipe_blocked(pipe.b.get(), &piece, 1) == -1);
    CHECK(errno == EPIPE);
    CHECK(sigpipes == 0);
    CHECK_FALSE(sigpipe_is_blocked());
    CHECK_FALSE(sigpipe_is_pending());
}

TEST_CASE("native descriptors: a SIGPIPE that was pending before stays pending") {
    const sigpipe_counter counter;
    fd_pair pipe = made_pipe();
    pipe.a.reset();
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &only, nullptr);
    ::pthread_kill(::pthread_self(), SIGPIPE);
    char byte = 'x';
    const iovec piece{&byte, 1};
    CHECK(write_with_sigpipe_blocked(pipe.b.get(), &piece, 1) == -1);
    CHECK(sigpipe_is_blocked());
    CHECK(sigpipe_is_pending());
    CHECK(sigpipes == 0);
    ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
    CHECK(sigpipes == 1);
}

}  // namespace
}  // namespace gyre::inline v0::detail
