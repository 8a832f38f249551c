// SPDX-License-Identifier: BSL-1.0
// The echo server of echo_body.hpp by Gyre, by the narrowest headers that will do.

#include <gyre/buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/write.hpp>

namespace net = gyre;

#include "echo_body.hpp"
