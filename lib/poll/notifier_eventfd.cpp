// SPDX-License-Identifier: BSL-1.0
// The notifier of Linux, illumos and FreeBSD: one descriptor that is both ends.
#include "poll/notifier.hpp"

#include <cerrno>
#include <cstdint>
#include <new>

#include <sys/eventfd.h>
#include <unistd.h>

namespace gyre::inline v0::detail {
namespace {

class eventfd_notifier final : public notifier {
public:
    explicit eventfd_notifier(int fd) noexcept : fd_(fd) {}
    ~eventfd_notifier() override { ::close(fd_); }

    native_handle_type handle() const noexcept override { return fd_; }

    void signal() noexcept override {
        const int saved = errno;  // this may run inside a signal handler
        const std::uint64_t one = 1;
        // EAGAIN, a counter that is full, means signalled already.
        while (::write(fd_, &one, sizeof one) < 0 && errno == EINTR) {}
        errno = saved;
    }

    void drain() noexcept override {
        std::uint64_t count = 0;
        while (::read(fd_, &count, sizeof count) < 0 && errno == EINTR) {}
    }

private:
    int fd_;
};

}  // namespace

notifier* make_eventfd_notifier(std::error_code& error) noexcept {
    const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) {
        error.assign(errno, std::system_category());
        return nullptr;
    }
    notifier* made = new (std::nothrow) eventfd_notifier(fd);
    if (made == nullptr) {
        ::close(fd);
        error = std::error_code(ENOMEM, std::system_category());
        return nullptr;
    }
    error.clear();
    return made;
}

}  // namespace gyre::inline v0::detail
