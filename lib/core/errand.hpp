// SPDX-License-Identifier: BSL-1.0
// Whether an object lies in the inbox on an errand of another thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace gyre::inline v0::detail {

/// What the errand is about is stored in the object first, then announced. While it lies in the
/// inbox a further announcement costs nothing: the owner reads what was stored last. All
/// operations are sequentially consistent, so whoever finds it announced knows that the owner's
/// take(), which is still to come, and its look at what was stored, come later.
class errand {
public:
    /// Any thread but the owner, and any signal handler. True: the caller has to push the object
    /// into the inbox. After the `last` errand there is no other: the owner will release the
    /// object.
    bool announce(bool last = false) noexcept {
        return (state_.fetch_or(last ? queued | final : queued) & queued) == 0;
    }

    bool announced() const noexcept { return (state_.load() & queued) != 0; }

    /// The owner, after it took the object from the inbox. True: it was the last errand.
    bool take() noexcept {
        std::uint8_t expected = queued;
        // Fails only against `final`: then nobody will push the object again.
        return !state_.compare_exchange_strong(expected, 0);
    }

private:
    static constexpr std::uint8_t queued = 1;
    static constexpr std::uint8_t final = 2;
    std::atomic<std::uint8_t> state_{0};
};

}  // namespace gyre::inline v0::detail
