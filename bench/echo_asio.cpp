// SPDX-License-Identifier: BSL-1.0
// The echo server of echo_body.hpp by Asio, by the narrowest headers that will do.

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>

namespace net = asio;

#include "echo_body.hpp"
