// SPDX-License-Identifier: BSL-1.0
// Drives a library that does its own reading and writing, and only has to be told when.
//
//     third_party ADDRESS PORT TEXT    talks to an echo server
//
// It shows async_wait: the library says whether it wants to read or to write, the loop waits for
// that and takes nothing away from it. The library here stands for any of its kind, a client of a
// database for example.

#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/posix/descriptor.hpp>

#include "command_line.hpp"

#include <cerrno>
#include <cstddef>
#include <exception>
#include <iostream>
#include <string>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

namespace third_party {

/// A conversation over a non-blocking socket, which stays the caller's: a text is sent, and as much
/// is read.
class session {
public:
    enum class state { wants_to_write, wants_to_read, done, failed };

    session(int fd, std::string text) : fd_(fd), text_(std::move(text)) {}

    state now() const { return state_; }
    const std::string& answer() const { return answer_; }

    /// Does what can be done without waiting.
    void go_on() {
        while (state_ == state::wants_to_write &&
               moved(::send(fd_, text_.data() + sent_, text_.size() - sent_, MSG_NOSIGNAL))) {
            sent_ += size_;
            if (sent_ == text_.size()) {
                state_ = state::wants_to_read;
            }
        }
        char block[16];
        while (state_ == state::wants_to_read && moved(::recv(fd_, block, sizeof block, 0))) {
            answer_.append(block, size_);
            if (size_ == 0 || answer_.size() == text_.size()) {
                state_ = size_ == 0 ? state::failed : state::done;
            }
        }
    }

private:
    bool moved(ssize_t result) {
        if (result < 0) {
            state_ = errno == EAGAIN || errno == EINTR ? state_ : state::failed;
            return false;
        }
        size_ = static_cast<std::size_t>(result);
        return true;
    }

    int fd_;
    std::string text_;
    std::string answer_;
    std::size_t sent_ = 0;
    std::size_t size_ = 0;
    state state_ = state::wants_to_write;
};

}  // namespace third_party

namespace {

using gyre::posix::descriptor;
using third_party::session;

void drive(descriptor& handle, session& s) {
    s.go_on();
    if (s.now() == session::state::done || s.now() == session::state::failed) {
        return;
    }
    const auto what =
        s.now() == session::state::wants_to_read ? descriptor::wait_read : descriptor::wait_write;
    handle.async_wait(what, [&](gyre::error_code error) {
        if (!error) {
            drive(handle, s);
        }
    });
}

}  // namespace

int main(int argc, char** argv) {
    const auto endpoint = argc == 4 ? example::endpoint_of(argv[1], argv[2]) : std::nullopt;
    if (!endpoint) {
        std::cerr << "usage: third_party ADDRESS PORT TEXT\n";
        return 2;
    }
    try {
        gyre::io_context context;
        gyre::ip::tcp::socket socket(context);
        socket.connect(*endpoint);
        session s(socket.native_handle(), argv[3]);
        // Of a duplicate, for the descriptor closes what it adopts.
        descriptor handle(context, ::dup(socket.native_handle()));
        drive(handle, s);
        context.run();
        std::cout << s.answer() << '\n';
        return s.now() == session::state::done ? 0 : 1;
    } catch (const std::exception& e) {
        std::cerr << "third_party: " << e.what() << '\n';
        return 1;
    }
}
