// SPDX-License-Identifier: BSL-1.0
// Queues of functions, for the libraries that have none of their own and for the floor: one for the
// loop's thread, one that other threads fill under a mutex. Knows no library.
#pragma once

#include <bit>
#include <cstddef>
#include <mutex>
#include <type_traits>
#include <vector>

namespace bench {

struct job {
    void (*call)(void*);
    void* object;

    void operator()() const { call(object); }
};

/// A job that calls `object`, which stays where it is.
template <class Callable>
job job_of(Callable& object) {
    return {[](void* pointer) { (*static_cast<Callable*>(pointer))(); }, &object};
}

/// A job that carries its function, which is as small as a pointer.
template <class Function>
job carried_job(Function function) {
    static_assert(sizeof(Function) == sizeof(void*) && std::is_trivially_copyable_v<Function>);
    return {[](void* pointer) { std::bit_cast<Function>(pointer)(); },
            std::bit_cast<void*>(function)};
}

/// First in, first out; grows as a ring does.
class job_ring {
public:
    bool empty() const { return begin_ == end_; }
    std::size_t size() const { return end_ - begin_; }

    void push(job added) {
        if (size() == jobs_.size()) {
            grow();
        }
        jobs_[end_++ & (jobs_.size() - 1)] = added;
    }
    job pop() { return jobs_[begin_++ & (jobs_.size() - 1)]; }

private:
    void grow() {
        std::vector<job> bigger(jobs_.empty() ? 1024 : 2 * jobs_.size());
        std::size_t count = 0;
        while (!empty()) {
            bigger[count++] = pop();
        }
        jobs_.swap(bigger);
        begin_ = 0;
        end_ = count;
    }

    std::vector<job> jobs_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

/// What other threads hand over.
template <class Item>
class locked_queue {
public:
    /// Whether it was empty, so that the loop may have to be woken.
    bool push(Item item) {
        const std::lock_guard lock(mutex_);
        items_.push_back(item);
        return items_.size() == 1;
    }

    template <class Function>
    void drain(Function function) {
        {
            const std::lock_guard lock(mutex_);
            items_.swap(taken_);
        }
        for (Item& item : taken_) {
            function(item);
        }
        taken_.clear();
    }

private:
    std::mutex mutex_;
    std::vector<Item> items_;
    std::vector<Item> taken_;
};

}  // namespace bench
