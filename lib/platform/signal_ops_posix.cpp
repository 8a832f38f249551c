// SPDX-License-Identifier: BSL-1.0
// The process's registry of signals: who listens to which, and how often each has been delivered.
// Knows nothing of how a listener wakes its loop.
//
// The handler reads a linked list of each signal without any lock. Lists are changed under a mutex
// that the handler never takes. An entry that was unlinked is freed once no handler of that signal
// is running: a handler counts itself in before it reads the list, the remover unlinks before it
// reads that count, and all four are seq_cst, so that either the handler does not find the entry or
// the remover sees the handler. A handler that interrupts the remover itself has ended by the time
// the remover reads on.
#include "platform/native_posix.hpp"

#include <gyre/error.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <new>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

namespace gyre::inline v0::detail {
namespace {

struct entry {
    explicit entry(signal_listener& who) noexcept : listener(&who) {}

    signal_listener* const listener;
    std::atomic<std::uint64_t> count{0};
    std::atomic<entry*> next{nullptr};
    std::atomic<bool> inherited{false};  // from the process that forked: it would be woken
};

struct signal_state {
    std::atomic<entry*> first{nullptr};
    std::atomic<std::uint32_t> handlers{0};  // running now
    int flags = any_signal_flags;            // that listeners have asked for
    struct sigaction found {};
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free &&
              std::atomic<entry*>::is_always_lock_free && std::atomic<pid_t>::is_always_lock_free);

constexpr int signal_limit = NSIG;
constinit signal_state states[signal_limit];
constinit std::atomic<pid_t> process{0};  // that all this belongs to

extern "C" void gyre_signal_handler(int number) {
    const int saved = errno;
    // The child of vfork() uses this memory until it executes a program: what is delivered to it
    // was not delivered here.
    if (::getpid() != process.load(std::memory_order_relaxed)) {
        return;
    }
    signal_state& state = states[number];
    state.handlers.fetch_add(1, std::memory_order_seq_cst);
    for (entry* e = state.first.load(std::memory_order_seq_cst); e != nullptr;
         e = e->next.load(std::memory_order_acquire)) {
        // Release: whoever takes the count is to see what came before the signal.
        e->count.fetch_add(1, std::memory_order_release);
        if (!e->inherited.load(std::memory_order_acquire)) {
            e->listener->notify();
        }
    }
    state.handlers.fetch_sub(1, std::memory_order_seq_cst);
    errno = saved;
}

struct guard_state {
    std::mutex mutex;
    sigset_t mask_before_fork;
};

/// Never destroyed: signals come, and static objects of the user leave, after our destructors.
union immortal_guard {
    constexpr immortal_guard() noexcept : value{} {}
    ~immortal_guard() {}

    guard_state value;
};
constinit immortal_guard guard;

// A child must inherit neither a locked mutex, nor handlers that were running in threads which it
// does not have, nor deliveries that were made to its parent. Signals are held back meanwhile, so
// that what is delivered to the child is counted after its counts were cleared.
extern "C" void gyre_signals_before_fork() {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    guard.value.mutex.lock();
    guard.value.mask_before_fork = before;
}

extern "C" void gyre_signals_after_fork() {
    const sigset_t before = guard.value.mask_before_fork;
    guard.value.mutex.unlock();
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

extern "C" void gyre_signals_in_child() {
    process.store(::getpid(), std::memory_order_relaxed);
    for (signal_state& state : states) {
        state.handlers.store(0, std::memory_order_relaxed);
        for (entry* e = state.first.load(std::memory_order_relaxed); e != nullptr;
             e = e->next.load(std::memory_order_relaxed)) {
            e->count.store(0, std::memory_order_relaxed);
            e->inherited.store(true, std::memory_order_relaxed);
        }
    }
    gyre_signals_after_fork();
}

std::error_code register_fork_handlers() noexcept {
    static const int result = [] {
        process.store(::getpid(), std::memory_order_relaxed);
        return ::pthread_atfork(&gyre_signals_before_fork, &gyre_signals_after_fork,
                                &gyre_signals_in_child);
    }();
    return {result, std::system_category()};
}

// The functions below are called with the mutex locked.

entry* find(const signal_state& state, const signal_listener& listener) noexcept {
    entry* e = state.first.load(std::memory_order_relaxed);
    while (e != nullptr && e->listener != &listener) {
        e = e->next.load(std::memory_order_relaxed);
    }
    return e;
}

void link(signal_state& state, entry* added) noexcept {
    added->next.store(state.first.load(std::memory_order_relaxed), std::memory_order_relaxed);
    state.first.store(added, std::memory_order_seq_cst);
}

void unlink_and_delete(signal_state& state, entry* removed) noexcept {
    std::atomic<entry*>* place = &state.first;
    while (place->load(std::memory_order_relaxed) != removed) {
        place = &place->load(std::memory_order_relaxed)->next;
    }
    place->store(removed->next.load(std::memory_order_relaxed), std::memory_order_seq_cst);
    while (state.handlers.load(std::memory_order_seq_cst) != 0) {
        // Rare and short. Slept through rather than yielded: a real-time thread that yields does
        // not let the thread in the handler run.
        const std::timespec a_moment{0, 20'000};
        ::nanosleep(&a_moment, nullptr);
    }
    delete removed;
}

std::error_code install(int number, int flags, struct sigaction* found) noexcept {
    struct sigaction ours {};
    ours.sa_handler = &gyre_signal_handler;
    ours.sa_flags = flags == any_signal_flags ? SA_RESTART : flags;
    sigfillset(&ours.sa_mask);  // handlers of the program would see ours half done
    return ::sigaction(number, &ours, found) == 0 ? std::error_code() : last_error();
}

/// Or has the program installed something over it since then? That is not ours to touch.
bool is_ours(int number) noexcept {
    struct sigaction now {};
    return ::sigaction(number, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) == 0 &&
           now.sa_handler == &gyre_signal_handler;
}

/// Whether one more listener's flags go with those of the others; the first who cares decides.
std::error_code agree(signal_state& state, int number, int flags) noexcept {
    if (flags == any_signal_flags || flags == state.flags) {
        return {};
    }
    if (state.flags != any_signal_flags) {
        return gyre::error::invalid_argument;
    }
    const std::error_code error =
        is_ours(number) ? install(number, flags, nullptr) : std::error_code();
    state.flags = error ? state.flags : flags;
    return error;
}

void uninstall(signal_state& state, int number) noexcept {
    if (is_ours(number)) {
        ::sigaction(number, &state.found, nullptr);
    }
}

// Another signature of the handler, and a handler that leaves after the first signal.
constexpr unsigned refused_flags =
    static_cast<unsigned>(SA_SIGINFO) | static_cast<unsigned>(SA_RESETHAND);

bool is_signal(int number) noexcept { return number > 0 && number < signal_limit; }

class posix_signal_ops final : public signal_ops {
public:
    std::error_code add(signal_listener& listener, int signal_number, int flags) noexcept override {
        const bool refused =
            flags != any_signal_flags && (static_cast<unsigned>(flags) & refused_flags) != 0;
        if (!is_signal(signal_number) || refused) {
            return gyre::error::invalid_argument;
        }
        if (const std::error_code error = register_fork_handlers()) {
            return error;
        }
        std::unique_ptr<entry> added(new (std::nothrow) entry(listener));
        if (added == nullptr) {
            return gyre::error::no_memory;
        }
        const std::lock_guard lock(guard.value.mutex);
        signal_state& state = states[signal_number];
        const bool is_first = state.first.load(std::memory_order_relaxed) == nullptr;
        if (!is_first) {
            if (const std::error_code error = agree(state, signal_number, flags)) {
                return error;
            }
        }
        if (entry* const known = find(state, listener)) {
            known->inherited.store(false, std::memory_order_release);
            return {};
        }
        // Before the handler stands, so that nothing it is called for goes uncounted.
        entry* const linked = added.release();
        link(state, linked);
        if (is_first) {
            if (const std::error_code error = install(signal_number, flags, &state.found)) {
                unlink_and_delete(state, linked);
                return error;
            }
            state.flags = flags;
        }
        return {};
    }

    std::error_code remove(signal_listener& listener, int signal_number) noexcept override {
        if (!is_signal(signal_number)) {
            return gyre::error::invalid_argument;
        }
        const std::lock_guard lock(guard.value.mutex);
        signal_state& state = states[signal_number];
        entry* const removed = find(state, listener);
        if (removed == nullptr) {
            return {};
        }
        entry* const first = state.first.load(std::memory_order_relaxed);
        if (first == removed && removed->next.load(std::memory_order_relaxed) == nullptr) {
            // Before the entry goes: what is delivered in between belongs to somebody.
            uninstall(state, signal_number);
        }
        unlink_and_delete(state, removed);
        return {};
    }

    std::uint64_t take(signal_listener& listener, int signal_number) noexcept override {
        if (!is_signal(signal_number)) {
            return 0;
        }
        const std::lock_guard lock(guard.value.mutex);
        entry* const found = find(states[signal_number], listener);
        return found != nullptr ? found->count.exchange(0, std::memory_order_acquire) : 0;
    }
};

constinit posix_signal_ops instance;

}  // namespace

signal_ops& native_signal_ops() noexcept { return instance; }

}  // namespace gyre::inline v0::detail
