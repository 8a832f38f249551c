// SPDX-License-Identifier: BSL-1.0
// The system's world, for tests that change a piece of it; and one of which a test can tell that a
// thread waits in it.
#pragma once

#include <gyre/io_context_options.hpp>

#include "platform/platform.hpp"
#include "support/hang_guard.hpp"

#include <atomic>

namespace gyre::testing {

/// Passes everything on. Must outlive the contexts that are constructed with its options().
class native_world : public detail::platform {
public:
    native_world() = default;
    native_world(const native_world&) = delete;
    native_world& operator=(const native_world&) = delete;

    io_context_options options() {
        io_context_options o;
        o.world = this;
        return o;
    }

    detail::socket_ops& sockets() noexcept override { return native_.sockets(); }
    detail::descriptor_ops& descriptors() noexcept override { return native_.descriptors(); }
    detail::name_ops& names() noexcept override { return native_.names(); }
    detail::signal_ops& signals() noexcept override { return native_.signals(); }
    detail::clock_ops& clock() noexcept override { return native_.clock(); }
    detail::random_ops& random() noexcept override { return native_.random(); }
    detail::offload_ops& offload() noexcept override { return native_.offload(); }
    detail::thread_ops& threads() noexcept override { return native_.threads(); }

    poller* make_poller(const poller_factory* wish, std::error_code& error) noexcept override {
        return native_.make_poller(wish, error);
    }
    std::error_code wait_one(native_handle_type handle, interest direction,
                             time_ns deadline) noexcept override {
        return native_.wait_one(handle, direction, deadline);
    }

protected:
    ~native_world() = default;

private:
    detail::platform& native_ = detail::native_platform();
};

/// Tells when a synchronous call of a socket has found nothing and waits.
class watched_world final : public native_world {
public:
    /// Returns when the next such wait begins or has begun; a hang_guard has to stand by.
    void await_wait() {
        await([this] { return waits_ != seen_; });
        ++seen_;
    }

    std::error_code wait_one(native_handle_type handle, interest direction,
                             time_ns deadline) noexcept override {
        ++waits_;
        return native_world::wait_one(handle, direction, deadline);
    }

private:
    std::atomic<int> waits_{0};
    int seen_ = 0;
};

}  // namespace gyre::testing
