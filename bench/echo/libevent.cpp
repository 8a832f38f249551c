// SPDX-License-Identifier: BSL-1.0
// The echo server by libevent: one persistent event a connection.

#include "support/echo_session.hpp"

#include <event2/event.h>
#include <event2/event_struct.h>

namespace {

using bench::echo_session;

struct connection {
    echo_session session;
    event io;
};

struct server {
    event_base* base;
    event accept;
    int left;
};

void serve(evutil_socket_t descriptor, short what, void* pointer) {
    auto* const one = static_cast<connection*>(pointer);
    const auto next = (what & EV_READ) ? one->session.readable() : one->session.writable();
    if (next == echo_session::next::end) {
        event_del(&one->io);
        ::close(descriptor);
        delete one;
        return;
    }
    const short wanted = next == echo_session::next::read ? EV_READ : EV_WRITE;
    if (!(what & wanted)) {
        event_base* const base = event_get_base(&one->io);
        event_del(&one->io);
        event_assign(&one->io, base, descriptor, static_cast<short>(wanted | EV_PERSIST), serve,
                     one);
        event_add(&one->io, nullptr);
    }
}

void accept(evutil_socket_t listener, short, void* pointer) {
    auto* const self = static_cast<server*>(pointer);
    while (self->left > 0) {
        const int descriptor = bench::accept_one(listener);
        if (descriptor < 0) {
            return;
        }
        auto* const one = new connection{echo_session(descriptor), {}};
        event_assign(&one->io, self->base, descriptor, EV_READ | EV_PERSIST, serve, one);
        event_add(&one->io, nullptr);
        --self->left;
    }
    event_del(&self->accept);
    ::close(listener);
}

}  // namespace

int main(int argc, char** argv) {
    server self{event_base_new(), {}, bench::connections_asked(argc, argv)};
    event_assign(&self.accept, self.base, bench::listen_on_loopback(), EV_READ | EV_PERSIST, accept,
                 &self);
    event_add(&self.accept, nullptr);
    event_base_dispatch(self.base);
    event_base_free(self.base);
}
