// SPDX-License-Identifier: BSL-1.0
// A queue, and threads that empty it.
#include <gyre/thread_pool.hpp>

#include <gyre/assertion.hpp>

#include "platform/platform.hpp"
#include "slab/slab.hpp"

#include <condition_variable>
#include <mutex>
#include <system_error>

namespace gyre::inline v0 {
namespace detail {
namespace {

/// The pools whose functions this thread runs, innermost first.
struct pool_frame {
    const pool_state* pool;
    const pool_frame* outer;
};
constinit thread_local const pool_frame* top_pool = nullptr;

}  // namespace

class pool_state {
public:
    pool_state() = default;
    ~pool_state() {
        while (!queue_.empty()) {  // what is destroyed may submit more
            queue_.pop()->destroy();
        }
    }

    slab& memory() noexcept { return memory_; }

    void start(std::size_t threads) {
        thread_ops& ops = native_platform().threads();
        for (std::size_t i = 0; i != threads; ++i) {
            {
                const std::lock_guard lock(mutex_);
                ++threads_;
            }
            if (const std::error_code error = ops.start_detached(&run_thread, this)) {
                thread_ended();
                stop();
                join();
                throw std::system_error(error, "gyre: thread_pool");
            }
        }
    }

    void attach() {
        {
            const std::lock_guard lock(mutex_);
            ++threads_;
        }
        run_thread(this);
    }

    void join() {
        GYRE_ASSERT(!runs_here());
        std::unique_lock lock(mutex_);
        joining_ = true;
        changed_.notify_all();
        changed_.wait(lock, [this] { return threads_ == 0; });
    }

    void stop() noexcept {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        changed_.notify_all();
    }

    void submit(operation* op) noexcept {
        const std::lock_guard lock(mutex_);
        ++work_;
        queue_.push(op);
        changed_.notify_one();
    }

    void work_started() noexcept {
        const std::lock_guard lock(mutex_);
        ++work_;
    }

    void work_finished() noexcept {
        const std::lock_guard lock(mutex_);
        if (--work_ == 0 && joining_) {
            changed_.notify_all();
        }
    }

    bool runs_here() const noexcept {
        const pool_frame* f = top_pool;
        while (f != nullptr && f->pool != this) {
            f = f->outer;
        }
        return f != nullptr;
    }

private:
    // noexcept: what a function throws has nobody to go to.
    static void run_thread(void* pool) noexcept {
        auto& self = *static_cast<pool_state*>(pool);
        const pool_frame frame{&self, top_pool};
        top_pool = &frame;
        while (operation* op = self.next()) {
            op->call();
            self.work_finished();
        }
        top_pool = frame.outer;
        self.thread_ended();
    }

    // Waits for something to do; null when there will be nothing.
    operation* next() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock,
                      [this] { return stopped_ || !queue_.empty() || (joining_ && work_ == 0); });
        return stopped_ || queue_.empty() ? nullptr : queue_.pop();
    }

    // Under the lock to the end: whoever joins destroys this right afterwards.
    void thread_ended() noexcept {
        const std::lock_guard lock(mutex_);
        if (--threads_ == 0) {
            changed_.notify_all();
        }
    }

    slab memory_{0};
    std::mutex mutex_;
    std::condition_variable changed_;
    ready_list queue_;  // these are guarded by mutex_
    std::size_t work_ = 0;
    std::size_t threads_ = 0;
    bool stopped_ = false;
    bool joining_ = false;
};

}  // namespace detail

thread_pool::thread_pool() : thread_pool(2 * detail::native_platform().threads().processors()) {}

thread_pool::thread_pool(std::size_t threads) : state_(new detail::pool_state) {
    try {
        state_->start(threads);
    } catch (...) {
        delete state_;
        throw;
    }
}

thread_pool::~thread_pool() {
    stop();
    join();
    delete state_;
}

void thread_pool::attach() { state_->attach(); }
void thread_pool::join() { state_->join(); }
void thread_pool::stop() noexcept { state_->stop(); }

void thread_pool::submit(detail::operation* operation) noexcept { state_->submit(operation); }
void thread_pool::work_started() noexcept { state_->work_started(); }
void thread_pool::work_finished() noexcept { state_->work_finished(); }
bool thread_pool::running_in_this_thread() const noexcept { return state_->runs_here(); }
detail::slab* thread_pool::slots() noexcept { return &state_->memory(); }

}  // namespace gyre::inline v0
