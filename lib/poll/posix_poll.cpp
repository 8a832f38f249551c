// SPDX-License-Identifier: BSL-1.0
// The poller of every POSIX system, on poll(2): slow with many handles, but nothing to set up. It
// is also the one-shot poller with which the rest of the library is tested on Linux.
#include "poll/deadline.hpp"
#include "poll/factories.hpp"
#include "poll/registrable.hpp"
#include "poll/waker.hpp"

#include <cerrno>
#include <memory>
#include <new>
#include <vector>

#include <poll.h>

namespace gyre::inline v0::detail {
namespace {

/// See epoll.cpp: refused here too, so that the same program runs on every poller.
constexpr std::uint64_t refused_key = ~std::uint64_t{0};

std::error_code last_error() noexcept { return {errno, std::system_category()}; }

short to_poll(interest want) noexcept {
    int events = 0;
    if (any(want & interest::read)) {
        events |= POLLIN;  // set by the peer's shutdown as well
    }
    if (any(want & interest::write)) {
        events |= POLLOUT;
    }
    if (any(want & interest::except)) {
        events |= POLLPRI;
    }
    return static_cast<short>(events);
}

readiness to_readiness(short events) noexcept {
    readiness what = readiness::none;
    if ((events & POLLIN) != 0) {
        what = what | readiness::readable;
    }
    if ((events & POLLOUT) != 0) {
        what = what | readiness::writable;
    }
    if ((events & POLLPRI) != 0) {
        what = what | readiness::priority;
    }
    if ((events & POLLHUP) != 0) {
        what = what | readiness::hangup | readiness::readable | readiness::writable;
    }
    // POLLNVAL: closed without remove(). Whoever waits gets EBADF from its own call.
    if ((events & (POLLERR | POLLNVAL)) != 0) {
        what = what | readiness::error | readiness::readable | readiness::writable;
    }
    return what;
}

class posix_poll_poller final : public poller {
public:
    /// May throw std::bad_alloc.
    posix_poll_poller(std::unique_ptr<notifier> device, bool one_shot)
        : one_shot_(one_shot), waker_(std::move(device)) {
        keys_.push_back(refused_key);
        polled_.push_back({waker_.handle(), POLLIN, 0});
    }

    const char* name() const noexcept override { return one_shot_ ? "poll-oneshot" : "poll"; }
    poller_features features() const noexcept override {
        return one_shot_ ? poller_features::one_shot : poller_features::none;
    }
    void notify() noexcept override { waker_.notify(); }

    std::error_code add(native_handle_type handle, std::uint64_t key,
                        interest want) noexcept override {
        if (key == refused_key) {
            return std::error_code(EINVAL, std::system_category());
        }
        if (const std::error_code error = check_handle(handle)) {
            return error;
        }
        if (find(handle) != 0) {
            return std::error_code(EEXIST, std::system_category());
        }
        const auto number = static_cast<std::size_t>(handle);
        try {
            if (slot_of_.size() <= number) {
                slot_of_.resize(number + 1);
            }
            keys_.push_back(key);
            polled_.push_back({handle, to_poll(want), 0});
        } catch (const std::bad_alloc&) {
            keys_.resize(polled_.size());
            return std::error_code(ENOMEM, std::system_category());
        }
        slot_of_[number] = polled_.size() - 1;
        return {};
    }

    std::error_code modify(native_handle_type handle, std::uint64_t key,
                           interest want) noexcept override {
        if (key == refused_key) {
            return std::error_code(EINVAL, std::system_category());
        }
        const std::size_t slot = find(handle);
        if (slot == 0) {
            return std::error_code(ENOENT, std::system_category());
        }
        keys_[slot] = key;
        polled_[slot] = {handle, to_poll(want), 0};
        return {};
    }

    std::error_code remove(native_handle_type handle, remove_reason why) noexcept override {
        const std::size_t slot = find(handle);
        if (slot == 0) {
            return why == remove_reason::closing ? std::error_code()
                                                 : std::error_code(ENOENT, std::system_category());
        }
        slot_of_[number_in(polled_.back())] = slot;
        slot_of_[static_cast<std::size_t>(handle)] = 0;
        polled_[slot] = polled_.back();
        keys_[slot] = keys_.back();
        polled_.pop_back();
        keys_.pop_back();
        return {};
    }

    std::error_code wait(event_buffer& events, time_ns deadline) noexcept override {
        int ready = wait_until(deadline);
        if (ready < 0) {
            return last_error();
        }
        if (polled_[0].revents != 0) {
            waker_.acknowledge();
            --ready;
        }
        report(events, ready);
        return {};
    }

    std::error_code reset() noexcept override {
        std::error_code error;
        if (std::unique_ptr<notifier> device = waker_.replacement(error)) {
            waker_.replace(std::move(device));
        }
        if (error) {
            return error;
        }
        polled_.resize(1);
        keys_.resize(1);
        slot_of_.clear();
        polled_[0].fd = waker_.handle();
        return {};
    }

private:
    /// The place of a registered handle, else 0, where the notifier is.
    std::size_t find(native_handle_type handle) const noexcept {
        const auto number = static_cast<std::size_t>(handle);
        return handle >= 0 && number < slot_of_.size() ? slot_of_[number] : 0;
    }

    /// poll() passes over negative numbers: a disarmed registration keeps the complement.
    static std::size_t number_in(const pollfd& entry) noexcept {
        return static_cast<std::size_t>(entry.fd >= 0 ? entry.fd : ~entry.fd);
    }

    /// Begins behind the last one reported by the wait before, so that those in front can't keep
    /// the rest from being seen when there is little room.
    void report(event_buffer& events, int ready) noexcept {
        const std::size_t all = polled_.size();
        for (std::size_t i = 1; i < all && ready > 0 && events.room() > 0; ++i) {
            if (next_ >= all) {
                next_ = 1;
            }
            pollfd& entry = polled_[next_];
            if (entry.revents != 0) {
                events.push(keys_[next_], to_readiness(entry.revents));
                --ready;
                if (one_shot_) {
                    entry.fd = ~entry.fd;
                }
            }
            ++next_;
        }
    }

    int wait_until(time_ns deadline) noexcept {
        for (;;) {
            const time_ns left = time_left(deadline);
            const int count = wait_once(left);
            if (count > 0 || (count < 0 && errno != EINTR)) {
                return count;
            }
            if (count == 0 && (left == 0 || time_left(deadline) == 0)) {
                return 0;
            }
        }
    }

    int wait_once(time_ns left) noexcept {
        const auto count = static_cast<nfds_t>(polled_.size());
#if GYRE_HAS_PPOLL
        const std::timespec timeout = to_timespec(left);
        return ::ppoll(polled_.data(), count, left == no_deadline ? nullptr : &timeout, nullptr);
#else
        return ::poll(polled_.data(), count, to_milliseconds(left));
#endif
    }

    const bool one_shot_;
    waker waker_;
    std::vector<pollfd> polled_;        // [0] is the notifier; the order means nothing
    std::vector<std::uint64_t> keys_;   // beside polled_
    std::vector<std::size_t> slot_of_;  // by handle: index into both, 0 = not registered
    std::size_t next_ = 1;              // where the next report begins
};

poller* make(std::error_code& error, bool one_shot) noexcept {
    std::unique_ptr<notifier> device(make_notifier(error));
    if (!device) {
        return nullptr;
    }
    try {
        return new posix_poll_poller(std::move(device), one_shot);
    } catch (const std::bad_alloc&) {
        error = std::error_code(ENOMEM, std::system_category());
        return nullptr;
    }
}

}  // namespace

poller* make_posix_poll_poller(std::error_code& error) noexcept { return make(error, false); }

poller* make_posix_poll_oneshot_poller(std::error_code& error) noexcept {
    return make(error, true);
}

}  // namespace gyre::inline v0::detail
