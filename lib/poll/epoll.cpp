// SPDX-License-Identifier: BSL-1.0
// The poller of Linux, Android and illumos: one level-triggered epoll set. The kernel keeps all
// there is to know about registrations, so this file keeps nothing but the set.
#include "poll/deadline.hpp"
#include "poll/epoll_set.hpp"
#include "poll/factories.hpp"
#include "poll/registrable.hpp"
#include "poll/waker.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <new>

#include <sys/epoll.h>
#include <unistd.h>

namespace gyre::inline v0::detail {
namespace {

/// As many events as one system call fetches; 3 KiB of stack.
constexpr std::size_t batch = 256;

/// The one key that add() and modify() refuse, so that it can mean the notifier.
constexpr std::uint64_t notifier_key = ~std::uint64_t{0};

/// illumos makes epoll of /dev/poll (usr/src/uts/common/io/devpoll.c there), which takes regular
/// files and calls them ready, and which can't always tell a number that was closed and used again
/// from one that is added twice.
constexpr bool emulated = GYRE_EPOLL_IS_EMULATED != 0;

std::error_code last_error() noexcept { return {errno, std::system_category()}; }

class epoll_poller final : public poller {
public:
    epoll_poller(int set, std::unique_ptr<notifier> device) noexcept
        : set_(set), waker_(std::move(device)) {}
    ~epoll_poller() override { ::close(set_); }

    const char* name() const noexcept override { return "epoll"; }
    poller_features features() const noexcept override { return poller_features::pollable; }
    native_handle_type pollable_handle() noexcept override { return shown_.handle(set_); }
    void notify() noexcept override { waker_.notify(); }

    std::error_code add(native_handle_type handle, std::uint64_t key,
                        interest want) noexcept override {
        if (key == notifier_key) {
            return std::error_code(EINVAL, std::system_category());
        }
        if constexpr (emulated) {
            if (const std::error_code error = check_handle(handle)) {
                return error;
            }
        }
        const bool done = control(set_, EPOLL_CTL_ADD, handle, key, to_epoll(want));
        return done ? std::error_code() : last_error();
    }

    std::error_code modify(native_handle_type handle, std::uint64_t key,
                           interest want) noexcept override {
        if (key == notifier_key) {
            return std::error_code(EINVAL, std::system_category());
        }
        const bool done = control(set_, EPOLL_CTL_MOD, handle, key, to_epoll(want));
        return done ? std::error_code() : unless_gone();
    }

    std::error_code remove(native_handle_type handle, remove_reason why) noexcept override {
        // The last close of a description takes it out of every set.
        if (why == remove_reason::closing && !emulated) {
            return {};
        }
        if (control(set_, EPOLL_CTL_DEL, handle, 0, 0) || why == remove_reason::closing) {
            return {};
        }
        return unless_gone();
    }

    std::error_code wait(event_buffer& events, time_ns deadline) noexcept override {
        std::array<epoll_event, batch> ready;  // left uninitialised: this is the hot path
        // No place more than there is room for, not even for the notifier: the kernel moves what
        // it reports to the end of its list, and would starve an event that is dropped each time.
        const int places = static_cast<int>(std::min(events.room(), batch));
        int count = wait_once(ready.data(), places, time_left(deadline));
        if (count <= 0 && !is_over(count, deadline)) [[unlikely]] {
            count = wait_again(ready.data(), places, deadline);
        }
        if (count < 0) [[unlikely]] {
            return last_error();
        }
        event_buffer reported = events;  // whose size can stay in a register
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = ready[static_cast<std::size_t>(i)];
            if (event.data.u64 == notifier_key) [[unlikely]] {
                waker_.acknowledge();
            } else {
                reported.push(event.data.u64, to_readiness(event.events));
            }
        }
        events = reported;
        return {0, success_};
    }

    std::error_code reset() noexcept override {
        std::error_code error;
        std::unique_ptr<notifier> device = waker_.replacement(error);
        if (error) {
            return error;
        }
        const int set = open_set(device ? device->handle() : waker_.handle(), notifier_key);
        if (set < 0) {
            return last_error();
        }
        if (const std::error_code e = shown_.replace(set_, set, device != nullptr)) {
            ::close(set);
            return e;
        }
        ::close(set_);
        set_ = set;
        if (device) {
            waker_.replace(std::move(device));
        }
        return {};
    }

private:
    /// EBADF: closed since; EPERM: closed, and the number is now that of a file that can't be
    /// waited for. To the caller both say the same as ENOENT.
    static std::error_code unless_gone() noexcept {
        if (errno == EBADF || errno == EPERM) {
            return std::error_code(ENOENT, std::system_category());
        }
        return last_error();
    }

    // Whether a wait that reported nothing is to end: not because of a signal, nor because the
    // kernel can't sleep as long at a time.
    static bool is_over(int count, time_ns deadline) noexcept {
        return count < 0 ? errno != EINTR : time_left(deadline) == 0;
    }

    [[gnu::noinline]] int wait_again(epoll_event* ready, int places, time_ns deadline) noexcept {
        int count = 0;
        do {
            count = wait_once(ready, places, time_left(deadline));
        } while (count <= 0 && !is_over(count, deadline));
        return count;
    }

    int wait_once(epoll_event* ready, int places, time_ns left) noexcept {
#if GYRE_HAS_EPOLL_PWAIT2
        if (has_pwait2_) {
            const std::timespec timeout = to_timespec(left);
            const std::timespec* limit = left == no_deadline ? nullptr : &timeout;
            const int count = ::epoll_pwait2(set_, ready, places, limit, nullptr);
            // ENOSYS: a kernel before 5.11; EPERM: a sandbox that does not know the call.
            if (count >= 0 || (errno != ENOSYS && errno != EPERM)) {
                return count;
            }
            has_pwait2_ = false;
        }
#endif
        return ::epoll_wait(set_, ready, places, to_milliseconds(left));
    }

    const std::error_category& success_ = std::system_category();
    int set_;
    shown_set shown_;
#if GYRE_HAS_EPOLL_PWAIT2
    bool has_pwait2_ = true;
#endif
    waker waker_;
};

}  // namespace

poller* make_epoll_poller(std::error_code& error) noexcept {
    std::unique_ptr<notifier> device(make_notifier(error));
    if (!device) {
        return nullptr;
    }
    const int set = open_set(device->handle(), notifier_key);
    if (set < 0) {
        error = last_error();
        return nullptr;
    }
    poller* made = new (std::nothrow) epoll_poller(set, std::move(device));
    if (made == nullptr) {
        ::close(set);
        error = std::error_code(ENOMEM, std::system_category());
    }
    return made;
}

}  // namespace gyre::inline v0::detail
