// SPDX-License-Identifier: BSL-1.0
// Every order in which a few threads can do their atomic operations, up to a bound: the same small
// program is played again and again, each time with another schedule, by real threads of which one
// at a time is let go on. What is played has to be deterministic but for the schedule.
//
// Bounded by preemptions, as CHESS does it (Musuvathi, Qadeer: "Iterative context bounding for
// systematic testing of multithreaded programs", PLDI 2007): switches where a thread sleeps or ends
// are free, and few others are needed for nearly all mistakes.
#pragma once

#include <gyre/poller.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace gyre::testing::model {

struct bounds {
    /// How often in a run a thread that could go on is interrupted.
    unsigned preemptions = 2;
    /// Stores that are not sequentially consistent stay in a buffer of their thread, unseen by the
    /// others, until it does a read-modify-write, a seq_cst store, a lock, or sleeps: what x86
    /// allows, in its worst form. Otherwise each store is seen at once.
    bool buffered = false;
};

struct findings {
    std::size_t runs = 0;
    std::size_t steps = 0;  ///< of the longest run: points at which another thread may come in
    std::string failure;    ///< of the first run that failed: what, and its schedule; else empty
};

/// One run, to whoever is played.
class play {
public:
    /// A thread of it, which begins in go_on().
    void thread(std::string_view name, std::function<void()> body);
    /// Plays all threads to their end.
    void go_on();
    /// What has gone wrong; the first one counts.
    void fail(std::string_view what);
};

/// Calls `body` once for each order. It makes what is played, its threads, calls go_on(), looks at
/// what came of it, and destroys it. Ends at the first failure.
findings explore(const bounds& within, const std::function<void(play&)>& body);

// ---- what the threads of a play call; to any other thread they are nothing --------------------

/// Another thread may come in here.
void point(char kind) noexcept;
/// Another thread has to come in here, if there is one that can go on.
void yield() noexcept;
/// Sleeps until `ready`, or until the play's clock reaches the time; if nobody can ever go on,
/// that is a failure, and a sleeper that may wake for no reason is woken to end the play.
void sleep(const std::function<bool()>& ready, time_ns until, bool may_wake_early) noexcept;
/// The play's clock: stands still while a thread can go on, then jumps to who sleeps shortest.
time_ns now() noexcept;

// The buffer of stores of the calling thread.
bool keeps_store(std::memory_order order) noexcept;
void keep_store(void* where, const void* value, std::size_t size) noexcept;
const void* kept_store(const void* where) noexcept;
void forget_stores(const void* where) noexcept;
void let_stores_go() noexcept;

}  // namespace gyre::testing::model
