// SPDX-License-Identifier: BSL-1.0
// Sockets by the system calls of POSIX. Knows no protocol: addresses and options pass through.
#include "platform/native_posix.hpp"

#include <gyre/error.hpp>

#include <algorithm>
#include <cstddef>

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gyre::inline v0::detail {
namespace {

static_assert(SHUT_RD == 0 && SHUT_WR == 1 && SHUT_RDWR == 2, "the values of shutdown()'s `how`");

// How often accept() may report an error of the network in a row before it is believed to be one
// of the listener: EOPNOTSUPP, for one, is also what a socket says that can't accept at all.
constexpr int max_network_errors = 16;

#if GYRE_HAS_ACCEPT4
int new_socket(int family, int type, int protocol) noexcept {
    return ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}

int new_pair(int family, int type, int protocol, int (&pair)[2]) noexcept {
    return ::socketpair(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol, pair);
}

int accept_once(int listener, sockaddr* address, socklen_t* size) noexcept {
    return ::accept4(listener, address, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
#else
int fit_or_closed(int handle) noexcept {
    if (handle >= 0) {
        if (const std::error_code error = make_fit_for_loop(handle)) {
            ::close(handle);
            errno = error.value();
            return -1;
        }
    }
    return handle;
}

int new_socket(int family, int type, int protocol) noexcept {
    return fit_or_closed(::socket(family, type, protocol));
}

int new_pair(int family, int type, int protocol, int (&pair)[2]) noexcept {
    if (::socketpair(family, type, protocol, pair) != 0) {
        return -1;
    }
    if (fit_or_closed(pair[0]) < 0) {
        ::close(pair[1]);
        return -1;
    }
    if (fit_or_closed(pair[1]) < 0) {
        ::close(pair[0]);
        return -1;
    }
    return 0;
}

int accept_once(int listener, sockaddr* address, socklen_t* size) noexcept {
    return fit_or_closed(::accept(listener, address, size));
}
#endif

std::error_code code_of(int result) noexcept {
    return result == 0 ? std::error_code() : last_error();
}

const sockaddr* as_address(const void* address) noexcept {
    return static_cast<const sockaddr*>(address);
}

/// getsockname or getpeername. The system tells the full size of an address that it had to cut.
template <class Call>
std::error_code get_address(Call call, native_handle_type handle, void* address,
                            std::size_t& size) noexcept {
    auto length = static_cast<socklen_t>(size);
    if (call(handle, static_cast<sockaddr*>(address), &length) != 0) {
        return last_error();
    }
    size = std::min<std::size_t>(size, length);
    return {};
}

msghdr to_message(const io_request& request, const io_vector& vector) noexcept {
    msghdr message{};
    message.msg_name = request.address;
    message.msg_namelen = static_cast<socklen_t>(request.address_size);
    message.msg_iov = const_cast<iovec*>(vector.data);
    message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(vector.count);
    return message;
}

/// Repeats a call that signals interrupt.
template <class Call>
ssize_t uninterrupted(Call call) noexcept {
    ssize_t moved = 0;
    do {
        moved = call();
    } while (moved < 0 && errno == EINTR);
    return moved;
}

void set_error(int code, io_result& result) noexcept {
    result.error = {code, std::system_category()};
    result.would_block = code == EAGAIN || code == EWOULDBLOCK;
}

void set_moved(ssize_t moved, io_result& result) noexcept {
    if (moved < 0) {
        set_error(errno, result);
    } else {
        result.bytes = static_cast<std::size_t>(moved);
    }
}

void receive(io_request& request, io_result& result) noexcept {
    iovec scratch{};
    msghdr message = to_message(request, to_vector(request, scratch));
    set_moved(uninterrupted(
                  [&]() noexcept { return ::recvmsg(request.handle, &message, request.flags); }),
              result);
    if (!result.error) {
        result.flags = message.msg_flags;
        if (request.address != nullptr) {
            request.address_size = std::min<std::size_t>(request.address_size, message.msg_namelen);
        }
    }
}

void send(const io_request& request, io_result& result) noexcept {
    const int flags = request.flags | silent_send_flags;
    iovec scratch{};
    const msghdr message = to_message(request, to_vector(request, scratch));
    set_moved(uninterrupted([&]() noexcept { return ::sendmsg(request.handle, &message, flags); }),
              result);
}

// Apart from its callers, which save no registers then.
[[gnu::noinline]] io_moved not_moved() noexcept {
    const int code = errno;
    const bool again = code == EAGAIN || code == EWOULDBLOCK || code == EINTR;
    return again ? io_moved::would_block() : io_moved::failed(code);
}

io_moved to_moved(ssize_t moved) noexcept {
    return moved >= 0 ? io_moved::bytes(moved) : not_moved();
}

void accept(io_request& request, io_result& result) noexcept {
    int network_errors = 0;
    for (;;) {
        auto length = static_cast<socklen_t>(request.address_size);
        auto* const address = static_cast<sockaddr*>(request.address);
        const int handle =
            accept_once(request.handle, address, address != nullptr ? &length : nullptr);
        if (handle >= 0) {
            if (silence_socket(handle)) {
                ::close(handle);  // reset meanwhile: like one that was aborted before
                continue;
            }
            if (address != nullptr) {
                request.address_size = std::min<std::size_t>(request.address_size, length);
            }
            result.accepted = handle;
            return;
        }
        const int code = errno;
        // An aborted connection has left the queue with its error, so that this loop ends.
        const bool skip = code == EINTR || code == ECONNABORTED ||
                          (concerns_one_connection(code) && ++network_errors < max_network_errors);
        if (!skip) {
            set_error(code, result);
            return;
        }
    }
}

/// Whether poll() has anything to say of a socket that is not connected (yet).
bool attempt_is_over(native_handle_type handle) noexcept {
    pollfd entry{handle, POLLOUT, 0};
    return poll_one(entry, 0) != 0;
}

void check_connect(const io_request& request, io_result& result) noexcept {
    int code = 0;
    socklen_t size = sizeof code;
    if (::getsockopt(request.handle, SOL_SOCKET, SO_ERROR, &code, &size) != 0) {
        result.error = last_error();
        return;
    }
    if (code != 0) {
        result.error = {code, std::system_category()};
        return;
    }
    // No error is not yet success: the readiness may have been spurious, and an attempt in progress
    // has no error either. Only a connection has a peer.
    sockaddr_storage peer;
    size = sizeof peer;
    if (::getpeername(request.handle, reinterpret_cast<sockaddr*>(&peer), &size) == 0) {
        return;
    }
    result.error = last_error();
    if (errno == ENOTCONN && !attempt_is_over(request.handle)) {
        set_error(EAGAIN, result);
    }
}

class posix_socket_ops final : public socket_ops {
public:
    std::error_code open(int family, int type, int protocol,
                         native_handle_type& handle) noexcept override {
        const int made = new_socket(family, type, protocol);
        if (made < 0) {
            return last_error();
        }
        if (const std::error_code error = silence_socket(made)) {
            ::close(made);
            return error;
        }
        handle = made;
        return {};
    }

    std::error_code open_pair(int family, int type, int protocol, native_handle_type& first,
                              native_handle_type& second) noexcept override {
        int pair[2];
        if (new_pair(family, type, protocol, pair) != 0) {
            return last_error();
        }
        std::error_code error = silence_socket(pair[0]);
        if (!error) {
            error = silence_socket(pair[1]);
        }
        if (error) {
            ::close(pair[0]);
            ::close(pair[1]);
            return error;
        }
        first = pair[0];
        second = pair[1];
        return {};
    }

    std::error_code adopt(native_handle_type handle) noexcept override {
        const std::error_code error = make_nonblocking(handle);
        return error ? error : silence_socket(handle);
    }

    std::error_code close(native_handle_type handle) noexcept override {
        return close_handle(handle);
    }

    std::error_code bind(native_handle_type handle, const void* address,
                         std::size_t size) noexcept override {
        return code_of(::bind(handle, as_address(address), static_cast<socklen_t>(size)));
    }

    std::error_code listen(native_handle_type handle, int backlog) noexcept override {
        return code_of(::listen(handle, backlog));
    }

    std::error_code connect(native_handle_type handle, const void* address,
                            std::size_t size) noexcept override {
        const int result = ::connect(handle, as_address(address), static_cast<socklen_t>(size));
        // An interrupted attempt goes on in the background; asking again would be an error.
        if (result != 0 && errno == EINTR) {
            return gyre::error::in_progress;
        }
        return code_of(result);
    }

    std::error_code shutdown(native_handle_type handle, int how) noexcept override {
        return code_of(::shutdown(handle, how));
    }

    std::error_code set_option(native_handle_type handle, int level, int name, const void* value,
                               std::size_t size) noexcept override {
        return code_of(::setsockopt(handle, level, name, value, static_cast<socklen_t>(size)));
    }

    std::error_code get_option(native_handle_type handle, int level, int name, void* value,
                               std::size_t& size) noexcept override {
        auto length = static_cast<socklen_t>(size);
        if (::getsockopt(handle, level, name, value, &length) != 0) {
            return last_error();
        }
        size = length;
        return {};
    }

    std::error_code local_address(native_handle_type handle, void* address,
                                  std::size_t& size) noexcept override {
        return get_address(::getsockname, handle, address, size);
    }

    std::error_code remote_address(native_handle_type handle, void* address,
                                   std::size_t& size) noexcept override {
        return get_address(::getpeername, handle, address, size);
    }

    std::error_code available(native_handle_type handle, std::size_t& bytes) noexcept override {
        int count = 0;
        if (::ioctl(handle, FIONREAD, &count) != 0) {
            return last_error();
        }
        bytes = count > 0 ? static_cast<std::size_t>(count) : 0;
        return {};
    }

    std::error_code at_mark(native_handle_type handle, bool& at_mark) noexcept override {
        const int answer = ::sockatmark(handle);
        if (answer < 0) {
            return last_error();
        }
        at_mark = answer != 0;
        return {};
    }

    std::error_code io_control(native_handle_type handle, unsigned long command,
                               void* argument) noexcept override {
        return ::ioctl(handle, command, argument) >= 0 ? std::error_code() : last_error();
    }

    io_moved receive(native_handle_type handle, void* data, std::size_t size,
                     int flags) noexcept override {
        return to_moved(::recv(handle, data, clipped(size), flags));
    }

    io_moved send(native_handle_type handle, const void* data, std::size_t size,
                  int flags) noexcept override {
        return to_moved(::send(handle, data, clipped(size), flags | silent_send_flags));
    }

    void perform(io_request& request, io_result& result) noexcept override {
        result = io_result();
        switch (request.kind) {
        case io_kind::receive: detail::receive(request, result); break;
        case io_kind::send: detail::send(request, result); break;
        case io_kind::receive_many: receive_many(request, result); break;
        case io_kind::send_many: send_many(request, result); break;
        case io_kind::accept: accept(request, result); break;
        case io_kind::connect: check_connect(request, result); break;
        case io_kind::wait: break;
        }
    }
};

constinit posix_socket_ops instance;

}  // namespace

socket_ops& native_socket_ops() noexcept { return instance; }

}  // namespace gyre::inline v0::detail
