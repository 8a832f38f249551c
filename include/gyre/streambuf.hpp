// SPDX-License-Identifier: BSL-1.0
//
// A dynamic buffer that is also a std::streambuf, so that std::istream takes out what was read and
// std::ostream puts in what is to be written.

#pragma once

#include <gyre/buffer.hpp>
#include <gyre/detail/throw_length_error.hpp>
#include <gyre/dynamic_buffer.hpp>

#include <cstddef>
#include <streambuf>
#include <vector>

namespace gyre::inline v0 {

/// Bytes that arrive at the end and leave at the front, in one piece of memory that grows.
///
/// The readable bytes are `data()`, and what a std::istream over this reads; reading there
/// consumes. `prepare(n)` makes room behind them and `commit(n)` makes it readable, which is what a
/// std::ostream over this does when it writes. Memory that was consumed is used again; capacity
/// never shrinks. When max_size() bytes are readable, prepare() throws std::length_error and a
/// std::ostream fails.
///
/// Operations take it by reference: it can neither be copied nor moved, and must live until they
/// have completed. **Threads.** One at a time. Views of it (data(), prepare()) are valid until the
/// next prepare() or the next writing through a stream, data() until the next consume() too.
template <class Allocator = std::allocator<char>>
class basic_streambuf : public std::streambuf {
public:
    using allocator_type = Allocator;
    using const_buffers_type = const_buffer;
    using mutable_buffers_type = mutable_buffer;

    /// Empty; allocates nothing yet.
    explicit basic_streambuf(std::size_t max_size = static_cast<std::size_t>(-1),
                             const Allocator& allocator = Allocator())
        : max_size_(max_size), memory_(allocator) {}
    basic_streambuf(const basic_streambuf&) = delete;
    basic_streambuf& operator=(const basic_streambuf&) = delete;

    /// How many bytes are readable.
    std::size_t size() const noexcept { return static_cast<std::size_t>(pptr() - gptr()); }
    /// How many may be.
    std::size_t max_size() const noexcept { return max_size_; }
    /// How many may be without an allocation.
    std::size_t capacity() const noexcept { return detail::smaller(memory_.size(), max_size_); }

    /// The readable bytes.
    const_buffer data() const noexcept { return {gptr(), size()}; }

    /// Room for n bytes behind the readable ones; ends the room of an earlier call. Throws
    /// std::length_error if there would be more than max_size() bytes, and std::bad_alloc; nothing
    /// has changed then.
    mutable_buffer prepare(std::size_t n) {
        make_room(n);
        return {pptr(), n};
    }

    /// Makes the first n bytes of the room readable, at most all of it.
    void commit(std::size_t n) noexcept {
        n = detail::smaller(n, static_cast<std::size_t>(epptr() - pptr()));
        set(position_of(gptr()), position_of(pptr()) + n, position_of(epptr()));
    }

    /// Removes the first n bytes, at most all of them.
    void consume(std::size_t n) noexcept {
        n = detail::smaller(n, size());
        set(position_of(gptr()) + n, position_of(pptr()), position_of(epptr()));
    }

protected:
    int_type underflow() override {
        if (gptr() == pptr()) {
            return traits_type::eof();
        }
        setg(eback(), gptr(), pptr());
        return traits_type::to_int_type(*gptr());
    }

    int_type overflow(int_type c) override {
        if (traits_type::eq_int_type(c, traits_type::eof())) {
            return traits_type::not_eof(c);
        }
        if (pptr() == epptr()) {
            if (size() == max_size_) {
                return traits_type::eof();
            }
            make_room(detail::smaller(room_for_stream, max_size_ - size()));
        }
        *pptr() = traits_type::to_char_type(c);
        commit(1);
        return c;
    }

    std::streamsize showmanyc() override { return static_cast<std::streamsize>(size()); }

private:
    // What a std::ostream gets at a time.
    static constexpr std::size_t room_for_stream = 128;

    std::size_t position_of(const char* p) const noexcept {
        return static_cast<std::size_t>(p - memory_.data());
    }

    // The positions are kept as the pointers of std::streambuf, which are those of its streams.
    void set(std::size_t get, std::size_t put, std::size_t end) noexcept {
        char* const base = memory_.data();
        setg(base, base + get, base + put);
        setp(base + put, base + end);
    }

    void make_room(std::size_t n) {
        const std::size_t readable = size();
        if (n > max_size_ - readable) {
            detail::throw_length_error("streambuf: larger than max_size");
        }
        if (memory_.size() - position_of(gptr()) - readable < n) {
            move_to_front();
            if (memory_.size() - readable < n) {
                memory_.resize(readable + n);
            }
            set(0, readable, readable + n);
        } else {
            set(position_of(gptr()), position_of(pptr()), position_of(pptr()) + n);
        }
    }

    void move_to_front() noexcept {
        const std::size_t readable = size();
        if (readable != 0) {
            __builtin_memmove(memory_.data(), gptr(), readable);
        }
        set(0, readable, readable);
    }

    const std::size_t max_size_;
    std::vector<char, Allocator> memory_;
};

/// With std::allocator.
using streambuf = basic_streambuf<>;

}  // namespace gyre::inline v0
