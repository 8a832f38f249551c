// SPDX-License-Identifier: BSL-1.0
// The floor of the echo servers: epoll, recv and send, level-triggered, and nothing around them.

#include "support/echo_session.hpp"

#include <sys/epoll.h>

namespace {

using bench::echo_session;

struct connection {
    echo_session session;
    std::uint32_t armed = EPOLLIN;
};

class server {
public:
    explicit server(int connections)
        : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
          listener_(bench::listen_on_loopback()),
          to_accept_(connections),
          left_(connections) {
        control(EPOLL_CTL_ADD, listener_, EPOLLIN, nullptr);
    }

    void run() {
        epoll_event events[256];
        while (left_ > 0) {
            const int count = ::epoll_wait(epoll_, events, 256, -1);
            for (int i = 0; i < count; ++i) {
                if (auto* const one = static_cast<connection*>(events[i].data.ptr)) {
                    serve(*one);
                } else {
                    accept();
                }
            }
        }
    }

private:
    void control(int how, int descriptor, std::uint32_t what, connection* one) {
        epoll_event event{};
        event.events = what;
        event.data.ptr = one;
        ::epoll_ctl(epoll_, how, descriptor, &event);
    }

    void accept() {
        while (to_accept_ > 0) {
            const int descriptor = bench::accept_one(listener_);
            if (descriptor < 0) {
                return;
            }
            --to_accept_;
            control(EPOLL_CTL_ADD, descriptor, EPOLLIN, new connection{echo_session(descriptor)});
        }
        ::close(listener_);
    }

    void serve(connection& one) {
        const auto next = one.armed == EPOLLIN ? one.session.readable() : one.session.writable();
        if (next == echo_session::next::end) {
            ::close(one.session.descriptor());
            delete &one;
            --left_;
            return;
        }
        const std::uint32_t wanted = next == echo_session::next::read ? EPOLLIN : EPOLLOUT;
        if (wanted != one.armed) {
            one.armed = wanted;
            control(EPOLL_CTL_MOD, one.session.descriptor(), wanted, &one);
        }
    }

    int epoll_;
    int listener_;
    int to_accept_;
    int left_;
};

}  // namespace

int main(int argc, char** argv) { server(bench::connections_asked(argc, argv)).run(); }
