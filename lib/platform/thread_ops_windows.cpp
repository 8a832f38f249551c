// SPDX-License-Identifier: BSL-1.0
// Threads that nobody joins. Windows has no fork().
#include "platform/native.hpp"

#include <gyre/error.hpp>

#include <bit>
#include <new>
#include <system_error>
#include <thread>

#include <windows.h>

namespace gyre::inline v0::detail {
namespace {

class windows_thread_ops final : public thread_ops {
public:
    std::error_code start_detached(void (*entry)(void*) noexcept,
                                   void* argument) noexcept override {
        try {
            std::thread(entry, argument).detach();
            return {};
        } catch (const std::system_error& e) {
            return e.code();
        } catch (const std::bad_alloc&) {
            return gyre::error::no_memory;
        }
    }

    unsigned processors() noexcept override {
        const DWORD count = ::GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
        return count > 0 ? count : 1;
    }

    std::uint64_t set_timer_slack(std::uint64_t) noexcept override { return 0; }

    /// Within the group of 64 processors that the process began in.
    void pin(std::size_t n) noexcept override {
        DWORD_PTR allowed = 0;
        DWORD_PTR all = 0;
        if (::GetProcessAffinityMask(::GetCurrentProcess(), &allowed, &all) == 0 || allowed == 0) {
            return;
        }
        std::size_t skip = n % static_cast<std::size_t>(std::popcount(allowed));
        for (DWORD_PTR bit = 1; bit != 0; bit <<= 1) {
            if ((allowed & bit) != 0 && skip-- == 0) {
                ::SetThreadAffinityMask(::GetCurrentThread(), bit);
                return;
            }
        }
    }

    std::uint32_t fork_count() noexcept override { return 0; }
};

constinit windows_thread_ops instance;

}  // namespace

thread_ops& native_thread_ops() noexcept { return instance; }

std::uint64_t process_number() noexcept { return ::GetCurrentProcessId(); }

}  // namespace gyre::inline v0::detail
