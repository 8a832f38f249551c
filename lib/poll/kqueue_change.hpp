// SPDX-License-Identifier: BSL-1.0
// Changes to the filters of a kqueue, and what all systems that have one understand of them.
#pragma once

#include <gyre/native_handle.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <system_error>

#include <sys/types.h>  // before event.h, which takes its types from it on some systems

#include <sys/event.h>

namespace gyre::inline v0::detail {

inline std::error_code error_of(int number) noexcept { return {number, std::system_category()}; }
inline std::error_code last_error() noexcept { return error_of(errno); }

/// A change of a filter, or an event. The types of its fields differ from system to system, and so
/// does what follows them: no type is named, and the rest is zero. On macOS it is packed: no
/// references to its fields.
using filter_event = struct kevent;

inline filter_event make_change(native_handle_type handle, int filter, int flags,
                                unsigned note = 0) noexcept {
    filter_event made{};
    made.ident = static_cast<decltype(made.ident)>(handle);
    made.filter = static_cast<decltype(made.filter)>(filter);
    made.flags = static_cast<decltype(made.flags)>(flags);
    made.fflags = static_cast<decltype(made.fflags)>(note);
    return made;
}

inline bool has_flag(const filter_event& event, int flag) noexcept {
    return (event.flags & static_cast<decltype(event.flags)>(flag)) != 0;
}
inline bool is_of(const filter_event& event, int filter) noexcept {
    return event.filter == static_cast<decltype(event.filter)>(filter);
}

/// A few changes that are submitted together, in order.
class change_list {
public:
    void push(const filter_event& change) noexcept {
        changes_[size_] = change;
        changes_[size_].flags |= static_cast<decltype(change.flags)>(EV_RECEIPT);
        ++size_;
    }

    /// The first error. To delete a filter that is gone already, with its descriptor or without,
    /// is none.
    std::error_code submit(int queue) const noexcept {
        if (size_ == 0) {
            return {};
        }
        // As long as the list of changes: with less room the rest is not processed, with more the
        // call may go on to wait.
        std::array<filter_event, most> receipts{};
        const int count = static_cast<int>(size_);
        int answered = 0;
        do {
            answered = ::kevent(queue, changes_.data(), count, receipts.data(), count, nullptr);
        } while (answered < 0 && errno == EINTR);
        if (answered < 0) {
            return last_error();
        }
        for (int i = 0; i < answered; ++i) {
            const auto at = static_cast<std::size_t>(i);
            const auto error = static_cast<int>(receipts[at].data);
            const bool gone =
                has_flag(changes_[at], EV_DELETE) && (error == ENOENT || error == EBADF);
            if (has_flag(receipts[at], EV_ERROR) && error != 0 && !gone) {
                return error_of(error);
            }
        }
        return {};
    }

private:
    static constexpr std::size_t most = 4;  // what one registration can change
    std::array<filter_event, most> changes_{};
    std::size_t size_ = 0;
};

}  // namespace gyre::inline v0::detail
