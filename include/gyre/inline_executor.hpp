// SPDX-License-Identifier: BSL-1.0
// Runs functions where they are given to it.
#pragma once

#include <utility>

namespace gyre::inline v0 {

/// An executor without a context: execute(f) calls f() at once, in this thread. Bound to a handler
/// it makes the operation call that handler wherever it ends, whatever the executor of its object
/// is. A value; any thread.
class inline_executor {
public:
    bool running_in_this_thread() const noexcept { return true; }

    /// Calls f(); throws what that throws.
    template <class F>
    void execute(F&& f) const {
        std::forward<F>(f)();
    }

    friend bool operator==(const inline_executor&, const inline_executor&) noexcept = default;
};

}  // namespace gyre::inline v0
