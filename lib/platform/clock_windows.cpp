// SPDX-License-Identifier: BSL-1.0
// The clocks of the system, and its source of randomness.
#include "platform/native.hpp"

#include <chrono>
#include <random>
#include <system_error>

namespace gyre::inline v0::detail {
namespace {

template <class Clock>
time_ns now_of() noexcept {
    using std::chrono::nanoseconds;
    return std::chrono::duration_cast<nanoseconds>(Clock::now().time_since_epoch()).count();
}

class windows_clock_ops final : public clock_ops {
public:
    time_ns steady_now() noexcept override { return now_of<std::chrono::steady_clock>(); }
    time_ns system_now() noexcept override { return now_of<std::chrono::system_clock>(); }
};

class windows_random_ops final : public random_ops {
public:
    std::uint64_t next() noexcept override {
        try {
            std::random_device source;
            return std::uint64_t{source()} << 32 | source();
        } catch (const std::exception&) {  // no source: the time remains
            return static_cast<std::uint64_t>(now_of<std::chrono::steady_clock>());
        }
    }
};

constinit windows_clock_ops clock_instance;
constinit windows_random_ops random_instance;

}  // namespace

clock_ops& native_clock_ops() noexcept { return clock_instance; }

random_ops& native_random_ops() noexcept { return random_instance; }

}  // namespace gyre::inline v0::detail
