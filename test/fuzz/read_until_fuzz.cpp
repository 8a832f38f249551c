// SPDX-License-Identifier: BSL-1.0
// read_until in all its forms, over random texts, delimiters, limits and splits, against
// std::string::find.
#include <gyre/io_context.hpp>
#include <gyre/read_until.hpp>

#include "fuzz/fuzz.hpp"
#include "support/dynamic_buffers.hpp"
#include "support/scripted_stream.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

using namespace gyre;
using namespace gyre::testing;

namespace {

struct script_of_input {
    explicit script_of_input(fuzz_input input)
        : delimiter(input.take(1 + input.below(5))),
          limit(input.below(3) == 0 ? input.below(64) : std::size_t{1000}),
          initial(input.take(input.below(limit + 1))) {
        for (std::size_t at = 0; at < 64;) {
            at += 1 + input.below(8);
            cuts.push_back(at);
        }
        text = input.rest();
    }

    std::string delimiter;
    std::size_t limit;
    std::string initial;  // what the buffer holds already
    std::vector<std::size_t> cuts;
    std::string text;  // what the stream gives
};

/// What must come of it.
void check(const script_of_input& s, const error_code& ec, std::size_t bytes,
           const std::string& content, std::size_t read) {
    const std::string all = s.initial + s.text;
    const std::size_t at = all.substr(0, s.limit).find(s.delimiter);
    FUZZ_CHECK(content == all.substr(0, s.initial.size() + read));  // nothing is lost
    FUZZ_CHECK(content.size() <= s.limit);
    if (at != std::string::npos) {
        FUZZ_CHECK(!ec && bytes == at + s.delimiter.size());
    } else {
        FUZZ_CHECK(bytes == 0);
        FUZZ_CHECK(ec ==
                   (all.size() >= s.limit ? error_code(error::not_found) : error_code(error::eof)));
        FUZZ_CHECK(content.size() == std::min(all.size(), s.limit));
    }
}

template <class Sought>
void check_forms(io_context& ctx, const script_of_input& s, Sought sought) {
    for (const bool async : {false, true}) {
        for_each_dynamic_buffer(s.initial, s.limit, [&](auto argument, auto content) {
            scripted_stream stream(ctx, s.text);
            stream.cut(s.cuts);
            error_code ec = error::access_denied;
            std::size_t bytes = 0;
            if (async) {
                async_read_until(stream, argument(), sought, [&](error_code e, std::size_t n) {
                    ec = e;
                    bytes = n;
                });
                ctx.restart();
                ctx.run();
            } else {
                bytes = read_until(stream, argument(), sought, ec);
            }
            check(s, ec, bytes, content(), stream.read_so_far());
        });
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static io_context ctx;
    const script_of_input s(fuzz_input(data, size));
    if (s.delimiter.empty()) {
        return 0;
    }
    check_forms(ctx, s, std::string_view(s.delimiter));
    if (s.delimiter.size() == 1) {
        check_forms(ctx, s, s.delimiter[0]);
    }
    check_forms(ctx, s, [&s](auto begin, auto end) {
        const auto at = std::search(begin, end, s.delimiter.begin(), s.delimiter.end());
        return at == end ? std::pair(begin, false)
                         : std::pair(at + static_cast<std::ptrdiff_t>(s.delimiter.size()), true);
    });
    return 0;
}
