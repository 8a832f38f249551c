// SPDX-License-Identifier: BSL-1.0
// What composed operations ask of a stream or a device. Knows none of them.
#pragma once

#include <gyre/buffer.hpp>
#include <gyre/error.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace gyre::inline v0 {

namespace detail {

/// The handler by which the concepts try an asynchronous function. It can be moved, no more.
struct transfer_handler {
    transfer_handler(transfer_handler&&) noexcept = default;
    transfer_handler(const transfer_handler&) = delete;
    void operator()(const error_code&, std::size_t) noexcept {}
};

template <class T>
T&& rvalue_of() noexcept;

}  // namespace detail

/// \name Streams
/// A step moves at least one byte, at most as many as the buffers hold, or reports an error; into
/// or from empty buffers it moves 0 bytes with success. Asynchronous functions don't call the
/// handler, void(error_code, std::size_t), inside themselves, and honour what it is associated
/// with. Nothing else is asked, so that a stream may as well be a filter over another one.
///
/// The functions of this library are not constrained by these concepts, for to check an
/// asynchronous one is to compile an operation: they are for `static_assert` beside a stream of
/// your own.
/// @{

/// What read(), read_until() and their kin take.
template <class T>
concept sync_read_stream = requires(T& stream, const mutable_buffer& buffer, error_code& ec) {
    { stream.read_some(buffer, ec) } -> std::convertible_to<std::size_t>;
};

/// What write() takes.
template <class T>
concept sync_write_stream = requires(T& stream, const const_buffer& buffer, error_code& ec) {
    { stream.write_some(buffer, ec) } -> std::convertible_to<std::size_t>;
};

/// What async_read(), async_read_until() and their kin take.
template <class T>
concept async_read_stream = requires(T& stream, const mutable_buffer& buffer) {
    stream.get_executor();
    stream.async_read_some(buffer, detail::rvalue_of<detail::transfer_handler>());
};

/// What async_write() takes.
template <class T>
concept async_write_stream = requires(T& stream, const const_buffer& buffer) {
    stream.get_executor();
    stream.async_write_some(buffer, detail::rvalue_of<detail::transfer_handler>());
};

/// @}

/// \name Devices with random access
/// As streams, but each step is told at which offset in bytes it begins.
/// @{

/// What read_at() takes.
template <class T>
concept sync_random_access_read_device = requires(T& device, std::uint64_t offset,
                                                  const mutable_buffer& buffer, error_code& ec) {
    { device.read_some_at(offset, buffer, ec) } -> std::convertible_to<std::size_t>;
};

/// What write_at() takes.
template <class T>
concept sync_random_access_write_device = requires(T& device, std::uint64_t offset,
                                                   const const_buffer& buffer, error_code& ec) {
    { device.write_some_at(offset, buffer, ec) } -> std::convertible_to<std::size_t>;
};

/// What async_read_at() takes.
template <class T>
concept async_random_access_read_device = requires(T& device, std::uint64_t offset,
                                                   const mutable_buffer& buffer) {
    device.get_executor();
    device.async_read_some_at(offset, buffer, detail::rvalue_of<detail::transfer_handler>());
};

/// What async_write_at() takes.
template <class T>
concept async_random_access_write_device = requires(T& device, std::uint64_t offset,
                                                    const const_buffer& buffer) {
    device.get_executor();
    device.async_write_some_at(offset, buffer, detail::rvalue_of<detail::transfer_handler>());
};

/// @}

}  // namespace gyre::inline v0
