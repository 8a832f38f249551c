// SPDX-License-Identifier: BSL-1.0
// Endpoints from whatever bytes a system, or a program, may put into them: nothing is read beyond
// them, and what they are read as goes back the same way.
#include <gyre/generic/stream_protocol.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/local/stream_protocol.hpp>

#include "fuzz/fuzz.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>

namespace {

/// As the system does it: bytes into data(), at most capacity(), then resize().
template <class Endpoint>
Endpoint filled(std::string_view bytes) {
    Endpoint e;
    std::memcpy(e.data(), bytes.data(), std::min(bytes.size(), e.capacity()));
    e.resize(bytes.size());
    FUZZ_CHECK(e.size() <= e.capacity());
    return e;
}

void ip(std::string_view bytes) {
    using endpoint = gyre::ip::tcp::endpoint;
    const auto e = filled<endpoint>(bytes);
    const endpoint again(e.address(), e.port());
    FUZZ_CHECK(again == e);
    FUZZ_CHECK(!e.to_string().empty());
    FUZZ_CHECK((e <=> again) == 0);
}

void local(std::string_view bytes) {
    using endpoint = gyre::local::stream_protocol::endpoint;
    const auto e = filled<endpoint>(bytes);
    FUZZ_CHECK(e.path().size() <= e.capacity());
    try {
        const endpoint named{bytes};
        // A path ends at its first zero byte, an abstract name does not.
        const bool abstract = !bytes.empty() && bytes.front() == '\0';
        FUZZ_CHECK(named.path() == (abstract ? bytes : bytes.substr(0, bytes.find('\0'))));
        endpoint copy;
        std::memcpy(copy.data(), named.data(), named.size());
        copy.resize(named.size());
        FUZZ_CHECK(copy == named);
    } catch (const std::system_error& error) {
        FUZZ_CHECK(error.code() == gyre::error::name_too_long && bytes.size() > 100);
    }
}

void generic(std::string_view bytes) {
    using endpoint = gyre::generic::stream_protocol::endpoint;
    static_cast<void>(filled<endpoint>(bytes).protocol());
    try {
        const endpoint e(bytes.data(), bytes.size());
        FUZZ_CHECK(std::string_view(static_cast<const char*>(e.data()), e.size()) == bytes);
        static_cast<void>(e.protocol());
    } catch (const std::system_error& error) {
        FUZZ_CHECK(error.code() == gyre::error::invalid_argument && bytes.size() > 128);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    ip(bytes);
    local(bytes);
    generic(bytes);
    return 0;
}
