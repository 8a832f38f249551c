// SPDX-License-Identifier: BSL-1.0
// The poller of macOS, iOS and the BSDs: one kqueue whose filters are level-triggered.
//
// A filter is one direction, so what is registered for two is two filters and two events; a table
// by descriptor says which there are, and has the key. The user data of a filter is not used: what
// adding it anew does to that differs. Changes are submitted apart from waits, each with a receipt
// (EV_RECEIPT), for a change that a waiting call refuses would end every wait.
//
// Facts are from kqueue(2) of FreeBSD, macOS, NetBSD and OpenBSD.
#include "poll/deadline.hpp"
#include "poll/factories.hpp"
#include "poll/kqueue_change.hpp"
#include "poll/registrable.hpp"
#include "poll/waker.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/types.h>  // before event.h, which takes its types from it on some systems

#include <sys/event.h>
#include <unistd.h>

namespace gyre::inline v0::detail {
namespace {

/// As many events as one system call fetches: 8 to 16 KiB of stack.
constexpr std::size_t batch = 256;

/// A day is the longest that every system waits for; some take more for a day, others refuse it.
constexpr time_ns longest_wait = 3'600'000'000'000;

/// See epoll.cpp: refused here too, so that the same program runs on every poller.
constexpr std::uint64_t refused_key = ~std::uint64_t{0};

// FreeBSD and NetBSD have no filter for urgent data, and their filter for reading is not woken by
// urgent data alone.
#if defined(EVFILT_EXCEPT) && defined(NOTE_OOB)
constexpr bool has_urgent = true;
constexpr int urgent_filter = EVFILT_EXCEPT;
constexpr unsigned urgent_note = NOTE_OOB;
#else
constexpr bool has_urgent = false;
constexpr int urgent_filter = 0;
constexpr unsigned urgent_note = 0;
#endif

/// A new kqueue, or -1 and errno.
int open_queue() noexcept {
#if GYRE_HAS_KQUEUE1
    return ::kqueue1(O_CLOEXEC);
#else
    const int queue = ::kqueue();
    if (queue >= 0 && ::fcntl(queue, F_SETFD, FD_CLOEXEC) != 0) {
        const int why = errno;
        ::close(queue);
        errno = why;
        return -1;
    }
    return queue;
#endif
}

#if defined(EVFILT_USER)

/// Wakes a kqueue without a descriptor of its own. It is cleared by being fetched.
class user_event_notifier final : public notifier {
public:
    explicit user_event_notifier(int queue) noexcept : queue_(queue) {}

    native_handle_type handle() const noexcept override { return invalid_native_handle; }
    void signal() noexcept override {
        const int saved = errno;  // this may run inside a signal handler
        const filter_event trigger = make_change(0, EVFILT_USER, 0, NOTE_TRIGGER);
        while (::kevent(queue_, &trigger, 1, nullptr, 0, nullptr) < 0 && errno == EINTR) {}
        errno = saved;
    }
    void drain() noexcept override {}

private:
    int queue_;
};

/// Registers the user event and tries it. A header that has it does not mean a kernel that does.
bool has_user_event(int queue) noexcept {
    const std::array<filter_event, 2> changes{make_change(0, EVFILT_USER, EV_ADD | EV_CLEAR),
                                              make_change(0, EVFILT_USER, 0, NOTE_TRIGGER)};
    const std::timespec at_once{};
    filter_event answer{};
    return ::kevent(queue, changes.data(), 2, &answer, 1, &at_once) == 1 &&
           !has_flag(answer, EV_ERROR) && is_of(answer, EVFILT_USER);
}
bool is_user_event(const filter_event& event) noexcept { return is_of(event, EVFILT_USER); }

std::unique_ptr<notifier> make_user_event(int queue) noexcept {
    return std::unique_ptr<notifier>(
        has_user_event(queue) ? new (std::nothrow) user_event_notifier(queue) : nullptr);
}

#else

std::unique_ptr<notifier> make_user_event(int) noexcept { return nullptr; }
bool is_user_event(const filter_event&) noexcept { return false; }

#endif

/// The device that wakes this kqueue: its user event, else a pipe that it watches; null and an
/// error.
std::unique_ptr<notifier> make_device(int queue, std::error_code& error) noexcept {
    error.clear();
    if (std::unique_ptr<notifier> device = make_user_event(queue)) {
        return device;
    }
    std::unique_ptr<notifier> device(make_notifier(error));
    if (device) {
        change_list changes;
        changes.push(make_change(device->handle(), EVFILT_READ, EV_ADD));
        error = changes.submit(queue);
        if (error) {
            device.reset();
        }
    }
    return device;
}

class kqueue_poller final : public poller {
public:
    kqueue_poller(int queue, std::unique_ptr<notifier> device) noexcept
        : queue_(queue), waker_(std::move(device)) {}
    ~kqueue_poller() override {
        // A kqueue is not inherited: the number may be anybody's in the child of a fork().
        if (!waker_.is_inherited()) {
            ::close(queue_);
        }
    }

    const char* name() const noexcept override { return "kqueue"; }
    poller_features features() const noexcept override {
        return has_urgent ? poller_features::pollable
                          : poller_features::pollable | poller_features::no_priority;
    }
    native_handle_type pollable_handle() noexcept override { return queue_; }
    void notify() noexcept override { waker_.notify(); }

    std::error_code add(native_handle_type handle, std::uint64_t key,
                        interest want) noexcept override {
        if (key == refused_key) {
            return error_of(EINVAL);
        }
        // Files and directories are ready always on one system, never on the next.
        if (const std::error_code error = check_handle(handle)) {
            return error;
        }
        if (find(handle) != nullptr) {
            return error_of(EEXIST);
        }
        const auto number = static_cast<std::size_t>(handle);
        try {
            if (registrations_.size() <= number) {
                registrations_.resize(number + 1);
            }
        } catch (const std::bad_alloc&) {
            return error_of(ENOMEM);
        }
        registration& made = registrations_[number];
        made = {};
        if (const std::error_code error = change(handle, made, filters_for(want))) {
            return error;
        }
        made.key = key;
        made.want = want;
        return {};
    }

    std::error_code modify(native_handle_type handle, std::uint64_t key,
                           interest want) noexcept override {
        if (key == refused_key) {
            return error_of(EINVAL);
        }
        registration* found = find(handle);
        if (found == nullptr) {
            return error_of(ENOENT);
        }
        if (const std::error_code error = change(handle, *found, filters_for(want))) {
            return error;
        }
        found->key = key;
        found->want = want;
        return {};
    }

    std::error_code remove(native_handle_type handle, remove_reason why) noexcept override {
        registration* found = find(handle);
        if (found == nullptr) {
            return why == remove_reason::closing ? std::error_code() : error_of(ENOENT);
        }
        // Closing a descriptor takes its filters out of every kqueue, a duplicate or not.
        if (why == remove_reason::releasing) {
            if (const std::error_code error = change(handle, *found, {})) {
                return error;
            }
        }
        *found = {};
        return {};
    }

    std::error_code wait(event_buffer& events, time_ns deadline) noexcept override {
        std::array<filter_event, batch> ready;  // left uninitialised: this is the hot path
        const std::size_t before = events.size();
        const int places = static_cast<int>(std::min(events.room(), batch));
        for (;;) {
            const time_ns left = time_left(deadline);
            const int count = wait_once(ready.data(), places, left);
            if (count < 0 && errno != EINTR) {
                return last_error();
            }
            const auto fetched = static_cast<std::size_t>(std::max(count, 0));
            const bool woken = collect({ready.data(), fetched});
            report(events, {ready.data(), fetched});
            // Nothing comes of a signal, of a wait that was cut short, or of data that arrives
            // where only its end is waited for.
            if (woken || events.size() != before || left == 0) {
                return {};
            }
        }
    }

    std::error_code reset() noexcept override {
        if (!waker_.is_inherited()) {
            // There is no filter here that can't be named: a descriptor takes its own along.
            for (std::size_t i = 0; i < registrations_.size(); ++i) {
                change(static_cast<native_handle_type>(i), registrations_[i], {});
            }
            registrations_.clear();
            return {};
        }
        const int queue = open_queue();
        if (queue < 0) {
            return last_error();
        }
        std::error_code error;
        std::unique_ptr<notifier> device = make_device(queue, error);
        if (!device) {
            ::close(queue);
            return error ? error : error_of(ENOMEM);
        }
        queue_ = queue;
        waker_.replace(std::move(device));
        registrations_.clear();
        return {};
    }

private:
    /// A filter that is not there, that reports at each wait, or that reports when it is added and
    /// at each change.
    enum class filter_mode : std::uint8_t { none, level, clear };

    struct filter_modes {
        filter_mode read = filter_mode::none;
        filter_mode write = filter_mode::none;
        filter_mode urgent = filter_mode::none;
    };

    struct registration {
        std::uint64_t key = 0;
        interest want = interest::none;  // none: not registered
        filter_modes filters;
        readiness seen = readiness::none;  // by the wait in progress
        bool ended = false;                // a filter said so, in the wait in progress
    };

    /// Who waits for urgent data only is told of the end by the filter for reading, which must not
    /// report data again and again meanwhile.
    static filter_modes filters_for(interest want) noexcept {
        filter_modes made;
        if (any(want & interest::except)) {
            made.read = filter_mode::clear;
            made.urgent = has_urgent ? filter_mode::level : filter_mode::none;
        }
        if (any(want & interest::read)) {
            made.read = filter_mode::level;
        }
        if (any(want & interest::write)) {
            made.write = filter_mode::level;
        }
        return made;
    }

    registration* find(native_handle_type handle) noexcept {
        const auto number = static_cast<std::size_t>(handle);
        const bool there =
            handle >= 0 && number < registrations_.size() && any(registrations_[number].want);
        return there ? &registrations_[number] : nullptr;
    }

    /// How a filter that is there reports can't be changed, only another be put in its place; which
    /// also looks anew.
    static void push_change(change_list& changes, native_handle_type handle, int filter,
                            filter_mode from, filter_mode to, unsigned note = 0) noexcept {
        if (from == to && to != filter_mode::clear) {
            return;
        }
        if (from != filter_mode::none) {
            changes.push(make_change(handle, filter, EV_DELETE, note));
        }
        if (to != filter_mode::none) {
            const int how = to == filter_mode::clear ? EV_ADD | EV_CLEAR : EV_ADD;
            changes.push(make_change(handle, filter, how, note));
        }
    }

    std::error_code submit(native_handle_type handle, const filter_modes& from,
                           const filter_modes& to) noexcept {
        change_list changes;
        push_change(changes, handle, EVFILT_READ, from.read, to.read);
        push_change(changes, handle, EVFILT_WRITE, from.write, to.write);
        push_change(changes, handle, urgent_filter, from.urgent, to.urgent, urgent_note);
        return changes.submit(queue_);
    }

    std::error_code change(native_handle_type handle, registration& r,
                           const filter_modes& to) noexcept {
        const std::error_code error = submit(handle, r.filters, to);
        if (error) {
            // Some changes may have been made: back to what it was.
            static_cast<void>(submit(handle, to, r.filters));
        } else {
            r.filters = to;
        }
        return error;
    }

    int wait_once(filter_event* ready, int places, time_ns left) noexcept {
        const std::timespec timeout = to_timespec(std::min(left, longest_wait));
        return ::kevent(queue_, nullptr, 0, ready, places,
                        left == no_deadline ? nullptr : &timeout);
    }

    /// Notes for each registration what its filters said; true if the waker was among them.
    bool collect(std::span<const filter_event> ready) noexcept {
        const native_handle_type device = waker_.handle();
        bool woken = false;
        for (const filter_event& event : ready) {
            const auto handle = static_cast<native_handle_type>(event.ident);
            if (is_user_event(event) || handle == device) {
                woken = true;
            } else if (registration* found = find(handle)) {
                note(event, *found);
            }
        }
        if (woken) {
            waker_.acknowledge();
        }
        return woken;
    }

    static void note(const filter_event& event, registration& r) noexcept {
        if (is_of(event, EVFILT_WRITE)) {
            r.seen = r.seen | readiness::writable;
        } else if (!is_of(event, EVFILT_READ)) {
            r.seen = r.seen | readiness::priority;
        } else if (any(r.want & interest::read)) {
            r.seen = r.seen | readiness::readable;
        }
        if (has_flag(event, EV_EOF) || has_flag(event, EV_ERROR)) {
            r.ended = true;
            if (event.fflags != 0 && (is_of(event, EVFILT_READ) || is_of(event, EVFILT_WRITE))) {
                r.seen = r.seen | readiness::error;  // the socket's, a refused connect's among them
            }
        }
    }

    /// One event for each registration, where its first filter stood.
    void report(event_buffer& events, std::span<const filter_event> ready) noexcept {
        for (const filter_event& event : ready) {
            const auto handle = static_cast<native_handle_type>(event.ident);
            registration* found = find(handle);
            if (found == nullptr) {
                continue;
            }
            if (std::exchange(found->ended, false)) [[unlikely]] {
                look_at_end(handle, *found);
            }
            const readiness what = std::exchange(found->seen, readiness::none);
            if (any(what)) {
                events.push(found->key, what);
            }
        }
    }

    /// EV_EOF tells that a direction has ended, for writing this end's own shutdown included;
    /// whether both have is what poll(2) knows. A peer's half close is no hang-up.
    void look_at_end(native_handle_type handle, registration& r) noexcept {
        pollfd now{handle, POLLIN | POLLOUT, 0};
        ::poll(&now, 1, 0);
        if ((now.revents & POLLHUP) != 0) {
            r.seen = r.seen | readiness::hangup;
        }
        if ((now.revents & (POLLERR | POLLNVAL)) != 0) {
            r.seen = r.seen | readiness::error;
        }
        if (any(r.seen & (readiness::hangup | readiness::error))) {
            r.seen = r.seen | readiness::readable | readiness::writable;
            if (r.filters.read == filter_mode::clear) {
                // Told once, and every wait is to report it: added anew, it is looked at anew.
                static_cast<void>(change(handle, r, r.filters));
            }
        }
    }

    int queue_;
    std::vector<registration> registrations_;  // by handle
    waker waker_;
};

}  // namespace

poller* make_kqueue_poller(std::error_code& error) noexcept {
    const int queue = open_queue();
    if (queue < 0) {
        error = last_error();
        return nullptr;
    }
    poller* made = nullptr;
    if (std::unique_ptr<notifier> device = make_device(queue, error)) {
        made = new (std::nothrow) kqueue_poller(queue, std::move(device));
    }
    if (made == nullptr) {
        ::close(queue);
        error = error ? error : error_of(ENOMEM);
    }
    return made;
}

}  // namespace gyre::inline v0::detail
