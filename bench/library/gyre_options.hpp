// SPDX-License-Identifier: BSL-1.0
// What every context of Gyre is constructed with here: nothing, but under a tool.
#pragma once

#include <gyre/io_context_options.hpp>

#include <cstdlib>

namespace bench {

/// The defaults. A tool that counts stretches time a hundredfold, and the turn of a loop, which is
/// bounded in time, would end where it never ends otherwise: the bench then says so, and the bound
/// is stretched as well.
inline gyre::io_context_options usual_options() {
    gyre::io_context_options result;
    if (std::getenv("BENCH_STRETCHED") != nullptr) {
        result.time_per_turn *= 1000;
    }
    return result;
}

}  // namespace bench
