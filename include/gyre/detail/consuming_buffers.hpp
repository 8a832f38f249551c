// SPDX-License-Identifier: BSL-1.0
//
// What is still to be transferred of a buffer sequence: the state of a composed read or write from
// one step to the next. Knows nothing of streams or handlers.

#pragma once

#include <gyre/buffer.hpp>
#include <gyre/detail/buffer_array.hpp>

#include <cstddef>
#include <type_traits>

namespace gyre::inline v0::detail {

/// A short sequence of buffers that is held by value: what a step of a composed operation passes to
/// read_some or write_some. `Buffer` is mutable_buffer or const_buffer.
template <class Buffer>
class prepared_buffers {
public:
    using value_type = Buffer;
    using const_iterator = const Buffer*;

    const Buffer* begin() const noexcept { return items_; }
    const Buffer* end() const noexcept { return items_ + count_; }
    std::size_t size() const noexcept { return count_; }
    bool empty() const noexcept { return count_ == 0; }
    bool full() const noexcept { return count_ == max_buffers_per_call; }

    /// Adds a buffer; the sequence must not be full.
    void push_back(const Buffer& b) noexcept { items_[count_++] = b; }

private:
    Buffer items_[max_buffers_per_call];
    std::size_t count_ = 0;
};

// A member that holds a copy of a sequence: itself, and for a C array, which can't be initialised
// from another one, its elements.
template <class Buffers>
struct sequence_copy {
    explicit sequence_copy(const Buffers& from) : sequence(from) {}

    Buffers sequence;
};

template <class Buffer, std::size_t N>
struct sequence_copy<Buffer[N]> {
    explicit sequence_copy(const Buffer (&from)[N]) {
        for (std::size_t i = 0; i != N; ++i) {
            sequence[i] = from[i];
        }
    }

    Buffer sequence[N];
};

/// A copy of a buffer sequence and how much of it is done. The position is kept as numbers, not as
/// an iterator, so that it survives being copied and moved along with its operation. Copies as the
/// sequence does; not synchronised.
template <class Buffers>
    requires const_buffer_sequence<Buffers>
class consuming_buffers {
public:
    /// What the elements are: writable if those of the sequence are.
    using buffer_type =
        std::conditional_t<mutable_buffer_sequence<Buffers>, mutable_buffer, const_buffer>;

    /// Copies the sequence; nothing is consumed. Throws what the copy throws.
    explicit consuming_buffers(const Buffers& buffers)
        : buffers_(buffers), total_size_(buffer_size(buffers)) {}

    /// The next bytes: at most `max_bytes`, in at most max_buffers_per_call buffers, none of them
    /// empty. Empty if nothing remains or `max_bytes` is 0. The result refers to the memory only.
    prepared_buffers<buffer_type> prepare(std::size_t max_bytes) const noexcept {
        prepared_buffers<buffer_type> result;
        const auto end = buffer_sequence_end(buffers_.sequence);
        auto it = position();
        std::size_t skip = offset_;
        for (; it != end && max_bytes != 0 && !result.full(); ++it) {
            const buffer_type b = gyre::buffer(buffer_type(*it) + skip, max_bytes);
            skip = 0;
            if (b.size() != 0) {
                result.push_back(b);
                max_bytes -= b.size();
            }
        }
        return result;
    }

    /// Marks the next `n` bytes as done, at most all that remain.
    void consume(std::size_t n) noexcept {
        n = smaller(n, total_size_ - total_consumed_);
        total_consumed_ += n;
        auto it = position();
        while (n != 0) {
            const std::size_t left = buffer_type(*it).size() - offset_;
            if (n < left) {
                offset_ += n;
                return;
            }
            n -= left;
            offset_ = 0;
            ++index_;
            ++it;
        }
    }

    /// Whether nothing remains.
    bool empty() const noexcept { return total_consumed_ == total_size_; }

    /// The size of the whole sequence in bytes.
    std::size_t total_size() const noexcept { return total_size_; }

    /// How many bytes are done.
    std::size_t total_consumed() const noexcept { return total_consumed_; }

private:
    // Where the element number index_ is.
    auto position() const noexcept {
        auto it = buffer_sequence_begin(buffers_.sequence);
        if constexpr (requires { it += std::ptrdiff_t(); }) {
            it += static_cast<std::ptrdiff_t>(index_);
        } else {
            for (std::size_t i = 0; i != index_; ++i) {
                ++it;
            }
        }
        return it;
    }

    sequence_copy<Buffers> buffers_;
    std::size_t total_size_;
    std::size_t total_consumed_ = 0;
    std::size_t index_ = 0;
    std::size_t offset_ = 0;
};

template <class T>
concept single_buffer = const_buffer_sequence<T> && is_buffer<T>;

/// One buffer needs no position beyond itself, and its steps are single buffers too.
template <class Buffers>
    requires single_buffer<Buffers>
class consuming_buffers<Buffers> {
public:
    using buffer_type =
        std::conditional_t<mutable_buffer_sequence<Buffers>, mutable_buffer, const_buffer>;

    explicit consuming_buffers(const Buffers& buffer) noexcept : buffer_(buffer) {}

    /// The next bytes, at most `max_bytes`.
    buffer_type prepare(std::size_t max_bytes) const noexcept {
        return gyre::buffer(buffer_ + total_consumed_, max_bytes);
    }

    void consume(std::size_t n) noexcept {
        total_consumed_ += smaller(n, buffer_.size() - total_consumed_);
    }

    bool empty() const noexcept { return total_consumed_ == buffer_.size(); }
    std::size_t total_size() const noexcept { return buffer_.size(); }
    std::size_t total_consumed() const noexcept { return total_consumed_; }

private:
    buffer_type buffer_;
    std::size_t total_consumed_ = 0;
};

}  // namespace gyre::inline v0::detail
