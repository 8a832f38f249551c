// SPDX-License-Identifier: BSL-1.0
// Writes more than one write_some_at() takes, to a device with random access.
#pragma once

#include <gyre/async_result.hpp>
#include <gyre/buffer.hpp>
#include <gyre/completion_condition.hpp>
#include <gyre/detail/stepwise_transfer.hpp>
#include <gyre/detail/throw_error.hpp>
#include <gyre/dynamic_buffer_concepts.hpp>
#include <gyre/error.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace gyre::inline v0 {

/// As write(), from `offset` bytes on, by as many calls of device.write_some_at() as it takes. Each
/// begins where the one before ended.
template <class Device, const_buffer_sequence Buffers, completion_condition Condition>
std::size_t write_at(Device& device, std::uint64_t offset, const Buffers& buffers,
                     Condition condition, error_code& ec) {
    return detail::transfer_stepwise(detail::to_device<Device>{&device, offset},
                                     detail::consuming_buffers<Buffers>(buffers),
                                     std::move(condition), ec);
}
/// The same from a dynamic buffer or a streambuf: see write() in dynamic_buffer.hpp.
template <class Device, detail::dynamic_buffer_argument B, completion_condition Condition>
std::size_t write_at(Device& device, std::uint64_t offset, B&& buffer, Condition condition,
                     error_code& ec) {
    auto access = detail::access_to(std::forward<B>(buffer));
    const std::size_t bytes = write_at(device, offset, access.data(), std::move(condition), ec);
    access.consume(bytes);
    return bytes;
}
template <class Device, detail::buffer_argument<const_buffer> B>
std::size_t write_at(Device& device, std::uint64_t offset, B&& buffers, error_code& ec) {
    return write_at(device, offset, std::forward<B>(buffers), transfer_all(), ec);
}
template <class Device, detail::buffer_argument<const_buffer> B, completion_condition Condition>
std::size_t write_at(Device& device, std::uint64_t offset, B&& buffers, Condition condition) {
    error_code ec;
    const std::size_t bytes =
        write_at(device, offset, std::forward<B>(buffers), std::move(condition), ec);
    detail::throw_error(ec, "write_at");
    return bytes;
}
template <class Device, detail::buffer_argument<const_buffer> B>
std::size_t write_at(Device& device, std::uint64_t offset, B&& buffers) {
    return write_at(device, offset, std::forward<B>(buffers), transfer_all());
}

/// As write_at(), by device.async_write_some_at(). Handler: void(error_code, std::size_t bytes).
/// See async_write() for what must live how long, and for cancellation.
template <class Device, const_buffer_sequence Buffers, completion_condition Condition, class Token>
auto async_write_at(Device& device, std::uint64_t offset, const Buffers& buffers,
                    Condition condition, Token&& token) {
    return async_initiate<void(error_code, std::size_t)>(
        detail::initiate_stepwise<detail::to_device<Device>>{{&device, offset}},
        std::forward<Token>(token), buffers, std::move(condition));
}
template <class Device, detail::dynamic_buffer_argument B, completion_condition Condition,
          class Token>
auto async_write_at(Device& device, std::uint64_t offset, B&& buffer, Condition condition,
                    Token&& token) {
    return async_initiate<void(error_code, std::size_t)>(
        detail::initiate_consuming<detail::initiate_stepwise<detail::to_device<Device>>>{
            {{&device, offset}}},
        std::forward<Token>(token), detail::access_to(std::forward<B>(buffer)),
        std::move(condition));
}
template <class Device, detail::buffer_argument<const_buffer> B, class Token>
auto async_write_at(Device& device, std::uint64_t offset, B&& buffers, Token&& token) {
    return async_write_at(device, offset, std::forward<B>(buffers), transfer_all(),
                          std::forward<Token>(token));
}

}  // namespace gyre::inline v0
