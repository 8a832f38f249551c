// SPDX-License-Identifier: BSL-1.0
//
// Strings and vectors as buffers that grow, and the forms of read() and write() that take such
// buffers. Includes no container: whatever grows like these will do.

#pragma once

#include <gyre/async_result.hpp>
#include <gyre/buffer.hpp>
#include <gyre/completion_condition.hpp>
#include <gyre/detail/stepwise_transfer.hpp>
#include <gyre/detail/throw_error.hpp>
#include <gyre/detail/throw_length_error.hpp>
#include <gyre/dynamic_buffer_concepts.hpp>
#include <gyre/error.hpp>
#include <gyre/write.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace gyre::inline v0 {

namespace detail {

/// A contiguous container of bytes that grows and shrinks at its end: std::basic_string and
/// std::vector of elements of one byte.
template <class C>
concept growing_container = byte_range<C> && requires(C& c, std::size_t n) {
    requires sizeof(data_element<C>) == 1;
    c.resize(n);
    c.erase(c.begin(), c.begin() + 1);
    { c.capacity() } -> std::convertible_to<std::size_t>;
};

}  // namespace detail

/// A string or vector as a dynamic buffer; made by dynamic_buffer(). A handle: it refers to the
/// container and owns nothing, and copies see the same bytes.
///
/// The bytes are those of the container, as far as `max_size()` reaches. While an operation reads
/// into it the container is longer than what was read and must not be touched; afterwards it has
/// exactly the bytes that were there and those that came.
///
/// Models both kinds of dynamic buffer. What is prepared and not committed is gone with the next
/// grow() or commit(); between prepare() and commit() only this copy knows how much it is.
///
/// **Threads, lifetime.** As for the container, which must live until the operation has completed.
template <detail::growing_container Container>
class dynamic_container_buffer {
    static constexpr auto all = static_cast<std::size_t>(-1);

public:
    using const_buffers_type = const_buffer;
    using mutable_buffers_type = mutable_buffer;

    explicit dynamic_container_buffer(Container& container, std::size_t max_size = all) noexcept
        : container_(&container), max_size_(max_size) {}

    /// How many bytes are readable; at most max_size(), even if the container has more.
    std::size_t size() const noexcept {
        return committed_ != all ? committed_ : detail::smaller(container_->size(), max_size_);
    }
    std::size_t max_size() const noexcept { return max_size_; }
    std::size_t capacity() const noexcept {
        return detail::smaller(container_->capacity(), max_size_);
    }

    /// At most `n` of the readable bytes, from `position` on.
    const_buffer data(std::size_t position, std::size_t n) const noexcept {
        return buffer(data() + position, n);
    }
    mutable_buffer data(std::size_t position, std::size_t n) noexcept {
        return buffer(buffer(*container_, size()) + position, n);
    }
    /// Adds n bytes at the end. Throws std::length_error beyond max_size(), and what the container
    /// throws; nothing has changed then.
    void grow(std::size_t n) {
        const std::size_t now = size();
        check_growth(n, now);
        if (n != 0) {
            container_->resize(now + n);
        }
        committed_ = all;
    }
    /// Removes n bytes from the end, at most all.
    void shrink(std::size_t n) {
        const std::size_t now = size();
        container_->resize(now - detail::smaller(n, now));
        committed_ = all;
    }
    /// Removes n bytes from the front, at most all. Takes time in proportion to what remains.
    void consume(std::size_t n) {
        n = detail::smaller(n, size());
        using difference = decltype(container_->end() - container_->begin());
        container_->erase(container_->begin(), container_->begin() + static_cast<difference>(n));
        committed_ -= committed_ != all ? n : 0;
    }

    /// The readable bytes.
    const_buffer data() const noexcept { return buffer(std::as_const(*container_), size()); }
    /// Room for n bytes behind the readable ones. Throws as grow() does.
    mutable_buffer prepare(std::size_t n) {
        const std::size_t now = size();
        check_growth(n, now);
        if (n != 0) {
            container_->resize(now + n);
            committed_ = now;
        }
        return buffer(buffer(*container_) + now, n);
    }
    /// Makes the first n bytes of that room readable, at most all of it.
    void commit(std::size_t n) {
        if (committed_ != all) {
            const std::size_t room = container_->size() - committed_;
            container_->resize(committed_ + detail::smaller(n, room));
            committed_ = all;
        }
    }

private:
    void check_growth(std::size_t n, std::size_t now) const {
        if (n > max_size_ - now) {
            detail::throw_length_error("dynamic_buffer: larger than max_size");
        }
    }

    Container* container_;
    std::size_t max_size_;
    std::size_t committed_ = all;  // the readable bytes, if more have been prepared
};

/// The container as a dynamic buffer of at most `max_size` bytes. What it holds already counts and
/// is readable.
template <detail::growing_container Container>
dynamic_container_buffer<Container> dynamic_buffer(Container& container) noexcept {
    return dynamic_container_buffer<Container>(container);
}
/// \copydoc dynamic_buffer(Container&)
template <detail::growing_container Container>
dynamic_container_buffer<Container> dynamic_buffer(Container& container,
                                                   std::size_t max_size) noexcept {
    return dynamic_container_buffer<Container>(container, max_size);
}

/// \name read, write
/// With a dynamic buffer or a streambuf in the place of buffers. read() appends what it reads and
/// ends, with success, when the buffer has max_size() bytes; a step asks for the room that the
/// buffer has anyway, at least 512 bytes and at most 64 KiB. write() writes what is readable and
/// then removes from the buffer what was written, also when it failed.
///
/// A handle, such as dynamic_buffer() returns, is copied; a buffer that can't be copied, such as a
/// streambuf, is referred to and must live until the operation has completed. Until then nobody
/// else may use it.
/// @{

template <class Stream, detail::dynamic_buffer_argument B, completion_condition Condition>
std::size_t read(Stream& stream, B&& buffer, Condition condition, error_code& ec) {
    return detail::transfer_stepwise(
        detail::from_stream<Stream>{&stream},
        detail::growing_target(detail::access_to(std::forward<B>(buffer))), std::move(condition),
        ec);
}
template <class Stream, detail::dynamic_buffer_argument B>
std::size_t read(Stream& stream, B&& buffer, error_code& ec) {
    return read(stream, std::forward<B>(buffer), transfer_all(), ec);
}
template <class Stream, detail::dynamic_buffer_argument B, completion_condition Condition>
std::size_t read(Stream& stream, B&& buffer, Condition condition) {
    error_code ec;
    const std::size_t bytes = read(stream, std::forward<B>(buffer), std::move(condition), ec);
    detail::throw_error(ec, "read");
    return bytes;
}
template <class Stream, detail::dynamic_buffer_argument B>
std::size_t read(Stream& stream, B&& buffer) {
    return read(stream, std::forward<B>(buffer), transfer_all());
}

/// Handler: void(error_code, std::size_t bytes read).
template <class Stream, detail::dynamic_buffer_argument B, completion_condition Condition,
          class Token>
auto async_read(Stream& stream, B&& buffer, Condition condition, Token&& token) {
    return async_initiate<void(error_code, std::size_t)>(
        detail::initiate_stepwise<detail::from_stream<Stream>>{{&stream}},
        std::forward<Token>(token), detail::access_to(std::forward<B>(buffer)),
        std::move(condition));
}
template <class Stream, detail::dynamic_buffer_argument B, class Token>
auto async_read(Stream& stream, B&& buffer, Token&& token) {
    return async_read(stream, std::forward<B>(buffer), transfer_all(), std::forward<Token>(token));
}

template <class Stream, detail::dynamic_buffer_argument B, completion_condition Condition>
std::size_t write(Stream& stream, B&& buffer, Condition condition, error_code& ec) {
    auto access = detail::access_to(std::forward<B>(buffer));
    const std::size_t bytes = write(stream, access.data(), std::move(condition), ec);
    access.consume(bytes);
    return bytes;
}
template <class Stream, detail::dynamic_buffer_argument B>
std::size_t write(Stream& stream, B&& buffer, error_code& ec) {
    return write(stream, std::forward<B>(buffer), transfer_all(), ec);
}
template <class Stream, detail::dynamic_buffer_argument B, completion_condition Condition>
std::size_t write(Stream& stream, B&& buffer, Condition condition) {
    error_code ec;
    const std::size_t bytes = write(stream, std::forward<B>(buffer), std::move(condition), ec);
    detail::throw_error(ec, "write");
    return bytes;
}
template <class Stream, detail::dynamic_buffer_argument B>
std::size_t write(Stream& stream, B&& buffer) {
    return write(stream, std::forward<B>(buffer), transfer_all());
}

/// Handler: void(error_code, std::size_t bytes written).
template <class Stream, detail::dynamic_buffer_argument B, completion_condition Condition,
          class Token>
auto async_write(Stream& stream, B&& buffer, Condition condition, Token&& token) {
    return async_initiate<void(error_code, std::size_t)>(
        detail::initiate_consuming<detail::initiate_transfer<detail::write_direction, Stream>>{
            {&stream}},
        std::forward<Token>(token), detail::access_to(std::forward<B>(buffer)),
        std::move(condition));
}
template <class Stream, detail::dynamic_buffer_argument B, class Token>
auto async_write(Stream& stream, B&& buffer, Token&& token) {
    return async_write(stream, std::forward<B>(buffer), transfer_all(), std::forward<Token>(token));
}

/// @}

}  // namespace gyre::inline v0
