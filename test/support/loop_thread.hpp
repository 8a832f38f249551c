// SPDX-License-Identifier: BSL-1.0
// A thread that runs a context for as long as a test case needs it.
#pragma once

#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>

#include <cstddef>
#include <thread>

namespace gyre::testing {

/// A thread in run() until its work guard is reset and nothing is left.
class loop_thread {
public:
    explicit loop_thread(io_context& ctx)
        : work_(make_work_guard(ctx)), thread_([this, &ctx] { ran_ = ctx.run(); }) {}
    loop_thread(const loop_thread&) = delete;
    loop_thread& operator=(const loop_thread&) = delete;
    ~loop_thread() { join(); }

    std::size_t join() {
        work_.reset();
        if (thread_.joinable()) {
            thread_.join();
        }
        return ran_;
    }
    std::thread::id id() const { return thread_.get_id(); }

private:
    executor_work_guard<> work_;
    std::size_t ran_ = 0;
    std::thread thread_;
};

}  // namespace gyre::testing
