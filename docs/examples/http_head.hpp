// SPDX-License-Identifier: BSL-1.0
// What stands before the body of an HTTP/1.1 message (RFC 9112), read strictly: what one program
// takes for one message and another for two is how requests are smuggled.
//
// Knows no socket and reads no file: text in, values out, so that a test and a fuzzer can feed it.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace example::http {

/// No message has more fields than that.
inline constexpr std::size_t fields_max = 100;

struct field {
    std::string_view name;
    std::string_view value;
};

/// What the fields say about the body and about what comes after it.
struct framing {
    std::optional<std::uint64_t> length;  ///< Content-Length; the largest number if it is larger
    bool encoded = false;                 ///< Transfer-Encoding
    bool close = false;                   ///< Connection: close
    bool keep_alive = false;              ///< Connection: keep-alive
    bool expects = false;                 ///< Expect
    int hosts = 0;                        ///< how many Host fields there are
};

struct request {
    std::string_view method;
    std::string_view target;
    std::uint64_t body = 0;  ///< its length
    bool keep_alive = false;
    bool expects = false;
};

struct response {
    int status = 0;
    std::optional<std::uint64_t> length;
    bool encoded = false;
};

// ---- characters ------------------------------------------------------------------------------

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_blank(char c) { return c == ' ' || c == '\t'; }

inline bool is_token_char(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

inline bool is_token(std::string_view text) {
    for (const char c : text) {
        if (!is_token_char(c)) {
            return false;
        }
    }
    return !text.empty();
}

/// Visible, blank or not ASCII: what may stand in the value of a field.
inline bool is_text(std::string_view text) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte < 0x20 && c != '\t') || byte == 0x7f) {
            return false;
        }
    }
    return true;
}

/// Visible ASCII: what a target consists of.
inline bool is_visible(std::string_view text) {
    for (const char c : text) {
        if (c <= 0x20 || c >= 0x7f) {
            return false;
        }
    }
    return !text.empty();
}

inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

inline bool same(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) {
        return false;
    }
    for (std::size_t i = 0; i != a.size(); ++i) {
        if (lower(a[i]) != lower(b[i])) {
            return false;
        }
    }
    return true;
}

inline std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

/// Takes the text up to a separator off the front, and the separator; all if there is none.
inline std::string_view take_until(std::string_view& rest, std::string_view separator) {
    const std::size_t at = rest.find(separator);
    const std::string_view taken = rest.substr(0, at);
    rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + separator.size());
    return taken;
}

// ---- fields ----------------------------------------------------------------------------------

/// The lines behind the first one, up to the empty one at the end. Nothing if one of them is not a
/// field; more than fields_max are cut to one more than that.
inline std::optional<std::vector<field>> parse_fields(std::string_view lines) {
    std::vector<field> fields;
    while (!lines.empty() && fields.size() <= fields_max) {
        std::string_view line = take_until(lines, "\r\n");
        if (line.empty()) {
            return lines.empty() ? std::optional(fields) : std::nullopt;
        }
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) {
            return std::nullopt;
        }
        // No blank before the colon, and no line that continues the one before: a token has none.
        const field f{line.substr(0, colon), trimmed(line.substr(colon + 1))};
        if (!is_token(f.name) || !is_text(f.value)) {
            return std::nullopt;
        }
        fields.push_back(f);
    }
    return fields.size() > fields_max ? std::optional(fields) : std::nullopt;
}

inline std::optional<std::uint64_t> parse_length(std::string_view text) {
    for (const char c : text) {
        if (!is_digit(c)) {
            return std::nullopt;
        }
    }
    std::uint64_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem == std::errc::result_out_of_range) {
        return std::numeric_limits<std::uint64_t>::max();
    }
    return problem == std::errc() ? std::optional(value) : std::nullopt;
}

/// Nothing if the fields contradict each other.
inline std::optional<framing> framing_of(const std::vector<field>& fields) {
    framing f;
    for (const auto& [name, value] : fields) {
        if (same(name, "content-length")) {
            const auto length = parse_length(value);
            if (!length || (f.length && f.length != length)) {
                return std::nullopt;
            }
            f.length = length;
        } else if (same(name, "connection")) {
            for (std::string_view rest = value; !rest.empty();) {
                const std::string_view option = trimmed(take_until(rest, ","));
                f.close = f.close || same(option, "close");
                f.keep_alive = f.keep_alive || same(option, "keep-alive");
            }
        }
        f.encoded = f.encoded || same(name, "transfer-encoding");
        f.expects = f.expects || same(name, "expect");
        f.hosts += same(name, "host") ? 1 : 0;
    }
    return f.encoded && f.length ? std::nullopt : std::optional(f);
}

// ---- the first line --------------------------------------------------------------------------

/// The minor version of HTTP/1; -1 for another version, nothing if it is none.
inline std::optional<int> minor_version(std::string_view text) {
    if (text.size() != 8 || text.substr(0, 5) != "HTTP/" || !is_digit(text[5]) || text[6] != '.' ||
        !is_digit(text[7])) {
        return std::nullopt;
    }
    return text[5] == '1' ? text[7] - '0' : -1;
}

/// Reads a head, its empty line included, into `r`, whose views are of `head`. Returns the status
/// to answer with: 200, or what is wrong.
inline int parse_request(std::string_view head, request& r) {
    if (head.starts_with("\r\n")) {
        head.remove_prefix(2);  // some clients put an empty line behind a body
    }
    std::string_view line = take_until(head, "\r\n");
    r.method = take_until(line, " ");
    r.target = take_until(line, " ");
    const auto minor = minor_version(line);
    if (!is_token(r.method) || !is_visible(r.target) || !minor) {
        return 400;
    }
    if (*minor < 0) {
        return 505;
    }
    const auto fields = parse_fields(head);
    if (!fields) {
        return 400;
    }
    if (fields->size() > fields_max) {
        return 431;
    }
    const auto f = framing_of(*fields);
    if (!f || (*minor == 0 ? f->hosts > 1 : f->hosts != 1)) {
        return 400;
    }
    if (f->encoded) {
        return *minor == 0 ? 400 : 501;
    }
    r.body = f->length.value_or(0);
    r.keep_alive = !f->close && (*minor != 0 || f->keep_alive);
    r.expects = f->expects;
    return 200;
}

/// Reads a head, its empty line included. Nothing if it is none.
inline std::optional<response> parse_response(std::string_view head) {
    std::string_view line = take_until(head, "\r\n");
    const auto minor = minor_version(take_until(line, " "));
    const std::string_view code = take_until(line, " ");
    const auto status = parse_length(code);
    if (!minor || *minor < 0 || code.size() != 3 || !status || *status < 100 || !is_text(line)) {
        return std::nullopt;
    }
    const auto fields = parse_fields(head);
    const auto f = fields && fields->size() <= fields_max ? framing_of(*fields) : std::nullopt;
    if (!f) {
        return std::nullopt;
    }
    return response{static_cast<int>(*status), f->length, f->encoded};
}

// ---- targets ---------------------------------------------------------------------------------

inline int hex_value(char c) {
    const char l = lower(c);
    return is_digit(l) ? l - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/// Replaces %XX by the byte that it stands for. Nothing if a % is followed by anything else, or if
/// the text has control characters afterwards.
inline std::optional<std::string> percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i != text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        decoded += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return is_text(decoded) ? std::optional(decoded) : std::nullopt;
}

/// Whether a folder or file of that name may be served: nothing hidden, and so neither "." nor
/// ".."; nothing that is a path by itself on some system.
inline bool is_plain_name(std::string_view name) {
    return !name.empty() && name.front() != '.' && name.find_first_of("\\:") == name.npos;
}

/// The file that a target names, relative to the root: folders and a name, each of them plain. A
/// target that ends with a slash names the index.html there. Nothing if the target is malformed;
/// the empty string if it is well-formed and names nothing that may be served.
inline std::optional<std::string> file_of(std::string_view target) {
    if (same(target.substr(0, 7), "http://")) {
        target.remove_prefix(7);
        target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
        target = target.empty() ? "/" : target;
    }
    if (target.empty() || target.front() != '/' || target.find('#') != target.npos) {
        return std::nullopt;
    }
    const auto path = percent_decoded(target.substr(1, target.find('?') - 1));
    if (!path) {
        return std::nullopt;
    }
    std::string file;
    std::string_view rest = *path;
    while (!rest.empty()) {
        const std::string_view name = take_until(rest, "/");
        if (!is_plain_name(name)) {
            return std::string();
        }
        file += file.empty() ? "" : "/";
        file += name;
    }
    if (path->empty() || path->back() == '/') {
        file += file.empty() ? "index.html" : "/index.html";
    }
    return file;
}

}  // namespace example::http
