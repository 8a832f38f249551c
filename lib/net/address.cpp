// SPDX-License-Identifier: BSL-1.0
//
// The text form of IP addresses, both ways, and what of the address classes needs no inlining.
// Asks no system: the functions of the C library differ in what they accept.

#include <gyre/ip/address.hpp>

#include <gyre/detail/throw_error.hpp>

namespace gyre::inline v0::ip {
namespace {

constexpr std::size_t group_count = 8;

// A position in a text. Each read_ function takes what it knows from the front, and says whether it
// found it.
class reader {
public:
    explicit reader(std::string_view text) noexcept : text_(text) {}

    bool at_end() const noexcept { return text_.empty(); }
    std::string_view rest() const noexcept { return text_; }

    bool read(std::string_view expected) noexcept {
        if (!text_.starts_with(expected)) {
            return false;
        }
        text_.remove_prefix(expected.size());
        return true;
    }

    // A decimal number up to `limit`, without leading zeros.
    bool read_decimal(std::uint32_t limit, std::uint32_t& value) noexcept {
        std::uint64_t number = 0;
        std::size_t digits = 0;
        while (digits != text_.size() && text_[digits] >= '0' && text_[digits] <= '9') {
            number = number * 10 + static_cast<unsigned char>(text_[digits] - '0');
            if (number > limit) {
                return false;
            }
            ++digits;
        }
        if (digits == 0 || (digits > 1 && text_[0] == '0')) {
            return false;
        }
        text_.remove_prefix(digits);
        value = static_cast<std::uint32_t>(number);
        return true;
    }

    // One to four hexadecimal digits; a fifth is left for the caller to stumble over.
    bool read_group(unsigned& value) noexcept {
        value = 0;
        std::size_t digits = 0;
        while (digits != text_.size() && digits != 4) {
            const int digit = hex_digit(text_[digits]);
            if (digit < 0) {
                break;
            }
            value = value << 4 | static_cast<unsigned>(digit);
            ++digits;
        }
        text_.remove_prefix(digits);
        return digits != 0;
    }

private:
    static int hex_digit(char c) noexcept {
        if (c >= '0' && c <= '9') {
            return c - '0';
        }
        if (c >= 'a' && c <= 'f') {
            return c - 'a' + 10;
        }
        if (c >= 'A' && c <= 'F') {
            return c - 'A' + 10;
        }
        return -1;
    }

    std::string_view text_;
};

bool read_v4(std::string_view text, address_v4& result) noexcept {
    reader in(text);
    address_v4::bytes_type bytes{};
    for (std::size_t i = 0; i != bytes.size(); ++i) {
        std::uint32_t part = 0;
        if ((i != 0 && !in.read(".")) || !in.read_decimal(255, part)) {
            return false;
        }
        bytes[i] = static_cast<unsigned char>(part);
    }
    result = address_v4(bytes);
    return in.at_end();
}

// The groups of an IPv6 address as they are read: those before "::", and those behind it, whose
// place is known only at the end.
struct groups {
    void add(unsigned value) noexcept { values[count++] = static_cast<std::uint16_t>(value); }

    void add(const address_v4& v4) noexcept {
        add(v4.to_uint() >> 16);
        add(v4.to_uint() & 0xffff);
    }

    bool has_gap() const noexcept { return gap <= group_count; }

    std::uint16_t values[group_count];
    std::size_t count = 0;
    std::size_t gap = group_count + 1;
};

bool read_groups(std::string_view text, groups& found) noexcept {
    reader in(text);
    if (in.read("::")) {
        found.gap = 0;
        if (in.at_end()) {
            return true;
        }
    }
    for (;;) {
        const std::string_view here = in.rest();
        unsigned group = 0;
        if (found.count == group_count || !in.read_group(group)) {
            return false;
        }
        if (in.read(".")) {
            address_v4 v4;
            if (found.count + 2 > group_count || !read_v4(here, v4)) {
                return false;
            }
            found.add(v4);
            return true;
        }
        found.add(group);
        if (in.at_end()) {
            return true;
        }
        if (in.read("::")) {
            if (found.has_gap()) {
                return false;
            }
            found.gap = found.count;
            if (in.at_end()) {
                return true;
            }
        } else if (!in.read(":")) {
            return false;
        }
    }
}

bool read_v6(std::string_view text, address_v6& result) noexcept {
    std::uint32_t scope = 0;
    const std::size_t percent = text.find('%');
    if (percent != text.npos) {
        reader in(text.substr(percent + 1));
        if (!in.read_decimal(0xffffffffU, scope) || !in.at_end()) {
            return false;
        }
        text = text.substr(0, percent);
    }

    groups found;
    if (!read_groups(text, found)) {
        return false;
    }
    // All eight are needed without a gap; with one they are too many, as it stands for a group at
    // least.
    if (found.has_gap() == (found.count == group_count)) {
        return false;
    }
    address_v6::bytes_type bytes{};
    const std::size_t missing = group_count - found.count;
    for (std::size_t i = 0; i != found.count; ++i) {
        const std::size_t place = i < found.gap ? i : i + missing;
        bytes[2 * place] = static_cast<unsigned char>(found.values[i] >> 8);
        bytes[2 * place + 1] = static_cast<unsigned char>(found.values[i]);
    }
    result = address_v6(bytes, scope);
    return true;
}

// What all forms of make_address share: the error, and that nothing half-read is returned.
template <class Address>
Address parse(std::string_view text, error_code& ec,
              bool (*read)(std::string_view, Address&) noexcept) noexcept {
    Address result;
    if (!read(text, result)) {
        ec = error::invalid_argument;
        return Address();
    }
    ec.clear();
    return result;
}

bool read_any(std::string_view text, address& result) noexcept {
    if (address_v4 v4; read_v4(text, v4)) {
        result = v4;
        return true;
    }
    if (address_v6 v6; read_v6(text, v6)) {
        result = v6;
        return true;
    }
    return false;
}

// Room for the longest text, a full address with a scope ("%" and ten digits), or a mapped one.
class text_buffer {
public:
    void add(char c) noexcept { text_[size_++] = c; }

    void add_number(std::uint32_t value, unsigned base) noexcept {
        char digits[10];
        std::size_t n = 0;
        do {
            digits[n++] = "0123456789abcdef"[value % base];
            value /= base;
        } while (value != 0);
        while (n != 0) {
            add(digits[--n]);
        }
    }

    void add_v4(const address_v4& v4) noexcept {
        const address_v4::bytes_type bytes = v4.to_bytes();
        for (std::size_t i = 0; i != bytes.size(); ++i) {
            if (i != 0) {
                add('.');
            }
            add_number(bytes[i], 10);
        }
    }

    std::string str() const { return std::string(text_, size_); }

private:
    char text_[64];
    std::size_t size_ = 0;
};

struct zero_run {
    std::size_t start = 0;
    std::size_t length = 0;
};

// The first of the longest runs of zero groups, for RFC 5952, 4.2: only two or more are shortened.
zero_run longest_zero_run(const std::uint16_t (&values)[group_count]) noexcept {
    zero_run best;
    zero_run current;
    for (std::size_t i = 0; i != group_count; ++i) {
        if (values[i] != 0) {
            current = {i + 1, 0};
        } else if (++current.length > best.length) {
            best = current;
        }
    }
    return best.length >= 2 ? best : zero_run{};
}

void add_groups(text_buffer& out, const address_v6::bytes_type& bytes) noexcept {
    std::uint16_t values[group_count];
    for (std::size_t i = 0; i != group_count; ++i) {
        values[i] = static_cast<std::uint16_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
    }
    const zero_run gap = longest_zero_run(values);
    const std::size_t gap_end = gap.start + gap.length;
    for (std::size_t i = 0; i != group_count;) {
        if (gap.length != 0 && i == gap.start) {
            out.add(':');
            out.add(':');
            i = gap_end;
            continue;
        }
        if (i != 0 && (gap.length == 0 || i != gap_end)) {
            out.add(':');
        }
        out.add_number(values[i], 16);
        ++i;
    }
}

address_v4 mapped_part(const address_v6::bytes_type& bytes) noexcept {
    return address_v4(address_v4::bytes_type{bytes[12], bytes[13], bytes[14], bytes[15]});
}

}  // namespace

bad_address_cast::~bad_address_cast() = default;

const char* bad_address_cast::what() const noexcept { return "bad address cast"; }

std::string address_v4::to_string() const {
    text_buffer out;
    out.add_v4(*this);
    return out.str();
}

std::string address_v6::to_string() const {
    text_buffer out;
    if (is_v4_mapped()) {
        for (const char c : std::string_view("::ffff:")) {
            out.add(c);
        }
        out.add_v4(mapped_part(bytes_));
    } else {
        add_groups(out, bytes_);
    }
    if (scope_id_ != 0) {
        out.add('%');
        out.add_number(scope_id_, 10);
    }
    return out.str();
}

std::string address::to_string() const { return is_v6_ ? v6_.to_string() : v4_.to_string(); }

address_v4 address::to_v4() const {
    if (is_v6_) {
        throw bad_address_cast();
    }
    return v4_;
}

address_v6 address::to_v6() const {
    if (!is_v6_) {
        throw bad_address_cast();
    }
    return v6_;
}

address_v4 make_address_v4(std::string_view text, error_code& ec) noexcept {
    return parse<address_v4>(text, ec, read_v4);
}

address_v4 make_address_v4(std::string_view text) {
    error_code ec;
    const address_v4 result = make_address_v4(text, ec);
    detail::throw_error(ec, "make_address_v4");
    return result;
}

address_v4 make_address_v4(v4_mapped_t, const address_v6& address) {
    if (!address.is_v4_mapped()) {
        throw bad_address_cast();
    }
    return mapped_part(address.to_bytes());
}

address_v6 make_address_v6(std::string_view text, error_code& ec) noexcept {
    return parse<address_v6>(text, ec, read_v6);
}

address_v6 make_address_v6(std::string_view text) {
    error_code ec;
    const address_v6 result = make_address_v6(text, ec);
    detail::throw_error(ec, "make_address_v6");
    return result;
}

address make_address(std::string_view text, error_code& ec) noexcept {
    return parse<address>(text, ec, read_any);
}

address make_address(std::string_view text) {
    error_code ec;
    const address result = make_address(text, ec);
    detail::throw_error(ec, "make_address");
    return result;
}

}  // namespace gyre::inline v0::ip

std::size_t
std::hash<gyre::ip::address_v6>::operator()(const gyre::ip::address_v6& address) const noexcept {
    // Put together by shifts, so that a hash does not depend on the machine's byte order.
    const auto bytes = address.to_bytes();
    std::uint64_t state = address.scope_id();
    for (std::size_t half = 0; half != 2; ++half) {
        std::uint64_t word = 0;
        for (std::size_t i = 0; i != 8; ++i) {
            word = word << 8 | bytes[8 * half + i];
        }
        state = (state ^ word) * 0x9e3779b97f4a7c15U;
        state ^= state >> 32;
    }
    return static_cast<std::size_t>(state);
}

std::size_t
std::hash<gyre::ip::address>::operator()(const gyre::ip::address& address) const noexcept {
    return address.is_v4() ? hash<gyre::ip::address_v4>()(address.to_v4())
                           : hash<gyre::ip::address_v6>()(address.to_v6());
}
