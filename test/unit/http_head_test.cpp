// SPDX-License-Identifier: BSL-1.0
// The parser of the HTTP examples, by tables: what is a message, what is not, and which file a
// target names.
#include "examples/http_head.hpp"

#include "support/catch.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace http = example::http;
using namespace std::string_literals;

namespace {

/// The status for a head; views into a copy that ends where the head ends.
int status_of(const std::string& head) {
    http::request r;
    return http::parse_request(head, r);
}

/// A request with these fields beside Host.
std::string with(const std::string& fields) {
    return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

std::string many_fields(std::size_t count) {
    std::string all;
    for (std::size_t i = 0; i != count; ++i) {
        all += "a:\r\n";
    }
    return all;
}

/// Heads and what each is answered with.
struct {
    int status;
    std::string head;
} const answered[] = {
    {400, ""},
    {400, "\r\n"},
    {400, "\r\n\r\n"},
    {400, "GET\r\n\r\n"},
    {400, "GET /\r\n\r\n"},
    {400, "GET / \r\nHost: a\r\n\r\n"},
    {400, "GET / HTTP/1.1"},
    {400, "GET / HTTP/1.1\r\n"},
    {400, "GET / HTTP/1.1\r\n\r\n"},  // no Host
    {400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
    {400, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"},
    {400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
    {400, "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET /\xc3\xbc HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"s},
    {400, "G\0T / HTTP/1.1\r\nHost: a\r\n\r\n"s},
    {400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET / http/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET / HTTP/1\r\nHost: a\r\n\r\n"},
    {400, "GET / HTTP/1.1.1\r\nHost: a\r\n\r\n"},
    {400, "GET / HTTP/11.1\r\nHost: a\r\n\r\n"},
    {400, "GET / HTTP/1,1\r\nHost: a\r\n\r\n"},
    {505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
    {505, "GET / HTTP/0.9\r\nHost: a\r\n\r\n"},
    {400, "GET / HTTP/1.1\nHost: a\n\n"},
    {400, "GET / HTTP/1.1\r\nHost: a\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a\r\n\r\nmore"},
    {400, with(" folded: x\r\n")},
    {400, with("a: x\r\n and more\r\n")},
    {400, with("\tfolded\r\n")},
    {400, with("no colon\r\n")},
    {400, with(": no name\r\n")},
    {400, with("a : x\r\n")},
    {400, with("a\t: x\r\n")},
    {400, with("a b: x\r\n")},
    {400, with("a\0b: x\r\n"s)},
    {400, with("a: x\0y\r\n"s)},
    {400, with("a: x\x7f\r\n")},
    {400, with("\xc3\xbc: x\r\n")},
    {400, with("Content-Length:\r\n")},
    {400, with("Content-Length: -1\r\n")},
    {400, with("Content-Length: +1\r\n")},
    {400, with("Content-Length: 1 2\r\n")},
    {400, with("Content-Length: 1, 1\r\n")},
    {400, with("Content-Length: 0x10\r\n")},
    {400, with("Content-Length: 1.0\r\n")},
    {400, with("Content-Length: one\r\n")},
    {400, with("Content-Length: 1\r\nContent-Length: 2\r\n")},
    {400, with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")},
    {400, with("transfer-encoding: chunked\r\nContent-Length: 0\r\n")},
    {501, with("Transfer-Encoding: chunked\r\n")},
    {501, with("Transfer-Encoding: identity\r\n")},
    {400, "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {200, with(many_fields(99))},
    {431, with(many_fields(100))},
    {431, with(many_fields(10'000))},
};

}  // namespace

TEST_CASE("http head: a request gives method, target, body and what comes after") {
    struct {
        std::string head;
        std::string_view method;
        std::string_view target;
        std::uint64_t body;
        bool keep_alive;
    } const cases[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/", 0, true},
        {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/", 0, true},
        {"HEAD /a?b=c HTTP/1.1\r\nhOST:\t a \t\r\nConnection: close\r\n\r\n", "HEAD", "/a?b=c", 0,
         false},
        {"GET / HTTP/1.0\r\n\r\n", "GET", "/", 0, false},
        {"GET / HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n", "GET", "/", 0, true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "GET", "/", 0, false},
        {"GET / HTTP/1.9\r\nHost:\r\nConnection:\r\nConnection: ,,\r\n\r\n", "GET", "/", 0, true},
        {"PUT * HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n", "PUT", "*", 12, true},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\ncontent-length: 7\r\n\r\n", "GET", "/",
         7, true},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", "GET", "/",
         std::numeric_limits<std::uint64_t>::max(), true},
        {"a!#$%&'*+-.^_`|~9 http://h/p HTTP/1.1\r\nHost: h\r\nX: \xc3\xbc:\t;\r\n\r\n",
         "a!#$%&'*+-.^_`|~9", "http://h/p", 0, true},
    };
    for (const auto& c : cases) {
        CAPTURE(c.head);
        http::request r;
        CHECK(http::parse_request(c.head, r) == 200);
        CHECK(r.method == c.method);
        CHECK(r.target == c.target);
        CHECK(r.body == c.body);
        CHECK(r.keep_alive == c.keep_alive);
    }
    http::request r;
    CHECK(http::parse_request(with("Expect: 100-continue\r\n"), r) == 200);
    CHECK(r.expects);
}

TEST_CASE("http head: what is not a request has the status that says so") {
    for (const auto& c : answered) {
        CAPTURE(c.head);
        CHECK(status_of(c.head) == c.status);
    }
}

TEST_CASE("http head: a head that is cut off anywhere is no request") {
    const std::string head = "GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    REQUIRE(status_of(head) == 200);
    for (std::size_t size = 0; size != head.size(); ++size) {
        CAPTURE(size);
        CHECK(status_of(head.substr(0, size)) == 400);
    }
}

TEST_CASE("http head: a response gives status and length, or is none") {
    const auto of = [](const std::string& head) { return http::parse_response(head); };
    CHECK(of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")->length == 3u);
    CHECK(of("HTTP/1.0 404 Not Found\r\n\r\n")->status == 404);
    CHECK_FALSE(of("HTTP/1.1 200 OK\r\n\r\n")->length);
    CHECK(of("HTTP/1.1 200\r\n\r\n")->status == 200);
    CHECK(of("HTTP/1.1 200 \r\n\r\n")->status == 200);
    CHECK(of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")->encoded);
    const std::string wrong[] = {
        "",
        "\r\n\r\n",
        "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 -20 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 200 O\0K\r\n\r\n"s,
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\n" + many_fields(101) + "\r\n",
    };
    for (const std::string& head : wrong) {
        CAPTURE(head);
        CHECK_FALSE(of(head));
    }
}

TEST_CASE("http head: a target names a file below the root, or none, or is malformed") {
    using file = std::optional<std::string>;
    const file none = "";
    struct {
        std::string_view target;
        file expected;
    } const cases[] = {
        {"/", "index.html"},
        {"/a", "a"},
        {"/a/b.txt", "a/b.txt"},
        {"/a/", "a/index.html"},
        {"/a?q", "a"},
        {"/?q=/../x", "index.html"},
        {"/a%20b%2Fc", "a b/c"},
        {"/%C3%bc", "\xc3\xbc"},
        {"/a%3Fb", "a?b"},
        {"http://host", "index.html"},
        {"HTTP://host:80/a/b", "a/b"},
        {"/..", none},
        {"/../a", none},
        {"/a/../b", none},
        {"/a/..", none},
        {"/%2e%2e/a", none},
        {"/.%2e/a", none},
        {"/a%2f..%2f..%2fb", none},
        {"/a/%2e%2e%2f%2e%2e/b", none},
        {"/%2e/a", none},
        {"/./a", none},
        {"/.git/config", none},
        {"/a/.hidden", none},
        {"//etc/passwd", none},
        {"/a//b", none},
        {"/a//", none},
        {"/%2fetc/passwd", none},
        {"/..\\a", none},
        {"/a\\..\\..\\b", none},
        {"/%5c%5chost%5cshare", none},
        {"/c:/windows", none},
        {"/a%3ab", none},
        {"http://host/../a", none},
        {"", std::nullopt},
        {"*", std::nullopt},
        {"a", std::nullopt},
        {"?q", std::nullopt},
        {"host:80", std::nullopt},
        {"ftp://host/a", std::nullopt},
        {"http://host?q", std::nullopt},
        {"/a#b", std::nullopt},
        {"/%", std::nullopt},
        {"/%4", std::nullopt},
        {"/%4g", std::nullopt},
        {"/%g4", std::nullopt},
        {"/%%41", std::nullopt},
        {"/%00", std::nullopt},
        {"/a%00.txt", std::nullopt},
        {"/a%0d%0ab", std::nullopt},
        {"/%7f", std::nullopt},
    };
    for (const auto& c : cases) {
        CAPTURE(c.target);
        CHECK((http::file_of(c.target) == c.expected));
    }
}
