// SPDX-License-Identifier: BSL-1.0
// What the poller of Windows does with its sockets: which polls are pending, which are to be
// cancelled or submitted, and what a completion means. Apart from the system's calls (afd.cpp), so
// that it can be driven by a double through what is rare or can't be made to happen.
//
// AFD, the driver below Winsock, answers a poll of one socket once, by a completion. A poll that is
// cancelled completes too, and until its completion was taken its memory is the driver's. At most
// one poll of a socket is outstanding at a time: Windows takes the completions of two for each
// other's. So a socket that is registered anew while the poll of its last registration is being
// cancelled takes that one's place, and waits for the completion.
//
// The rules are those that wepoll found (its README and issues), told in the project's own terms.
#pragma once

#include <gyre/native_handle.hpp>
#include <gyre/poller.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

namespace gyre::inline v0::detail {

/// The events of a poll. CONNECT, 0x40, is not asked for: it is true of every connected socket.
namespace afd {
inline constexpr std::uint32_t receive = 0x001;
inline constexpr std::uint32_t receive_expedited = 0x002;
inline constexpr std::uint32_t send = 0x004;
inline constexpr std::uint32_t disconnect = 0x008;
inline constexpr std::uint32_t abort = 0x010;
inline constexpr std::uint32_t local_close = 0x020;
inline constexpr std::uint32_t accept = 0x080;
inline constexpr std::uint32_t connect_fail = 0x100;
}  // namespace afd

/// What a poll is asked for.
constexpr std::uint32_t to_afd(interest want) noexcept {
    std::uint32_t events = afd::abort | afd::connect_fail | afd::local_close;
    if (any(want & interest::read)) {
        events |= afd::receive | afd::accept | afd::disconnect;
    }
    if (any(want & interest::write)) {
        events |= afd::send;
    }
    if (any(want & interest::except)) {
        events |= afd::receive_expedited;
    }
    return events;
}

/// What its events mean to somebody who waits for `want`; none if they are not for him.
constexpr readiness from_afd(std::uint32_t events, interest want) noexcept {
    constexpr readiness both = readiness::readable | readiness::writable;
    readiness what = readiness::none;
    if ((events & (afd::receive | afd::accept | afd::disconnect)) != 0 &&
        any(want & interest::read)) {
        what = what | readiness::readable;
    }
    if ((events & afd::send) != 0 && any(want & interest::write)) {
        what = what | readiness::writable;
    }
    if ((events & afd::receive_expedited) != 0 && any(want & interest::except)) {
        what = what | readiness::priority;
    }
    if ((events & afd::abort) != 0) {
        what = what | both | readiness::error | readiness::hangup;
    }
    // Closed without remove(): whoever waits gets its error from its own call.
    if ((events & (afd::connect_fail | afd::local_close)) != 0) {
        what = what | both | readiness::error;
    }
    return what;
}

enum class afd_submission {
    pending,  ///< there will be a completion
    refused,  ///< there will be none: the socket is closed, or the system has no memory
};

enum class afd_outcome { done, cancelled, failed };

/// System has:
///  - `request`: the memory of one poll, default-constructible;
///  - `native_handle_type base_of(native_handle_type, std::error_code&)`: the socket of the driver,
///    below whatever other software has put over it;
///  - `afd_submission submit(request&, native_handle_type base, std::uint32_t events)`;
///  - `void cancel(request&)`: the completion comes all the same.
template <class System>
class afd_set {
public:
    using request = typename System::request;

    explicit afd_set(System& system) noexcept : system_(system) {}
    afd_set(const afd_set&) = delete;
    afd_set& operator=(const afd_set&) = delete;

    std::error_code add(native_handle_type handle, std::uint64_t key, interest want) noexcept {
        if (registered_.contains(handle)) {
            return std::make_error_code(std::errc::file_exists);
        }
        std::error_code error;
        const native_handle_type base = system_.base_of(handle, error);
        if (error) {
            return error;
        }
        node made = take_leaving(base);
        if (made.empty() && !spare_.empty()) {
            made = std::move(spare_.back());
            spare_.pop_back();
        }
        try {
            if (made.empty()) {
                leaving_.reserve(count_ + 1);
                updates_.reserve(count_ + 1);
                spare_.reserve(count_ + 1);
                const auto at = registered_.emplace(handle, std::make_unique<registration>()).first;
                made = registered_.extract(at);
                ++count_;
            }
            made.key() = handle;
            registration& r = *made.mapped();
            r.base = base;
            r.key = key;
            r.want = want;
            r.leaving = false;
            registered_.insert(std::move(made));
            queue(r);
        } catch (const std::bad_alloc&) {
            if (!made.empty()) {
                leave(std::move(made));
            }
            return std::make_error_code(std::errc::not_enough_memory);
        }
        return {};
    }

    std::error_code modify(native_handle_type handle, std::uint64_t key, interest want) noexcept {
        const auto found = registered_.find(handle);
        if (found == registered_.end()) {
            return std::make_error_code(std::errc::no_such_file_or_directory);
        }
        registration& r = *found->second;
        r.key = key;
        r.want = want;
        // Events that nobody wants are sorted out when they come.
        if (r.state != state::pending || (to_afd(want) & ~r.asked) != 0) {
            queue(r);
        }
        return {};
    }

    std::error_code remove(native_handle_type handle, remove_reason why) noexcept {
        const auto found = registered_.find(handle);
        if (found == registered_.end()) {
            return why == remove_reason::closing
                       ? std::error_code()
                       : std::make_error_code(std::errc::no_such_file_or_directory);
        }
        leave(registered_.extract(found));
        return {};
    }

    void clear() noexcept {
        while (!registered_.empty()) {
            leave(registered_.extract(registered_.begin()));
        }
    }

    /// Submits and cancels what was put off, before each wait. Reports those of which the system
    /// would hear nothing.
    void update(event_buffer& events) noexcept {
        while (!updates_.empty() && events.room() > 0) {
            registration& r = *updates_.back();
            updates_.pop_back();
            r.queued = false;
            if (!any(r.want)) {
                continue;
            }
            const std::uint32_t wanted = to_afd(r.want);
            if (r.state == state::idle) {
                if (system_.submit(r, r.base, wanted) == afd_submission::pending) {
                    r.state = state::pending;
                    r.asked = wanted;
                    ++outstanding_;
                } else {
                    report(r, from_afd(afd::local_close, r.want), events);
                }
            } else if (r.state == state::pending && (wanted & ~r.asked) != 0) {
                cancel(r);
            }
        }
    }

    /// Takes a completion; events.room() > 0.
    void complete(request& completed, afd_outcome outcome, std::uint32_t what,
                  event_buffer& events) noexcept {
        auto& r = static_cast<registration&>(completed);
        --outstanding_;
        const bool was_cancelled = r.state == state::cancelled;
        r.state = state::idle;
        if (r.leaving) {
            forget(r);
            return;
        }
        if (!any(r.want)) {
            return;
        }
        // What a cancelled poll has seen all the same, the next one sees as well.
        const bool counts = !was_cancelled && outcome != afd_outcome::cancelled;
        const std::uint32_t seen = outcome == afd_outcome::failed ? afd::local_close : what;
        const readiness told = counts ? from_afd(seen, r.want) : readiness::none;
        if (any(told)) {
            report(r, told, events);
        } else {
            queue(r);
        }
    }

    /// Polls whose memory is the system's.
    std::size_t outstanding() const noexcept { return outstanding_; }

private:
    enum class state : std::uint8_t {
        idle,
        pending,
        cancelled,  ///< the completion has not come yet
    };

    struct registration : request {
        native_handle_type base = invalid_native_handle;
        std::uint64_t key = 0;
        std::uint32_t asked = 0;         // by the poll that is pending
        interest want = interest::none;  // none: reported since it was armed
        detail::afd_set<System>::state state = state::idle;
        bool leaving = false;  // registered no more: waits for its completion
        bool queued = false;   // in updates_
    };

    // A registration in the node that it is found by: both are used again, so that connections that
    // come and go allocate nothing.
    using registrations = std::unordered_map<native_handle_type, std::unique_ptr<registration>>;
    using node = typename registrations::node_type;

    // Room was made by add().
    void queue(registration& r) noexcept {
        if (!r.queued) {
            r.queued = true;
            updates_.push_back(&r);
        }
    }

    void report(registration& r, readiness what, event_buffer& events) noexcept {
        r.want = interest::none;
        events.push(r.key, what);
    }

    void cancel(registration& r) noexcept {
        system_.cancel(r);
        r.state = state::cancelled;
    }

    void leave(node gone) noexcept {
        registration& r = *gone.mapped();
        if (r.queued) {
            updates_.erase(std::find(updates_.begin(), updates_.end(), &r));
            r.queued = false;
        }
        r.want = interest::none;
        if (r.state == state::idle) {
            spare_.push_back(std::move(gone));
            return;
        }
        if (r.state == state::pending) {
            cancel(r);
        }
        r.leaving = true;
        leaving_.push_back(std::move(gone));
    }

    void forget(const registration& r) noexcept {
        spare_.push_back(take_leaving_if([&](const registration& each) { return &each == &r; }));
    }

    node take_leaving(native_handle_type base) noexcept {
        return take_leaving_if([&](const registration& each) { return each.base == base; });
    }

    /// Empty if there is none.
    template <class Condition>
    node take_leaving_if(Condition condition) noexcept {
        const auto found = std::find_if(leaving_.begin(), leaving_.end(), [&](const node& each) {
            return condition(*each.mapped());
        });
        if (found == leaving_.end()) {
            return {};
        }
        node taken = std::move(*found);
        *found = std::move(leaving_.back());
        leaving_.pop_back();
        return taken;
    }

    System& system_;
    registrations registered_;
    std::vector<node> leaving_;
    std::vector<node> spare_;
    std::vector<registration*> updates_;
    std::size_t count_ = 0;  // of registrations, wherever they are
    std::size_t outstanding_ = 0;
};

}  // namespace gyre::inline v0::detail
