// SPDX-License-Identifier: BSL-1.0
// Socket options of IP, which IPv4 and IPv6 call by different names.
#pragma once

#include <gyre/assertion.hpp>
#include <gyre/detail/config.hpp>
#include <gyre/detail/socket_option.hpp>
#include <gyre/ip/address.hpp>

#include <cstddef>
#include <cstdint>

namespace gyre::inline v0::detail {

enum class ip_option_name : std::uint8_t {
    join_group,
    leave_group,
    outbound_interface,
    multicast_hops,
    multicast_loopback,
    unicast_hops,
};
GYRE_API option_number number_of(ip_option_name name, bool v6) noexcept;

/// Where an option is called what. `Protocol` is one of gyre::ip.
template <ip_option_name Name>
class ip_option {
public:
    template <class Protocol>
    int level(const Protocol& p) const noexcept {
        return number_of(Name, is_v6(p)).level;
    }
    template <class Protocol>
    int name(const Protocol& p) const noexcept {
        return number_of(Name, is_v6(p)).name;
    }

protected:
    template <class Protocol>
    static bool is_v6(const Protocol& p) noexcept {
        return p == Protocol::v6();
    }
    ~ip_option() = default;
    ip_option() = default;
    ip_option(const ip_option&) = default;
    ip_option& operator=(const ip_option&) = default;
};

/// A number from 0 to 255; a byte for the multicast of IPv4, as all systems take it, else an int.
template <ip_option_name Name>
class ip_number_option : public ip_option<Name> {
public:
    ip_number_option() noexcept = default;
    explicit ip_number_option(int value) noexcept
        : wide_(value), narrow_(static_cast<unsigned char>(value)) {}

    int value() const noexcept { return wide_; }

    template <class Protocol>
    void* data(const Protocol& p) noexcept {
        return is_byte(p) ? static_cast<void*>(&narrow_) : &wide_;
    }
    template <class Protocol>
    const void* data(const Protocol& p) const noexcept {
        return is_byte(p) ? static_cast<const void*>(&narrow_) : &wide_;
    }
    template <class Protocol>
    std::size_t size(const Protocol& p) const noexcept {
        return is_byte(p) ? sizeof narrow_ : sizeof wide_;
    }
    template <class Protocol>
    void resize(const Protocol& p, std::size_t) noexcept {
        if (is_byte(p)) {
            wide_ = narrow_;
        }
    }

private:
    template <class Protocol>
    static bool is_byte(const Protocol& p) noexcept {
        return Name != ip_option_name::unicast_hops && !ip_option<Name>::is_v6(p);
    }

    int wide_ = 0;
    unsigned char narrow_ = 0;
};

/// How many routers a packet may pass, from 0 to 255; what is outside is a broken precondition. A
/// value; any thread.
template <ip_option_name Name>
class hops_option : public ip_number_option<Name> {
public:
    hops_option() noexcept = default;
    explicit hops_option(int hops) noexcept : ip_number_option<Name>(hops) {
        GYRE_ASSERT(hops >= 0 && hops <= 255);
    }
    hops_option& operator=(int hops) noexcept { return *this = hops_option(hops); }
};

/// Whether something is on. A value; any thread.
template <ip_option_name Name>
class ip_switch_option : public ip_number_option<Name> {
public:
    ip_switch_option() noexcept = default;
    explicit ip_switch_option(bool on) noexcept : ip_number_option<Name>(on ? 1 : 0) {}
    ip_switch_option& operator=(bool on) noexcept { return *this = ip_switch_option(on); }

    bool value() const noexcept { return ip_number_option<Name>::value() != 0; }
    explicit operator bool() const noexcept { return value(); }
    bool operator!() const noexcept { return !value(); }
};

/// A multicast group and the interface on which it is meant, in the system's form.
class GYRE_API group_request {
public:
    group_request(const ip::address& group, const ip::address_v4& interface_address,
                  unsigned long index) noexcept;

    const void* data(bool v6) const noexcept { return v6 ? v6_ : v4_; }
    std::size_t size(bool v6) const noexcept { return v6 ? sizeof v6_ : sizeof v4_; }

private:
    unsigned char v4_[8];              // struct ip_mreq
    alignas(4) unsigned char v6_[20];  // struct ipv6_mreq
};

/// Joins or leaves a group; only to be set. A value; any thread.
template <ip_option_name Name>
class group_option : public ip_option<Name> {
public:
    /// On an interface of the system's choice.
    explicit group_option(const ip::address& group) noexcept
        : request_(group, ip::address_v4(), group_scope(group)) {}
    /// On the interface with that address.
    group_option(const ip::address_v4& group, const ip::address_v4& interface_address) noexcept
        : request_(group, interface_address, 0) {}
    /// On the interface with that index; 0 is the system's choice.
    group_option(const ip::address_v6& group, unsigned long index) noexcept
        : request_(group, ip::address_v4(), index) {}

    template <class Protocol>
    const void* data(const Protocol& p) const noexcept {
        return request_.data(ip_option<Name>::is_v6(p));
    }
    template <class Protocol>
    std::size_t size(const Protocol& p) const noexcept {
        return request_.size(ip_option<Name>::is_v6(p));
    }

private:
    static unsigned long group_scope(const ip::address& group) noexcept {
        return group.is_v6() ? group.to_v6().scope_id() : 0;
    }

    group_request request_;
};

/// The interface that multicast goes out by; only to be set. A value; any thread.
class outbound_interface_option : public ip_option<ip_option_name::outbound_interface> {
public:
    /// For IPv4: the interface with that address.
    explicit outbound_interface_option(const ip::address_v4& address) noexcept
        : v4_(address.to_bytes()) {}
    /// For IPv6: the interface with that index.
    explicit outbound_interface_option(unsigned int index) noexcept : v6_(index) {}

    template <class Protocol>
    const void* data(const Protocol& p) const noexcept {
        return is_v6(p) ? static_cast<const void*>(&v6_) : v4_.data();
    }
    template <class Protocol>
    std::size_t size(const Protocol& p) const noexcept {
        return is_v6(p) ? sizeof v6_ : v4_.size();
    }

private:
    ip::address_v4::bytes_type v4_{};
    unsigned int v6_ = 0;
};

}  // namespace gyre::inline v0::detail
