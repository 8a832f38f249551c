// SPDX-License-Identifier: BSL-1.0
// Sockets by the calls of Winsock. Knows no protocol: addresses and options pass through.
#include "platform/native_windows.hpp"

#include <gyre/error.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstring>
#include <utility>

namespace gyre::inline v0::detail {
namespace {

static_assert(SD_RECEIVE == 0 && SD_SEND == 1 && SD_BOTH == 2, "the values of shutdown()'s `how`");
static_assert(sizeof(native_handle_type) == sizeof(SOCKET));

/// Of more buffers the first so many are moved: an operation carries no more.
constexpr std::size_t pieces_max = 16;

constexpr int clipped(std::size_t size) noexcept {
    return static_cast<int>(std::min<std::size_t>(size, INT_MAX));
}

std::error_code code_of(int result) noexcept {
    return result == 0 ? std::error_code() : last_error();
}

const sockaddr* as_address(const void* address) noexcept {
    return static_cast<const sockaddr*>(address);
}

/// getsockname or getpeername.
template <class Call>
std::error_code get_address(Call call, native_handle_type handle, void* address,
                            std::size_t& size) noexcept {
    // A buffer that is too small is refused, where other systems cut.
    sockaddr_storage whole;
    int length = sizeof whole;
    if (call(handle, reinterpret_cast<sockaddr*>(&whole), &length) != 0) {
        return last_error();
    }
    size = std::min(size, static_cast<std::size_t>(length));
    std::memcpy(address, &whole, size);
    return {};
}

/// The form in which Winsock takes buffers.
class pieces {
public:
    explicit pieces(const io_request& request) noexcept
        : count_(std::min(request.buffer_count, pieces_max)) {
        for (std::size_t i = 0; i != count_; ++i) {
            const io_buffer& each = request.buffers[i];
            const auto size = static_cast<ULONG>(clipped(each.size));
            list_[i] = {size, static_cast<char*>(each.data)};
        }
    }

    WSABUF* data() noexcept { return list_.data(); }
    /// At least one, which may be empty.
    DWORD count() const noexcept { return static_cast<DWORD>(std::max<std::size_t>(count_, 1)); }
    std::size_t bytes() const noexcept {
        std::size_t sum = 0;
        for (std::size_t i = 0; i != count_; ++i) {
            sum += list_[i].len;
        }
        return sum;
    }

private:
    std::array<WSABUF, pieces_max> list_{};
    std::size_t count_;
};

void set_error(int winsock_code, io_result& result) noexcept {
    result.error = error_of(winsock_code);
    result.would_block = winsock_code == WSAEWOULDBLOCK;
}

void receive(io_request& request, io_result& result) noexcept {
    pieces into(request);
    DWORD moved = 0;
    auto flags = static_cast<DWORD>(request.flags);
    int length = static_cast<int>(request.address_size);
    auto* const from = static_cast<sockaddr*>(request.address);
    const int failed = from != nullptr
                           ? ::WSARecvFrom(request.handle, into.data(), into.count(), &moved,
                                           &flags, from, &length, nullptr, nullptr)
                           : ::WSARecv(request.handle, into.data(), into.count(), &moved, &flags,
                                       nullptr, nullptr);
    const int code = failed != 0 ? ::WSAGetLastError() : 0;
    // A datagram that was cut is one that was received; after shutdown() there is an end.
    if (code != 0 && code != WSAEMSGSIZE && code != WSAESHUTDOWN) {
        set_error(code, result);
        return;
    }
    const bool cut = code == WSAEMSGSIZE;
    result.bytes = cut ? into.bytes() : moved;
    result.flags = static_cast<int>(flags) | (cut ? MSG_TRUNC : 0);
    if (from != nullptr) {
        request.address_size = std::min(request.address_size, static_cast<std::size_t>(length));
    }
}

void send(const io_request& request, io_result& result) noexcept {
    pieces from(request);
    DWORD moved = 0;
    const auto flags = static_cast<DWORD>(request.flags);
    const int failed =
        request.address != nullptr
            ? ::WSASendTo(request.handle, from.data(), from.count(), &moved, flags,
                          as_address(request.address), static_cast<int>(request.address_size),
                          nullptr, nullptr)
            : ::WSASend(request.handle, from.data(), from.count(), &moved, flags, nullptr, nullptr);
    if (failed != 0) {
        set_error(::WSAGetLastError(), result);
    } else {
        result.bytes = moved;
    }
}

/// Calls move(view, request) for each datagram until one fails. An error counts if it is the
/// first's; what ends a batch later is met again by the next call.
template <class Move>
void perform_many(const io_request& request, io_result& result, Move move) noexcept {
    const datagram_batch& batch = *request.batch;
    const std::size_t count = std::min(batch.count, datagrams_per_call);
    for (std::size_t i = 0; i != count; ++i) {
        datagram_view view = batch.view(batch.items, i);
        io_request one = request;
        one.buffers = &view.buffer;
        one.buffer_count = 1;
        one.address = view.address;
        one.address_size = view.address_size;
        io_result moved;
        move(one, moved, i);
        if (moved.error) {
            if (i == 0) {
                result = moved;
            }
            return;
        }
        result.bytes = i + 1;
    }
}

void receive_many(const io_request& request, io_result& result) noexcept {
    perform_many(request, result, [&](io_request& one, io_result& moved, std::size_t i) noexcept {
        receive(one, moved);
        if (!moved.error) {
            request.batch->arrived(request.batch->items, i, moved.bytes, one.address_size,
                                   (moved.flags & MSG_TRUNC) != 0);
        }
    });
}

void send_many(const io_request& request, io_result& result) noexcept {
    perform_many(request, result,
                 [](io_request& one, io_result& moved, std::size_t) noexcept { send(one, moved); });
}

void accept(io_request& request, io_result& result) noexcept {
    for (;;) {
        int length = static_cast<int>(request.address_size);
        auto* const address = static_cast<sockaddr*>(request.address);
        const SOCKET made =
            ::accept(request.handle, address, address != nullptr ? &length : nullptr);
        if (made != INVALID_SOCKET) {
            ::SetHandleInformation(reinterpret_cast<HANDLE>(made), HANDLE_FLAG_INHERIT, 0);
            if (make_nonblocking(made)) {
                ::closesocket(made);  // reset meanwhile: like one that was aborted before
                continue;
            }
            if (address != nullptr) {
                request.address_size =
                    std::min(request.address_size, static_cast<std::size_t>(length));
            }
            result.accepted = made;
            return;
        }
        // A connection that was reset before it was accepted has left the queue with its error.
        const int code = ::WSAGetLastError();
        if (code != WSAECONNRESET && code != WSAECONNABORTED) {
            set_error(code, result);
            return;
        }
    }
}

/// Whether select() has anything to say of a socket that is not connected (yet).
bool attempt_is_over(native_handle_type handle) noexcept {
    fd_set done;
    FD_ZERO(&done);
    FD_SET(handle, &done);
    fd_set failed = done;
    timeval at_once{};
    return ::select(0, nullptr, &done, &failed, &at_once) != 0;
}

void check_connect(const io_request& request, io_result& result) noexcept {
    int code = 0;
    int size = sizeof code;
    if (::getsockopt(request.handle, SOL_SOCKET, SO_ERROR, reinterpret_cast<char*>(&code), &size) !=
        0) {
        result.error = last_error();
        return;
    }
    if (code != 0) {
        result.error = error_of(code);
        return;
    }
    // No error is not yet success: only a connection has a peer.
    sockaddr_storage peer;
    size = sizeof peer;
    if (::getpeername(request.handle, reinterpret_cast<sockaddr*>(&peer), &size) == 0) {
        return;
    }
    code = ::WSAGetLastError();
    set_error(code == WSAENOTCONN && !attempt_is_over(request.handle) ? WSAEWOULDBLOCK : code,
              result);
}

io_moved to_moved(int moved, std::size_t size, bool receiving) noexcept {
    if (moved >= 0) {
        return io_moved::bytes(moved);
    }
    const int code = ::WSAGetLastError();
    if (code == WSAEWOULDBLOCK) {
        return io_moved::would_block();
    }
    if (receiving && (code == WSAEMSGSIZE || code == WSAESHUTDOWN)) {
        return io_moved::bytes(code == WSAEMSGSIZE ? clipped(size) : 0);
    }
    return io_moved::failed(errno_of(code));
}

class windows_socket_ops final : public socket_ops {
public:
    std::error_code open(int family, int type, int protocol,
                         native_handle_type& handle) noexcept override {
        const SOCKET made = ::WSASocketW(family, type, protocol, nullptr, 0,
                                         WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
        if (made == INVALID_SOCKET) {
            return last_error();
        }
        if (const std::error_code error = make_nonblocking(made)) {
            ::closesocket(made);
            return error;
        }
        handle = made;
        return {};
    }

    std::error_code open_pair(int, int, int, native_handle_type&,
                              native_handle_type&) noexcept override {
        return gyre::error::operation_not_supported;  // there is no socketpair()
    }

    std::error_code adopt(native_handle_type handle) noexcept override {
        return make_nonblocking(handle);
    }

    std::error_code close(native_handle_type handle) noexcept override {
        return code_of(::closesocket(handle));
    }

    std::error_code bind(native_handle_type handle, const void* address,
                         std::size_t size) noexcept override {
        return code_of(::bind(handle, as_address(address), clipped(size)));
    }

    std::error_code listen(native_handle_type handle, int backlog) noexcept override {
        return code_of(::listen(handle, backlog));
    }

    std::error_code connect(native_handle_type handle, const void* address,
                            std::size_t size) noexcept override {
        const int result = ::connect(handle, as_address(address), clipped(size));
        if (result != 0 && ::WSAGetLastError() == WSAEWOULDBLOCK) {
            return gyre::error::in_progress;
        }
        return code_of(result);
    }

    std::error_code shutdown(native_handle_type handle, int how) noexcept override {
        return code_of(::shutdown(handle, how));
    }

    std::error_code set_option(native_handle_type handle, int level, int name, const void* value,
                               std::size_t size) noexcept override {
        return code_of(
            ::setsockopt(handle, level, name, static_cast<const char*>(value), clipped(size)));
    }

    std::error_code get_option(native_handle_type handle, int level, int name, void* value,
                               std::size_t& size) noexcept override {
        int length = clipped(size);
        if (::getsockopt(handle, level, name, static_cast<char*>(value), &length) != 0) {
            return last_error();
        }
        size = static_cast<std::size_t>(length);
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
        u_long count = 0;
        if (::ioctlsocket(handle, FIONREAD, &count) != 0) {
            return last_error();
        }
        bytes = count;
        return {};
    }

    std::error_code at_mark(native_handle_type handle, bool& at_mark) noexcept override {
        u_long answer = 0;
        if (::ioctlsocket(handle, static_cast<long>(SIOCATMARK), &answer) != 0) {
            return last_error();
        }
        at_mark = answer != 0;
        return {};
    }

    std::error_code io_control(native_handle_type handle, unsigned long command,
                               void* argument) noexcept override {
        return code_of(
            ::ioctlsocket(handle, static_cast<long>(command), static_cast<u_long*>(argument)));
    }

    io_moved receive(native_handle_type handle, void* data, std::size_t size,
                     int flags) noexcept override {
        const int moved = ::recv(handle, static_cast<char*>(data), clipped(size), flags);
        return to_moved(moved, size, true);
    }

    io_moved send(native_handle_type handle, const void* data, std::size_t size,
                  int flags) noexcept override {
        const int moved = ::send(handle, static_cast<const char*>(data), clipped(size), flags);
        return to_moved(moved, size, false);
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

constinit windows_socket_ops instance;

/// Closes in its destructor.
class owned_socket {
public:
    explicit owned_socket(SOCKET handle) noexcept : handle_(handle) {}
    owned_socket(const owned_socket&) = delete;
    owned_socket& operator=(const owned_socket&) = delete;
    ~owned_socket() {
        if (handle_ != INVALID_SOCKET) {
            ::closesocket(handle_);
        }
    }
    SOCKET get() const noexcept { return handle_; }
    SOCKET release() noexcept { return std::exchange(handle_, INVALID_SOCKET); }

private:
    SOCKET handle_;
};

SOCKET new_tcp_socket() noexcept {
    return ::WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, nullptr, 0,
                        WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
}

}  // namespace

std::error_code make_nonblocking(native_handle_type handle) noexcept {
    u_long on = 1;
    return code_of(::ioctlsocket(handle, static_cast<long>(FIONBIO), &on));
}

std::error_code open_loopback_pair(native_handle_type& first, native_handle_type& second) noexcept {
    start_winsock();
    const owned_socket listener(new_tcp_socket());
    owned_socket client(new_tcp_socket());
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int size = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener.get(), raw, size) != 0 || ::listen(listener.get(), 1) != 0 ||
        ::getsockname(listener.get(), raw, &size) != 0 || ::connect(client.get(), raw, size) != 0) {
        return last_error();
    }
    sockaddr_in own{};
    size = sizeof own;
    if (::getsockname(client.get(), reinterpret_cast<sockaddr*>(&own), &size) != 0) {
        return last_error();
    }
    for (;;) {
        sockaddr_in from{};
        size = sizeof from;
        owned_socket accepted(::accept(listener.get(), reinterpret_cast<sockaddr*>(&from), &size));
        if (accepted.get() == INVALID_SOCKET) {
            return last_error();
        }
        // Anybody on this machine may have connected meanwhile.
        if (from.sin_port != own.sin_port || from.sin_addr.s_addr != own.sin_addr.s_addr) {
            continue;
        }
        const BOOL at_once = TRUE;
        ::setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY,
                     reinterpret_cast<const char*>(&at_once), sizeof at_once);
        std::error_code error = make_nonblocking(client.get());
        if (!error) {
            error = make_nonblocking(accepted.get());
        }
        if (!error) {
            first = accepted.release();
            second = client.release();
        }
        return error;
    }
}

socket_ops& native_socket_ops() noexcept {
    start_winsock();
    return instance;
}

}  // namespace gyre::inline v0::detail
