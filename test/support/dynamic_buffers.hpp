// SPDX-License-Identifier: BSL-1.0
// One dynamic buffer of each kind for the tests of what reads into such: handles to containers, a
// streambuf, and one whose bytes lie in several places. Knows no operation.
#pragma once

#include <gyre/buffer.hpp>
#include <gyre/buffers_iterator.hpp>
#include <gyre/dynamic_buffer.hpp>
#include <gyre/streambuf.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace gyre::testing {

/// A user's own dynamic buffer in two parts. Its readable bytes are three buffers, the first of
/// them of one byte, and so are the writable ones.
class parted_buffer {
public:
    using const_buffers_type = std::array<const_buffer, 3>;
    using mutable_buffers_type = std::array<mutable_buffer, 3>;

    explicit parted_buffer(std::size_t max_size) : max_size_(max_size) {}
    parted_buffer(const parted_buffer&) = delete;
    parted_buffer& operator=(const parted_buffer&) = delete;

    std::size_t size() const { return readable_.size(); }
    std::size_t max_size() const { return max_size_; }
    std::size_t capacity() const { return readable_.capacity(); }
    const_buffers_type data() const { return parts<const_buffer>(readable_); }
    mutable_buffers_type prepare(std::size_t n) {
        if (n > max_size_ - size()) {
            throw std::length_error("parted_buffer");
        }
        room_.assign(n, '?');
        return parts<mutable_buffer>(room_);
    }
    void commit(std::size_t n) {
        readable_ += room_.substr(0, n);
        room_.clear();
    }
    void consume(std::size_t n) { readable_.erase(0, n); }

private:
    template <class Buffer, class Text>
    static std::array<Buffer, 3> parts(Text& text) {
        const std::size_t half = (text.size() + 1) / 2;
        return {buffer(buffer(text), std::min<std::size_t>(1, half)),
                buffer(buffer(text), half) + 1, buffer(text) + half};
    }

    std::size_t max_size_;
    std::string readable_;
    std::string room_;
};

/// The readable bytes of a buffer in two parts.
template <class B>
std::string text_of(const B& b) {
    const auto data = b.data();
    return std::string(buffers_begin(data), buffers_end(data));
}

/// Appends text to a buffer in two parts.
template <class B>
void append(B& b, const std::string& text) {
    b.commit(buffer_copy(b.prepare(text.size()), buffer(text)));
}

/// Calls f(argument, text) for each kind, with `initial` in it: argument() is what is given to an
/// operation, text() what the buffer holds.
template <class F>
void for_each_dynamic_buffer(const std::string& initial, std::size_t max_size, F f) {
    {
        std::string s = initial;
        f([&] { return dynamic_buffer(s, max_size); }, [&] { return s; });
    }
    {
        std::vector<unsigned char> v(initial.begin(), initial.end());
        f([&] { return dynamic_buffer(v, max_size); },
          [&] { return std::string(v.begin(), v.end()); });
    }
    {
        streambuf b(max_size);
        append(b, initial);
        f([&]() -> streambuf& { return b; }, [&] { return text_of(b); });
    }
    {
        parted_buffer b(max_size);
        append(b, initial);
        f([&]() -> parted_buffer& { return b; }, [&] { return text_of(b); });
    }
}

}  // namespace gyre::testing
