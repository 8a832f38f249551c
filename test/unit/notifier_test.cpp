// SPDX-License-Identifier: BSL-1.0
// The devices that wake a poller, and the arithmetic of its timeouts.
#include "poll/deadline.hpp"
#include "poll/notifier.hpp"
#include "poll/waker.hpp"

#include "support/catch.hpp"
#include "support/pair.hpp"

#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <memory>
#include <thread>

#include <fcntl.h>
#include <poll.h>

using namespace gyre;
using namespace gyre::testing;

namespace {

using maker = detail::notifier* (*)(std::error_code&) noexcept;

maker each_maker() {
#if defined(__linux__)
    return GENERATE(&detail::make_eventfd_notifier, &detail::make_pipe_notifier,
                    &detail::make_notifier);
#else
    return GENERATE(&detail::make_pipe_notifier, &detail::make_notifier);
#endif
}

std::unique_ptr<detail::notifier> make(maker how) {
    std::error_code error = std::make_error_code(std::errc::io_error);
    std::unique_ptr<detail::notifier> made(how(error));
    REQUIRE(made != nullptr);
    CHECK_FALSE(error);
    return made;
}

/// Counts, and calls its waker in the middle of a drain, as another thread may.
class counting_notifier final : public detail::notifier {
public:
    native_handle_type handle() const noexcept override { return 4711; }
    void signal() noexcept override {
        ++signals;
        signalled = true;
    }
    void drain() noexcept override {
        if (notified_in_drain != nullptr) {
            notified_in_drain->notify();
        }
        signalled = false;
    }

    int signals = 0;
    bool signalled = false;
    detail::waker* notified_in_drain = nullptr;
};

bool readable(const detail::notifier& device, int timeout_ms = 0) {
    pollfd entry{device.handle(), POLLIN, 0};
    return ::poll(&entry, 1, timeout_ms) == 1;
}

}  // namespace

TEST_CASE("notifier: is readable from signal() to drain()") {
    const auto device = make(each_maker());
    CHECK_FALSE(readable(*device));
    for (int i = 0; i < 3; ++i) {
        device->signal();
        CHECK(readable(*device));
        CHECK(readable(*device));
        device->drain();
        CHECK_FALSE(readable(*device));
    }
    device->drain();  // nothing to drain: does not block
    CHECK_FALSE(readable(*device));
}

TEST_CASE("notifier: any number of signals neither blocks nor outlives one drain") {
    const auto device = make(each_maker());
    errno = 12345;
    for (int i = 0; i < 200'000; ++i) {
        device->signal();
    }
    CHECK(errno == 12345);  // a full pipe is nobody's error
    device->drain();
    CHECK_FALSE(readable(*device));
    device->signal();
    CHECK(readable(*device));
}

TEST_CASE("notifier: wakes a thread that sleeps in the system") {
    const auto device = make(each_maker());
    for (int i = 0; i < 100; ++i) {
        std::thread other([&] { device->signal(); });
        CHECK(readable(*device, 20'000));
        device->drain();
        other.join();
    }
}

TEST_CASE("notifier: both ends are non-blocking and closed on exec", "[L28][L34]") {
    const maker how = each_maker();
    int opened = 0;
    for (int fd = 3; fd < 64; ++fd) {
        if (::fcntl(fd, F_GETFD) >= 0) {
            continue;
        }
        const auto device = make(how);
        const int flags = ::fcntl(fd, F_GETFD);
        if (flags >= 0) {
            ++opened;
            CHECK((flags & FD_CLOEXEC) != 0);
            CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
        }
    }
    CHECK(opened > 0);
}

TEST_CASE("notifier: cannot be made without descriptors, says so, and leaks none", "[D16]") {
    const maker how = each_maker();
    const int before = open_descriptors();
    const int next = next_descriptor();
    std::error_code error;
    std::unique_ptr<detail::notifier> made;
    {
        const descriptor_limit limit(static_cast<rlim_t>(next));
        made.reset(how(error));
    }
    CHECK(made == nullptr);
    CHECK(error == std::errc::too_many_files_open);
    CHECK(open_descriptors() == before);
}

TEST_CASE("waker: signals once however often it is notified, and again after each acknowledge",
          "[L21]") {
    auto* const device = new counting_notifier;
    detail::waker waker{std::unique_ptr<detail::notifier>(device)};
    CHECK(waker.handle() == 4711);
    for (int round = 1; round <= 3; ++round) {
        for (int i = 0; i < 5; ++i) {
            waker.notify();
        }
        CHECK(device->signals == round);
        CHECK(device->signalled);
        waker.acknowledge();
        CHECK_FALSE(device->signalled);
    }
}

TEST_CASE("waker: a notify in the middle of a drain does not make the next one go unheard") {
    auto* const device = new counting_notifier;
    detail::waker waker{std::unique_ptr<detail::notifier>(device)};
    waker.notify();
    device->notified_in_drain = &waker;
    waker.acknowledge();
    waker.notify();
    CHECK(device->signalled);
}

TEST_CASE("waker: needs no replacement in the process that made it, and repeats what is pending") {
    detail::waker waker{std::make_unique<counting_notifier>()};
    std::error_code error = std::make_error_code(std::errc::io_error);
    CHECK(waker.replacement(error) == nullptr);
    CHECK_FALSE(error);
    auto* const quiet = new counting_notifier;
    waker.replace(std::unique_ptr<detail::notifier>(quiet));
    CHECK_FALSE(quiet->signalled);
    waker.notify();
    auto* const heir = new counting_notifier;
    waker.replace(std::unique_ptr<detail::notifier>(heir));
    CHECK(heir->signalled);
}

TEST_CASE("deadline: what is left of it is 0 once it has passed, and for ever if it never comes") {
    CHECK(detail::time_left(immediately) == 0);
    CHECK(detail::time_left(immediately + 1) == 0);
    CHECK(detail::time_left(-1) == 0);
    CHECK(detail::time_left(0) == 0);
    CHECK(detail::time_left(no_deadline) == no_deadline);
    const time_ns far = detail::time_left(no_deadline - 1);
    CHECK(far > 0);
    CHECK(far < no_deadline);
}

TEST_CASE("deadline: milliseconds are rounded up and stay in the range of an int",
          "[D4][L20][L22]") {
    CHECK(detail::to_milliseconds(0) == 0);
    CHECK(detail::to_milliseconds(1) == 1);
    CHECK(detail::to_milliseconds(999'999) == 1);
    CHECK(detail::to_milliseconds(1'000'000) == 1);
    CHECK(detail::to_milliseconds(1'000'001) == 2);
    CHECK(detail::to_milliseconds(time_ns{INT_MAX} * 1'000'000) == INT_MAX);
    CHECK(detail::to_milliseconds(time_ns{INT_MAX} * 1'000'000 + 1) == INT_MAX);
    CHECK(detail::to_milliseconds(no_deadline - 1) == INT_MAX);
    CHECK(detail::to_milliseconds(no_deadline) == -1);
}

TEST_CASE("deadline: a timespec keeps every nanosecond") {
    CHECK(detail::to_timespec(0).tv_sec == 0);
    CHECK(detail::to_timespec(0).tv_nsec == 0);
    CHECK(detail::to_timespec(1).tv_nsec == 1);
    CHECK(detail::to_timespec(5'999'999'999).tv_sec == 5);
    CHECK(detail::to_timespec(5'999'999'999).tv_nsec == 999'999'999);
}
