// SPDX-License-Identifier: BSL-1.0
// Socket options whose numbers only the system's headers know: the compiled library looks them up.
#pragma once

#include <gyre/detail/config.hpp>

#include <cstddef>
#include <cstdint>

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

/// An option that is on or off.
template <option_name Name>
class boolean_option {
public:
    boolean_option() noexcept = default;
    explicit boolean_option(bool on) noexcept : value_(on ? 1 : 0) {}
    boolean_option& operator=(bool on) noexcept {
        value_ = on ? 1 : 0;
        return *this;
    }

    bool value() const noexcept { return value_ != 0; }
    explicit operator bool() const noexcept { return value_ != 0; }
    bool operator!() const noexcept { return value_ == 0; }

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
    template <class Protocol>
    void resize(const Protocol&, std::size_t size) noexcept {
        if (size == 1) {  // some systems answer with a single byte
            value_ = *reinterpret_cast<const unsigned char*>(&value_);
        }
    }

private:
    int value_ = 0;
};

/// An option that is a number.
template <option_name Name>
class integer_option {
public:
    integer_option() noexcept = default;
    explicit integer_option(int value) noexcept : value_(value) {}
    integer_option& operator=(int value) noexcept {
        value_ = value;
        return *this;
    }

    int value() const noexcept { return value_; }

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
    template <class Protocol>
    void resize(const Protocol&, std::size_t) noexcept {}

private:
    int value_ = 0;
};

/// What close() does with data that has not been sent yet.
class linger_option {
public:
    linger_option() noexcept = default;
    linger_option(bool on, int seconds) noexcept : value_{on ? 1 : 0, seconds} {}

    bool enabled() const noexcept { return value_.on != 0; }
    void enabled(bool on) noexcept { value_.on = on ? 1 : 0; }
    /// In seconds.
    int timeout() const noexcept { return value_.seconds; }
    void timeout(int seconds) noexcept { value_.seconds = seconds; }

    template <class Protocol>
    int level(const Protocol&) const noexcept {
        return number_of(option_name::linger).level;
    }
    template <class Protocol>
    int name(const Protocol&) const noexcept {
        return number_of(option_name::linger).name;
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
    template <class Protocol>
    void resize(const Protocol&, std::size_t) noexcept {}

private:
    // As POSIX's struct linger; the library checks that it is.
    struct linger_value {
        int on = 0;
        int seconds = 0;
    };
    linger_value value_;
};

}  // namespace gyre::inline v0::detail
