// SPDX-License-Identifier: BSL-1.0
//
// The errors that Gyre reports: names for the system's own codes and for what the system has no
// code for. Knows nothing of sockets or loops; only the standard library is included.

#pragma once

#include <gyre/detail/config.hpp>

#include <cerrno>
#include <system_error>

namespace gyre::inline v0 {

/// The result of every operation. A default-constructed one means success.
using error_code = std::error_code;

/// What the throwing forms of functions throw; `code()` is the error that the `error_code&` form
/// would have set.
using system_error = std::system_error;

/// Named errors. Each name converts to an `error_code`, so all of these work:
///
///     if (ec == gyre::error::eof) ...
///     ec = gyre::error::operation_aborted;
///     if (ec == std::errc::connection_refused) ...   // for codes of the system
///
/// Everything here may be used from any thread at any time, before main() and after it too.
namespace error {

/// Errors that the system has a code for. The values are those of <cerrno>, and the category is
/// get_system_category(); so a code that comes straight from errno compares equal to its name, and
/// each compares equal to its `std::errc` namesake.
enum basic_errors : int {
    /// Permission to a file, a port or an address was refused (EACCES).
    access_denied = EACCES,
    /// The system lacks this address family, or the socket is of another one.
    address_family_not_supported = EAFNOSUPPORT,
    /// Somebody else is bound to the local address.
    address_in_use = EADDRINUSE,
    /// The local address belongs to no interface of this machine.
    address_not_available = EADDRNOTAVAIL,
    /// The socket is connected already.
    already_connected = EISCONN,
    /// An earlier connect of this socket has not finished yet.
    already_started = EALREADY,
    /// The descriptor or socket is not open.
    bad_descriptor = EBADF,
    /// The other end no longer reads.
    broken_pipe = EPIPE,
    /// The connection was dropped by the local system.
    connection_aborted = ECONNABORTED,
    /// Nobody listens at the remote address.
    connection_refused = ECONNREFUSED,
    /// The peer dropped the connection.
    connection_reset = ECONNRESET,
    /// A pointer does not point to readable or writable memory.
    fault = EFAULT,
    /// No route leads to the remote host.
    host_unreachable = EHOSTUNREACH,
    /// The operation was started and goes on.
    in_progress = EINPROGRESS,
    /// A signal interrupted the call. The library repeats such calls and does not report this.
    interrupted = EINTR,
    /// An argument makes no sense here; also the error of everything that parses text.
    invalid_argument = EINVAL,
    /// A datagram is too long for the transport, or for the buffers given.
    message_size = EMSGSIZE,
    /// A path or name is longer than the system takes.
    name_too_long = ENAMETOOLONG,
    /// The local network interface is down.
    network_down = ENETDOWN,
    /// The network dropped the connection.
    network_reset = ENETRESET,
    /// No route leads to the remote network.
    network_unreachable = ENETUNREACH,
    /// The system ran out of socket buffers.
    no_buffer_space = ENOBUFS,
    /// This process may open no further descriptor.
    no_descriptors = EMFILE,
    /// Memory could not be allocated.
    no_memory = ENOMEM,
    /// The operation needs a privilege (EPERM).
    no_permission = EPERM,
    /// The protocol does not know this option.
    no_protocol_option = ENOPROTOOPT,
    /// There is no such device or interface.
    no_such_device = ENODEV,
    /// The socket is not connected.
    not_connected = ENOTCONN,
    /// The descriptor is not a socket.
    not_socket = ENOTSOCK,
    /// The operation was cancelled: by cancel(), by close() or by destroying its object.
    operation_aborted = ECANCELED,
    /// The object, the protocol or this system does not offer the operation.
    operation_not_supported = EOPNOTSUPP,
#if defined(ESHUTDOWN)
    /// The socket was shut down in this direction.
    shut_down = ESHUTDOWN,
#else
    /// The C library has no code for a socket that was shut down: it is a broken_pipe here.
    shut_down = EPIPE,
#endif
    /// The operation's own deadline passed, or the network's did.
    timed_out = ETIMEDOUT,
    /// A non-blocking call could do nothing now (EAGAIN).
    try_again = EAGAIN,
    /// A non-blocking call would have had to wait; the same value as try_again on most systems.
    would_block = EWOULDBLOCK
};

/// Errors of looking up a host name, in get_netdb_category(). The values are Gyre's own.
enum netdb_errors : int {
    /// No such host, and the answer is authoritative.
    host_not_found = 1,
    /// No answer for now: asking again later may succeed.
    host_not_found_try_again = 2,
    /// The name exists but has no address of the family asked for.
    no_data = 3,
    /// The resolver failed, and would fail again.
    no_recovery = 4
};

/// Errors of looking up a service, in get_addrinfo_category(). The values are Gyre's own.
enum addrinfo_errors : int {
    /// The service is neither a port number nor a known name for this type of socket.
    service_not_found = 1,
    /// The resolver does not know this type of socket.
    socket_type_not_supported = 2
};

/// Errors that no system call reports, in get_misc_category(). The values are Gyre's own.
enum misc_errors : int {
    /// open() or assign() on an object that is open.
    already_open = 1,
    /// The peer finished sending, or a file or pipe ended. No byte came with this result, except
    /// for a composed read, which says how many bytes came before.
    eof = 2,
    /// What was looked for is not there: a delimiter within the limit, an endpoint in a range.
    not_found = 3,
    /// A descriptor is beyond what the chosen poller can watch.
    fd_set_failure = 4
};

/// The category of basic_errors: `std::system_category()` where the system's codes are those of
/// errno; on Windows one of the library's own with the same values, into which it translates.
GYRE_API const std::error_category& get_system_category() noexcept;

/// The category of netdb_errors, called "gyre.netdb".
GYRE_API const std::error_category& get_netdb_category() noexcept;

/// The category of addrinfo_errors, called "gyre.addrinfo".
GYRE_API const std::error_category& get_addrinfo_category() noexcept;

/// The category of misc_errors, called "gyre.misc".
GYRE_API const std::error_category& get_misc_category() noexcept;

/// Makes the code that a name stands for; found by `std::error_code`'s converting constructor.
inline error_code make_error_code(basic_errors e) noexcept {
    return {static_cast<int>(e), get_system_category()};
}

/// \copydoc make_error_code(basic_errors)
inline error_code make_error_code(netdb_errors e) noexcept {
    return {static_cast<int>(e), get_netdb_category()};
}

/// \copydoc make_error_code(basic_errors)
inline error_code make_error_code(addrinfo_errors e) noexcept {
    return {static_cast<int>(e), get_addrinfo_category()};
}

/// \copydoc make_error_code(basic_errors)
inline error_code make_error_code(misc_errors e) noexcept {
    return {static_cast<int>(e), get_misc_category()};
}

}  // namespace error
}  // namespace gyre::inline v0

template <>
struct std::is_error_code_enum<gyre::error::basic_errors> : std::true_type {};

template <>
struct std::is_error_code_enum<gyre::error::netdb_errors> : std::true_type {};

template <>
struct std::is_error_code_enum<gyre::error::addrinfo_errors> : std::true_type {};

template <>
struct std::is_error_code_enum<gyre::error::misc_errors> : std::true_type {};
