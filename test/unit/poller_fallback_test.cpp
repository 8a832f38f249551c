// SPDX-License-Identifier: BSL-1.0
// The pollers of Linux on a kernel without what they like best, or in a sandbox that refuses it:
// epoll without epoll_pwait2 (before 5.11), io_uring without io_uring. A child process forbids
// itself the call and looks whether waits keep the contract.
#include <gyre/poller.hpp>

#include "support/catch.hpp"
#include "support/pair.hpp"
#include "support/poller_rig.hpp"

#include <cerrno>
#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#if defined(__linux__)
#include "support/forbidden_call.hpp"
#endif

using namespace gyre;
using namespace gyre::testing;

#if defined(__linux__) && defined(SYS_epoll_pwait2) && defined(SYS_io_uring_setup)

namespace {

/// 0 if all is well, else the number of what is not. No assertions: this runs in a child.
int broken_promise(poller& p) {
    std::vector<poll_event> storage(4);
    const auto wait = [&](time_ns deadline) {
        event_buffer events(storage);
        return p.wait(events, deadline) ? std::size_t{99} : events.size();
    };
    for (int i = 0; i < 50; ++i) {
        const time_ns deadline = now() + 100 * microsecond + i * 31'003;
        if (wait(deadline) != 0 || now() < deadline) {
            return 1;
        }
    }
    if (wait(immediately) != 0) {
        return 2;
    }
    p.notify();
    const time_ns end = watchdog();
    if (wait(end) != 0 || now() >= end) {
        return 3;
    }
    p.notify();
    if (wait(no_deadline) != 0) {
        return 4;
    }
    fd_pair pair = unix_pair();
    put_byte(pair.b.get());
    if (p.add(pair.a.get(), 1, interest::read) || wait(no_deadline) != 1 || wait(end) != 1 ||
        wait(immediately) != 1) {
        return 5;
    }
    return 0;
}

int broken_promise_of(const char* name, const char* made_name) {
    std::error_code error;
    const std::unique_ptr<poller> made(find_poller(name)->make(error));
    if (made == nullptr || std::string_view(made->name()) != made_name) {
        return 6;
    }
    return broken_promise(*made);
}

/// A kernel that says each time that the time is over.
int early_end() {
    std::error_code error;
    const std::unique_ptr<poller> made(find_poller("epoll")->make(error));
    std::vector<poll_event> storage(4);
    event_buffer events(storage);
    const time_ns deadline = now() + 3 * millisecond;
    if (made == nullptr || made->wait(events, deadline) || events.size() != 0) {
        return 1;
    }
    return now() < deadline ? 2 : 0;
}

}  // namespace

TEST_CASE("epoll: a kernel that sleeps less than it was asked to does not end a wait", "[L23]") {
    constexpr int no_error = 0;  // so that the call does nothing, and is done
    check_without_call(SYS_epoll_pwait2, no_error, early_end);
}

TEST_CASE("epoll: without epoll_pwait2 waits end no earlier, and by what they should",
          "[L13][L19]") {
    const int refusal = GENERATE(ENOSYS, EPERM);
    REQUIRE(find_poller("epoll") != nullptr);
    check_without_call(SYS_epoll_pwait2, refusal,
                       [] { return broken_promise_of("epoll", "epoll"); });
}

TEST_CASE("io_uring: where the system refuses it the poller is epoll", "[L13]") {
    if (find_poller("io_uring") == nullptr) {
        GYRE_SKIP("built without io_uring");
    }
    const int refusal = GENERATE(ENOSYS, EPERM, EACCES);
    check_without_call(SYS_io_uring_setup, refusal,
                       [] { return broken_promise_of("io_uring", "epoll"); });
}

#endif
