// SPDX-License-Identifier: BSL-1.0
// read_until and async_read_until, over streams that split at every place and into every kind of
// dynamic buffer, against std::string::find; and what they do at limits and ends.
#include <gyre/assertion.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/read_until.hpp>
#include <gyre/streambuf.hpp>

#include "support/catch.hpp"
#include "support/dynamic_buffers.hpp"
#include "support/scripted_stream.hpp"
#include "support/tcp_pair.hpp"

#include <algorithm>
#include <cctype>
#include <istream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace gyre;
using namespace gyre::testing;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

constexpr std::size_t no_limit = static_cast<std::size_t>(-1);

/// Calls f(form) for both forms: form(stream, buffer, sought) returns what came of it.
template <class F>
void for_each_form(io_context& ctx, F f) {
    f([](auto& stream, auto&& buffer, auto sought) {
        result r = once(error::access_denied, 12345);
        r.bytes = read_until(stream, std::forward<decltype(buffer)>(buffer), sought, r.error);
        return r;
    });
    f([&ctx](auto& stream, auto&& buffer, auto sought) {
        result r;
        async_read_until(stream, std::forward<decltype(buffer)>(buffer), sought, r.keep());
        if (r != never) {
            throw std::logic_error("called inside");
        }
        run(ctx);
        return r;
    });
}

result expected(const std::string& text, std::string_view sought) {
    const std::size_t at = text.find(sought);
    return at == std::string::npos ? once(error::eof) : once({}, at + sought.size());
}

/// A match condition that finds what std::string::find does, and looks at each byte anew.
auto finds(std::string_view sought) {
    return [sought](auto begin, auto end) {
        const auto at = std::search(begin, end, sought.begin(), sought.end());
        return at == end ? std::pair(begin, false)
                         : std::pair(at + static_cast<std::ptrdiff_t>(sought.size()), true);
    };
}

/// All words of that length over an alphabet.
std::vector<std::string> words(std::string_view alphabet, std::size_t length) {
    std::vector<std::string> all{""};
    for (std::size_t i = 0; i != length; ++i) {
        std::vector<std::string> longer;
        for (const std::string& word : all) {
            for (const char c : alphabet) {
                longer.push_back(word + c);
            }
        }
        all = std::move(longer);
    }
    return all;
}

/// Every split of `text`, every kind of buffer, both forms.
template <class Sought>
void try_all(io_context& ctx, const std::string& text, Sought sought, const result& wanted) {
    for_each_split(text.size(), [&](const std::vector<std::size_t>& cuts) {
        for_each_form(ctx, [&](auto form) {
            for_each_dynamic_buffer("", no_limit, [&](auto argument, auto content) {
                scripted_stream stream(ctx, text);
                stream.cut(cuts);
                const result got = form(stream, argument(), sought);
                const std::string read = text.substr(0, stream.read_so_far());
                if (got != wanted || content() != read) {
                    CAPTURE(text, cuts, read);
                    CHECK(got == wanted);
                    CHECK(content() == read);
                    FAIL();
                }
            });
        });
    });
}

}  // namespace

TEST_CASE("read_until: finds a string wherever it is, however the stream splits it") {
    io_context ctx;
    for (std::size_t length = 0; length <= 6; ++length) {
        for (const std::string& word : words("\r\na", length)) {
            try_all(ctx, word, "\r\n"sv, expected(word, "\r\n"));
        }
    }
    SUCCEED();
}

TEST_CASE("read_until: finds a delimiter whose beginning repeats itself") {
    io_context ctx;
    struct {
        std::string text;
        std::string_view sought;
    } const cases[] = {
        {"\r\n\r\r\n\r\n", "\r\n\r\n"},
        {"aaab", "aab"},
        {"aabaabaac", "aabaac"},
        {"abababac", "ababac"},
        {"\r\n\r\n\r\n", "\r\n\r\n"},
        {"x\r\n\r", "\r\n\r\n"},
        {"abcabd", "abd"},
        {"\0\0\1"s, "\0\1"sv},
        {"a\0b\0\0"s, "\0\0"sv},
        {"boundary--", "boundary--"},
        {"b", "boundary"},
        {"a", "a"},
        {"", "a"},
        {"aaaa", "aaaaa"},
        {"\xff\xfe", "\xfe"},
    };
    for (const auto& [text, sought] : cases) {
        try_all(ctx, text, sought, expected(text, sought));
    }
    SUCCEED();
}

TEST_CASE("read_until: finds a byte wherever it is, a zero too") {
    io_context ctx;
    for (std::size_t length = 0; length <= 4; ++length) {
        for (const std::string& word : words("\0\na"sv, length)) {
            try_all(ctx, word, '\n', expected(word, "\n"));
            try_all(ctx, word, '\0', expected(word, "\0"sv));
        }
    }
    SUCCEED();
}

TEST_CASE("read_until: finds what a match condition says, however the stream splits") {
    io_context ctx;
    for (std::size_t length = 0; length <= 4; ++length) {
        for (const std::string& word : words("\r\na", length)) {
            try_all(ctx, word, finds("\r\n"), expected(word, "\r\n"));
        }
    }
    SUCCEED();
}

TEST_CASE(
    "read_until: a match condition may be a function or an object, and goes on where it says") {
    using iterator = buffers_iterator<streambuf::const_buffers_type>;
    struct has_result {
        using result_type = std::pair<iterator, bool>;
        result_type operator()(iterator begin, iterator end) const {
            const iterator at = std::find(begin, end, sought);
            return {at == end ? end : at + 1, at != end};
        }
        char sought;
    };
    struct opaque {};
    static_assert(is_match_condition<has_result>::value);
    static_assert(is_match_condition<std::pair<iterator, bool> (*)(iterator, iterator)>::value);
    static_assert(is_match_condition<std::pair<iterator, bool>(iterator, iterator)>::value);
    static_assert(!is_match_condition<opaque>::value && !is_match_condition<char>::value);
    static_assert(!is_match_condition<const char*>::value);
    static_assert(!is_match_condition<std::string>::value);
    std::pair<iterator, bool> (*const space)(iterator, iterator) = [](iterator begin,
                                                                      iterator end) {
        for (; begin != end; ++begin) {
            if (std::isspace(static_cast<unsigned char>(*begin)) != 0) {
                return std::pair(++begin, true);
            }
        }
        return std::pair(begin, false);
    };
    io_context ctx;
    for_each_form(ctx, [&](auto form) {
        scripted_stream stream(ctx, "first second;");
        stream.step(1);
        streambuf b;
        CHECK(form(stream, b, space) == once({}, 6));
        b.consume(6);
        CHECK(form(stream, b, has_result{';'}) == once({}, 7));
        CHECK(form(stream, b, [](iterator, iterator end) { return std::pair(end, true); }) ==
              once({}, 7));

        // It is given again what it did not let go: here the last two bytes, always.
        scripted_stream more(ctx, "0123456789");
        more.step(1);
        std::string seen;
        std::string s;
        CHECK(form(more, dynamic_buffer(s), [&seen](auto begin, auto end) {
                  seen += std::string(begin, end) + ' ';
                  return std::pair(end - begin > 2 ? end - 2 : begin, end - begin == 100);
              }) == once(error::eof));
        CHECK(seen == " 0 01 012 123 234 345 456 567 678 789 ");
    });
}

TEST_CASE("read_until: what is in the buffer already is looked at first") {
    io_context ctx;
    for_each_form(ctx, [&](auto form) {
        for_each_dynamic_buffer("one\ntwo\nthree", 20, [&](auto argument, auto content) {
            scripted_stream fine(ctx, " four\n");
            CHECK(form(fine, argument(), "\n"sv) == once({}, 4));
            CHECK(form(fine, argument(), 'e') == once({}, 3));
            CHECK(form(fine, argument(), finds("two")) == once({}, 7));
            CHECK(fine.read_so_far() == 0);
            CHECK(content() == "one\ntwo\nthree");
            argument().consume(4);
            CHECK(form(fine, argument(), '\n') == once({}, 4));
            argument().consume(4);
            CHECK(form(fine, argument(), '\n') == once({}, 11));
            CHECK(content() == "three four\n");
        });
    });
}

TEST_CASE("read_until: the surplus stays in the buffer for the next call") {
    io_context ctx;
    const std::string text = "GET / HTTP/1.1\r\nHost: a\r\n\r\nbody";
    for_each_form(ctx, [&](auto form) {
        for_each_dynamic_buffer("", no_limit, [&](auto argument, auto content) {
            scripted_stream stream(ctx, text);
            CHECK(form(stream, argument(), "\r\n"sv) == once({}, 16));
            CHECK(content() == text);
            argument().consume(16);
            CHECK(form(stream, argument(), "\r\n\r\n"sv) == once({}, 11));
            argument().consume(11);
            CHECK(content() == "body");
            CHECK(form(stream, argument(), "\r\n"sv) == once(error::eof));
            CHECK(content() == "body");
        });
    });
}

TEST_CASE("read_until: a delimiter that ends at the limit is found, one behind it is not") {
    io_context ctx;
    const std::string text = "0123456789\r\nmore";
    for (std::size_t limit = 0; limit <= 14; ++limit) {
        for (const std::size_t step : {std::size_t{1}, std::size_t{3}, no_limit}) {
            for_each_form(ctx, [&](auto form) {
                for_each_dynamic_buffer("", limit, [&](auto argument, auto content) {
                    CAPTURE(limit, step);
                    scripted_stream stream(ctx, text);
                    stream.step(step);
                    const bool fits = limit >= 12;
                    CHECK(form(stream, argument(), "\r\n"sv) ==
                          (fits ? once({}, 12) : once(error::not_found)));
                    // Not a byte more was taken than fits, and those are there.
                    CHECK(stream.read_so_far() <= limit);
                    CHECK((fits || stream.read_so_far() == limit));
                    CHECK(content() == text.substr(0, stream.read_so_far()));
                });
            });
        }
    }
}

TEST_CASE("read_until: a container longer than max_size is left as it is") {
    io_context ctx;
    for_each_form(ctx, [&](auto form) {
        scripted_stream stream(ctx, "never read");
        std::string s = "abcdef\n";
        CHECK(form(stream, dynamic_buffer(s, 4), '\n') == once(error::not_found));
        CHECK(form(stream, dynamic_buffer(s, 4), 'd') == once({}, 4));
        CHECK(s == "abcdef\n");
        CHECK(stream.read_so_far() == 0);
    });
}

TEST_CASE("read_until: the empty string is found at once") {
    io_context ctx;
    for_each_form(ctx, [&](auto form) {
        for_each_dynamic_buffer("", 0, [&](auto argument, auto) {
            scripted_stream stream(ctx, "text");
            CHECK(form(stream, argument(), ""sv) == once({}, 0));
            CHECK(stream.read_so_far() == 0);
        });
    });
}

TEST_CASE("read_until: an error before the match ends it, and what came before is in the buffer") {
    io_context ctx;
    const std::string text = "0123456789\n";
    for (std::size_t after = 0; after <= 11; ++after) {
        for (const std::size_t step : {std::size_t{1}, std::size_t{4}, no_limit}) {
            for_each_form(ctx, [&](auto form) {
                for_each_dynamic_buffer("", no_limit, [&](auto argument, auto content) {
                    CAPTURE(after, step);
                    scripted_stream stream(ctx, text);
                    stream.step(step);
                    stream.fail(error::connection_reset, after);
                    CHECK(form(stream, argument(), '\n') ==
                          (after <= 10 ? once(error::connection_reset) : once({}, 11)));
                    CHECK(content() == text.substr(0, after));
                });
            });
        }
    }
}

TEST_CASE("read_until: a stream that moves nothing and reports no error ends it") {
    io_context ctx;
    for_each_form(ctx, [&](auto form) {
        for_each_dynamic_buffer("", no_limit, [&](auto argument, auto content) {
            scripted_stream stream(ctx, "text\n");
            stream.cut({2});
            CHECK(form(stream, argument(), 'e') == once({}, 2));
            stream.step(0);
            CHECK(form(stream, argument(), '\n') == once(error::not_found));
            CHECK(content() == "te");
        });
    });
}

TEST_CASE("read_until: throws where there is no error_code, for each kind of delimiter") {
    io_context ctx;
    scripted_stream stream(ctx, "a,b;c");
    std::string s;
    CHECK(read_until(stream, dynamic_buffer(s), ',') == 2);
    CHECK(read_until(stream, dynamic_buffer(s), ";") == 4);
    CHECK(read_until(stream, dynamic_buffer(s), finds("c")) == 5);
    CHECK_THROWS_AS(read_until(stream, dynamic_buffer(s), '!'), system_error);
    CHECK_THROWS_AS(read_until(stream, dynamic_buffer(s), std::string("!")), system_error);
    CHECK_THROWS_AS(read_until(stream, dynamic_buffer(s), finds("!")), system_error);
    CHECK(s == "a,b;c");
}

TEST_CASE("read_until: a step asks for the room there is, at least 512 bytes and at most 64 KiB") {
    io_context ctx;
    const std::string text(200'000, 'x');
    const auto largest = [&](std::size_t reserved) {
        scripted_stream stream(ctx, text);
        stream.step(1000);
        stream.fail(error::eof, 1);
        std::string s;
        s.reserve(reserved);
        error_code ec;
        CHECK(read_until(stream, dynamic_buffer(s), '\n', ec) == 0);
        return stream.largest_request();
    };
    CHECK(largest(0) == 512);
    CHECK(largest(1024) == 1024);
    CHECK(largest(100'000) == 65'536);
}

TEST_CASE("read_until: lines are taken from a streambuf by an istream") {
    io_context ctx;
    adopted a = adopt(ctx);
    put(a.peer.get(), "first line\nsecond ");
    streambuf b;
    std::istream in(&b);
    std::string line;
    result r;
    async_read_until(a.socket, b, '\n', r.keep());
    run(ctx);
    CHECK(r == once({}, 11));
    std::getline(in, line);
    CHECK(line == "first line");
    put(a.peer.get(), "line\n");
    CHECK(read_until(a.socket, b, '\n') == 12);
    std::getline(in, line);
    CHECK(line == "second line");
    put(a.peer.get(), "unfinished");
    a.peer.reset();
    r = {};
    async_read_until(a.socket, b, "\n", r.keep());
    run(ctx);
    CHECK(r == once(error::eof));
    CHECK(text_of(b) == "unfinished");
}

TEST_CASE("async_read_until: a peer that sends one byte at a time is read to the delimiter") {
    io_context ctx;
    adopted a = adopt(ctx);
    std::string s;
    result r;
    async_read_until(a.socket, dynamic_buffer(s, 64), "\r\n\r\n", r.keep());
    const std::string text = "a: 1\r\nb: 2\r\n\r\n";
    for (const char c : text) {
        CHECK(r == never);
        put(a.peer.get(), std::string_view(&c, 1));
        await_bytes(a.socket);
        ctx.poll();
    }
    CHECK(r == once({}, text.size()));
    CHECK(s == text);
}

TEST_CASE("async_read_until: the delimiter and a handle are copied, the handler only movable") {
    io_context ctx;
    adopted a = adopt(ctx);
    std::string s;
    result r;
    {
        std::string sought = "a delimiter that is too long to be stored in place";
        auto handle = dynamic_buffer(s);
        async_read_until(
            a.socket, handle, sought,
            [&r, only = std::make_unique<int>(1)](auto ec, auto n) { r.keep()(ec, n); });
        sought.assign(sought.size(), '!');
    }
    put(a.peer.get(), "a delimiter that is too long to be stored in place");
    run(ctx);
    CHECK(r == once({}, 50));
}

TEST_CASE("read_until: a broken match condition or stream is an assertion") {
    struct broken {};
    const assertion_handler before =
        set_assertion_handler([](const char*, const char*, int) { throw broken(); });
    io_context ctx;
    scripted_stream stream(ctx, "text");
    std::string s;
    error_code ec;
    CHECK_THROWS_AS(
        read_until(
            stream, dynamic_buffer(s), [](auto, auto end) { return std::pair(end + 1, true); }, ec),
        broken);
    CHECK_THROWS_AS(read_until(
                        stream, dynamic_buffer(s),
                        [](auto begin, auto) { return std::pair(begin - 1, false); }, ec),
                    broken);
    struct liar {
        std::size_t read_some(mutable_buffer b, error_code&) { return b.size() + 1; }
    } lying;
    CHECK_THROWS_AS(read_until(lying, dynamic_buffer(s), '\n', ec), broken);

    // Somebody takes bytes out while an operation has the buffer.
    std::string taken(100, 'x');
    result r;
    async_read_until(stream, dynamic_buffer(taken), '\n', r.keep());
    taken.clear();
    CHECK_THROWS_AS(ctx.run(), broken);
    CHECK(r == never);
    set_assertion_handler(before);
}
