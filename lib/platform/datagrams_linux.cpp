// SPDX-License-Identifier: BSL-1.0
// Several datagrams by one system call: recvmmsg(2) and sendmmsg(2).
#include "platform/native_posix.hpp"

namespace gyre::inline v0::detail {
namespace {

/// The messages of a batch as the system wants them.
class message_array {
public:
    explicit message_array(const datagram_batch& batch) noexcept
        : count_(std::min(batch.count, datagrams_per_call)) {
        for (std::size_t i = 0; i != count_; ++i) {
            const datagram_view view = batch.view(batch.items, i);
            pieces_[i] = {view.buffer.data, view.buffer.size};
            messages_[i] = {};
            msghdr& header = messages_[i].msg_hdr;
            header.msg_name = view.address;
            header.msg_namelen = static_cast<socklen_t>(view.address_size);
            header.msg_iov = &pieces_[i];
            header.msg_iovlen = 1;
        }
    }
    message_array(const message_array&) = delete;
    message_array& operator=(const message_array&) = delete;

    mmsghdr* data() noexcept { return messages_; }
    const mmsghdr& operator[](std::size_t i) const noexcept { return messages_[i]; }
    unsigned count() const noexcept { return static_cast<unsigned>(count_); }

private:
    const std::size_t count_;
    iovec pieces_[datagrams_per_call];
    mmsghdr messages_[datagrams_per_call];
};

template <class Call>
void perform(Call call, io_result& result) noexcept {
    int moved = 0;
    do {
        moved = call();
    } while (moved < 0 && errno == EINTR);
    if (moved < 0) {
        result.error = last_error();
        result.would_block = result.error == std::errc::resource_unavailable_try_again;
    } else {
        result.bytes = static_cast<std::size_t>(moved);
    }
}

}  // namespace

// An error behind the first datagram is kept by the system for the next call (recvmmsg(2)).
void receive_many(const io_request& request, io_result& result) noexcept {
    const datagram_batch& batch = *request.batch;
    message_array messages(batch);
    perform(
        [&]() noexcept {
            return ::recvmmsg(request.handle, messages.data(), messages.count(), request.flags,
                              nullptr);
        },
        result);
    for (std::size_t i = 0; i != result.bytes; ++i) {
        const msghdr& header = messages[i].msg_hdr;
        batch.arrived(batch.items, i, messages[i].msg_len, header.msg_namelen,
                      (header.msg_flags & MSG_TRUNC) != 0);
    }
}

void send_many(const io_request& request, io_result& result) noexcept {
    message_array messages(*request.batch);
    const int flags = request.flags | silent_send_flags;
    perform(
        [&]() noexcept {
            return ::sendmmsg(request.handle, messages.data(), messages.count(), flags);
        },
        result);
}

}  // namespace gyre::inline v0::detail
