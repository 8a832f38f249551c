// SPDX-License-Identifier: BSL-1.0
//
// A buffer sequence flattened into the plain array of io_buffer that an operation hands to the
// platform. Knows no system call.

#pragma once

#include <gyre/buffer.hpp>
#include <gyre/detail/io_request.hpp>

#include <cstddef>
#include <type_traits>

namespace gyre::inline v0::detail {

/// How many buffers one call transfers at most: as many as an operation has room for in its slot.
/// By definition of read_some and its kin the rest is left to the next call.
inline constexpr std::size_t max_buffers_per_call = 16;

/// How many buffers one call can transfer of a sequence of type Buffers: 1 of a single buffer, all
/// of a short array, else max_buffers_per_call.
template <class Buffers>
inline constexpr std::size_t buffer_capacity = is_buffer<Buffers> ? 1 : max_buffers_per_call;

template <class Buffer, std::size_t N>
inline constexpr std::size_t buffer_capacity<Buffer[N]> = smaller(N, max_buffers_per_call);

// std::array and what is declared like it. A span of dynamic extent matches as well, and its "N" is
// the largest number there is: it counts as a sequence of unknown length.
template <template <class, std::size_t> class Array, class Buffer, std::size_t N>
inline constexpr std::size_t
    buffer_capacity<Array<Buffer, N>> = N == static_cast<std::size_t>(-1) ? max_buffers_per_call
                                        : N == 0                          ? 1
                                                 : smaller(N, max_buffers_per_call);

/// Whether an array of that capacity takes every sequence of type Buffers as a whole.
template <class Buffers>
inline constexpr bool holds_all = is_buffer<Buffers>;

template <class Buffer, std::size_t N>
inline constexpr bool holds_all<Buffer[N]> = N <= max_buffers_per_call;

template <template <class, std::size_t> class Array, class Buffer, std::size_t N>
inline constexpr bool holds_all<Array<Buffer, N>> = N <= max_buffers_per_call;

/// The buffers of a sequence in a row, empty ones left out, as many as fit. Refers to the memory of
/// the sequence, not to the sequence itself. Made where it is used: it can't be copied.
template <class Buffers>
    requires const_buffer_sequence<Buffers>
class buffer_array {
public:
    /// How many buffers fit.
    static constexpr std::size_t capacity = buffer_capacity<Buffers>;

    /// Takes the leading buffers of the sequence.
    explicit buffer_array(const Buffers& buffers) noexcept {
        items_[0] = {nullptr, 0};
        const auto end = buffer_sequence_end(buffers);
        for (auto it = buffer_sequence_begin(buffers); it != end; ++it) {
            const auto b = as_buffer(*it);
            if (b.size() == 0) {
                continue;
            }
            if (count_ == capacity) {
                complete_ = false;
                break;
            }
            // A write only reads through the pointer: io_buffer has no const, as iovec has none.
            items_[count_++] = {const_cast<void*>(static_cast<const void*>(b.data())), b.size()};
            total_size_ += b.size();
        }
    }

    buffer_array(const buffer_array&) = delete;
    buffer_array& operator=(const buffer_array&) = delete;

    /// The first of count() buffers. The array has at least one element: an empty one if count() is
    /// 0, so that `*data()` may always be read.
    const io_buffer* data() const noexcept { return items_; }

    /// \copydoc data
    io_buffer* data() noexcept { return items_; }

    /// How many buffers were taken; each is longer than 0.
    std::size_t count() const noexcept { return count_; }

    /// The sum of their sizes in bytes.
    std::size_t total_size() const noexcept { return total_size_; }

    /// Whether there is nothing to transfer.
    bool all_empty() const noexcept { return count_ == 0; }

    /// Whether the whole sequence was taken. Streams need not ask; a datagram can't be transferred
    /// in several calls.
    bool complete() const noexcept { return complete_; }

private:
    using buffer_type =
        std::conditional_t<mutable_buffer_sequence<Buffers>, mutable_buffer, const_buffer>;

    static buffer_type as_buffer(const buffer_type& b) noexcept { return b; }

    // Left uninitialised but for the first: clearing them all would cost more than the rest.
    io_buffer items_[capacity];
    std::size_t count_ = 0;
    std::size_t total_size_ = 0;
    bool complete_ = true;
};

}  // namespace gyre::inline v0::detail
