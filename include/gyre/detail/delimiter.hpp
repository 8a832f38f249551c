// SPDX-License-Identifier: BSL-1.0
//
// What read_until() looks for, and looking for it in what has come so far, each byte once. Knows no
// stream and no dynamic buffer.

#pragma once

#include <gyre/assertion.hpp>
#include <gyre/buffer.hpp>
#include <gyre/buffers_iterator.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace gyre::inline v0::detail {

/// Found: where the match ends. Not found: from where to look when more has come.
struct search_result {
    bool found;
    std::size_t position;
};

/// One byte.
struct char_delimiter {
    char value;

    template <const_buffer_sequence Buffers>
    search_result operator()(const Buffers& data, std::size_t from) const noexcept {
        std::size_t passed = 0;  // in the buffers before
        const auto end = buffer_sequence_end(data);
        for (auto it = buffer_sequence_begin(data); it != end; ++it) {
            const const_buffer b(*it);
            if (from < passed + b.size()) {
                const std::string_view text(static_cast<const char*>(b.data()), b.size());
                const std::size_t at = text.find(value, from > passed ? from - passed : 0);
                if (at != std::string_view::npos) {
                    return {true, passed + at + 1};
                }
            }
            passed += b.size();
        }
        return {false, passed};
    }
};

/// Several bytes; none at all is found at once. `Text` is std::string for an operation that
/// outlives its arguments, else std::string_view.
template <class Text>
struct string_delimiter {
    Text value;

    template <const_buffer_sequence Buffers>
    search_result operator()(const Buffers& data, std::size_t from) const noexcept {
        if constexpr (is_buffer<Buffers>) {
            const std::string_view text(static_cast<const char*>(data.data()), data.size());
            const std::size_t at = text.find(value, from);
            return at != std::string_view::npos ? search_result{true, at + value.size()}
                                                : search_result{false, next(text.size())};
        } else {
            return search(data, from);
        }
    }

private:
    // Across the borders of buffers.
    template <class Buffers>
    search_result search(const Buffers& data, std::size_t from) const noexcept {
        const std::size_t size = buffer_size(data);
        auto it = buffers_begin(data) + static_cast<std::ptrdiff_t>(from);
        for (; from + value.size() <= size; ++from, ++it) {
            auto here = it;
            std::size_t same = 0;
            while (same != value.size() && *here == value[same]) {
                ++here;
                ++same;
            }
            if (same == value.size()) {
                return {true, from + same};
            }
        }
        return {false, next(size)};
    }
    // The bytes at the end may be the beginning of a match.
    std::size_t next(std::size_t size) const noexcept {
        return size < value.size() ? 0 : size - value.size() + 1;
    }
};

/// What a function of the user says.
template <class Condition>
struct condition_delimiter {
    Condition condition;

    template <const_buffer_sequence Buffers>
    search_result operator()(const Buffers& data, std::size_t from) {
        const auto begin = buffers_begin(data);
        const auto end = buffers_end(data);
        const auto result = condition(begin + static_cast<std::ptrdiff_t>(from), end);
        const buffers_iterator<Buffers> at = result.first;
        GYRE_ASSERT(begin <= at && at <= end);
        return {static_cast<bool>(result.second), static_cast<std::size_t>(at - begin)};
    }
};

}  // namespace gyre::inline v0::detail
