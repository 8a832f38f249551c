// SPDX-License-Identifier: BSL-1.0
//
// The error categories and the places that throw. Knows no operation.

#include <gyre/error.hpp>

#include <gyre/detail/stop_reason.hpp>
#include <gyre/detail/success.hpp>
#include <gyre/detail/throw_error.hpp>
#include <gyre/detail/throw_length_error.hpp>

#include <stdexcept>
#include <string>

namespace gyre::inline v0 {

const std::error_category* const detail::success_category = &std::system_category();

std::error_code detail::error_of(stop_reason reason) noexcept {
    return error::make_error_code(reason == stop_reason::timed_out ? error::timed_out
                                                                   : error::operation_aborted);
}

namespace {

const char* netdb_text(int value) noexcept {
    switch (value) {
    case error::host_not_found: return "host not found";
    case error::host_not_found_try_again: return "host not found for now, try again";
    case error::no_data: return "the name has no address of this family";
    case error::no_recovery: return "name resolution failed and can't recover";
    default: return "unknown name resolution error";
    }
}

const char* addrinfo_text(int value) noexcept {
    switch (value) {
    case error::service_not_found: return "service not found";
    case error::socket_type_not_supported: return "socket type not supported";
    default: return "unknown service resolution error";
    }
}

const char* misc_text(int value) noexcept {
    switch (value) {
    case error::already_open: return "already open";
    case error::eof: return "end of file";
    case error::not_found: return "element not found";
    case error::fd_set_failure: return "the poller can't watch this descriptor";
    default: return "unknown error";
    }
}

using text_function = const char* (*)(int) noexcept;

class category final : public std::error_category {
public:
    constexpr category(const char* name, text_function text) noexcept : name_(name), text_(text) {}

    const char* name() const noexcept override { return name_; }
    std::string message(int value) const override { return text_(value); }

private:
    const char* name_;
    text_function text_;
};

// Initialised at compile time and never destroyed: error codes are made and compared before main()
// and in destructors of static objects, where a category must already, or still, be there.
union immortal {
    constexpr immortal(const char* name, text_function text) noexcept : value(name, text) {}
    ~immortal() {}

    category value;
};

constinit const immortal netdb("gyre.netdb", netdb_text);
constinit const immortal addrinfo("gyre.addrinfo", addrinfo_text);
constinit const immortal misc("gyre.misc", misc_text);

#if defined(_WIN32)
// system_category() takes Win32 codes there, and an errno value would be read as one of those;
// generic_category() asks the C library for the text, which has none for those of sockets.
const char* errno_text(int value) noexcept {
    switch (value) {
    case EADDRINUSE: return "Address already in use";
    case EADDRNOTAVAIL: return "Address not available";
    case EAFNOSUPPORT: return "Address family not supported";
    case EALREADY: return "Connection already in progress";
    case ECANCELED: return "Operation canceled";
    case ECONNABORTED: return "Software caused connection abort";
    case ECONNREFUSED: return "Connection refused";
    case ECONNRESET: return "Connection reset by peer";
    case EDESTADDRREQ: return "Destination address required";
    case EHOSTUNREACH: return "Host unreachable";
    case EINPROGRESS: return "Operation in progress";
    case EISCONN: return "Already connected";
    case EMSGSIZE: return "Message too long";
    case ENETDOWN: return "Network down";
    case ENETRESET: return "Connection aborted by the network";
    case ENETUNREACH: return "Network unreachable";
    case ENOBUFS: return "No buffer space";
    case ENOPROTOOPT: return "No such protocol option";
    case ENOTCONN: return "Not connected";
    case ENOTSOCK: return "Not a socket";
    case EOPNOTSUPP: return "Operation not supported";
    case EPROTONOSUPPORT: return "Protocol not supported";
    case ETIMEDOUT: return "Timed out";
    case EWOULDBLOCK: return "Operation would block";
    default: return nullptr;
    }
}

class errno_values final : public std::error_category {
public:
    const char* name() const noexcept override { return "system"; }
    std::string message(int value) const override {
        const char* const text = errno_text(value);
        return text != nullptr ? text : std::generic_category().message(value);
    }
    std::error_condition default_error_condition(int value) const noexcept override {
        return {value, std::generic_category()};
    }
};

union immortal_errno_values {
    constexpr immortal_errno_values() noexcept : value() {}
    ~immortal_errno_values() {}

    errno_values value;
};
constinit const immortal_errno_values errno_instance;

const std::error_category& errno_category() noexcept { return errno_instance.value; }
#else
constexpr auto errno_category = std::system_category;
#endif

}  // namespace

namespace error {

const std::error_category& get_system_category() noexcept { return errno_category(); }

const std::error_category& get_netdb_category() noexcept { return netdb.value; }

const std::error_category& get_addrinfo_category() noexcept { return addrinfo.value; }

const std::error_category& get_misc_category() noexcept { return misc.value; }

}  // namespace error

namespace detail {

void throw_error(const std::error_code& ec, const char* what) {
    if (ec) {
        throw system_error(ec, what);
    }
}

void throw_length_error(const char* what) { throw std::length_error(what); }

}  // namespace detail
}  // namespace gyre::inline v0
