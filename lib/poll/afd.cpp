// SPDX-License-Identifier: BSL-1.0
// The poller of Windows: polls of the driver below Winsock that complete to a completion port. What
// it does with its sockets is in afd_set.hpp, what it asks of the system is here.
//
// Facts are from the pages of GetQueuedCompletionStatusEx and NtCreateFile; the driver's own
// interface is not documented by Microsoft, and known from what others made of it.
#include "poll/afd_set.hpp"
#include "poll/deadline.hpp"
#include "poll/factories.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include <winsock2.h>

#include <winternl.h>

extern "C" NTSTATUS NTAPI NtCancelIoFileEx(HANDLE file, IO_STATUS_BLOCK* request,
                                           IO_STATUS_BLOCK* status);

namespace gyre::inline v0::detail {
namespace {

/// See epoll.cpp: refused here too, so that the same program runs on every poller.
constexpr std::uint64_t refused_key = ~std::uint64_t{0};

/// As many completions as one call takes.
constexpr std::size_t batch = 256;

/// Polls of one handle of the driver: to cancel one takes the longer, the more there are.
constexpr unsigned polls_per_device = 32;

/// Of a packet that wakes; those of polls have 0. A packet without a request that has another key
/// is nobody's, and may come.
constexpr ULONG_PTR wake_key = 1;

constexpr NTSTATUS status_pending = 0x00000103;
constexpr NTSTATUS status_cancelled = static_cast<NTSTATUS>(0xC0000120);

constexpr ULONG ioctl_afd_poll = 0x00012024;
constexpr DWORD sio_base_handle = 0x48000022;
constexpr DWORD sio_bsp_handle_poll = 0x4800001D;

struct afd_poll_handle_info {
    HANDLE handle;
    ULONG events;
    NTSTATUS status;
};
struct afd_poll_info {
    LARGE_INTEGER timeout;
    ULONG number_of_handles;
    ULONG exclusive;
    afd_poll_handle_info handles[1];
};
static_assert(sizeof(void*) != 8 || sizeof(afd_poll_info) == 32);

std::error_code no_memory() noexcept { return std::make_error_code(std::errc::not_enough_memory); }
std::error_code win32_error() noexcept {
    return {static_cast<int>(::GetLastError()), std::system_category()};
}

/// A completion port and handles of the driver that complete to it.
class afd_system {
public:
    struct device {
        HANDLE handle;
        unsigned polls;
    };
    struct request {
        IO_STATUS_BLOCK status{};
        afd_poll_info info{};
        std::size_t device = 0;
    };

    afd_system() = default;
    afd_system(const afd_system&) = delete;
    afd_system& operator=(const afd_system&) = delete;
    ~afd_system() {
        for (const device& each : devices_) {
            ::CloseHandle(each.handle);
        }
        if (port_ != nullptr) {
            ::CloseHandle(port_);
        }
    }

    std::error_code open() noexcept {
        WSADATA about;
        ::WSAStartup(MAKEWORD(2, 2), &about);  // counted by the system; never ended
        port_ = ::CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 0);
        if (port_ == nullptr) {
            return win32_error();
        }
        return open_device();
    }

    native_handle_type base_of(native_handle_type handle, std::error_code& error) noexcept {
        int type = 0;
        int size = sizeof type;
        // Asked first, for Wine says of any number that it is the base of itself.
        if (::getsockopt(handle, SOL_SOCKET, SO_TYPE, reinterpret_cast<char*>(&type), &size) != 0) {
            error = std::make_error_code(std::errc::bad_file_descriptor);
            return invalid_native_handle;
        }
        // Providers that are layered over the base (LSPs) are known to answer only one of these.
        SOCKET base = INVALID_SOCKET;
        if (ask(handle, sio_base_handle, base)) {
            return base;
        }
        SOCKET below = handle;
        while (ask(below, sio_bsp_handle_poll, base) && base != below) {
            below = base;
            if (ask(below, sio_base_handle, base)) {
                return base;
            }
        }
        error = std::make_error_code(std::errc::operation_not_permitted);
        return invalid_native_handle;
    }

    afd_submission submit(request& r, native_handle_type base, std::uint32_t events) noexcept {
        const std::size_t chosen = device_with_room();
        if (chosen == devices_.size()) {
            return afd_submission::refused;
        }
        r.info = {};
        r.info.timeout.QuadPart = INT64_MAX;
        r.info.number_of_handles = 1;
        r.info.handles[0] = {reinterpret_cast<HANDLE>(base), events, 0};
        r.status = {};
        r.status.Status = status_pending;  // before the call: it may be over when that returns
        const NTSTATUS status =
            ::NtDeviceIoControlFile(devices_[chosen].handle, nullptr, nullptr, &r, &r.status,
                                    ioctl_afd_poll, &r.info, sizeof r.info, &r.info, sizeof r.info);
        // One that is over at once completes to the port as well.
        if (status != 0 && status != status_pending) {
            return afd_submission::refused;
        }
        r.device = chosen;
        ++devices_[chosen].polls;
        return afd_submission::pending;
    }

    void cancel(request& r) noexcept {
        if (r.status.Status == status_pending) {
            IO_STATUS_BLOCK ignored{};
            ::NtCancelIoFileEx(devices_[r.device].handle, &r.status, &ignored);
        }
    }

    /// What a completion says. Its memory is ours again.
    afd_outcome take(request& r, std::uint32_t& events) noexcept {
        --devices_[r.device].polls;
        events = r.info.number_of_handles > 0 ? r.info.handles[0].events : 0;
        // The status of the packet has rubbish in its upper half on Wine: this is the request's.
        const NTSTATUS status = r.status.Status;
        return status == status_cancelled ? afd_outcome::cancelled
               : status < 0               ? afd_outcome::failed
                                          : afd_outcome::done;
    }

    /// As many packets as came in so many milliseconds, at least one if any did; 0 if none.
    std::size_t wait(OVERLAPPED_ENTRY* packets, std::size_t room, DWORD milliseconds,
                     std::error_code& error) noexcept {
        ULONG count = 0;
        if (::GetQueuedCompletionStatusEx(port_, packets, static_cast<ULONG>(room), &count,
                                          milliseconds, FALSE) == 0) {
            if (::GetLastError() != WAIT_TIMEOUT) {
                error = win32_error();
            }
            return 0;
        }
        return count;
    }

    void wake() noexcept { ::PostQueuedCompletionStatus(port_, 0, wake_key, nullptr); }

private:
    static bool ask(SOCKET handle, DWORD what, SOCKET& answer) noexcept {
        DWORD size = 0;
        return ::WSAIoctl(handle, what, nullptr, 0, &answer, sizeof answer, &size, nullptr,
                          nullptr) == 0;
    }

    std::size_t device_with_room() noexcept {
        for (std::size_t i = devices_.size(); i > 0; --i) {
            if (devices_[i - 1].polls < polls_per_device) {
                return i - 1;
            }
        }
        const std::size_t next = devices_.size();
        return open_device() ? devices_.size() : next;
    }

    std::error_code open_device() noexcept {
        static wchar_t name[] =
            L"\\Device\\Afd\\Gyre";  // the last part is anything, but not absent
        UNICODE_STRING text{sizeof name - sizeof *name, sizeof name, name};
        OBJECT_ATTRIBUTES attributes{};
        attributes.Length = sizeof attributes;
        attributes.ObjectName = &text;
        HANDLE handle = nullptr;
        IO_STATUS_BLOCK status{};
        try {
            devices_.reserve(devices_.size() + 1);
        } catch (const std::bad_alloc&) {
            return no_memory();
        }
        const NTSTATUS result =
            ::NtCreateFile(&handle, SYNCHRONIZE, &attributes, &status, nullptr, 0,
                           FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_OPEN, 0, nullptr, 0);
        if (result != 0) {
            return {static_cast<int>(::RtlNtStatusToDosError(result)), std::system_category()};
        }
        if (::CreateIoCompletionPort(handle, port_, 0, 0) == nullptr ||
            ::SetFileCompletionNotificationModes(handle, FILE_SKIP_SET_EVENT_ON_HANDLE) == 0) {
            const std::error_code error = win32_error();
            ::CloseHandle(handle);
            return error;
        }
        devices_.push_back({handle, 0});
        return {};
    }

    HANDLE port_ = nullptr;
    std::vector<device> devices_;
};

class afd_poller final : public poller {
public:
    afd_poller() = default;
    ~afd_poller() override {
        // The memory of a poll is the driver's until its completion was taken.
        sockets_.clear();
        std::array<OVERLAPPED_ENTRY, batch> packets;
        std::array<poll_event, 1> nothing;
        while (sockets_.outstanding() > 0) {
            std::error_code error;
            const std::size_t count = system_.wait(packets.data(), batch, INFINITE, error);
            if (error) {
                break;
            }
            event_buffer events(nothing);
            take({packets.data(), count}, events);
        }
    }

    std::error_code open() noexcept { return system_.open(); }

    const char* name() const noexcept override { return "afd"; }
    poller_features features() const noexcept override {
        return poller_features::one_shot | poller_features::no_local_shutdown;
    }
    void notify() noexcept override {
        if (!pending_.exchange(true)) {
            system_.wake();
        }
    }

    std::error_code add(native_handle_type handle, std::uint64_t key,
                        interest want) noexcept override {
        return key == refused_key ? std::make_error_code(std::errc::invalid_argument)
                                  : sockets_.add(handle, key, want);
    }
    std::error_code modify(native_handle_type handle, std::uint64_t key,
                           interest want) noexcept override {
        return key == refused_key ? std::make_error_code(std::errc::invalid_argument)
                                  : sockets_.modify(handle, key, want);
    }
    std::error_code remove(native_handle_type handle, remove_reason why) noexcept override {
        return sockets_.remove(handle, why);
    }

    std::error_code wait(event_buffer& events, time_ns deadline) noexcept override {
        std::array<OVERLAPPED_ENTRY, batch> packets;  // left uninitialised: this is the hot path
        const std::size_t before = events.size();
        for (;;) {
            sockets_.update(events);
            if (events.room() == 0) {
                return {};
            }
            const bool found = events.size() != before;
            const time_ns left = found ? 0 : time_left(deadline);
            std::error_code error;
            const std::size_t count =
                system_.wait(packets.data(), std::min(events.room(), batch), timeout(left), error);
            if (error) {
                return error;
            }
            const bool woken = take({packets.data(), count}, events);
            // Packets of polls that were cancelled say nothing, and a wait may be cut short.
            if (woken || events.size() != before || (left == 0 && count == 0)) {
                return {};
            }
        }
    }

    std::error_code reset() noexcept override {
        sockets_.clear();
        return {};
    }

private:
    static DWORD timeout(time_ns left) noexcept {
        return left == no_deadline ? INFINITE : static_cast<DWORD>(to_milliseconds(left));
    }

    /// True if the waker was among them.
    bool take(std::span<const OVERLAPPED_ENTRY> packets, event_buffer& events) noexcept {
        bool woken = false;
        for (const OVERLAPPED_ENTRY& packet : packets) {
            if (packet.lpOverlapped == nullptr) {
                woken = woken || packet.lpCompletionKey == wake_key;
                continue;
            }
            auto& request = *reinterpret_cast<afd_system::request*>(packet.lpOverlapped);
            std::uint32_t what = 0;
            const afd_outcome outcome = system_.take(request, what);
            sockets_.complete(request, outcome, what, events);
        }
        if (woken) {
            // After the packet was taken: a call that comes now posts another. See waker.hpp.
            pending_.exchange(false);
        }
        return woken;
    }

    afd_system system_;
    afd_set<afd_system> sockets_{system_};
    std::atomic<bool> pending_{false};
};

}  // namespace

poller* make_afd_poller(std::error_code& error) noexcept {
    std::unique_ptr<afd_poller> made(new (std::nothrow) afd_poller);
    error = made ? made->open() : no_memory();
    return error ? nullptr : made.release();
}

}  // namespace gyre::inline v0::detail
