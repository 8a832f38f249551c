// SPDX-License-Identifier: BSL-1.0
// Several datagrams by a system call each.
#include "platform/native_posix.hpp"

namespace gyre::inline v0::detail {
namespace {

/// Calls move(i, message) for each datagram until one fails. An error counts if it is the first's;
/// what ends a batch later, most often that nothing is left, is met again by the next call.
template <class Move>
void perform(const datagram_batch& batch, io_result& result, Move move) noexcept {
    const std::size_t count = std::min(batch.count, datagrams_per_call);
    for (std::size_t i = 0; i != count; ++i) {
        const datagram_view view = batch.view(batch.items, i);
        iovec piece{view.buffer.data, view.buffer.size};
        msghdr header{};
        header.msg_name = view.address;
        header.msg_namelen = static_cast<socklen_t>(view.address_size);
        header.msg_iov = &piece;
        header.msg_iovlen = 1;
        bool moved = false;
        do {
            moved = move(i, header);
        } while (!moved && errno == EINTR);
        if (!moved) {
            if (i == 0) {
                result.error = last_error();
                result.would_block = result.error == std::errc::resource_unavailable_try_again;
            }
            return;
        }
        result.bytes = i + 1;
    }
}

}  // namespace

void receive_many(const io_request& request, io_result& result) noexcept {
    const datagram_batch& batch = *request.batch;
    perform(batch, result, [&](std::size_t i, msghdr& header) noexcept {
        const ssize_t size = ::recvmsg(request.handle, &header, request.flags);
        if (size >= 0) {
            batch.arrived(batch.items, i, static_cast<std::size_t>(size), header.msg_namelen,
                          (header.msg_flags & MSG_TRUNC) != 0);
        }
        return size >= 0;
    });
}

void send_many(const io_request& request, io_result& result) noexcept {
    perform(*request.batch, result, [&](std::size_t, msghdr& header) noexcept {
        return ::sendmsg(request.handle, &header, request.flags | silent_send_flags) >= 0;
    });
}

}  // namespace gyre::inline v0::detail
