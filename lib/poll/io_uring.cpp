// SPDX-License-Identifier: BSL-1.0
// The poller of Linux on io_uring: a registration is armed by a poll request, which the kernel
// completes once. What is armed, and armed anew, goes to the kernel with the next wait, in the same
// system call.
//
// Each request is one-shot. A multishot request reports edges, of which a waiter that drains half
// would get no second one.
//
// The ring belongs to the thread that waits first (IORING_SETUP_SINGLE_ISSUER), and the kernel does
// its part in that thread's waits (IORING_SETUP_DEFER_TASKRUN), until another thread has the loop's
// token: then it is replaced by one that any thread may use.
//
// Facts are from io_uring_enter(2), io_uring_setup(2) and io_uring_prep_poll_add(3).
#include "poll/deadline.hpp"
#include "poll/epoll_set.hpp"
#include "poll/factories.hpp"
#include "poll/registrable.hpp"
#include "poll/waker.hpp"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include <liburing.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gyre::inline v0::detail {
namespace {

/// See epoll.cpp: refused here too, so that the same program runs on every poller.
constexpr std::uint64_t refused_key = ~std::uint64_t{0};

/// Requests that are collected before they go to the kernel without a wait.
constexpr unsigned requests = 256;
/// Completions that lie in memory; the kernel keeps what does not fit (IORING_FEAT_NODROP).
constexpr unsigned completions = 4096;

/// A request's user data is a handle and, above it, the number of times that it was armed. These
/// are no handles.
constexpr auto notifier_mark = static_cast<std::uint32_t>(-1);
constexpr auto cancellation_mark = static_cast<std::uint32_t>(-2);

std::error_code error_of(int negative) noexcept { return {-negative, std::system_category()}; }

/// An instance of io_uring.
class ring {
public:
    ring() = default;
    ring(const ring&) = delete;
    ring& operator=(const ring&) = delete;
    ~ring() { close(); }

    /// For one thread, the first to wait, if the kernel can (6.1), or for any.
    std::error_code open(bool for_one) noexcept {
        constexpr unsigned one =
            IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED;
        io_uring_params wanted{};
        wanted.flags = IORING_SETUP_CQSIZE | (for_one ? one : 0U);
        wanted.cq_entries = completions;
        const int error = ::io_uring_queue_init_params(requests, &ring_, &wanted);
        if (error == -EINVAL && for_one) {
            return open(false);
        }
        if (error != 0) {
            return error_of(error);
        }
        open_ = true;
        disabled_ = for_one;
        // Since 5.5; since 5.11, a wait with a deadline in one call.
        constexpr unsigned needed = IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG;
        if ((wanted.features & needed) != needed) {
            close();
            return error_of(-ENOSYS);
        }
        return {};
    }
    void swap(ring& other) noexcept {
        std::swap(ring_, other.ring_);
        std::swap(open_, other.open_);
        std::swap(disabled_, other.disabled_);
    }

    int handle() const noexcept { return ring_.ring_fd; }
    /// A request to be filled in; null if there is no room before the next submit().
    io_uring_sqe* request() noexcept { return ::io_uring_get_sqe(&ring_); }

    // These return 0 or a negative error: EEXIST if the ring belongs to another thread.

    int submit() noexcept {
        const int error = enable();
        return error != 0 ? error : error_in(::io_uring_submit(&ring_));
    }
    /// Also has the kernel do what it has put off.
    int submit_and_finish() noexcept {
        const int error = enable();
        return error != 0 ? error : error_in(::io_uring_submit_and_get_events(&ring_));
    }
    /// Submits, and waits until something is complete or so long; ETIME and EINTR are errors, too.
    int wait(time_ns left) noexcept {
        if (left == 0) {  // a wait would not do what was put off if anything is complete already
            return submit_and_finish();
        }
        if (const int error = enable()) {
            return error;
        }
        __kernel_timespec limit{};
        if (left != no_deadline) {
            const std::timespec timeout = to_timespec(left);
            limit.tv_sec = timeout.tv_sec;
            limit.tv_nsec = timeout.tv_nsec;
        }
        io_uring_cqe* first = nullptr;
        return error_in(::io_uring_submit_and_wait_timeout(
            &ring_, &first, 1, left == no_deadline ? nullptr : &limit, nullptr));
    }

    /// Calls f(data, result) for each completion until it returns false; that one stays.
    template <class F>
    void take(F f) noexcept {
        unsigned head = 0;
        unsigned taken = 0;
        io_uring_cqe* each = nullptr;
        io_uring_for_each_cqe(&ring_, head, each) {
            if (!f(std::uint64_t{each->user_data}, int{each->res})) {
                break;
            }
            ++taken;
        }
        ::io_uring_cq_advance(&ring_, taken);
    }

private:
    static int error_in(int result) noexcept { return result < 0 ? result : 0; }

    // The ring becomes this thread's.
    int enable() noexcept {
        if (!disabled_) [[likely]] {
            return 0;
        }
        // By hand: liburing 2.3 declares io_uring_enable_rings() and does not export it.
        if (::syscall(SYS_io_uring_register, ring_.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr,
                      0) < 0) {
            return -errno;
        }
        disabled_ = false;
        return 0;
    }

    void close() noexcept {
        if (std::exchange(open_, false)) {
            ::io_uring_queue_exit(&ring_);
        }
    }

    io_uring ring_{};
    bool open_ = false;
    bool disabled_ = false;
};

class io_uring_poller final : public poller {
public:
    explicit io_uring_poller(std::unique_ptr<notifier> device) noexcept
        : waker_(std::move(device)) {}

    std::error_code open() noexcept {
        const std::error_code error = ring_.open(true);
        return error ? error : watch_waker();
    }

    const char* name() const noexcept override { return "io_uring"; }
    poller_features features() const noexcept override {
        return poller_features::one_shot | poller_features::pollable;
    }
    native_handle_type pollable_handle() noexcept override {
        // What the kernel has put off for a thread's wait makes the ring's handle readable for
        // nobody.
        if (!shown_.asked_for() && share()) {
            return invalid_native_handle;
        }
        submit();
        return shown_.handle(ring_.handle());
    }
    void notify() noexcept override { waker_.notify(); }

    std::error_code add(native_handle_type handle, std::uint64_t key,
                        interest want) noexcept override {
        if (key == refused_key) {
            return error_of(-EINVAL);
        }
        if (const std::error_code error = check_handle(handle)) {
            return error;
        }
        if (find(handle) != nullptr) {
            return error_of(-EEXIST);
        }
        const auto number = static_cast<std::size_t>(handle);
        try {
            if (registrations_.size() <= number) {
                registrations_.resize(number + 1);
            }
        } catch (const std::bad_alloc&) {
            return error_of(-ENOMEM);
        }
        registration& made = registrations_[number];
        if (!arm(handle, made, want)) {
            return error_of(-ENOMEM);
        }
        made.key = key;
        made.there = true;
        return {};
    }

    std::error_code modify(native_handle_type handle, std::uint64_t key,
                           interest want) noexcept override {
        if (key == refused_key) {
            return error_of(-EINVAL);
        }
        registration* found = find(handle);
        if (found == nullptr) {
            return error_of(-ENOENT);
        }
        if (found->armed != want) {
            const bool pending = any(found->armed);
            const std::uint64_t old = data_of(handle, found->round);
            if (!arm(handle, *found, want)) {
                return error_of(-ENOMEM);
            }
            if (pending) {
                static_cast<void>(cancel(old));  // stale by now: nothing depends on it
            }
        }
        found->key = key;
        return {};
    }

    std::error_code remove(native_handle_type handle, remove_reason why) noexcept override {
        registration* found = find(handle);
        if (found == nullptr) {
            return why == remove_reason::closing ? std::error_code() : error_of(-ENOENT);
        }
        const bool pending = any(found->armed);
        const std::uint64_t request = data_of(handle, found->round);
        found->there = false;
        found->armed = interest::none;
        ++found->round;
        // A pending request holds the description: what is closed would live on.
        if (pending && cancel(request) && ring_.submit_and_finish() == -EEXIST) {
            static_cast<void>(share());
        }
        return {};
    }

    std::error_code wait(event_buffer& events, time_ns deadline) noexcept override {
        const std::size_t before = events.size();
        for (;;) {
            const time_ns left = time_left(deadline);
            const int error = ring_.wait(left);
            if (error == -EEXIST) {
                if (const std::error_code failed = share()) {
                    return failed;
                }
                continue;
            }
            const bool woken = take(events);
            if (woken || events.size() != before) {
                break;
            }
            // EBUSY, EAGAIN: for the moment; others mean that the ring is of no use any more.
            if (error != 0 && error != -ETIME && error != -EINTR && error != -EBUSY &&
                error != -EAGAIN) {
                return error_of(error);
            }
            if (left == 0) {
                break;
            }
        }
        if (shown_.asked_for()) {
            submit();
        }
        return {};
    }

    std::error_code reset() noexcept override {
        std::error_code error;
        std::unique_ptr<notifier> device = waker_.replacement(error);
        if (error) {
            return error;
        }
        ring fresh;
        if (const std::error_code e = fresh.open(!shown_.asked_for())) {
            return e;
        }
        if (const std::error_code e =
                shown_.replace(ring_.handle(), fresh.handle(), device != nullptr)) {
            return e;
        }
        ring_.swap(fresh);
        if (device) {
            waker_.replace(std::move(device));
        }
        registrations_.clear();
        return watch_waker();
    }

private:
    struct registration {
        std::uint64_t key = 0;
        std::uint32_t round = 0;          // completions of earlier ones are stale
        interest armed = interest::none;  // by the request of this round
        bool there = false;
    };

    static std::uint64_t data_of(native_handle_type handle, std::uint32_t round) noexcept {
        return std::uint64_t{round} << 32 | static_cast<std::uint32_t>(handle);
    }

    registration* find(native_handle_type handle) noexcept {
        const auto number = static_cast<std::size_t>(handle);
        const bool there =
            handle >= 0 && number < registrations_.size() && registrations_[number].there;
        return there ? &registrations_[number] : nullptr;
    }

    // A request for urgent data alone is not woken by it; one for POLLRDBAND as well is, by other
    // data too, and reports what it was woken with (seen with TCP on Linux 6.18).
    static std::uint32_t to_request(interest want) noexcept {
        return to_epoll(want) | (any(want & interest::except) ? EPOLLRDBAND : 0U);
    }

    void submit() noexcept {
        if (ring_.submit() == -EEXIST) {
            static_cast<void>(share());
        }
    }

    /// Null if the kernel takes none for now.
    io_uring_sqe* request() noexcept {
        io_uring_sqe* made = ring_.request();
        if (made == nullptr) {
            submit();
            made = ring_.request();
        }
        return made;
    }

    static bool watch(io_uring_sqe* made, native_handle_type handle, std::uint32_t events,
                      std::uint64_t data) noexcept {
        if (made == nullptr) {
            return false;
        }
        ::io_uring_prep_poll_add(made, handle, events);
        ::io_uring_sqe_set_data64(made, data);
        return true;
    }

    std::error_code watch_waker() noexcept {
        return watch(request(), waker_.handle(), EPOLLIN, notifier_mark) ? std::error_code()
                                                                         : error_of(-ENOMEM);
    }

    /// Another thread than the ring's waits now: all that is armed goes to a ring for any thread.
    /// On failure the old one is still in place, and the next wait tries again.
    std::error_code share() noexcept {
        ring fresh;
        if (const std::error_code e = fresh.open(false)) {
            return e;
        }
        const auto next = [&fresh] {
            io_uring_sqe* made = fresh.request();
            return made == nullptr && fresh.submit() == 0 ? fresh.request() : made;
        };
        bool complete = watch(next(), waker_.handle(), EPOLLIN, notifier_mark);
        for (std::size_t i = 0; i != registrations_.size() && complete; ++i) {
            const registration& r = registrations_[i];
            const auto handle = static_cast<native_handle_type>(i);
            complete = !any(r.armed) ||
                       watch(next(), handle, to_request(r.armed), data_of(handle, r.round));
        }
        if (!complete) {
            return error_of(-ENOMEM);
        }
        if (const std::error_code e = shown_.replace(ring_.handle(), fresh.handle(), false)) {
            return e;
        }
        ring_.swap(fresh);
        return {};
    }

    bool arm(native_handle_type handle, registration& r, interest want) noexcept {
        if (!watch(request(), handle, to_request(want), data_of(handle, r.round + 1))) {
            return false;
        }
        ++r.round;
        r.armed = want;
        if (shown_.asked_for()) {
            submit();
        }
        return true;
    }

    bool cancel(std::uint64_t data) noexcept {
        io_uring_sqe* made = request();
        if (made == nullptr) {
            return false;
        }
        ::io_uring_prep_poll_remove(made, data);
        ::io_uring_sqe_set_data64(made, cancellation_mark);
        return true;
    }

    /// True if the waker was among them.
    bool take(event_buffer& events) noexcept {
        bool woken = false;
        ring_.take([&](std::uint64_t data, int result) {
            const auto mark = static_cast<std::uint32_t>(data);
            if (mark == notifier_mark) {
                woken = true;
            } else if (mark != cancellation_mark) {
                const auto handle = static_cast<native_handle_type>(mark);
                registration* found = find(handle);
                if (found != nullptr && found->round == data >> 32) {
                    return report(events, handle, *found, result);
                }
            }
            return true;
        });
        if (woken) {
            waker_.acknowledge();
            static_cast<void>(watch_waker());
        }
        return woken;
    }

    /// False if there is no room.
    bool report(event_buffer& events, native_handle_type handle, registration& r,
                int result) noexcept {
        if (events.room() == 0) {
            return false;
        }
        readiness what = readiness_of(result, r.armed);
        if (any(r.armed & interest::except)) {
            pollfd now{handle, static_cast<short>(to_epoll(r.armed)), 0};
            ::poll(&now, 1, 0);
            if (now.revents == 0 && arm(handle, r, r.armed)) {
                return true;
            }
            what = to_readiness(static_cast<std::uint16_t>(now.revents));
        }
        events.push(r.key, what);
        r.armed = interest::none;
        return true;
    }

    /// A thread that ends takes along what it submitted (ECANCELED): whoever waits looks, and has
    /// it armed anew. Others, such as EBADF of what was closed without remove(), it gets from its
    /// own call.
    static readiness readiness_of(int result, interest armed) noexcept {
        if (result >= 0) {
            return to_readiness(static_cast<std::uint32_t>(result));
        }
        if (result == -ECANCELED) {
            return to_readiness(to_epoll(armed));
        }
        return to_readiness(EPOLLERR);
    }

    ring ring_;
    shown_set shown_;
    std::vector<registration> registrations_;  // by handle
    waker waker_;
};

}  // namespace

poller* make_io_uring_poller(std::error_code& error) noexcept {
    std::unique_ptr<notifier> device(make_notifier(error));
    if (!device) {
        return nullptr;
    }
    std::unique_ptr<io_uring_poller> made(new (std::nothrow) io_uring_poller(std::move(device)));
    error = made ? made->open() : error_of(-ENOMEM);
    // A kernel that is older or built without it, an administrator or a sandbox that forbids it.
    if (error == std::errc::function_not_supported || error == std::errc::operation_not_permitted ||
        error == std::errc::permission_denied) {
        return make_epoll_poller(error);
    }
    return error ? nullptr : made.release();
}

}  // namespace gyre::inline v0::detail
