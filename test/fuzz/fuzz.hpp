// SPDX-License-Identifier: BSL-1.0
// What the fuzz targets have in common: an input that is taken apart, and a check that ends the
// program, which is how libFuzzer learns of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

/// Prints what does not hold, and aborts.
#define FUZZ_CHECK(condition)                                                                      \
    (static_cast<bool>(condition)                                                                  \
         ? void(0)                                                                                 \
         : (std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), std::abort()))

namespace gyre::testing {

/// The bytes of an input, taken from the front.
class fuzz_input {
public:
    fuzz_input(const std::uint8_t* data, std::size_t size)
        : rest_(reinterpret_cast<const char*>(data), size) {}

    /// A number below `bound`; 0 when nothing is left.
    std::size_t below(std::size_t bound) {
        if (rest_.empty()) {
            return 0;
        }
        const auto byte = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        return byte % bound;
    }
    std::string take(std::size_t size) {
        const std::string taken(rest_.substr(0, size));
        rest_.remove_prefix(taken.size());
        return taken;
    }
    std::string rest() { return take(rest_.size()); }

private:
    std::string_view rest_;
};

}  // namespace gyre::testing
