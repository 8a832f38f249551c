// SPDX-License-Identifier: BSL-1.0
// The clocks of the system, and its source of randomness.
#include "platform/native_posix.hpp"

#include <chrono>

#include <sys/random.h>
#include <unistd.h>

namespace gyre::inline v0::detail {
namespace {

template <class Clock>
time_ns now_of() noexcept {
    using std::chrono::nanoseconds;
    return std::chrono::duration_cast<nanoseconds>(Clock::now().time_since_epoch()).count();
}

class posix_clock_ops final : public clock_ops {
public:
    time_ns steady_now() noexcept override { return monotonic_now(); }
    time_ns system_now() noexcept override { return now_of<std::chrono::system_clock>(); }
};

class posix_random_ops final : public random_ops {
public:
    std::uint64_t next() noexcept override {
        // From the kernel each time: a generator of our own would repeat itself after a fork().
        // The call fails only where a sandbox forbids it, and the time remains what it was.
        auto value = static_cast<std::uint64_t>(now_of<std::chrono::steady_clock>());
        static_cast<void>(::getentropy(&value, sizeof value));
        return value;
    }
};

constinit posix_clock_ops clock_instance;
constinit posix_random_ops random_instance;

}  // namespace

clock_ops& native_clock_ops() noexcept { return clock_instance; }

random_ops& native_random_ops() noexcept { return random_instance; }

}  // namespace gyre::inline v0::detail
