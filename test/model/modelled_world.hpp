// SPDX-License-Identifier: BSL-1.0
// A world in which contexts can be played: its clock is the play's, and its poller sleeps in the
// play. Reports no events; what wakes it is the library's own waker.
#pragma once

#include "model/interleavings.hpp"
#include "support/native_world.hpp"

namespace gyre::testing::model {

/// How often the waker's device was written to, and whether it is readable now.
struct device_watch {
    int signals = 0;
    bool readable = false;
};

/// One context at a time.
class modelled_world final : public native_world, private detail::clock_ops {
public:
    detail::clock_ops& clock() noexcept override { return *this; }
    poller* make_poller(const poller_factory*, std::error_code&) noexcept override;

    const device_watch& device() const { return device_; }
    /// What a host does that watches the poller's handle and has a timer.
    void host_sleeps(time_ns until) {
        sleep([this] { return device_.readable; }, until, true);
    }

private:
    time_ns steady_now() noexcept override { return model::now(); }
    time_ns system_now() noexcept override { return model::now(); }

    device_watch device_;
};

}  // namespace gyre::testing::model
