// SPDX-License-Identifier: BSL-1.0
// Threads that nobody joins, and the count of forks.
#include "platform/native_posix.hpp"

#include <gyre/error.hpp>

#include <atomic>
#include <memory>
#include <new>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

namespace gyre::inline v0::detail {
namespace {

struct start_info {
    void (*entry)(void*) noexcept;
    void* argument;
};

extern "C" void* gyre_thread_main(void* raw) {
    const start_info info = *static_cast<start_info*>(raw);
    delete static_cast<start_info*>(raw);
    info.entry(info.argument);
    return nullptr;
}

constinit std::atomic<std::uint32_t> forks{0};
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

// Before the fork, so that parent and child have the same count afterwards. Relaxed: whoever asks
// in the thread that forks sees it, and another thread that closes a handle meanwhile races with
// the fork itself.
extern "C" void gyre_count_fork() { forks.fetch_add(1, std::memory_order_relaxed); }

std::error_code code_of(int result) noexcept { return {result, std::system_category()}; }

class posix_thread_ops final : public thread_ops {
public:
    std::error_code start_detached(void (*entry)(void*) noexcept,
                                   void* argument) noexcept override {
        std::unique_ptr<start_info> info(new (std::nothrow) start_info{entry, argument});
        pthread_attr_t attributes;
        if (info == nullptr || ::pthread_attr_init(&attributes) != 0) {
            return gyre::error::no_memory;
        }
        ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);

        // The mask is inherited: the program's signals are not for threads it knows nothing of.
        sigset_t all;
        sigset_t before;
        sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before);
        pthread_t thread;
        const int result = ::pthread_create(&thread, &attributes, &gyre_thread_main, info.get());
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);

        ::pthread_attr_destroy(&attributes);
        if (result == 0) {
            static_cast<void>(info.release());  // the thread deletes it
        }
        return code_of(result);
    }

    unsigned processors() noexcept override {
        const long online = ::sysconf(_SC_NPROCESSORS_ONLN);
        return online > 0 ? static_cast<unsigned>(online) : 1;
    }

    std::uint64_t set_timer_slack(std::uint64_t slack_ns) noexcept override {
        return exchange_timer_slack(slack_ns);
    }

    void pin(std::size_t n) noexcept override { pin_thread(n); }

    std::uint32_t fork_count() noexcept override {
        // Registered by whoever asks first: nobody can have missed a fork before that. If there is
        // no memory for it, each question counts: nobody is told that there was no fork.
        static const int refused = ::pthread_atfork(&gyre_count_fork, nullptr, nullptr);
        if (refused != 0) {
            gyre_count_fork();
        }
        return forks.load(std::memory_order_relaxed);
    }
};

constinit posix_thread_ops instance;

}  // namespace

thread_ops& native_thread_ops() noexcept { return instance; }

std::uint64_t process_number() noexcept { return static_cast<std::uint64_t>(::getpid()); }

}  // namespace gyre::inline v0::detail
