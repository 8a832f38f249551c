// SPDX-License-Identifier: BSL-1.0
// The handler of broken preconditions: the one thing of this library that prints.
#include <gyre/assertion.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace gyre::inline v0 {
namespace {

void print_and_abort(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "gyre: precondition broken: %s (%s:%d)\n", condition, file, line);
    std::abort();
}

std::atomic<assertion_handler> current_handler{&print_and_abort};

}  // namespace

assertion_handler set_assertion_handler(assertion_handler handler) noexcept {
    return current_handler.exchange(handler != nullptr ? handler : &print_and_abort);
}

void detail::assertion_failed(const char* condition, const char* file, int line) {
    current_handler.load()(condition, file, line);
    std::abort();
}

}  // namespace gyre::inline v0
