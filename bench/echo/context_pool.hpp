// SPDX-License-Identifier: BSL-1.0
// What a server has to write itself where the library has no pool of loops: a context for each of
// a few threads, to which connections go in turn. Whoever includes it has named the library `net`.
#pragma once

#include <cstddef>
#include <deque>
#include <thread>

namespace {

class context_pool {
public:
    explicit context_pool(std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) {
            members_.emplace_back();
        }
    }
    net::io_context& operator[](std::size_t i) { return members_[i].context; }
    net::io_context& next() { return members_[turn_++ % members_.size()].context; }

    /// Waits until no context has anything left to do.
    void drain() {
        for (member& each : members_) {
            each.work.reset();
        }
        for (member& each : members_) {
            each.thread.join();
        }
    }

private:
    struct member {
        net::io_context context{1};
        net::executor_work_guard<net::io_context::executor_type> work{context.get_executor()};
        std::thread thread{[this] { context.run(); }};
    };

    std::deque<member> members_;
    std::size_t turn_ = 0;
};

}  // namespace
