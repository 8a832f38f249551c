// SPDX-License-Identifier: BSL-1.0
// Socket options whose numbers only the system's headers know: the compiled library looks them up.
#pragma once

#include <gyre/detail/config.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace gyre::inline v0::detail {

enum class option_name : std::uint8_t {
    broadcast,
    debug,
    do_not_route,
    keep_alive,
    linger,
    no_delay,
    out_of_band_inline,
    receive_buffer_size,
    receive_low_watermark,
    reuse_address,
    reuse_port,
    send_buffer_size,
    send_low_watermark,
    v6_only,
};

/// How the system calls an option. -1, -1 if it has none such: setting it fails then.
struct option_number {
    int level;
    int name;
};
GYRE_API option_number number_of(option_name name) noexcept;

/// What basic_socket asks of an option: where it is called what, and the system's form of its
/// value. The options below differ in what they make of that value.
template <option_name Name, class Value>
class option_base {
public:
    /// Of no interest which protocol it is.
    static constexpr bool same_for_all_protocols = true;

    template <class Protocol>
    int level(const Protocol&) const noexcept {
        return number_of(Name).level;
    }
    template <class Protocol>
    int name(const Protocol&) const noexcept {
        return number_of(Name).name;
    }
    template <class Protocol>
    void* data(const Protocol&) noexcept {
        return &value_;
    }
    template <class Protocol>
    const void* data(const Protocol&) const noexcept {
        return &value_;
    }
    template <class Protocol>
    std::size_t size(const Protocol&) const noexcept {
        return sizeof(value_);
    }
    /// Called when the system has written so many bytes to data().
    template <class Protocol>
    void resize(const Protocol&, std::size_t size) noexcept {
        if constexpr (std::is_same_v<Value, int>) {
            if (size == 1) {  // some systems answer with a single byte
                value_ = *reinterpret_cast<const unsigned char*>(&value_);
            }
        }
    }

protected:
    option_base() noexcept = default;
    explicit option_base(const Value& value) noexcept : value_(value) {}
    ~option_base() = default;
    option_base(const option_base&) = default;
    option_base& operator=(const option_base&) = default;

    Value value_{};
};

/// An option that is on or off; off at first. A value; any thread.
template <option_name Name>
class boolean_option : public option_base<Name, int> {
public:
    boolean_option() noexcept = default;
    explicit boolean_option(bool on) noexcept : option_base<Name, int>(on ? 1 : 0) {}
    boolean_option& operator=(bool on) noexcept { return *this = boolean_option(on); }

    bool value() const noexcept { return this->value_ != 0; }
    explicit operator bool() const noexcept { return value(); }
    bool operator!() const noexcept { return !value(); }
};

/// An option that is a number; 0 at first. A value; any thread.
template <option_name Name>
class integer_option : public option_base<Name, int> {
public:
    integer_option() noexcept = default;
    explicit integer_option(int value) noexcept : option_base<Name, int>(value) {}
    integer_option& operator=(int value) noexcept { return *this = integer_option(value); }

    int value() const noexcept { return this->value_; }
};

#if defined(_WIN32)
using linger_number = unsigned short;
#else
using linger_number = int;
#endif

/// The system's struct linger; the library checks that it is.
struct linger_value {
    linger_number on = 0;
    linger_number seconds = 0;
};

/// What close() does with data that has not been sent yet: off, the system goes on sending it; on,
/// the connection is reset after so many seconds, with 0 at once. A value; any thread.
class linger_option : public option_base<option_name::linger, linger_value> {
public:
    linger_option() noexcept = default;
    linger_option(bool on, int seconds) noexcept
        : option_base(linger_value{static_cast<linger_number>(on ? 1 : 0),
                                   static_cast<linger_number>(seconds)}) {}

    bool enabled() const noexcept { return value_.on != 0; }
    void enabled(bool on) noexcept { value_.on = on ? 1 : 0; }
    /// In seconds.
    int timeout() const noexcept { return value_.seconds; }
    void timeout(int seconds) noexcept { value_.seconds = static_cast<linger_number>(seconds); }
};

}  // namespace gyre::inline v0::detail
