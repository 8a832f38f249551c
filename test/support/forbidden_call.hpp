// SPDX-License-Identifier: BSL-1.0
// A child process that is not allowed a system call, as in a sandbox or on an older kernel. Linux
// only.
#pragma once

#include "support/catch.hpp"

#include <array>
#include <cerrno>
#include <cstddef>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gyre::testing {

/// Makes the call fail with that error from now on, or, with 0, return 0 and do nothing; false if
/// the system does not allow it.
inline bool forbid_call(unsigned call, int error) {
    constexpr auto number_at = static_cast<unsigned>(offsetof(seccomp_data, nr));
    std::array<sock_filter, 4> rules{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number_at),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program{static_cast<unsigned short>(rules.size()), rules.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// Runs `promise`, which returns 0 if all is well, else the number of what is not, in a child that
/// is not allowed the call. No assertions in it.
template <class F>
void check_without_call(unsigned call, int error, F promise) {
    constexpr int not_possible = 77;
    constexpr int allowed_after_all = 78;
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        if (!forbid_call(call, error)) {
            ::_exit(not_possible);
        }
        const long done = ::syscall(static_cast<long>(call), -1, nullptr, 1, nullptr, nullptr, 0);
        if (error == 0 ? done != 0 : done != -1 || errno != error) {
            ::_exit(allowed_after_all);
        }
        ::_exit(promise());
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    if (WEXITSTATUS(status) == not_possible) {
        GYRE_SKIP("this system forbids seccomp filters");
    }
    CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace gyre::testing
