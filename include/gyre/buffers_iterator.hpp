// SPDX-License-Identifier: BSL-1.0
// The bytes of a buffer sequence, one after the other, as a range with random access.
#pragma once

#include <gyre/buffer.hpp>

#include <compare>
#include <cstddef>
#include <iterator>
#include <type_traits>

// A check at each move and each byte is dear: it is there for a whole program or not at all (build
// option buffer_checks), and changes no layout.
#if defined(GYRE_BUFFER_CHECKS)
#include <gyre/assertion.hpp>
#define GYRE_BUFFER_CHECK(condition) GYRE_ASSERT(condition)
#else
#define GYRE_BUFFER_CHECK(condition) void(0)
#endif

namespace gyre::inline v0 {

namespace detail {

/// A place within a sequence of buffers.
template <class Buffers>
class byte_cursor {
public:
    byte_cursor() = default;
    explicit byte_cursor(const Buffers& buffers) noexcept
        : first_(buffer_sequence_begin(buffers)),
          current_(first_),
          end_(buffer_sequence_end(buffers)) {
        skip_forward();
    }

    auto* at() const noexcept {
        using byte = std::conditional_t<mutable_buffer_sequence<Buffers>, char, const char>;
        return static_cast<byte*>(buffer_type(*current_).data()) + offset_;
    }
    void move(std::ptrdiff_t n) noexcept {
        offset_ += n;
        if (n < 0) {
            skip_backward();
        } else {
            skip_forward();
        }
    }
    bool at_end() const noexcept { return current_ == end_; }
    /// Whether it was moved out of its sequence.
    bool outside() const noexcept { return offset_ < 0 || (at_end() && offset_ != 0); }

private:
    using buffer_iterator =
        std::remove_cvref_t<decltype(buffer_sequence_begin(lvalue_of<const Buffers>()))>;
    using buffer_type =
        std::conditional_t<mutable_buffer_sequence<Buffers>, mutable_buffer, const_buffer>;

    static std::ptrdiff_t size_of(const buffer_type& b) noexcept {
        return static_cast<std::ptrdiff_t>(b.size());
    }
    void skip_forward() noexcept {
        while (current_ != end_ && offset_ >= size_of(*current_)) {
            offset_ -= size_of(*current_);
            ++current_;
        }
    }
    void skip_backward() noexcept {
        while (offset_ < 0 && current_ != first_) {
            --current_;
            offset_ += size_of(*current_);
        }
    }

    buffer_iterator first_{};
    buffer_iterator current_{};
    buffer_iterator end_{};
    std::ptrdiff_t offset_ = 0;
};

/// Of a single buffer only the memory is remembered.
template <class Buffer>
    requires is_buffer<Buffer>
class byte_cursor<Buffer> {
    using byte = std::conditional_t<mutable_buffer_sequence<Buffer>, char, const char>;

public:
    byte_cursor() = default;
    explicit byte_cursor(const Buffer& buffer) noexcept
        : data_(static_cast<byte*>(buffer.data())),
          size_(static_cast<std::ptrdiff_t>(buffer.size())) {}

    byte* at() const noexcept { return data_ + offset_; }
    void move(std::ptrdiff_t n) noexcept { offset_ += n; }
    bool at_end() const noexcept { return offset_ == size_; }
    bool outside() const noexcept { return offset_ < 0 || offset_ > size_; }

private:
    byte* data_ = nullptr;
    std::ptrdiff_t size_ = 0;
    std::ptrdiff_t offset_ = 0;
};

}  // namespace detail

/// Goes through all bytes of a buffer sequence, across the borders of its buffers.
///
/// `Byte` is what a byte is seen as: char, unsigned char, std::byte. The bytes are mutable if those
/// of the sequence are. An iterator refers to the memory *and to the sequence* that it was made
/// from, which must live as long; of a single buffer, to the memory only. Two iterators may be
/// compared if they go over the same bytes. A move takes a step for each buffer that it crosses.
///
/// Must not be moved out of its sequence, nor read at the end. That is checked, by the assertion
/// handler, only if GYRE_BUFFER_CHECKS is defined, as the build option buffer_checks does.
template <class Buffers, class Byte = char>
class buffers_iterator {
    static_assert(sizeof(Byte) == 1);

public:
    using iterator_category = std::random_access_iterator_tag;
    using difference_type = std::ptrdiff_t;
    using value_type = Byte;
    using reference =
        std::conditional_t<mutable_buffer_sequence<Buffers>, Byte&, std::add_const_t<Byte>&>;
    using pointer = std::remove_reference_t<reference>*;

    /// Only to be assigned to, compared with its like, or destroyed.
    buffers_iterator() = default;

    /// At the first byte.
    static buffers_iterator begin(const Buffers& buffers) noexcept {
        return buffers_iterator(buffers);
    }
    /// Behind the last byte.
    static buffers_iterator end(const Buffers& buffers) {
        return begin(buffers) + static_cast<difference_type>(buffer_size(buffers));
    }

    reference operator*() const { return *operator->(); }
    pointer operator->() const {
        GYRE_BUFFER_CHECK(!cursor_.at_end());
        return reinterpret_cast<pointer>(cursor_.at());
    }
    reference operator[](difference_type n) const { return *(*this + n); }

    buffers_iterator& operator+=(difference_type n) {
        position_ += n;
        cursor_.move(n);
        GYRE_BUFFER_CHECK(!cursor_.outside());
        return *this;
    }
    buffers_iterator& operator-=(difference_type n) { return *this += -n; }
    buffers_iterator& operator++() { return *this += 1; }
    buffers_iterator& operator--() { return *this -= 1; }
    buffers_iterator operator++(int) {
        const buffers_iterator before = *this;
        *this += 1;
        return before;
    }
    buffers_iterator operator--(int) {
        const buffers_iterator before = *this;
        *this -= 1;
        return before;
    }

    friend buffers_iterator operator+(buffers_iterator it, difference_type n) { return it += n; }
    friend buffers_iterator operator+(difference_type n, buffers_iterator it) { return it += n; }
    friend buffers_iterator operator-(buffers_iterator it, difference_type n) { return it -= n; }
    friend difference_type operator-(const buffers_iterator& a,
                                     const buffers_iterator& b) noexcept {
        return a.position_ - b.position_;
    }
    friend bool operator==(const buffers_iterator& a, const buffers_iterator& b) noexcept {
        return a.position_ == b.position_;
    }
    friend std::strong_ordering operator<=>(const buffers_iterator& a,
                                            const buffers_iterator& b) noexcept {
        return a.position_ <=> b.position_;
    }

private:
    explicit buffers_iterator(const Buffers& buffers) noexcept : cursor_(buffers) {}

    detail::byte_cursor<Buffers> cursor_;
    difference_type position_ = 0;
};

/// The first byte of a sequence.
template <const_buffer_sequence Buffers>
buffers_iterator<Buffers> buffers_begin(const Buffers& buffers) noexcept {
    return buffers_iterator<Buffers>::begin(buffers);
}

/// The end of a sequence, one behind its last byte.
template <const_buffer_sequence Buffers>
buffers_iterator<Buffers> buffers_end(const Buffers& buffers) {
    return buffers_iterator<Buffers>::end(buffers);
}

}  // namespace gyre::inline v0
