// SPDX-License-Identifier: BSL-1.0
// What a completion port that somebody else posts to does to the poller of Windows: nothing. Ports
// give out packets of nobody's, too.
#include <gyre/poller.hpp>

#include "support/catch.hpp"
#include "support/poller_rig.hpp"

#if defined(_WIN32)

#include <cstdint>

#include <windows.h>

using namespace gyre;
using namespace gyre::testing;

namespace {

/// To each completion port of this process, whoever it belongs to; how many there are.
int post_to_all_ports(std::uintptr_t key) {
    int ports = 0;
    for (std::uintptr_t handle = 4; handle < 0x2000; handle += 4) {
        const auto port = reinterpret_cast<HANDLE>(handle);  // NOLINT(performance-no-int-to-ptr)
        ports += ::PostQueuedCompletionStatus(port, 0, key, nullptr) != 0 ? 1 : 0;
    }
    return ports;
}

}  // namespace

TEST_CASE("afd: packets without a request, of nobody's, neither end a wait nor are they events",
          "[L15]") {
    poller_rig rig(*find_poller("afd"));
    REQUIRE(post_to_all_ports(0x1234567) >= 1);
    const time_ns deadline = now() + 20 * millisecond;
    CHECK(rig.wait(deadline).empty());
    CHECK(now() >= deadline);
    // And one that comes while it waits among its own.
    REQUIRE(post_to_all_ports(0x1234567) >= 1);
    rig->notify();
    CHECK(rig.wait(watchdog()).empty());
}

#endif
