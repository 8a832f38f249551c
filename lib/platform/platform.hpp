// SPDX-License-Identifier: BSL-1.0
// The outside world: everything that the library asks of the system goes through this object, so
// that the same library runs over a native system or over a simulated one.
//
// Every member is noexcept, may be called by any thread, and reports failures as a
// std::error_code. Out parameters are untouched on failure. Handles are born non-blocking and
// close-on-exec. Addresses are the system's own sockaddr bytes.
#pragma once

#include <gyre/detail/io_request.hpp>
#include <gyre/native_handle.hpp>
#include <gyre/poller.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

namespace gyre::inline v0::detail {

/// Sockets.
class socket_ops {
public:
    virtual std::error_code open(int family, int type, int protocol,
                                 native_handle_type& handle) noexcept = 0;
    /// Two sockets that are connected with each other.
    virtual std::error_code open_pair(int family, int type, int protocol, native_handle_type& first,
                                      native_handle_type& second) noexcept = 0;
    /// Makes a handle that somebody else created fit for the loop: non-blocking, no SIGPIPE.
    virtual std::error_code adopt(native_handle_type handle) noexcept = 0;
    virtual std::error_code close(native_handle_type handle) noexcept = 0;
    virtual std::error_code bind(native_handle_type handle, const void* address,
                                 std::size_t size) noexcept = 0;
    virtual std::error_code listen(native_handle_type handle, int backlog) noexcept = 0;
    /// Starts a connection: success, `operation_in_progress`, or the failure.
    virtual std::error_code connect(native_handle_type handle, const void* address,
                                    std::size_t size) noexcept = 0;
    /// `how`: 0 receive, 1 send, 2 both.
    virtual std::error_code shutdown(native_handle_type handle, int how) noexcept = 0;
    virtual std::error_code set_option(native_handle_type handle, int level, int name,
                                       const void* value, std::size_t size) noexcept = 0;
    /// `size`: in capacity, out size.
    virtual std::error_code get_option(native_handle_type handle, int level, int name, void* value,
                                       std::size_t& size) noexcept = 0;
    virtual std::error_code local_address(native_handle_type handle, void* address,
                                          std::size_t& size) noexcept = 0;
    virtual std::error_code remote_address(native_handle_type handle, void* address,
                                           std::size_t& size) noexcept = 0;
    /// Bytes that can be received without blocking.
    virtual std::error_code available(native_handle_type handle, std::size_t& bytes) noexcept = 0;
    virtual std::error_code at_mark(native_handle_type handle, bool& at_mark) noexcept = 0;
    virtual std::error_code io_control(native_handle_type handle, unsigned long command,
                                       void* argument) noexcept = 0;
    /// perform() of a transfer of one buffer without addresses; a signal may make it would_block.
    virtual io_moved receive(native_handle_type handle, void* data, std::size_t size,
                             int flags) noexcept = 0;
    virtual io_moved send(native_handle_type handle, const void* data, std::size_t size,
                          int flags) noexcept = 0;
    /// Tries the operation once, without blocking. EINTR is retried inside; a connection that was
    /// aborted before it was accepted is skipped.
    virtual void perform(io_request& request, io_result& result) noexcept = 0;

protected:
    ~socket_ops() = default;
};

/// Pipes, terminals, devices: whatever is read and written without being a socket.
class descriptor_ops {
public:
    virtual std::error_code adopt(native_handle_type handle) noexcept = 0;
    virtual std::error_code close(native_handle_type handle) noexcept = 0;
    virtual std::error_code make_pipe(native_handle_type& read_end,
                                      native_handle_type& write_end) noexcept = 0;
    /// Tries `receive` or `send` once, without blocking and without SIGPIPE.
    virtual void perform(io_request& request, io_result& result) noexcept = 0;

protected:
    ~descriptor_ops() = default;
};

/// A question to the resolver; owns its strings, so that it can outlive whoever asked.
struct name_query {
    std::string host;
    std::string service;
    int flags = 0;
    int family = 0;
    int type = 0;
    int protocol = 0;
};

struct name_answer {
    int family = 0;
    int type = 0;
    int protocol = 0;
    std::vector<unsigned char> address;
    std::string canonical_name;
};

/// Name resolution. These block for as long as the network takes: run them by offload.
class name_ops {
public:
    virtual std::error_code resolve(const name_query& query,
                                    std::vector<name_answer>& answers) noexcept = 0;
    virtual std::error_code reverse(const void* address, std::size_t size, int flags,
                                    std::string& host, std::string& service) noexcept = 0;

protected:
    ~name_ops() = default;
};

/// Somebody who wants to know of signals. notify() is called inside the signal handler of the
/// system: it may only do what is async-signal-safe.
class signal_listener {
public:
    virtual void notify() noexcept = 0;

protected:
    ~signal_listener() = default;
};

/// Flags of a signal that are whatever other listeners want.
inline constexpr int any_signal_flags = -1;

/// Signals: one registry a process. Each (listener, signal) pair has a count of its own, so that
/// every delivery that the kernel makes is seen by every listener.
///
/// After fork() the child counts anew, but notify() is not called there: what it would wake is the
/// parent's. Adding the same listener again makes it the child's own.
class signal_ops {
public:
    /// Begins to count `signal_number` for the listener. The first listener of a signal installs
    /// the handler, with the system's flags given, such as SA_RESTART; later ones must give the
    /// same flags (else `invalid_argument`). any_signal_flags goes with all others, and is the
    /// restarting of system calls until somebody else gives flags.
    virtual std::error_code add(signal_listener& listener, int signal_number,
                                int flags) noexcept = 0;
    /// The last listener of a signal restores the disposition that was found.
    virtual std::error_code remove(signal_listener& listener, int signal_number) noexcept = 0;
    /// Deliveries since the last call.
    virtual std::uint64_t take(signal_listener& listener, int signal_number) noexcept = 0;

protected:
    ~signal_ops() = default;
};

/// The two clocks of the world, in nanoseconds since their epochs.
class clock_ops {
public:
    virtual time_ns steady_now() noexcept = 0;
    virtual time_ns system_now() noexcept = 0;

protected:
    ~clock_ops() = default;
};

class random_ops {
public:
    virtual std::uint64_t next() noexcept = 0;

protected:
    ~random_ops() = default;
};

/// A piece of blocking work. Owns all that it uses: it may run after its submitter has gone.
class offload_job {
public:
    offload_job() = default;
    offload_job(const offload_job&) = delete;
    offload_job& operator=(const offload_job&) = delete;
    virtual ~offload_job() = default;
    virtual void run() noexcept = 0;
};

/// A bounded pool of threads for blocking calls, shared by the process.
class offload_ops {
public:
    /// Takes the job over and runs it some time, then deletes it.
    /// `resource_unavailable_try_again` when the queue is full: the job stays the caller's.
    virtual std::error_code submit(offload_job* job) noexcept = 0;

protected:
    ~offload_ops() = default;
};

/// What the loop asks about threads.
class thread_ops {
public:
    /// Runs `entry(argument)` in a new thread that nobody joins.
    virtual std::error_code start_detached(void (*entry)(void*) noexcept,
                                           void* argument) noexcept = 0;
    /// How many threads can run at the same time; at least 1.
    virtual unsigned processors() noexcept = 0;
    /// How late the kernel may wake the calling thread from a timed wait, in ns; returns what it
    /// was, 0 where the system has no such thing.
    virtual std::uint64_t set_timer_slack(std::uint64_t slack_ns) noexcept = 0;
    /// Binds the calling thread to the n-th of the processors that it may use, counted round;
    /// nothing happens where the system has no such thing, or refuses.
    virtual void pin(std::size_t n) noexcept = 0;
    /// Changes whenever this process forks or comes out of a fork: handles that are older may be
    /// shared with another process.
    virtual std::uint32_t fork_count() noexcept = 0;

protected:
    ~thread_ops() = default;
};

class platform {
public:
    virtual socket_ops& sockets() noexcept = 0;
    virtual descriptor_ops& descriptors() noexcept = 0;
    virtual name_ops& names() noexcept = 0;
    virtual signal_ops& signals() noexcept = 0;
    virtual clock_ops& clock() noexcept = 0;
    virtual random_ops& random() noexcept = 0;
    virtual offload_ops& offload() noexcept = 0;
    virtual thread_ops& threads() noexcept = 0;

    /// A poller of this world; `wish` is null or an entry of its table.
    virtual poller* make_poller(const poller_factory* wish, std::error_code& error) noexcept = 0;

    /// Blocks until the handle is ready in that direction or has an error: what synchronous calls
    /// wait with. `timed_out` if the deadline came first. With invalid_native_handle and no
    /// direction it only sleeps until the deadline.
    virtual std::error_code wait_one(native_handle_type handle, interest direction,
                                     time_ns deadline) noexcept = 0;

protected:
    ~platform() = default;
};

/// The world that this library was built for. Lives as long as the process.
platform& native_platform() noexcept;

}  // namespace gyre::inline v0::detail
