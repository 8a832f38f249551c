// SPDX-License-Identifier: BSL-1.0
// The notifier that every POSIX system has, and the choice between it and a better one.
#include "poll/notifier.hpp"

#include <array>
#include <cerrno>
#include <new>

#include <fcntl.h>
#include <unistd.h>

namespace gyre::inline v0::detail {
namespace {

class pipe_notifier final : public notifier {
public:
    explicit pipe_notifier(const std::array<int, 2>& ends) noexcept : ends_(ends) {}
    ~pipe_notifier() override {
        ::close(ends_[0]);
        ::close(ends_[1]);
    }

    native_handle_type handle() const noexcept override { return ends_[0]; }

    void signal() noexcept override {
        const int saved = errno;  // this may run inside a signal handler
        const char byte = 0;
        // EAGAIN, a pipe that is full, means signalled already.
        while (::write(ends_[1], &byte, 1) < 0 && errno == EINTR) {}
        errno = saved;
    }

    void drain() noexcept override {
        std::array<char, 256> bytes;
        for (;;) {
            const ssize_t count = ::read(ends_[0], bytes.data(), bytes.size());
            // A short read has emptied the pipe: no second call only to be told so.
            if (count < static_cast<ssize_t>(bytes.size()) && !(count < 0 && errno == EINTR)) {
                return;
            }
        }
    }

private:
    std::array<int, 2> ends_;
};

#if GYRE_HAS_PIPE2
bool open_pipe(std::array<int, 2>& ends) noexcept {
    return ::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0;
}
#else
bool open_pipe(std::array<int, 2>& ends) noexcept {
    if (::pipe(ends.data()) != 0) {
        return false;
    }
    for (const int end : ends) {
        if (::fcntl(end, F_SETFD, FD_CLOEXEC) != 0 || ::fcntl(end, F_SETFL, O_NONBLOCK) != 0) {
            const int why = errno;
            ::close(ends[0]);
            ::close(ends[1]);
            errno = why;
            return false;
        }
    }
    return true;
}
#endif

}  // namespace

notifier* make_pipe_notifier(std::error_code& error) noexcept {
    std::array<int, 2> ends{};
    if (!open_pipe(ends)) {
        error.assign(errno, std::system_category());
        return nullptr;
    }
    notifier* made = new (std::nothrow) pipe_notifier(ends);
    if (made == nullptr) {
        ::close(ends[0]);
        ::close(ends[1]);
        error = std::error_code(ENOMEM, std::system_category());
        return nullptr;
    }
    error.clear();
    return made;
}

notifier* make_notifier(std::error_code& error) noexcept {
#if GYRE_HAS_EVENTFD
    // Present in the headers is not present in the kernel: sandboxes refuse it.
    if (notifier* made = make_eventfd_notifier(error)) {
        return made;
    }
#endif
    return make_pipe_notifier(error);
}

}  // namespace gyre::inline v0::detail
