// SPDX-License-Identifier: BSL-1.0
// The process's pool of threads for calls that block. Knows nothing of the jobs.
#include "platform/native.hpp"

#include <gyre/error.hpp>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>

namespace gyre::inline v0::detail {
namespace {

/// Never destroyed: its threads are never joined, for a job may block for minutes, and they may
/// still use it while the process ends.
class thread_pool final {
public:
    thread_pool(thread_pool* before, std::uint64_t process) noexcept
        : before_(before), process_(process) {}

    std::uint64_t process() const noexcept { return process_; }

    std::error_code submit(offload_job* job) noexcept {
        const std::lock_guard lock(mutex_);
        if (queued_ == offload_queue_capacity) {
            return gyre::error::try_again;
        }
        if (idle_ <= queued_ && threads_ < offload_threads) {
            const std::error_code error = native_thread_ops().start_detached(&work, this);
            if (error && threads_ == 0) {
                return error;
            }
            threads_ += error ? 0 : 1;
        }
        jobs_[(first_ + queued_) % offload_queue_capacity] = job;
        ++queued_;
        wanted_.notify_one();
        return {};
    }

private:
    static void work(void* raw) noexcept {
        auto& pool = *static_cast<thread_pool*>(raw);
        for (;;) {
            const std::unique_ptr<offload_job> job(pool.take());
            job->run();
        }
    }

    offload_job* take() noexcept {
        std::unique_lock lock(mutex_);
        ++idle_;
        wanted_.wait(lock, [this] { return queued_ != 0; });
        --idle_;
        offload_job* const job = jobs_[first_];
        first_ = (first_ + 1) % offload_queue_capacity;
        --queued_;
        return job;
    }

    // The pool of the parent process: kept reachable for leak checkers, never used.
    [[maybe_unused]] thread_pool* const before_;
    const std::uint64_t process_;
    std::mutex mutex_;
    std::condition_variable wanted_;
    std::size_t threads_ = 0;
    std::size_t idle_ = 0;
    std::size_t first_ = 0;
    std::size_t queued_ = 0;
    std::array<offload_job*, offload_queue_capacity> jobs_{};
};

constinit std::atomic<thread_pool*> current{nullptr};

/// The pool of this process. A child of fork() has a copy of its parent's, without the threads and
/// with a mutex in any state: it starts anew, and jobs that waited in the copy never run there.
thread_pool* pool_of_this_process() noexcept {
    const std::uint64_t process = process_number();
    thread_pool* found = current.load(std::memory_order_acquire);
    while (found == nullptr || found->process() != process) {
        std::unique_ptr<thread_pool> made(new (std::nothrow) thread_pool(found, process));
        if (made == nullptr) {
            return nullptr;
        }
        if (current.compare_exchange_strong(found, made.get(), std::memory_order_acq_rel)) {
            found = made.release();
        }
    }
    return found;
}

class pooled_offload_ops final : public offload_ops {
public:
    std::error_code submit(offload_job* job) noexcept override {
        thread_pool* const pool = pool_of_this_process();
        if (pool == nullptr) {
            return gyre::error::no_memory;
        }
        return pool->submit(job);
    }
};

constinit pooled_offload_ops instance;

}  // namespace

offload_ops& native_offload_ops() noexcept { return instance; }

}  // namespace gyre::inline v0::detail
