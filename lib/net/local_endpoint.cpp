// SPDX-License-Identifier: BSL-1.0
// Paths in the form that the system's socket calls take.
#include <gyre/detail/throw_error.hpp>
#include <gyre/error.hpp>
#include <gyre/local/basic_endpoint.hpp>
#include <gyre/local/datagram_protocol.hpp>
#include <gyre/local/seq_packet_protocol.hpp>
#include <gyre/local/stream_protocol.hpp>

#include "platform/socket_headers.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace gyre::inline v0 {
namespace detail {
namespace {

constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);
constexpr std::size_t path_max = sizeof(sockaddr_un) - path_offset;

}  // namespace

static_assert(sizeof(sockaddr_un) <= local_endpoint::capacity());

local_endpoint::local_endpoint() noexcept : bytes_{}, size_(path_offset) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(bytes_, &address, sizeof address);
}

// A path ends with a zero byte; an abstract name begins with one, and is as long as the size says.
local_endpoint::local_endpoint(std::string_view path) : local_endpoint() {
    if (path.empty()) {
        return;
    }
    const std::size_t end = path.front() != 0 ? 1 : 0;
    if (path.size() + end > path_max) {
        throw_error(error::make_error_code(error::name_too_long), "local endpoint");
    }
    std::memcpy(bytes_ + path_offset, path.data(), path.size());
    size_ = path_offset + path.size() + end;
}

std::string_view local_endpoint::path() const noexcept {
    const auto* begin = reinterpret_cast<const char*>(bytes_) + path_offset;
    const std::size_t room = size_ - path_offset;
    if (room == 0 || *begin == 0) {
        return {begin, room};
    }
    return {begin, static_cast<std::size_t>(std::find(begin, begin + room, '\0') - begin)};
}

void local_endpoint::resize(std::size_t size) noexcept {
    size_ = std::clamp(size, path_offset, capacity());
}

}  // namespace detail

namespace local {

int stream_protocol::family() const noexcept { return AF_UNIX; }
int stream_protocol::type() const noexcept { return SOCK_STREAM; }
int datagram_protocol::family() const noexcept { return AF_UNIX; }
int datagram_protocol::type() const noexcept { return SOCK_DGRAM; }
int seq_packet_protocol::family() const noexcept { return AF_UNIX; }
int seq_packet_protocol::type() const noexcept { return SOCK_SEQPACKET; }

}  // namespace local
}  // namespace gyre::inline v0
