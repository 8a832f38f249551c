// SPDX-License-Identifier: BSL-1.0
// The system's world, except that accepting fails with an error of the test's choice. For what a
// test can't bring a system to: a whole machine without descriptors, a kernel without memory.
#pragma once

#include "support/native_world.hpp"

#include <cstddef>
#include <system_error>

namespace gyre::testing {

class failing_sockets final : public native_world, private detail::socket_ops {
public:
    /// What accepting reports from now on, as if a connection were there; none is taken. Empty: the
    /// system's own result.
    std::error_code accept_error;
    std::size_t accepts = 0;  ///< tried so far

    detail::socket_ops& sockets() noexcept override { return *this; }

private:
    using handle = native_handle_type;
    using error = std::error_code;

    void perform(detail::io_request& request, detail::io_result& result) noexcept override {
        if (request.kind == detail::io_kind::accept) {
            ++accepts;
            if (accept_error) {
                result.error = accept_error;
                return;
            }
        }
        system_.perform(request, result);
    }

    error open(int f, int t, int p, handle& h) noexcept override {
        return system_.open(f, t, p, h);
    }
    error open_pair(int f, int t, int p, handle& one, handle& other) noexcept override {
        return system_.open_pair(f, t, p, one, other);
    }
    error adopt(handle h) noexcept override { return system_.adopt(h); }
    error close(handle h) noexcept override { return system_.close(h); }
    error bind(handle h, const void* a, std::size_t n) noexcept override {
        return system_.bind(h, a, n);
    }
    error listen(handle h, int backlog) noexcept override { return system_.listen(h, backlog); }
    error connect(handle h, const void* a, std::size_t n) noexcept override {
        return system_.connect(h, a, n);
    }
    error shutdown(handle h, int how) noexcept override { return system_.shutdown(h, how); }
    error set_option(handle h, int l, int o, const void* v, std::size_t n) noexcept override {
        return system_.set_option(h, l, o, v, n);
    }
    error get_option(handle h, int l, int o, void* v, std::size_t& n) noexcept override {
        return system_.get_option(h, l, o, v, n);
    }
    error local_address(handle h, void* a, std::size_t& n) noexcept override {
        return system_.local_address(h, a, n);
    }
    error remote_address(handle h, void* a, std::size_t& n) noexcept override {
        return system_.remote_address(h, a, n);
    }
    error available(handle h, std::size_t& n) noexcept override { return system_.available(h, n); }
    error at_mark(handle h, bool& yes) noexcept override { return system_.at_mark(h, yes); }
    error io_control(handle h, unsigned long c, void* a) noexcept override {
        return system_.io_control(h, c, a);
    }
    detail::io_moved receive(handle h, void* data, std::size_t size, int flags) noexcept override {
        return system_.receive(h, data, size, flags);
    }
    detail::io_moved send(handle h, const void* data, std::size_t size,
                          int flags) noexcept override {
        return system_.send(h, data, size, flags);
    }

    detail::socket_ops& system_ = detail::native_platform().sockets();
};

}  // namespace gyre::testing
