// SPDX-License-Identifier: BSL-1.0
// What the queue of deadlines should be: a std::multimap, which keeps equal keys in the order of
// insertion, so that the same node must come out, by address, at each step.
#pragma once

#include "timer/timer_queue.hpp"

#include <cstddef>
#include <limits>
#include <map>
#include <unordered_map>

namespace gyre::testing {

inline constexpr unsigned any_moves = std::numeric_limits<unsigned>::max();

/// Each armed node under its deadline, equal ones in order of arming.
class timer_model {
public:
    using node = detail::timer_node;

    void arm(node* n, time_ns deadline) {
        cancel(n);
        places_[n] = order_.emplace(deadline, n);
    }
    void cancel(node* n) {
        if (const auto place = places_.find(n); place != places_.end()) {
            order_.erase(place->second);
            places_.erase(place);
        }
    }

    node* first_due(time_ns now) const {
        const bool due = !order_.empty() && earliest() <= now && earliest() != no_deadline;
        return due ? order_.begin()->second : nullptr;
    }
    time_ns earliest() const { return order_.empty() ? no_deadline : order_.begin()->first; }
    bool armed(node* n) const { return places_.contains(n); }
    bool empty() const { return order_.empty(); }
    std::size_t size() const { return order_.size(); }

private:
    std::multimap<time_ns, node*> order_;
    std::unordered_map<node*, std::multimap<time_ns, node*>::iterator> places_;
};

/// What take_due() did, compared with the model.
struct taking {
    bool agrees;
    bool took;
    bool ran_out;  ///< of moves, before it was known whether anything is due
    unsigned moved;
};

/// Takes one node that is due from both.
inline taking take_from_both(detail::timer_queue& queue, timer_model& model, time_ns now,
                             unsigned moves) {
    unsigned left = moves;
    timer_model::node* const n = queue.take_due(now, left);
    timer_model::node* const right = model.first_due(now);
    taking t{left <= moves, n != nullptr, false, moves - left};
    t.ran_out = !t.took && queue.next_deadline() <= now;
    if (t.ran_out) {
        t.agrees = t.agrees && left == 0;
        return t;
    }
    t.agrees = t.agrees && n == right && (!t.took || !n->armed());
    if (t.took) {
        model.cancel(n);
    }
    return t;
}

}  // namespace gyre::testing
