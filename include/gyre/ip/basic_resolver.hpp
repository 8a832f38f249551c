// SPDX-License-Identifier: BSL-1.0
// Looks up names of hosts and services.
#pragma once

#include <gyre/any_io_executor.hpp>
#include <gyre/async_result.hpp>
#include <gyre/detail/resolver_object.hpp>
#include <gyre/detail/throw_error.hpp>
#include <gyre/error.hpp>
#include <gyre/ip/basic_resolver_results.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace gyre::inline v0::ip {

/// A base of resolvers that only gives them names.
class resolver_base {
public:
    /// What a lookup is asked for: a set. The values are Gyre's own.
    enum flags : unsigned {
        /// The entries' host name is the canonical one, if the system knows it.
        canonical_name = 1,
        /// Endpoints to listen at: no host is every address of this machine, not loopback.
        passive = 2,
        /// The host must be an address in numbers: nothing is looked up.
        numeric_host = 4,
        /// The service must be a port number: nothing is looked up.
        numeric_service = 8,
        /// For a protocol of IPv6, a host without such an address is given by its IPv4 addresses in
        /// IPv6 form.
        v4_mapped = 16,
        /// With v4_mapped: both kinds.
        all_matching = 32,
        /// Only addresses of a version that an interface of this machine has, loopback apart.
        address_configured = 64,
    };

    friend constexpr flags operator&(flags a, flags b) noexcept {
        return static_cast<flags>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
    }
    friend constexpr flags operator|(flags a, flags b) noexcept {
        return static_cast<flags>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
    }
    friend constexpr flags operator^(flags a, flags b) noexcept {
        return static_cast<flags>(static_cast<unsigned>(a) ^ static_cast<unsigned>(b));
    }
    friend constexpr flags operator~(flags a) noexcept {
        return static_cast<flags>(~static_cast<unsigned>(a) & 127U);
    }
    friend constexpr flags& operator&=(flags& a, flags b) noexcept { return a = a & b; }
    friend constexpr flags& operator|=(flags& a, flags b) noexcept { return a = a | b; }
    friend constexpr flags& operator^=(flags& a, flags b) noexcept { return a = a ^ b; }

protected:
    ~resolver_base() = default;
};

/// Turns names of hosts and services into endpoints, and endpoints into names.
///
/// Each function comes as resolve(), which blocks, with an error_code or throwing system_error, and
/// as async_resolve(), whose handler is void(error_code, results_type). Host and service are names
/// or numbers; either may be empty, but not both. The protocol says what kind of socket the
/// endpoints are for; the forms that are given one find endpoints of its version only.
///
/// An asynchronous lookup of numbers, or with flags that allow nothing else, needs no thread. All
/// others block one of the four threads that all contexts of the process share; 1024 more may wait
/// for one, and further ones fail with error::try_again.
///
/// **Errors.** error::host_not_found, host_not_found_try_again, no_data, no_recovery;
/// service_not_found, socket_type_not_supported; the system's; invalid_argument for a text with a
/// zero byte in it, name_too_long beyond 1024 characters.
/// **Cancellation.** A lookup that cancel() counted reports error::operation_aborted, even if it
/// had ended. The system's call goes on in its thread, and what it finds is thrown away.
/// **Threads.** Different resolvers may be used by different threads; one by one at a time.
/// **Lifetime.** Must be destroyed before its context. Destroying it cancels its lookups. Neither
/// waits for calls of the system that go on.
template <class Protocol>
class basic_resolver : public resolver_base {
public:
    using executor_type = any_io_executor;
    using protocol_type = Protocol;
    using endpoint_type = typename Protocol::endpoint;
    using results_type = basic_resolver_results<Protocol>;

    explicit basic_resolver(const executor_type& executor) : object_(executor) {}
    template <context_with_executor Context>
    explicit basic_resolver(Context& context)
        : basic_resolver(executor_type(context.get_executor())) {}

    /// Takes over the lookups. Assigning first cancels those of the target.
    basic_resolver(basic_resolver&& other) noexcept = default;
    basic_resolver& operator=(basic_resolver&& other) noexcept = default;

    executor_type get_executor() const noexcept { return object_.get_executor(); }

    /// Aborts all lookups of this resolver; returns how many (0 if it is left to another thread).
    std::size_t cancel() noexcept { return object_.cancel(); }

    results_type resolve(std::string_view host, std::string_view service) {
        return look_up(query(host, service, flags()));
    }
    results_type resolve(std::string_view host, std::string_view service, error_code& ec) {
        return look_up(query(host, service, flags()), ec);
    }
    results_type resolve(std::string_view host, std::string_view service, flags f) {
        return look_up(query(host, service, f));
    }
    results_type resolve(std::string_view host, std::string_view service, flags f, error_code& ec) {
        return look_up(query(host, service, f), ec);
    }
    results_type resolve(const protocol_type& protocol, std::string_view host,
                         std::string_view service) {
        return look_up(query(protocol, host, service, flags()));
    }
    results_type resolve(const protocol_type& protocol, std::string_view host,
                         std::string_view service, error_code& ec) {
        return look_up(query(protocol, host, service, flags()), ec);
    }
    results_type resolve(const protocol_type& protocol, std::string_view host,
                         std::string_view service, flags f) {
        return look_up(query(protocol, host, service, f));
    }
    results_type resolve(const protocol_type& protocol, std::string_view host,
                         std::string_view service, flags f, error_code& ec) {
        return look_up(query(protocol, host, service, f), ec);
    }
    /// One entry: the endpoint, with the names that its address and port have. What has no name is
    /// given in numbers.
    results_type resolve(const endpoint_type& endpoint) { return look_up(query(endpoint)); }
    results_type resolve(const endpoint_type& endpoint, error_code& ec) {
        return look_up(query(endpoint), ec);
    }

    /// Handler: void(error_code, results_type). Throws std::bad_alloc; nothing was started then.
    template <class Token>
    auto async_resolve(std::string_view host, std::string_view service, Token&& token) {
        return start(query(host, service, flags()), std::forward<Token>(token));
    }
    template <class Token>
    auto async_resolve(std::string_view host, std::string_view service, flags f, Token&& token) {
        return start(query(host, service, f), std::forward<Token>(token));
    }
    template <class Token>
    auto async_resolve(const protocol_type& protocol, std::string_view host,
                       std::string_view service, Token&& token) {
        return start(query(protocol, host, service, flags()), std::forward<Token>(token));
    }
    template <class Token>
    auto async_resolve(const protocol_type& protocol, std::string_view host,
                       std::string_view service, flags f, Token&& token) {
        return start(query(protocol, host, service, f), std::forward<Token>(token));
    }
    template <class Token>
    auto async_resolve(const endpoint_type& endpoint, Token&& token) {
        return start(query(endpoint), std::forward<Token>(token));
    }

private:
    static detail::resolver_query query(std::string_view host, std::string_view service, flags f) {
        const protocol_type any = endpoint_type().protocol();
        return {std::string(host), std::string(service), f, 0, any.type(), any.protocol()};
    }
    static detail::resolver_query query(const protocol_type& protocol, std::string_view host,
                                        std::string_view service, flags f) {
        detail::resolver_query q = query(host, service, f);
        q.family = protocol.family();
        return q;
    }
    static detail::resolver_query query(const endpoint_type& endpoint) {
        detail::resolver_query q = query(std::string_view(), std::string_view(), flags());
        q.address.assign(static_cast<const char*>(endpoint.data()), endpoint.size());
        return q;
    }

    results_type look_up(const detail::resolver_query& q, error_code& ec) {
        detail::resolved_list answer;
        ec = object_.resolve(q, answer);
        return results_type(std::move(answer));
    }
    results_type look_up(const detail::resolver_query& q) {
        error_code ec;
        results_type results = look_up(q, ec);
        detail::throw_error(ec, "resolve");
        return results;
    }

    template <class Token>
    auto start(detail::resolver_query&& q, Token&& token) {
        return async_initiate<void(error_code, results_type)>(
            [this](auto&& handler, detail::resolver_query asked) {
                detail::lookup_ticket ticket = object_.ask(std::move(asked));
                object_.start(detail::make_operation<detail::resolve_for<results_type>>(
                    object_.where(), std::forward<decltype(handler)>(handler), object_.get_notice(),
                    ticket));
            },
            std::forward<Token>(token), std::move(q));
    }

    detail::resolver_object object_;
};

}  // namespace gyre::inline v0::ip
