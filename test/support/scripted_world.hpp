// SPDX-License-Identifier: BSL-1.0
// A world of sockets in memory: bytes, room, connections and the clock are what the script says,
// and all that the library takes is counted. Everything else is the system's.
#pragma once

#include "support/native_world.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

namespace gyre::testing {

/// What the world knows of one handle.
struct scripted_handle {
    bool open = true;
    bool connected = true;
    std::size_t arrived = 0;  ///< bytes that came in; the n-th has the value n (mod 256)
    std::size_t taken = 0;    ///< of these, received by the library
    std::size_t room = 0;     ///< bytes that can be sent
    std::vector<unsigned char> sent;
    std::size_t callers = 0;   ///< connections that were made
    std::size_t accepted = 0;  ///< of these, accepted by the library

    bool registered = false;
    bool armed = false;
    std::uint64_t key = 0;
    interest want = interest::none;
    unsigned reports = 0;  ///< what the latest wait reported of it

    interest ready() const {
        interest is = interest::none;
        if (taken < arrived || accepted < callers) {
            is = is | interest::read;
        }
        return connected && room > 0 ? is | interest::write : is;
    }
};

class scripted_world final : public native_world,
                             private detail::socket_ops,
                             private detail::clock_ops {
public:
    explicit scripted_world(bool one_shot) : one_shot_(one_shot) {}

    scripted_handle& at(native_handle_type h) const {
        return *handles_[static_cast<std::size_t>(h - first_)];
    }
    void advance(time_ns by) { now_ += by; }
    time_ns now() const { return now_; }
    /// Calls of wait() so far.
    std::size_t waits() const { return waits_; }
    /// Handles that were not closed.
    std::size_t open_handles() const {
        return static_cast<std::size_t>(
            std::count_if(handles_.begin(), handles_.end(), [](auto& h) { return h->open; }));
    }
    /// Calls that no library should make: on a closed handle, or closing a registered one.
    std::size_t misuses() const { return misuses_; }

    detail::socket_ops& sockets() noexcept override { return *this; }
    detail::clock_ops& clock() noexcept override { return *this; }
    poller* make_poller(const poller_factory*, std::error_code&) noexcept override {
        return new scripted_poller(*this);
    }

private:
    using handle = native_handle_type;
    using error = std::error_code;
    static constexpr handle first_ = 100'000;

    /// Reports what is ready of what is asked for, in the order of the handles.
    class scripted_poller final : public poller {
    public:
        explicit scripted_poller(scripted_world& world) : world_(world) {}
        const char* name() const noexcept override { return "scripted"; }
        poller_features features() const noexcept override {
            return world_.one_shot_ ? poller_features::one_shot : poller_features::none;
        }
        error add(handle h, std::uint64_t key, interest want) noexcept override {
            return set(h, key, want, false);
        }
        error modify(handle h, std::uint64_t key, interest want) noexcept override {
            return set(h, key, want, true);
        }
        error remove(handle h, remove_reason) noexcept override {
            world_.misuses_ += world_.at(h).registered ? 0 : 1;
            world_.at(h).registered = false;
            return {};
        }
        error reset() noexcept override { return {}; }
        error wait(event_buffer& events, time_ns) noexcept override {
            ++world_.waits_;
            for (auto& h : world_.handles_) {
                const interest is = h->ready() & h->want;
                h->reports = 0;
                if (h->registered && h->armed && any(is) && events.room() > 0) {
                    h->armed = !world_.one_shot_;
                    h->reports = static_cast<unsigned>(is);
                    events.push(h->key, static_cast<readiness>(is));
                }
            }
            return {};
        }
        void notify() noexcept override {}

    private:
        error set(handle h, std::uint64_t key, interest want, bool known) noexcept {
            scripted_handle& to = world_.at(h);
            world_.misuses_ += to.registered == known && to.open && any(want) ? 0 : 1;
            to.registered = true;
            to.armed = true;
            to.key = key;
            to.want = want;
            return {};
        }

        scripted_world& world_;
    };

    time_ns steady_now() noexcept override { return now_; }
    time_ns system_now() noexcept override { return now_; }

    handle make() {
        handles_.push_back(std::make_unique<scripted_handle>());
        return first_ + static_cast<handle>(handles_.size()) - 1;
    }
    scripted_handle& used(handle h) {
        misuses_ += at(h).open ? 0 : 1;
        return at(h);
    }
    static error again() { return {EAGAIN, gyre::error::get_system_category()}; }

    error open(int, int, int, handle& h) noexcept override {
        h = make();
        return {};
    }
    error open_pair(int, int, int, handle&, handle&) noexcept override {
        return gyre::error::operation_not_supported;
    }
    error adopt(handle) noexcept override { return {}; }
    error close(handle h) noexcept override {
        misuses_ += at(h).registered ? 1 : 0;
        used(h).open = false;
        return {};
    }
    error bind(handle, const void*, std::size_t) noexcept override { return {}; }
    error listen(handle, int) noexcept override { return {}; }
    error connect(handle h, const void*, std::size_t) noexcept override {
        used(h).connected = false;
        return {EINPROGRESS, gyre::error::get_system_category()};
    }
    error shutdown(handle, int) noexcept override { return {}; }
    error set_option(handle, int, int, const void*, std::size_t) noexcept override { return {}; }
    error get_option(handle, int, int, void*, std::size_t&) noexcept override { return {}; }
    error local_address(handle, void*, std::size_t&) noexcept override { return {}; }
    error remote_address(handle, void*, std::size_t&) noexcept override { return {}; }
    error available(handle, std::size_t&) noexcept override { return {}; }
    error at_mark(handle, bool&) noexcept override { return {}; }
    error io_control(handle, unsigned long, void*) noexcept override { return {}; }

    detail::io_moved receive(handle h, void* data, std::size_t size, int) noexcept override {
        scripted_handle& from = used(h);
        const std::size_t n = std::min(size, from.arrived - from.taken);
        for (std::size_t i = 0; i < n; ++i) {
            static_cast<unsigned char*>(data)[i] = static_cast<unsigned char>(from.taken++);
        }
        return n == 0 ? detail::io_moved::would_block()
                      : detail::io_moved::bytes(static_cast<std::int64_t>(n));
    }
    detail::io_moved send(handle h, const void* data, std::size_t size, int) noexcept override {
        scripted_handle& to = used(h);
        const std::size_t n = to.connected ? std::min(size, to.room) : 0;
        const auto* bytes = static_cast<const unsigned char*>(data);
        to.sent.insert(to.sent.end(), bytes, bytes + n);
        to.room -= n;
        return n == 0 ? detail::io_moved::would_block()
                      : detail::io_moved::bytes(static_cast<std::int64_t>(n));
    }
    void perform(detail::io_request& request, detail::io_result& result) noexcept override {
        switch (request.kind) {
        case detail::io_kind::receive:
        case detail::io_kind::send: transfer(request, result); break;
        case detail::io_kind::accept:
            result.would_block = used(request.handle).accepted == at(request.handle).callers;
            if (!result.would_block) {
                ++at(request.handle).accepted;
                result.accepted = make();
            }
            break;
        case detail::io_kind::connect:
            result.would_block = !any(used(request.handle).ready() & interest::write);
            break;
        case detail::io_kind::receive_many:
        case detail::io_kind::send_many:
        case detail::io_kind::wait: break;
        }
        if (result.would_block) {
            result.error = again();
        }
    }
    void transfer(detail::io_request& request, detail::io_result& result) {
        for (std::size_t i = 0; i < request.buffer_count; ++i) {
            const detail::io_buffer& b = request.buffers[i];
            const detail::io_moved moved = request.kind == detail::io_kind::receive
                                               ? receive(request.handle, b.data, b.size, 0)
                                               : send(request.handle, b.data, b.size, 0);
            result.bytes += moved.is_some() ? moved.count() : 0;
        }
        result.would_block = result.bytes == 0;
    }

    bool one_shot_;
    time_ns now_ = 1'000'000'000'000;
    std::size_t waits_ = 0;
    std::size_t misuses_ = 0;
    std::vector<std::unique_ptr<scripted_handle>> handles_;
};

}  // namespace gyre::testing
