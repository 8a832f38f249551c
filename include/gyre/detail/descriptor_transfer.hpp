// SPDX-License-Identifier: BSL-1.0
// Reads and writes of descriptors.
#pragma once

#include <gyre/async_result.hpp>
#include <gyre/buffer.hpp>
#include <gyre/detail/buffer_array.hpp>
#include <gyre/detail/descriptor_object.hpp>
#include <gyre/detail/initiate.hpp>
#include <gyre/detail/message_operation.hpp>
#include <gyre/error.hpp>

#include <cstddef>
#include <utility>

namespace gyre::inline v0::detail {

template <class Buffers>
std::size_t read_some(descriptor_object& object, const Buffers& buffers, error_code& ec) {
    buffer_array<Buffers> array(buffers);
    std::size_t bytes = 0;
    ec = object.read_some(array.data(), array.count(), bytes);
    return bytes;
}

template <class Buffers>
std::size_t write_some(descriptor_object& object, const Buffers& buffers, error_code& ec) {
    buffer_array<Buffers> array(buffers);
    std::size_t bytes = 0;
    ec = object.write_some(array.data(), array.count(), bytes);
    return bytes;
}

template <slot_kind Kind, class Buffers, class Token>
auto async_descriptor(descriptor_object& object, const Buffers& buffers, Token&& token) {
    return async_initiate<void(error_code, std::size_t)>(
        [&object](auto&& handler, const Buffers& b) {
            const buffer_array<Buffers> array(b);
            using operation_base = descriptor_transfer<Kind, buffer_capacity<Buffers>>;
            object.start(make_operation<operation_base>(
                object.where(), std::forward<decltype(handler)>(handler), object.get_source(),
                array.data(), array.count()));
        },
        std::forward<Token>(token), buffers);
}

}  // namespace gyre::inline v0::detail
