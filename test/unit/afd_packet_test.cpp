// SPDX-License-Identifier: BSL-1.0
// What a completion port that somebody else posts to does to the poller of Windows: nothing. Ports
// give out packets of nobody's, too.
#include <gyre/poller.hpp>

#include "support/catch.hpp"
#include "support/poller_rig.hpp"

#if defined(_WIN32)

#include <cstdint>
#include <set>

#include <windows.h>

using namespace gyre;
using namespace gyre::testing;

namespace {

HANDLE handle_of(std::uintptr_t number) {
    return reinterpret_cast<HANDLE>(number);  // NOLINT(performance-no-int-to-ptr)
}

/// The handles that are open in this process.
std::set<std::uintptr_t> open_handles() {
    std::set<std::uintptr_t> found;
    for (std::uintptr_t number = 4; number < 0x2000; number += 4) {
        DWORD flags = 0;
        if (::GetHandleInformation(handle_of(number), &flags) != 0) {
            found.insert(number);
        }
    }
    return found;
}

/// To each that is a completion port and was not open before: the system has ports of its own,
/// whose packets mean something. Returns how many there are.
int post_to_ports(const std::set<std::uintptr_t>& before) {
    constexpr ULONG_PTR nobodys = 0x1234567;
    int ports = 0;
    for (const std::uintptr_t number : open_handles()) {
        if (before.count(number) == 0) {
            ports +=
                ::PostQueuedCompletionStatus(handle_of(number), 0, nobodys, nullptr) != 0 ? 1 : 0;
        }
    }
    return ports;
}

}  // namespace

TEST_CASE("afd: packets without a request, of nobody's, neither end a wait nor are they events",
          "[L15]") {
    const std::set<std::uintptr_t> before = open_handles();
    poller_rig rig(*find_poller("afd"));
    REQUIRE(post_to_ports(before) == 1);
    const time_ns deadline = now() + 20 * millisecond;
    CHECK(rig.wait(deadline).empty());
    CHECK(now() >= deadline);
    // And one that comes while it waits among its own.
    REQUIRE(post_to_ports(before) == 1);
    rig->notify();
    CHECK(rig.wait(watchdog()).empty());
}

#endif
