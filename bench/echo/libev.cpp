// SPDX-License-Identifier: BSL-1.0
// The echo server by libev: one ev_io a connection.

#include "support/echo_session.hpp"

#include <ev.h>

namespace {

using bench::echo_session;

struct connection {
    ev_io io;
    echo_session session;
};

struct server {
    ev_io io;
    int left;
};

void serve(struct ev_loop* loop, ev_io* io, int events) {
    auto* const one = static_cast<connection*>(io->data);
    const auto next = (events & EV_READ) ? one->session.readable() : one->session.writable();
    if (next == echo_session::next::end) {
        ev_io_stop(loop, io);
        ::close(one->session.descriptor());
        delete one;
        return;
    }
    const int wanted = next == echo_session::next::read ? EV_READ : EV_WRITE;
    if (!(events & wanted)) {
        ev_io_stop(loop, io);
        ev_io_set(io, one->session.descriptor(), wanted);
        ev_io_start(loop, io);
    }
}

void accept(struct ev_loop* loop, ev_io* io, int) {
    auto* const self = static_cast<server*>(io->data);
    while (self->left > 0) {
        const int descriptor = bench::accept_one(io->fd);
        if (descriptor < 0) {
            return;
        }
        auto* const one = new connection{{}, echo_session(descriptor)};
        ev_io_init(&one->io, serve, descriptor, EV_READ);
        one->io.data = one;
        ev_io_start(loop, &one->io);
        --self->left;
    }
    ev_io_stop(loop, io);
    ::close(io->fd);
}

}  // namespace

int main(int argc, char** argv) {
    server self{{}, bench::connections_asked(argc, argv)};
    struct ev_loop* const loop = ev_loop_new(EVBACKEND_EPOLL);
    ev_io_init(&self.io, accept, bench::listen_on_loopback(), EV_READ);
    self.io.data = &self;
    ev_io_start(loop, &self.io);
    ev_run(loop, 0);
    ev_loop_destroy(loop);
}
