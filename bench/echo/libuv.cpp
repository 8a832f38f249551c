// SPDX-License-Identifier: BSL-1.0
// The echo server by libuv's streams: uv_try_write() first, a write request only for what is left.

#include "support/server.hpp"

#include <array>
#include <cstddef>

#include <netinet/in.h>
#include <uv.h>

namespace {

struct server {
    uv_loop_t loop;
    uv_tcp_t listener;
    int left;
};

struct connection {
    uv_tcp_t stream;
    uv_write_t request;
    std::size_t have = 0;
    std::array<char, bench::buffer_size> bytes;
};

connection& of(void* handle) {
    return *static_cast<connection*>(static_cast<uv_handle_t*>(handle)->data);
}

uv_stream_t* stream_of(connection& one) { return reinterpret_cast<uv_stream_t*>(&one.stream); }

void close(connection& one) {
    uv_close(reinterpret_cast<uv_handle_t*>(&one.stream),
             [](uv_handle_t* handle) { delete &of(handle); });
}

void give_room(uv_handle_t* handle, std::size_t, uv_buf_t* room) {
    connection& one = of(handle);
    *room = uv_buf_init(one.bytes.data() + one.have,
                        static_cast<unsigned>(one.bytes.size() - one.have));
}

void received(uv_stream_t* stream, ssize_t size, const uv_buf_t*);

void written(uv_write_t* request, int status) {
    connection& one = of(request->handle);
    if (status < 0) {
        close(one);
        return;
    }
    one.have = 0;
    uv_read_start(stream_of(one), give_room, received);
}

void send(connection& one) {
    uv_buf_t message = uv_buf_init(one.bytes.data(), static_cast<unsigned>(one.have));
    const int done = uv_try_write(stream_of(one), &message, 1);
    if (done == static_cast<int>(one.have)) {
        one.have = 0;
        return;
    }
    if (done < 0 && done != UV_EAGAIN) {
        close(one);
        return;
    }
    const unsigned sent = done < 0 ? 0 : static_cast<unsigned>(done);
    message = uv_buf_init(one.bytes.data() + sent, static_cast<unsigned>(one.have) - sent);
    uv_read_stop(stream_of(one));
    uv_write(&one.request, stream_of(one), &message, 1, written);
}

void received(uv_stream_t* stream, ssize_t size, const uv_buf_t*) {
    connection& one = of(stream);
    if (size < 0) {
        close(one);
        return;
    }
    one.have += static_cast<std::size_t>(size);
    if (one.have > 0 && (!bench::whole || one.have == one.bytes.size())) {
        send(one);
    }
}

void accept(uv_stream_t* listener, int status) {
    auto* const self = static_cast<server*>(listener->data);
    if (status < 0 || self->left == 0) {
        return;
    }
    auto* const one = new connection;
    uv_tcp_init(&self->loop, &one->stream);
    one->stream.data = one;
    if (uv_accept(listener, stream_of(*one)) != 0) {
        close(*one);
        return;
    }
    uv_tcp_nodelay(&one->stream, 1);
    uv_read_start(stream_of(*one), give_room, received);
    if (--self->left == 0) {
        uv_close(reinterpret_cast<uv_handle_t*>(listener), nullptr);
    }
}

void listen(server& self) {
    sockaddr_storage storage{};
    auto* const name = reinterpret_cast<sockaddr*>(&storage);
    auto* const address = reinterpret_cast<sockaddr_in*>(&storage);
    uv_ip4_addr("127.0.0.1", 0, address);
    uv_tcp_init(&self.loop, &self.listener);
    self.listener.data = &self;
    int size = sizeof storage;
    if (uv_tcp_bind(&self.listener, name, 0) != 0 ||
        uv_listen(reinterpret_cast<uv_stream_t*>(&self.listener), bench::backlog, accept) != 0 ||
        uv_tcp_getsockname(&self.listener, name, &size) != 0) {
        std::perror("listen");
        std::exit(1);
    }
    bench::announce(ntohs(address->sin_port));
}

}  // namespace

int main(int argc, char** argv) {
    server self{};
    self.left = bench::connections_asked(argc, argv);
    uv_loop_init(&self.loop);
    listen(self);
    uv_run(&self.loop, UV_RUN_DEFAULT);
    uv_loop_close(&self.loop);
}
