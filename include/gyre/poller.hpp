// SPDX-License-Identifier: BSL-1.0
// The interface between the loop and the operating system's readiness notification, and its
// whole contract. Every poller that Gyre ships passes the suite test/contract/poller_test.cpp,
// which is written against this page alone; a poller of your own should pass it too.
#pragma once

#include <gyre/detail/config.hpp>
#include <gyre/native_handle.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <system_error>

namespace gyre::inline v0 {

/// A point in time: nanoseconds since the epoch of the monotonic clock (std::chrono::steady_clock).
using time_ns = std::int64_t;

/// The deadline that never comes.
inline constexpr time_ns no_deadline = std::numeric_limits<time_ns>::max();

/// The deadline that has always passed: wait() looks once and does not block.
inline constexpr time_ns immediately = std::numeric_limits<time_ns>::min();

/// What a registration asks to be told about: a set of directions.
enum class interest : std::uint8_t {
    none = 0,
    read = 1,    ///< data, end of stream, or a connection to accept
    write = 2,   ///< room in the send buffer, or the end of a connection attempt
    except = 4,  ///< priority (out-of-band) data
};

constexpr interest operator|(interest a, interest b) noexcept {
    return static_cast<interest>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr interest operator&(interest a, interest b) noexcept {
    return static_cast<interest>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}
constexpr interest operator~(interest a) noexcept {
    return static_cast<interest>(~static_cast<unsigned>(a) & 7U);
}
constexpr bool any(interest a) noexcept { return a != interest::none; }

/// What wait() reports about a handle: a set.
///
/// An error or a hang-up is reported as readable and writable as well, whatever was asked for, so
/// that whoever waits in any direction tries its system call and learns the error from it.
enum class readiness : std::uint8_t {
    none = 0,
    readable = 1,
    writable = 2,
    priority = 4,
    error = 8,  ///< an error is pending; reported together with readable and writable
    /// Both directions are down; reported together with readable and writable. On Windows only a
    /// reset is: the end of the peer's direction is readable there, whatever this end has done.
    hangup = 16,
};

constexpr readiness operator|(readiness a, readiness b) noexcept {
    return static_cast<readiness>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr readiness operator&(readiness a, readiness b) noexcept {
    return static_cast<readiness>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}
constexpr bool any(readiness a) noexcept { return a != readiness::none; }

/// One report of wait().
struct poll_event {
    std::uint64_t key;  ///< the key of the registration, as it was given
    readiness what;
};

/// A bounded list that wait() appends to; the caller owns the memory.
class event_buffer {
public:
    explicit event_buffer(std::span<poll_event> storage) noexcept : storage_(storage) {}

    /// Appends one event. Precondition: room() > 0.
    void push(std::uint64_t key, readiness what) noexcept { storage_[size_++] = {key, what}; }
    void clear() noexcept { size_ = 0; }

    std::size_t size() const noexcept { return size_; }
    std::size_t room() const noexcept { return storage_.size() - size_; }
    const poll_event* begin() const noexcept { return storage_.data(); }
    const poll_event* end() const noexcept { return storage_.data() + size_; }

private:
    std::span<poll_event> storage_;
    std::size_t size_ = 0;
};

/// What a poller can do beyond the contract, or can't: a set.
enum class poller_features : std::uint8_t {
    none = 0,
    /// Every event disarms its registration until the next modify(). Without this flag a
    /// registration is level-triggered: it reports again at each wait() while it is ready.
    one_shot = 1,
    /// pollable_handle() can be watched by another event loop.
    pollable = 2,
    /// The system has no way to wait for urgent data: interest::except is told of errors and
    /// hang-ups only.
    no_priority = 4,
    /// What this end does by shutdown() is not reported: it ends no wait of its direction, and with
    /// the peer's end it makes no hang-up.
    no_local_shutdown = 8,
};

constexpr poller_features operator|(poller_features a, poller_features b) noexcept {
    return static_cast<poller_features>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr bool has(poller_features set, poller_features wanted) noexcept {
    return (static_cast<unsigned>(set) & static_cast<unsigned>(wanted)) != 0;
}

/// Why remove() is called.
enum class remove_reason : std::uint8_t {
    /// The handle lives on (released to the user, or nobody waits on it any more), or its
    /// description may be shared with a duplicate or another process: the registration has to be
    /// deleted before remove() returns.
    releasing,
    /// The handle is closed right after this call, and that close is known to be the last of its
    /// description. A poller whose system forgets closed descriptions may do nothing.
    closing,
};

/// Readiness notification of one operating-system interface.
///
/// **Threads.** notify() may be called by any thread at any time between construction and the
/// start of destruction, also inside a signal handler. All other members are called by one thread
/// at a time, and none of them while another thread is inside wait().
///
/// **Errors.** No member throws. An allocation that fails inside is `std::errc::not_enough_memory`.
/// A failed call changes nothing.
///
/// **Ownership.** The poller owns none of the handles registered with it.
class GYRE_API poller {
public:
    poller() = default;
    poller(const poller&) = delete;
    poller& operator=(const poller&) = delete;
    virtual ~poller() = default;

    /// The name by which the poller is chosen, such as "epoll". Static storage.
    virtual const char* name() const noexcept = 0;

    virtual poller_features features() const noexcept = 0;

    /// Registers `handle`. `key` is opaque and comes back in each event of the registration. The
    /// greatest value of its type is taken (`invalid_argument`, here and in modify()).
    ///
    /// Readiness that exists already is reported by the next wait(). `want` is not none.
    /// Errors: `file_exists` if the handle is registered; `operation_not_permitted` if the system
    /// can't wait for such a handle (a regular file); `bad_file_descriptor`.
    virtual std::error_code add(native_handle_type handle, std::uint64_t key,
                                interest want) noexcept = 0;

    /// Replaces key and interest of a registered handle; re-arms it if the poller is one-shot.
    ///
    /// Readiness that exists already is reported by the next wait(). `want` is not none: a
    /// registration that nobody waits for is removed, for a hang-up cannot be masked.
    /// Errors: `no_such_file_or_directory` if the handle is not registered.
    virtual std::error_code modify(native_handle_type handle, std::uint64_t key,
                                   interest want) noexcept = 0;

    /// Ends a registration. Called before the handle is closed, always. No event of it is
    /// reported by a later wait(); events already in a buffer are the caller's affair.
    /// Errors: `no_such_file_or_directory` if the handle is not registered (never with closing).
    virtual std::error_code remove(native_handle_type handle, remove_reason why) noexcept = 0;

    /// Waits until something is ready, notify() was called, or `deadline` has come; then appends
    /// at most `events.room()` events (room() > 0), which may be none.
    ///
    /// Never returns before the deadline without an event, a notify() or an error, except that
    /// a spurious return is allowed if it is rare. The deadline is rounded up to what the system
    /// can wait for. `immediately` never blocks. A signal does not end the wait. Of more ready
    /// handles than there is room for, the rest is reported by later calls, none starved for ever.
    /// An event is a hint: the handle may turn out not to be ready.
    ///
    /// Drains the notifier, after the system call returned, and nowhere else is it drained:
    /// another thread that drained it while this one sleeps would lose a wake-up.
    virtual std::error_code wait(event_buffer& events, time_ns deadline) noexcept = 0;

    /// Makes the current wait() return, or the next one if none is in progress. Calls that come
    /// before that return count as one. Async-signal-safe.
    virtual void notify() noexcept = 0;

    /// Forgets all registrations, as if the poller were new; notify() stays usable throughout.
    /// Used when the system's set has to be built anew: after fork(), or when it keeps reporting
    /// a description that can't be named any more. Errors: those of creating the system's object.
    virtual std::error_code reset() noexcept = 0;

    /// A handle that is readable whenever wait() would not block, deadlines apart;
    /// invalid_native_handle without the feature `pollable`, or if the system refuses. It belongs
    /// to the poller and stays the same; after reset() in the child of a fork() it is another one.
    virtual native_handle_type pollable_handle() noexcept { return invalid_native_handle; }
};

/// A way to make a poller: an entry of the table, or one that a user brings.
struct poller_factory {
    const char* name;  ///< static storage

    /// Makes a poller, to be deleted by the caller; null with an error if the system refuses.
    poller* (*make)(std::error_code& error) noexcept;
};

/// The pollers compiled into this library, in order of preference. Thread-safe.
GYRE_API std::span<const poller_factory> pollers() noexcept;

/// The entry of that name, or null. Thread-safe.
GYRE_API const poller_factory* find_poller(std::string_view name) noexcept;

/// The entry that an io_context without a wish of its own uses: the environment variable
/// GYRE_POLLER if it is set and not empty, else the choice made when the library was built, else
/// the first of pollers(). Null if the variable names a poller that is not there, so that a typing
/// error does not go unnoticed.
GYRE_API const poller_factory* default_poller() noexcept;

}  // namespace gyre::inline v0
