// SPDX-License-Identifier: BSL-1.0
// The name of a socket of this host.
#pragma once

#include <gyre/detail/config.hpp>

#include <compare>
#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>

namespace gyre::inline v0 {

namespace detail {

/// The system's form of a path; only the compiled library knows what is in it.
class GYRE_API local_endpoint {
public:
    local_endpoint() noexcept;
    explicit local_endpoint(std::string_view path);

    std::string_view path() const noexcept;
    void* data() noexcept { return bytes_; }
    const void* data() const noexcept { return bytes_; }
    std::size_t size() const noexcept { return size_; }
    static constexpr std::size_t capacity() noexcept { return sizeof(bytes_); }
    void resize(std::size_t size) noexcept;

private:
    alignas(8) unsigned char bytes_[112];  // a sockaddr_un
    std::size_t size_;
};

}  // namespace detail

namespace local {

/// Where a socket of `Protocol` is: a path in the file system. A value; any thread.
///
/// On Linux a path that begins with a zero byte is an abstract name, which is in no file system and
/// is gone with its socket. The empty path is that of a socket without a name; binding to it makes
/// Linux choose an abstract one.
template <class Protocol>
class basic_endpoint {
public:
    using protocol_type = Protocol;

    /// No name.
    basic_endpoint() noexcept = default;
    /// Throws system_error with error::name_too_long if the system has no room for the path (107
    /// bytes on Linux, 103 on others).
    basic_endpoint(const char* path) : value_(path) {}
    basic_endpoint(const std::string& path) : value_(path) {}
    basic_endpoint(std::string_view path) : value_(path) {}

    protocol_type protocol() const noexcept { return protocol_type(); }

    /// Throws std::bad_alloc.
    std::string path() const { return std::string(value_.path()); }
    void path(std::string_view path) { value_ = detail::local_endpoint(path); }

    /// The system's form: a sockaddr of size() bytes, in memory for capacity() bytes.
    void* data() noexcept { return value_.data(); }
    const void* data() const noexcept { return value_.data(); }
    std::size_t size() const noexcept { return value_.size(); }
    std::size_t capacity() const noexcept { return detail::local_endpoint::capacity(); }
    /// Called after the system wrote `size` bytes to data().
    void resize(std::size_t size) noexcept { value_.resize(size); }

    friend bool operator==(const basic_endpoint& a, const basic_endpoint& b) noexcept {
        return a.value_.path() == b.value_.path();
    }
    friend std::strong_ordering operator<=>(const basic_endpoint& a,
                                            const basic_endpoint& b) noexcept {
        return a.value_.path() <=> b.value_.path();
    }
    template <class Traits>
    friend std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out,
                                                        const basic_endpoint& e) {
        return out << e.path();
    }

private:
    detail::local_endpoint value_;
};

}  // namespace local
}  // namespace gyre::inline v0
