// SPDX-License-Identifier: BSL-1.0
// The epoll poller on a kernel without epoll_pwait2 (before 5.11), or in a sandbox that refuses it:
// a child process forbids itself the call and looks whether waits keep the contract.
#include <gyre/poller.hpp>

#include "support/catch.hpp"
#include "support/pair.hpp"
#include "support/poller_rig.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <vector>

#if defined(__linux__)
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#endif

using namespace gyre;
using namespace gyre::testing;

#if defined(__linux__) && defined(SYS_epoll_pwait2)

namespace {

/// Makes epoll_pwait2 fail with that error from now on; false if the system does not allow it.
bool forbid_epoll_pwait2(int error) {
    constexpr auto number_at = static_cast<unsigned>(offsetof(seccomp_data, nr));
    std::array<sock_filter, 4> rules{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number_at),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program{static_cast<unsigned short>(rules.size()), rules.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

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

constexpr int not_possible = 77;

}  // namespace

TEST_CASE("epoll: without epoll_pwait2 waits end no earlier, and by what they should") {
    const int refusal = GENERATE(ENOSYS, EPERM);
    const poller_factory* factory = find_poller("epoll");
    REQUIRE(factory != nullptr);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        if (!forbid_epoll_pwait2(refusal)) {
            ::_exit(not_possible);
        }
        if (::syscall(SYS_epoll_pwait2, -1, nullptr, 1, nullptr, nullptr, 0) != -1 ||
            errno != refusal) {
            ::_exit(6);
        }
        std::error_code error;
        const std::unique_ptr<poller> made(factory->make(error));
        ::_exit(made != nullptr ? broken_promise(*made) : 7);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    if (WEXITSTATUS(status) == not_possible) {
        GYRE_SKIP("this system forbids seccomp filters");
    }
    CHECK(WEXITSTATUS(status) == 0);
}

#endif
