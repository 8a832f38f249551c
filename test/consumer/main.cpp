// SPDX-License-Identifier: BSL-1.0
//
// What a user's first program needs: the headers are found, the library links, the loop runs.
#include <gyre/io_context.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>
#include <gyre/version.hpp>

#include <chrono>
#include <cstdio>
#include <system_error>

int main() {
    static_assert(GYRE_VERSION >= 100);
    int calls = 0;
    gyre::io_context context;
    gyre::post(context, [&calls] { ++calls; });
    gyre::steady_timer timer(context);
    timer.expires_after(std::chrono::milliseconds(1));
    timer.async_wait([&calls](std::error_code error) { calls += error ? 0 : 1; });
    context.run();
    if (calls != 2) {
        std::printf("%d handlers were called, not 2\n", calls);
        return 1;
    }
    std::puts("OK");
}
