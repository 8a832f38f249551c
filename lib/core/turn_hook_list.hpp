// SPDX-License-Identifier: BSL-1.0
// The turn hooks of a reactor. Belongs to the owner.
#pragma once

#include <gyre/turn_hook.hpp>

namespace gyre::inline v0::detail {

/// In the order in which they came. Hooks may come and go while they are called.
class turn_hook_list {
public:
    bool empty() const noexcept { return first_ == nullptr; }
    void add(turn_hook& hook) noexcept;
    void remove(turn_hook& hook) noexcept;
    void call(turn_hook::point when) noexcept;

private:
    // A call of call(): a hook may turn the loop, and so begin another one.
    struct walk {
        turn_hook* next;
        walk* outer;
    };

    turn_hook* first_ = nullptr;
    turn_hook* last_ = nullptr;
    walk* walks_ = nullptr;
};

}  // namespace gyre::inline v0::detail
