// SPDX-License-Identifier: BSL-1.0
//
// Buffers: non-owning views of memory to read into or write from, and sequences of them. Knows no
// container by name, so that it includes none: whatever has data() and size() will do.

#pragma once

#include <cstddef>
#include <type_traits>

namespace gyre::inline v0 {

/// A view of memory that may be written to: an address and a length in bytes.
///
/// It owns nothing. The memory must stay valid until the operation that uses it has completed, for
/// an asynchronous one until its handler is called; keeping it so is the caller's business. Copies
/// are cheap and refer to the same memory. No synchronisation; distinct objects are independent.
class mutable_buffer {
public:
    /// An empty buffer with a null address.
    constexpr mutable_buffer() noexcept = default;

    /// The `size` bytes at `data`. A null `data` is allowed if `size` is 0.
    constexpr mutable_buffer(void* data, std::size_t size) noexcept : data_(data), size_(size) {}

    /// The address of the first byte.
    constexpr void* data() const noexcept { return data_; }

    /// The length in bytes.
    constexpr std::size_t size() const noexcept { return size_; }

    /// Moves the start `n` bytes ahead, at most to the end.
    mutable_buffer& operator+=(std::size_t n) noexcept {
        const std::size_t step = n < size_ ? n : size_;
        data_ = static_cast<char*>(data_) + step;
        size_ -= step;
        return *this;
    }

private:
    void* data_ = nullptr;
    std::size_t size_ = 0;
};

/// A view of memory that is only read; else like mutable_buffer, which converts to it.
class const_buffer {
public:
    /// An empty buffer with a null address.
    constexpr const_buffer() noexcept = default;

    /// The `size` bytes at `data`. A null `data` is allowed if `size` is 0.
    constexpr const_buffer(const void* data, std::size_t size) noexcept
        : data_(data), size_(size) {}

    /// The same memory, from now on only to be read.
    constexpr const_buffer(const mutable_buffer& b) noexcept : data_(b.data()), size_(b.size()) {}

    /// The address of the first byte.
    constexpr const void* data() const noexcept { return data_; }

    /// The length in bytes.
    constexpr std::size_t size() const noexcept { return size_; }

    /// Moves the start `n` bytes ahead, at most to the end.
    const_buffer& operator+=(std::size_t n) noexcept {
        const std::size_t step = n < size_ ? n : size_;
        data_ = static_cast<const char*>(data_) + step;
        size_ -= step;
        return *this;
    }

private:
    const void* data_ = nullptr;
    std::size_t size_ = 0;
};

/// What is left of `b` behind its first `n` bytes: empty if it has no more than these.
inline mutable_buffer operator+(mutable_buffer b, std::size_t n) noexcept { return b += n; }

/// \copydoc operator+(mutable_buffer, std::size_t)
inline mutable_buffer operator+(std::size_t n, mutable_buffer b) noexcept { return b += n; }

/// \copydoc operator+(mutable_buffer, std::size_t)
inline const_buffer operator+(const_buffer b, std::size_t n) noexcept { return b += n; }

/// \copydoc operator+(mutable_buffer, std::size_t)
inline const_buffer operator+(std::size_t n, const_buffer b) noexcept { return b += n; }

namespace detail {

template <class T>
inline constexpr bool is_buffer =
    std::is_base_of_v<mutable_buffer, T> || std::is_base_of_v<const_buffer, T>;

// Elements whose bytes mean something. Buffers are left out: a range of them is a sequence already,
// and its raw bytes are never what was meant.
template <class T>
concept buffer_element =
    std::is_trivially_copyable_v<T> && !std::is_volatile_v<T> && !is_buffer<std::remove_cv_t<T>>;

template <class T>
using buffer_of = std::conditional_t<std::is_const_v<T>, const_buffer, mutable_buffer>;

// std::declval<T&>, which would cost the whole of <utility>. Never defined.
template <class T>
T& lvalue_of() noexcept;

// The type of the elements that C, as it is qualified, gives access to.
template <class C>
using data_element = std::remove_pointer_t<decltype(lvalue_of<C>().data())>;

// A contiguous range by its members: std::array, std::vector, std::basic_string, the views of the
// standard library, and everybody else's.
template <class C>
concept byte_range = requires(C& c) {
    requires std::is_pointer_v<decltype(c.data())>;
    requires std::is_convertible_v<decltype(c.size()), std::size_t>;
    requires buffer_element<data_element<C>>;
};

// A view gives the same access whether it is const or not, and copies like a pointer. A container
// passes its constness on to its elements, or does work when it is copied.
template <class C>
concept byte_view = byte_range<C> && byte_range<const C> && std::is_trivially_copyable_v<C> &&
    std::is_same_v<data_element<std::remove_const_t<C>>, data_element<const C>>;

// What buffer() takes as a whole: a range that lives on, or a view, which may be a temporary.
template <class C>
concept buffer_source = byte_range<std::remove_reference_t<C>> &&
    (std::is_lvalue_reference_v<C> || byte_view<C>);

template <class C>
concept owning_temporary = !std::is_lvalue_reference_v<C> && byte_range<C> && !byte_view<C>;

constexpr std::size_t smaller(std::size_t a, std::size_t b) noexcept { return a < b ? a : b; }

}  // namespace detail

/// \name buffer()
/// Makes a buffer of memory that the caller owns. The result is a mutable_buffer if the memory may
/// be written to and a const_buffer if not. With `max_size` it is no longer than that many bytes.
/// It is invalid as soon as the memory is: for a container when that reallocates, is destroyed or,
/// for some, is moved.
/// @{

/// The `size` bytes at `data`.
constexpr mutable_buffer buffer(void* data, std::size_t size) noexcept { return {data, size}; }

/// \copydoc buffer(void*, std::size_t)
constexpr const_buffer buffer(const void* data, std::size_t size) noexcept { return {data, size}; }

/// The buffer itself.
constexpr mutable_buffer buffer(const mutable_buffer& b) noexcept { return b; }

/// The first bytes of a buffer, at most `max_size` of them.
constexpr mutable_buffer buffer(const mutable_buffer& b, std::size_t max_size) noexcept {
    return {b.data(), detail::smaller(b.size(), max_size)};
}

/// \copydoc buffer(const mutable_buffer&)
constexpr const_buffer buffer(const const_buffer& b) noexcept { return b; }

/// \copydoc buffer(const mutable_buffer&, std::size_t)
constexpr const_buffer buffer(const const_buffer& b, std::size_t max_size) noexcept {
    return {b.data(), detail::smaller(b.size(), max_size)};
}

/// All elements of a C array. A string literal counts with its final zero: see `_buf` for without.
template <detail::buffer_element T, std::size_t N>
constexpr detail::buffer_of<T> buffer(T (&array)[N]) noexcept {
    return {array, N * sizeof(T)};
}

/// \copydoc buffer(T(&)[N])
template <detail::buffer_element T, std::size_t N>
constexpr detail::buffer_of<T> buffer(T (&array)[N], std::size_t max_size) noexcept {
    return {array, detail::smaller(N * sizeof(T), max_size)};
}

/// All elements of a contiguous range of trivially copyable elements: std::array, std::vector,
/// std::string, std::string_view, std::span and what looks like them. Constness is that of the
/// elements as seen through `range`.
template <detail::buffer_source C>
constexpr auto buffer(C&& range) noexcept {
    using element = detail::data_element<std::remove_reference_t<C>>;
    return detail::buffer_of<element>(range.data(), range.size() * sizeof(element));
}

/// \copydoc buffer(C&&)
template <detail::buffer_source C>
constexpr auto buffer(C&& range, std::size_t max_size) noexcept {
    return buffer(buffer(range), max_size);
}

/// Rejected: the container is a temporary and owns its elements, so that the buffer would outlive
/// them. Give the container a name that lives as long as the operation.
template <detail::owning_temporary C>
void buffer(C&& temporary) = delete;

/// \copydoc buffer(C&&)
template <detail::owning_temporary C>
void buffer(C&& temporary, std::size_t max_size) = delete;

/// @}

/// \name Buffer sequences
/// A sequence is one buffer (or an object derived from one), a C array of buffers or any
/// range (begin(), end(), bidirectional iterators) whose elements convert to a buffer.
/// Operations copy the sequence, never the memory it refers to; they use the buffers in
/// order, each to its end before the next.
/// @{

/// The first buffer of a sequence.
template <class B>
    requires std::is_base_of_v<mutable_buffer, B>
constexpr const mutable_buffer* buffer_sequence_begin(const B& b) noexcept {
    return static_cast<const mutable_buffer*>(&b);
}

/// \copydoc buffer_sequence_begin(const B&)
template <class B>
    requires std::is_base_of_v<const_buffer, B>
constexpr const const_buffer* buffer_sequence_begin(const B& b) noexcept {
    return static_cast<const const_buffer*>(&b);
}

/// \copydoc buffer_sequence_begin(const B&)
template <class T, std::size_t N>
constexpr const T* buffer_sequence_begin(const T (&array)[N]) noexcept {
    return array;
}

/// \copydoc buffer_sequence_begin(const B&)
template <class C>
    requires(!detail::is_buffer<C>)
constexpr auto buffer_sequence_begin(const C& range) noexcept -> decltype(range.begin()) {
    return range.begin();
}

/// The end of a sequence, one behind its last buffer.
template <class B>
    requires std::is_base_of_v<mutable_buffer, B>
constexpr const mutable_buffer* buffer_sequence_end(const B& b) noexcept {
    return static_cast<const mutable_buffer*>(&b) + 1;
}

/// \copydoc buffer_sequence_end(const B&)
template <class B>
    requires std::is_base_of_v<const_buffer, B>
constexpr const const_buffer* buffer_sequence_end(const B& b) noexcept {
    return static_cast<const const_buffer*>(&b) + 1;
}

/// \copydoc buffer_sequence_end(const B&)
template <class T, std::size_t N>
constexpr const T* buffer_sequence_end(const T (&array)[N]) noexcept {
    return array + N;
}

/// \copydoc buffer_sequence_end(const B&)
template <class C>
    requires(!detail::is_buffer<C>)
constexpr auto buffer_sequence_end(const C& range) noexcept -> decltype(range.end()) {
    return range.end();
}

namespace detail {

template <class T, class Buffer>
concept buffer_sequence = requires(const T& sequence, const Buffer& (*as_buffer)(const Buffer&)) {
    as_buffer(*buffer_sequence_begin(sequence));
    {buffer_sequence_begin(sequence) != buffer_sequence_end(sequence)};
    requires requires(std::remove_cvref_t<decltype(buffer_sequence_begin(sequence))> & it) {
        ++it;
        --it;
    };
};

}  // namespace detail

/// What can be read into: a sequence whose elements convert to mutable_buffer.
template <class T>
concept mutable_buffer_sequence = detail::buffer_sequence<T, mutable_buffer>;

/// What can be written from: a sequence whose elements convert to const_buffer. Every
/// mutable_buffer_sequence is one.
template <class T>
concept const_buffer_sequence = detail::buffer_sequence<T, const_buffer>;

/// The concept as a type, for code that selects on types.
template <class T>
struct is_mutable_buffer_sequence : std::bool_constant<mutable_buffer_sequence<T>> {};

/// \copydoc is_mutable_buffer_sequence
template <class T>
struct is_const_buffer_sequence : std::bool_constant<const_buffer_sequence<T>> {};

/// The sum of the sizes of all buffers in the sequence, in bytes.
template <const_buffer_sequence Buffers>
std::size_t buffer_size(const Buffers& buffers) noexcept {
    std::size_t total = 0;
    const auto end = buffer_sequence_end(buffers);
    for (auto it = buffer_sequence_begin(buffers); it != end; ++it) {
        total += const_buffer(*it).size();
    }
    return total;
}

/// Copies bytes from `source` to `target`, from the start of each, until one of them ends
/// or `max_bytes` were copied. Returns how many were copied. The two must not overlap.
template <mutable_buffer_sequence Target, const_buffer_sequence Source>
std::size_t buffer_copy(const Target& target, const Source& source,
                        std::size_t max_bytes = static_cast<std::size_t>(-1)) noexcept {
    std::size_t copied = 0;
    auto to = buffer_sequence_begin(target);
    auto from = buffer_sequence_begin(source);
    const auto to_end = buffer_sequence_end(target);
    const auto from_end = buffer_sequence_end(source);
    mutable_buffer out;
    const_buffer in;
    while (copied < max_bytes) {
        if (out.size() == 0) {
            if (to == to_end) {
                break;
            }
            out = *to;
            ++to;
        } else if (in.size() == 0) {
            if (from == from_end) {
                break;
            }
            in = *from;
            ++from;
        } else {
            const std::size_t n =
                detail::smaller(max_bytes - copied, detail::smaller(out.size(), in.size()));
            __builtin_memcpy(out.data(), in.data(), n);
            out += n;
            in += n;
            copied += n;
        }
    }
    return copied;
}

/// @}

/// Literals: `using namespace gyre::buffer_literals;`
namespace buffer_literals {

/// `"text"_buf`: the characters of the literal, without its final zero. Never invalid.
constexpr const_buffer operator""_buf(const char* text, std::size_t size) noexcept {
    return {text, size};
}

}  // namespace buffer_literals
}  // namespace gyre::inline v0
