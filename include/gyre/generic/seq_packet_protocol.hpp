// SPDX-License-Identifier: BSL-1.0
// Packets over connections of any protocol that the system knows.
#pragma once

#include <gyre/basic_seq_packet_socket.hpp>
#include <gyre/basic_socket_acceptor.hpp>
#include <gyre/detail/config.hpp>
#include <gyre/generic/basic_endpoint.hpp>

#include <type_traits>

namespace gyre::inline v0::generic {

/// Packets over connections of whatever family. A value; any thread.
class seq_packet_protocol {
public:
    using endpoint = basic_endpoint<seq_packet_protocol>;
    using socket = basic_seq_packet_socket<seq_packet_protocol>;
    using acceptor = basic_socket_acceptor<seq_packet_protocol>;

    /// By the system's numbers.
    seq_packet_protocol(int family, int protocol) noexcept : family_(family), protocol_(protocol) {}
    /// Of a known protocol of the same kind.
    template <class Protocol>
        requires(!std::is_same_v<Protocol, seq_packet_protocol> && Protocol::is_stream == true)
    seq_packet_protocol(const Protocol& other)
    noexcept : seq_packet_protocol(other.family(), other.protocol()) {}

    /// The numbers that the system's socket() takes.
    int family() const noexcept { return family_; }
    GYRE_API int type() const noexcept;
    int protocol() const noexcept { return protocol_; }

    /// 0 bytes received are the end.
    static constexpr bool is_stream = true;

    friend bool operator==(const seq_packet_protocol&,
                           const seq_packet_protocol&) noexcept = default;

private:
    int family_;
    int protocol_;
};

}  // namespace gyre::inline v0::generic
