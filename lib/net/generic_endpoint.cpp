// SPDX-License-Identifier: BSL-1.0
// Addresses of any family, and the numbers of the kinds of sockets.
#include <gyre/detail/throw_error.hpp>
#include <gyre/error.hpp>
#include <gyre/generic/basic_endpoint.hpp>
#include <gyre/generic/datagram_protocol.hpp>
#include <gyre/generic/seq_packet_protocol.hpp>
#include <gyre/generic/stream_protocol.hpp>

#include "platform/socket_headers.hpp"

#include <cstddef>
#include <cstring>

namespace gyre::inline v0 {
namespace detail {

static_assert(sizeof(sockaddr_storage) <= generic_endpoint::capacity());

generic_endpoint::generic_endpoint() noexcept : bytes_{}, size_(offsetof(sockaddr, sa_data)) {
    sockaddr address{};
    address.sa_family = AF_UNSPEC;
    std::memcpy(bytes_, &address, size_);
}

generic_endpoint::generic_endpoint(const void* address, std::size_t size, int protocol)
    : bytes_{}, size_(static_cast<std::uint32_t>(size)), protocol_(protocol) {
    if (size > capacity()) {
        throw_error(error::make_error_code(error::invalid_argument), "generic endpoint");
    }
    std::memcpy(bytes_, address, size);
}

int generic_endpoint::family() const noexcept {
    sockaddr address;
    std::memcpy(&address, bytes_, offsetof(sockaddr, sa_data));
    return address.sa_family;
}

}  // namespace detail

namespace generic {

int stream_protocol::type() const noexcept { return SOCK_STREAM; }
int datagram_protocol::type() const noexcept { return SOCK_DGRAM; }
int seq_packet_protocol::type() const noexcept { return SOCK_SEQPACKET; }

}  // namespace generic
}  // namespace gyre::inline v0
