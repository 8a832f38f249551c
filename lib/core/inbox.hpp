// SPDX-License-Identifier: BSL-1.0
// What other threads leave for the owner of a reactor: an intrusive stack of slots that any thread
// pushes to and the owner takes whole, in the order of each pusher.
#pragma once

#include <gyre/detail/slot.hpp>

#include <atomic>

namespace gyre::inline v0::detail {

class inbox {
public:
    /// Any thread; never fails. The slot is in no other list.
    void push(slot* s) noexcept {
        slot* head = head_.load(std::memory_order_relaxed);
        do {
            s->link = head;
            // seq_cst: comes before the pusher's look at whether the owner sleeps (see
            // reactor::wake_before), as the owner's look in here comes after it says that it does.
        } while (!head_.compare_exchange_weak(head, s, std::memory_order_seq_cst,
                                              std::memory_order_relaxed));
    }

    /// The owner: the oldest slot, null if there is none.
    slot* pop() noexcept {
        if (first_ == nullptr && !refill()) {
            return nullptr;
        }
        return next();
    }

    /// The owner: calls f(slot*) for what has been pushed so far, oldest first, and for nothing
    /// that comes meanwhile: others may push without end.
    template <class F>
    void take_all(F&& f) {
        for (bool last = false; first_ != nullptr || (!last && (last = refill()));) {
            f(next());
        }
    }

    /// The owner; sees all pushes that come before it in the order of sequential consistency.
    bool empty() const noexcept {
        return first_ == nullptr && head_.load(std::memory_order_seq_cst) == nullptr;
    }

private:
    slot* next() noexcept {
        slot* s = first_;
        first_ = s->link;
        return s;
    }

    bool refill() noexcept {
        if (head_.load(std::memory_order_relaxed) == nullptr) {
            return false;
        }
        // acquire: what the pushers wrote into the slots. They came newest first.
        for (slot* s = head_.exchange(nullptr, std::memory_order_acquire); s != nullptr;) {
            slot* older = s->link;
            s->link = first_;
            first_ = s;
            s = older;
        }
        return first_ != nullptr;
    }

    std::atomic<slot*> head_{nullptr};
    slot* first_ = nullptr;  // taken, not yet given out
};

}  // namespace gyre::inline v0::detail
