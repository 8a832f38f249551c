// SPDX-License-Identifier: BSL-1.0
// Streams of any protocol that the system knows.
#pragma once

#include <gyre/basic_socket_acceptor.hpp>
#include <gyre/basic_stream_socket.hpp>
#include <gyre/detail/config.hpp>
#include <gyre/generic/basic_endpoint.hpp>

#include <type_traits>

namespace gyre::inline v0::generic {

/// Streams of whatever family. A value; any thread.
class stream_protocol {
public:
    using endpoint = basic_endpoint<stream_protocol>;
    using socket = basic_stream_socket<stream_protocol>;
    using acceptor = basic_socket_acceptor<stream_protocol>;

    /// By the system's numbers.
    stream_protocol(int family, int protocol) noexcept : family_(family), protocol_(protocol) {}
    /// Of a known protocol of the same kind.
    template <class Protocol>
        requires(!std::is_same_v<Protocol, stream_protocol> && Protocol::is_stream == true)
    stream_protocol(const Protocol& other)
    noexcept : stream_protocol(other.family(), other.protocol()) {}

    /// The numbers that the system's socket() takes.
    int family() const noexcept { return family_; }
    GYRE_API int type() const noexcept;
    int protocol() const noexcept { return protocol_; }

    /// 0 bytes received are the end.
    static constexpr bool is_stream = true;

    friend bool operator==(const stream_protocol&, const stream_protocol&) noexcept = default;

private:
    int family_;
    int protocol_;
};

}  // namespace gyre::inline v0::generic
