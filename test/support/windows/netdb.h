// SPDX-License-Identifier: BSL-1.0
// See sockets.hpp.
#pragma once

#include <sockets.hpp>
