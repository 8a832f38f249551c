// SPDX-License-Identifier: BSL-1.0
// The parser of the HTTP examples: whatever comes, it reads nothing that it was not given, and what
// it accepts is what it promises.
#include "examples/http_head.hpp"
#include "fuzz/fuzz.hpp"

#include <cstring>
#include <memory>

namespace http = example::http;
using gyre::testing::fuzz_input;

namespace {

/// The same text where nothing readable stands before or behind it.
class exact_copy {
public:
    explicit exact_copy(std::string_view text)
        : size_(text.size()), bytes_(std::make_unique<char[]>(text.size())) {
        if (size_ != 0) {
            std::memcpy(bytes_.get(), text.data(), size_);
        }
    }
    std::string_view view() const { return {bytes_.get(), size_}; }

private:
    std::size_t size_;
    std::unique_ptr<char[]> bytes_;
};

void check_file(std::string_view target) {
    const exact_copy copy(target);
    const auto file = http::file_of(copy.view());
    if (!file || file->empty()) {
        return;
    }
    FUZZ_CHECK(file->find('\0') == std::string::npos);
    FUZZ_CHECK(file->front() != '/' && file->back() != '/');
    // Each part is a name: none is empty, begins with a dot, or means a folder elsewhere.
    FUZZ_CHECK(("/" + *file).find("//") == std::string::npos);
    FUZZ_CHECK(("/" + *file).find("/.") == std::string::npos);
    FUZZ_CHECK(file->find_first_of("\\:") == std::string::npos);
}

void check_request(const std::string& text) {
    const exact_copy copy(text);
    http::request r;
    const int status = http::parse_request(copy.view(), r);
    if (status != 200) {
        FUZZ_CHECK(status == 400 || status == 431 || status == 501 || status == 505);
        return;
    }
    FUZZ_CHECK(http::is_token(r.method) && http::is_visible(r.target));
    FUZZ_CHECK(text.ends_with("\r\n\r\n"));
    // It ends at its first empty line, but for one at the very beginning.
    FUZZ_CHECK(text.find("\r\n\r\n", 2) == text.size() - 4);
    FUZZ_CHECK(text.find('\0') == std::string::npos);
    http::request again;
    FUZZ_CHECK(http::parse_request(text + "x", again) == 400);
    FUZZ_CHECK(http::parse_request(text.substr(0, text.size() - 1), again) == 400);
    check_file(r.target);
}

void check_response(const std::string& text) {
    const exact_copy copy(text);
    if (const auto r = http::parse_response(copy.view())) {
        FUZZ_CHECK(r->status >= 100 && r->status <= 999);
        FUZZ_CHECK(!r->encoded || !r->length);
        FUZZ_CHECK(text.ends_with("\r\n\r\n"));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    switch (input.below(5)) {
    case 0: check_file(input.rest()); break;
    case 1: check_response(input.rest()); break;
    case 2: check_response("HTTP/1.1 200 OK\r\n" + input.rest() + "\r\n\r\n"); break;
    case 3: check_request("GET / HTTP/1.1\r\nHost: a\r\n" + input.rest() + "\r\n\r\n"); break;
    default: check_request(input.rest()); break;
    }
    return 0;
}
