// SPDX-License-Identifier: BSL-1.0
//
// Names for the arguments of a completion handler, for programs that build handlers with
// std::bind. Includes <functional>, which public headers otherwise avoid, because the placeholders
// of std::bind are declared there; so no other header of the library includes this one.

#pragma once

#include <functional>
#include <type_traits>

namespace gyre::inline v0 {

/// Placeholders for std::bind, named after what the handler gets at that place:
///
///     socket.async_read_some(b, std::bind(&session::on_read, this,
///         gyre::placeholders::error, gyre::placeholders::bytes_transferred));
///
/// All are constants without state.
namespace placeholders {

/// The first argument of every handler: the error_code.
inline constexpr std::remove_cvref_t<decltype(std::placeholders::_1)> error{};

/// The second argument of reads and writes: how many bytes were moved.
inline constexpr std::remove_cvref_t<decltype(std::placeholders::_2)> bytes_transferred{};

/// The second argument of async_connect over iterators: where it stopped.
inline constexpr std::remove_cvref_t<decltype(std::placeholders::_2)> iterator{};

/// The second argument of async_resolve: the endpoints found.
inline constexpr std::remove_cvref_t<decltype(std::placeholders::_2)> results{};

/// The second argument of async_connect over a range: the endpoint that was connected to.
inline constexpr std::remove_cvref_t<decltype(std::placeholders::_2)> endpoint{};

/// The second argument of signal_set::async_wait: the number of the signal.
inline constexpr std::remove_cvref_t<decltype(std::placeholders::_2)> signal_number{};

}  // namespace placeholders
}  // namespace gyre::inline v0
