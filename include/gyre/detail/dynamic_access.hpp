// SPDX-License-Identifier: BSL-1.0
//
// A dynamic buffer as composed operations see it, whichever of the two kinds it is. Knows no
// stream.

#pragma once

#include <gyre/assertion.hpp>
#include <gyre/buffer.hpp>
#include <gyre/dynamic_buffer_concepts.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace gyre::inline v0::detail {

/// A step of a read makes room for so many bytes at least, if the buffer may grow so far.
inline constexpr std::size_t least_room = 512;

/// Takes back what a buffer grew by for a step that could not be started. Of a buffer in two parts
/// nothing has to be taken back: room that is not committed is not there.
template <class B>
class growth_guard {
public:
    growth_guard(const B&, std::size_t) noexcept {}
    void keep() noexcept {}
};

template <dynamic_buffer_v2 B>
class growth_guard<B> {
public:
    growth_guard(const B& buffer, std::size_t grown) : buffer_(buffer), grown_(grown) {}
    growth_guard(const growth_guard&) = delete;
    growth_guard& operator=(const growth_guard&) = delete;
    ~growth_guard() {
        if (grown_ != 0) {
            buffer_.shrink(grown_);
        }
    }
    void keep() noexcept { grown_ = 0; }

private:
    B buffer_;
    std::size_t grown_;
};

/// `B` is a type of dynamic buffer, or a reference to one that the user keeps. Between prepare()
/// and commit() the buffer belongs to the step that reads into it; this object may be moved then.
template <class B>
class dynamic_access {
    using buffer_type = std::remove_reference_t<B>;
    static constexpr bool is_handle = dynamic_buffer_v2<buffer_type>;

public:
    using const_buffers_type = typename buffer_type::const_buffers_type;
    using mutable_buffers_type = typename buffer_type::mutable_buffers_type;
    using guard = growth_guard<buffer_type>;

    explicit dynamic_access(B&& buffer) : buffer_(static_cast<B&&>(buffer)) {}

    /// The readable bytes. Not between prepare() and commit().
    const_buffers_type data() const {
        if constexpr (is_handle) {
            return std::as_const(buffer_).data(0, size());
        } else {
            return std::as_const(buffer_).data();
        }
    }
    /// How many they are; without what was prepared.
    std::size_t size() const noexcept { return buffer_.size() - prepared_; }
    /// How many more there may be.
    std::size_t space() const noexcept { return buffer_.max_size() - size(); }

    /// Makes room for a step: what is there anyway, at most `most` bytes, 0 if it is full. Throws
    /// what the buffer throws.
    mutable_buffers_type prepare(std::size_t most) {
        const std::size_t now = size();
        const std::size_t capacity = buffer_.capacity();
        std::size_t n = capacity > now ? capacity - now : 0;
        n = n < least_room ? least_room : n;
        n = smaller(smaller(n, most), space());
        if constexpr (is_handle) {
            if (n != 0) {
                buffer_.grow(n);
            }
            prepared_ = n;
            return buffer_.data(now, n);
        } else {
            return buffer_.prepare(n);
        }
    }
    /// To be made before the step is started and told to keep() when it was.
    guard guard_prepared() const { return guard(buffer_, prepared_); }

    /// The first `n` of the prepared bytes have been read.
    void commit(std::size_t n) {
        if constexpr (is_handle) {
            // Fewer bytes than before, or a stream that moved more than it was asked for: the
            // memory may not even be ours any more.
            GYRE_ASSERT(n <= prepared_ && prepared_ <= buffer_.size());
            if (n != prepared_) {
                buffer_.shrink(prepared_ - n);
            }
            prepared_ = 0;
        } else {
            buffer_.commit(n);
        }
    }
    /// Removes the first `n` of the readable bytes.
    void consume(std::size_t n) { buffer_.consume(n); }

private:
    B buffer_;
    std::size_t prepared_ = 0;  // of a handle: the bytes at its end that are not read yet
};

/// What an operation keeps of its argument.
template <dynamic_buffer_argument B>
dynamic_access<kept_dynamic_buffer<B>> access_to(B&& buffer) {
    using kept = kept_dynamic_buffer<B>;
    return dynamic_access<kept>(static_cast<kept>(std::forward<B>(buffer)));
}

}  // namespace gyre::inline v0::detail
