// SPDX-License-Identifier: BSL-1.0
// Loops and their threads: how they begin, end and are counted.
#include <gyre/loop_pool.hpp>

#include <gyre/assertion.hpp>
#include <gyre/detail/time_conversion.hpp>
#include <gyre/executor_work_guard.hpp>

#include "core/reactor.hpp"
#include "platform/platform.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <system_error>

namespace gyre::inline v0::detail {
namespace {

constexpr time_ns longest_wait = 1'000'000'000 * time_ns{86'400} * 365;

}  // namespace

class loop_pool_state {
public:
    explicit loop_pool_state(const loop_pool::options& wanted) : pins_(wanted.pin) {
        const std::size_t processors = native_platform().threads().processors();
        const std::size_t count = wanted.loops != 0 ? wanted.loops : processors;
        for (std::size_t i = 0; i != count; ++i) {
            loops_.emplace_back(*this, i, wanted.context);
        }
    }

    // Handlers of one loop may own what belongs to another: all of them go before the first loop.
    ~loop_pool_state() {
        for (bool found = true; found;) {
            found = false;
            for (loop& each : loops_) {
                found = each.context.waiting()->destroy_pending() || found;
            }
        }
    }

    std::size_t size() const noexcept { return loops_.size(); }
    io_context& at(std::size_t i) noexcept {
        GYRE_ASSERT(i < loops_.size());
        return loops_[i].context;
    }
    io_context& next() noexcept {
        return loops_[next_.fetch_add(1, std::memory_order_relaxed) % loops_.size()].context;
    }

    void start() {
        for (loop& each : loops_) {
            {
                const std::lock_guard lock(mutex_);
                ++threads_;
            }
            if (const std::error_code error =
                    native_platform().threads().start_detached(&loop::run, &each)) {
                thread_ended();
                stop();
                join();
                throw std::system_error(error, "gyre: loop_pool");
            }
        }
    }

    void stop() noexcept {
        for (loop& each : loops_) {
            each.context.stop();
        }
    }

    void join() {
        GYRE_ASSERT(!runs_here());
        std::unique_lock lock(mutex_);
        ended_.wait(lock, [this] { return threads_ == 0; });
    }

    std::vector<std::size_t> drain(time_ns time) {
        GYRE_ASSERT(!runs_here());
        std::vector<std::size_t> left(loops_.size());
        const time_ns end =
            add_ns(native_platform().clock().steady_now(), std::min(time, longest_wait));
        const std::chrono::steady_clock::time_point until{std::chrono::nanoseconds(end)};
        for (loop& each : loops_) {
            each.let_go();
        }
        {
            std::unique_lock lock(mutex_);
            ended_.wait_until(lock, until, [this] { return threads_ == 0; });
        }
        stop();
        join();
        std::transform(loops_.begin(), loops_.end(), left.begin(), [](loop& each) {
            return static_cast<std::size_t>(each.context.waiting()->outstanding_work());
        });
        return left;
    }

private:
    struct loop {
        loop(loop_pool_state& p, std::size_t i, const io_context_options& options)
            : pool(p), number(i), context(options), work(make_work_guard(context)) {}

        // noexcept: what a handler throws has nobody to go to.
        static void run(void* raw) noexcept {
            auto& self = *static_cast<loop*>(raw);
            if (self.pool.pins_) {
                native_platform().threads().pin(self.number);
            }
            self.context.run();
            self.pool.thread_ended();
        }

        void let_go() noexcept {
            const std::lock_guard lock(pool.mutex_);
            work.reset();
        }

        loop_pool_state& pool;
        const std::size_t number;
        io_context context;
        std::optional<executor_work_guard<>> work;  // guarded by the pool's mutex
    };

    bool runs_here() const noexcept {
        return std::any_of(loops_.begin(), loops_.end(),
                           [](const loop& each) { return each.context.running_in_this_thread(); });
    }

    // Under the lock to the end: whoever joins destroys this right afterwards.
    void thread_ended() noexcept {
        const std::lock_guard lock(mutex_);
        if (--threads_ == 0) {
            ended_.notify_all();
        }
    }

    const bool pins_;
    std::deque<loop> loops_;
    std::atomic<std::size_t> next_{0};
    std::mutex mutex_;
    std::condition_variable ended_;
    std::size_t threads_ = 0;  // guarded by mutex_
};

}  // namespace gyre::inline v0::detail

namespace gyre::inline v0 {

loop_pool::loop_pool() : loop_pool(options()) {}

loop_pool::loop_pool(std::size_t loops) : loop_pool(options{loops, false, {}}) {}

loop_pool::loop_pool(const options& wanted) : state_(new detail::loop_pool_state(wanted)) {
    try {
        state_->start();
    } catch (...) {
        delete state_;
        throw;
    }
}

loop_pool::~loop_pool() {
    stop();
    join();
    delete state_;
}

std::size_t loop_pool::size() const noexcept { return state_->size(); }
io_context& loop_pool::operator[](std::size_t i) noexcept { return state_->at(i); }
io_context& loop_pool::next() noexcept { return state_->next(); }
void loop_pool::stop() noexcept { state_->stop(); }
void loop_pool::join() { state_->join(); }
std::vector<std::size_t> loop_pool::drain(time_ns time) { return state_->drain(time); }

}  // namespace gyre::inline v0
