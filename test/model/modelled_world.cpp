// SPDX-License-Identifier: BSL-1.0
// The poller of the modelled world: compiled as the library is, over modelled atomics.
#include "model/modelled_world.hpp"

#include "poll/notifier.hpp"
#include "poll/waker.hpp"

#include <memory>

namespace gyre::testing::model {
namespace {

class device final : public detail::notifier {
public:
    explicit device(device_watch& watch) : watch_(watch) {}
    native_handle_type handle() const noexcept override { return 4711; }
    void signal() noexcept override {
        point('S');
        ++watch_.signals;
        watch_.readable = true;
    }
    void drain() noexcept override {
        point('D');
        watch_.readable = false;
    }

private:
    device_watch& watch_;
};

class sleeping_poller final : public poller {
public:
    explicit sleeping_poller(device_watch& watch)
        : watch_(watch), waker_(std::make_unique<device>(watch)) {}
    const char* name() const noexcept override { return "modelled"; }
    poller_features features() const noexcept override { return poller_features::pollable; }
    native_handle_type pollable_handle() noexcept override { return 4711; }
    std::error_code add(native_handle_type, std::uint64_t, interest) noexcept override {
        return {};
    }
    std::error_code modify(native_handle_type, std::uint64_t, interest) noexcept override {
        return {};
    }
    std::error_code remove(native_handle_type, remove_reason) noexcept override { return {}; }
    std::error_code reset() noexcept override { return {}; }
    std::error_code wait(event_buffer&, time_ns deadline) noexcept override {
        if (deadline == immediately) {
            point('w');
        } else {
            sleep([this] { return watch_.readable; }, deadline, true);
        }
        if (watch_.readable) {
            waker_.acknowledge();
        }
        return {};
    }
    void notify() noexcept override { waker_.notify(); }

private:
    device_watch& watch_;
    detail::waker waker_;
};

}  // namespace

poller* modelled_world::make_poller(const poller_factory*, std::error_code&) noexcept {
    return new sleeping_poller(device_);
}

}  // namespace gyre::testing::model
