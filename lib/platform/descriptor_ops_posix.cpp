// SPDX-License-Identifier: BSL-1.0
// Pipes, terminals and devices by read and write, and what descriptors have in common with sockets:
// their flags and their end.
#include "platform/native_posix.hpp"

#include <gyre/error.hpp>

#include <algorithm>
#include <climits>
#include <cstddef>
#include <ctime>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

namespace gyre::inline v0::detail {
namespace {

static_assert(sizeof(io_buffer) == sizeof(iovec));
static_assert(alignof(io_buffer) == alignof(iovec));
static_assert(offsetof(io_buffer, data) == offsetof(iovec, iov_base));
static_assert(offsetof(io_buffer, size) == offsetof(iovec, iov_len));

std::error_code add_flag(native_handle_type handle, int get, int set, int flag) noexcept {
    const int flags = ::fcntl(handle, get);
    if (flags < 0) {
        return last_error();
    }
    if ((flags & flag) == 0 && ::fcntl(handle, set, flags | flag) < 0) {
        return last_error();
    }
    return {};
}

#if GYRE_HAS_PIPE2
std::error_code new_pipe(int (&ends)[2]) noexcept {
    return ::pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0 ? std::error_code() : last_error();
}
#else
std::error_code new_pipe(int (&ends)[2]) noexcept {
    if (::pipe(ends) != 0) {
        return last_error();
    }
    std::error_code error = make_fit_for_loop(ends[0]);
    if (!error) {
        error = make_fit_for_loop(ends[1]);
    }
    if (error) {
        ::close(ends[0]);
        ::close(ends[1]);
    }
    return error;
}
#endif

ssize_t read_some(native_handle_type handle, const io_vector& vector) noexcept {
    return vector.count == 1 ? ::read(handle, vector.data->iov_base, vector.data->iov_len)
                             : ::readv(handle, vector.data, vector.count);
}

class posix_descriptor_ops final : public descriptor_ops {
public:
    std::error_code adopt(native_handle_type handle) noexcept override {
        return make_nonblocking(handle);
    }

    std::error_code close(native_handle_type handle) noexcept override {
        return close_handle(handle);
    }

    std::error_code make_pipe(native_handle_type& read_end,
                              native_handle_type& write_end) noexcept override {
        int ends[2];
        if (const std::error_code error = new_pipe(ends)) {
            return error;
        }
        read_end = ends[0];
        write_end = ends[1];
        return {};
    }

    void perform(io_request& request, io_result& result) noexcept override {
        result = {};
        if (request.kind == io_kind::wait) {
            return;
        }
        if (request.kind != io_kind::receive && request.kind != io_kind::send) {
            result.error = gyre::error::operation_not_supported;
            return;
        }
        iovec scratch{};
        const io_vector vector = to_vector(request, scratch);
        ssize_t moved = 0;
        do {
            moved = request.kind == io_kind::receive
                        ? read_some(request.handle, vector)
                        : write_silently(request.handle, vector.data, vector.count);
        } while (moved < 0 && errno == EINTR);
        if (moved < 0) {
            result.error = last_error();
            result.would_block = result.error == std::errc::resource_unavailable_try_again;
        } else {
            result.bytes = static_cast<std::size_t>(moved);
        }
    }
};

constinit posix_descriptor_ops instance;

}  // namespace

std::error_code close_handle(native_handle_type handle) noexcept {
    // After EINTR the descriptor is gone on Linux and the BSDs: another try could close one that
    // another thread has just been given.
    return ::close(handle) == 0 || errno == EINTR ? std::error_code() : last_error();
}

std::error_code make_nonblocking(native_handle_type handle) noexcept {
    return add_flag(handle, F_GETFL, F_SETFL, O_NONBLOCK);
}

std::error_code make_fit_for_loop(native_handle_type handle) noexcept {
    const std::error_code error = add_flag(handle, F_GETFD, F_SETFD, FD_CLOEXEC);
    return error ? error : make_nonblocking(handle);
}

io_vector to_vector(const io_request& request, iovec& scratch) noexcept {
    if (request.buffer_count > 1) {
        // An operation carries a handful; what does not fit an int is refused by the kernel.
        const std::size_t count = std::min<std::size_t>(request.buffer_count, INT_MAX);
        return {reinterpret_cast<const iovec*>(request.buffers), static_cast<int>(count)};
    }
    scratch = {};
    if (request.buffer_count == 1) {
        scratch = {request.buffers[0].data, clipped(request.buffers[0].size)};
    }
    return {&scratch, 1};
}

namespace {

#if GYRE_HAS_SIGTIMEDWAIT
void take_pending(const sigset_t& signals) noexcept {
    const std::timespec at_once{};
    while (::sigtimedwait(&signals, nullptr, &at_once) < 0 && errno == EINTR) {}
}
#else
void take_pending(const sigset_t& signals) noexcept {
    sigset_t pending;
    int number = 0;
    // The write's own, so it is this thread's: nobody can take it in between.
    if (::sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1) {
        ::sigwait(&signals, &number);
    }
}
#endif

}  // namespace

// Names of <signal.h> may be macros: they are not qualified.
ssize_t write_with_sigpipe_blocked(int fd, const iovec* pieces, int count) noexcept {
    sigset_t pipe_only;
    sigset_t pending;
    sigset_t before;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigemptyset(&pending);
    ::sigpending(&pending);
    ::pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    const ssize_t written = ::writev(fd, pieces, count);
    const int error = errno;
    // A signal that was pending before is somebody else's and has swallowed ours.
    if (written < 0 && error == EPIPE && sigismember(&pending, SIGPIPE) == 0) {
        take_pending(pipe_only);
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return written;
}

descriptor_ops& native_descriptor_ops() noexcept { return instance; }

}  // namespace gyre::inline v0::detail
