// SPDX-License-Identifier: BSL-1.0
//
// The names of errors, their categories, and what they compare equal to.

#include <gyre/detail/throw_error.hpp>
#include <gyre/error.hpp>
#include <gyre/placeholders.hpp>

#include "support/catch.hpp"

#include <cstring>
#include <functional>
#include <string>
#include <type_traits>

namespace error = gyre::error;

namespace {

// Used before main(): a category must exist by then.
const gyre::error_code made_early = error::eof;
const std::string early_text = made_early.message();

}  // namespace

TEST_CASE("error: a code of the system equals its name") {
    const gyre::error_code ec(ECONNREFUSED, error::get_system_category());
    CHECK(ec == error::connection_refused);
    CHECK(ec != error::connection_reset);
    CHECK(gyre::error_code(error::operation_aborted).value() == ECANCELED);
#if !defined(_WIN32)
    CHECK(std::error_code(EPIPE, std::system_category()) == error::broken_pipe);
#endif
}

TEST_CASE("error: names of the system compare equal to their std::errc namesakes") {
    const auto same = [](error::basic_errors name, std::errc condition) {
        return gyre::error_code(name) == condition;
    };
    CHECK(same(error::access_denied, std::errc::permission_denied));
    CHECK(same(error::address_family_not_supported, std::errc::address_family_not_supported));
    CHECK(same(error::address_in_use, std::errc::address_in_use));
    CHECK(same(error::address_not_available, std::errc::address_not_available));
    CHECK(same(error::already_connected, std::errc::already_connected));
    CHECK(same(error::already_started, std::errc::connection_already_in_progress));
    CHECK(same(error::bad_descriptor, std::errc::bad_file_descriptor));
    CHECK(same(error::broken_pipe, std::errc::broken_pipe));
    CHECK(same(error::connection_aborted, std::errc::connection_aborted));
    CHECK(same(error::connection_refused, std::errc::connection_refused));
    CHECK(same(error::connection_reset, std::errc::connection_reset));
    CHECK(same(error::fault, std::errc::bad_address));
    CHECK(same(error::host_unreachable, std::errc::host_unreachable));
    CHECK(same(error::in_progress, std::errc::operation_in_progress));
    CHECK(same(error::interrupted, std::errc::interrupted));
    CHECK(same(error::invalid_argument, std::errc::invalid_argument));
    CHECK(same(error::message_size, std::errc::message_size));
    CHECK(same(error::name_too_long, std::errc::filename_too_long));
    CHECK(same(error::network_down, std::errc::network_down));
    CHECK(same(error::network_reset, std::errc::network_reset));
    CHECK(same(error::network_unreachable, std::errc::network_unreachable));
    CHECK(same(error::no_buffer_space, std::errc::no_buffer_space));
    CHECK(same(error::no_descriptors, std::errc::too_many_files_open));
    CHECK(same(error::no_memory, std::errc::not_enough_memory));
    CHECK(same(error::no_permission, std::errc::operation_not_permitted));
    CHECK(same(error::no_protocol_option, std::errc::no_protocol_option));
    CHECK(same(error::no_such_device, std::errc::no_such_device));
    CHECK(same(error::not_connected, std::errc::not_connected));
    CHECK(same(error::not_socket, std::errc::not_a_socket));
    CHECK(same(error::operation_aborted, std::errc::operation_canceled));
    CHECK(same(error::operation_not_supported, std::errc::operation_not_supported));
    CHECK(same(error::timed_out, std::errc::timed_out));
    CHECK(same(error::try_again, std::errc::resource_unavailable_try_again));
    CHECK(same(error::would_block, std::errc::operation_would_block));
    CHECK_FALSE(same(error::timed_out, std::errc::operation_canceled));
}

TEST_CASE("error: names that the system lacks live in categories of their own") {
    CHECK(gyre::error_code(error::eof).category() == error::get_misc_category());
    CHECK(gyre::error_code(error::host_not_found).category() == error::get_netdb_category());
    CHECK(gyre::error_code(error::service_not_found).category() == error::get_addrinfo_category());
    // The same number in another category is another error.
    CHECK(static_cast<int>(error::already_open) == static_cast<int>(error::host_not_found));
    CHECK(gyre::error_code(error::already_open) != error::host_not_found);
    CHECK(gyre::error_code(error::host_not_found) != error::service_not_found);
    CHECK(gyre::error_code(error::already_open) != gyre::error_code(1, std::generic_category()));

    CHECK(std::strcmp(error::get_misc_category().name(), "gyre.misc") == 0);
    CHECK(std::strcmp(error::get_netdb_category().name(), "gyre.netdb") == 0);
    CHECK(std::strcmp(error::get_addrinfo_category().name(), "gyre.addrinfo") == 0);
}

TEST_CASE("error: a name can be assigned and compared, and none of them is success") {
    gyre::error_code ec;
    CHECK_FALSE(ec);
    ec = error::eof;
    CHECK(ec);
    CHECK(ec == error::eof);
    CHECK(error::eof == ec);
    CHECK(ec != error::not_found);
    ec = error::operation_aborted;
    CHECK(ec == std::errc::operation_canceled);
    ec = error::no_recovery;
    CHECK(ec == error::no_recovery);
    ec = error::socket_type_not_supported;
    CHECK(ec);
}

TEST_CASE("error: each name of Gyre's own has a text, and so has an unknown value") {
    CHECK(gyre::error_code(error::eof).message() == "end of file");
    CHECK(gyre::error_code(error::already_open).message() == "already open");
    CHECK(gyre::error_code(error::not_found).message() == "element not found");
    CHECK(gyre::error_code(error::host_not_found).message() == "host not found");
    CHECK(gyre::error_code(error::service_not_found).message() == "service not found");
    for (const auto* category : {&error::get_misc_category(), &error::get_netdb_category(),
                                 &error::get_addrinfo_category()}) {
        const int last = category == &error::get_addrinfo_category() ? 2 : 4;
        const std::string unknown = category->message(last + 1);
        CHECK_FALSE(unknown.empty());
        for (int value = 1; value <= last; ++value) {
            CAPTURE(category->name(), value);
            CHECK_FALSE(category->message(value).empty());
            CHECK(category->message(value) != unknown);
        }
    }
}

TEST_CASE("error: categories exist before main") {
    CHECK(made_early == error::eof);
    CHECK(early_text == "end of file");
}

TEST_CASE("error: throw_error throws what is set and nothing for success") {
    CHECK_NOTHROW(gyre::detail::throw_error({}, "read"));
    try {
        gyre::detail::throw_error(error::eof, "read");
        FAIL("nothing was thrown");
    } catch (const gyre::system_error& e) {
        CHECK(e.code() == error::eof);
        CHECK(std::string(e.what()) == "read: end of file");
    }
}

TEST_CASE("placeholders: bind picks the handler's arguments by name") {
    namespace placeholders = gyre::placeholders;
    static_assert(std::is_placeholder_v<std::remove_cv_t<decltype(placeholders::error)>> == 1);
    static_assert(std::is_placeholder_v<std::remove_cv_t<decltype(placeholders::iterator)>> == 2);
    static_assert(std::is_placeholder_v<std::remove_cv_t<decltype(placeholders::results)>> == 2);
    static_assert(std::is_placeholder_v<std::remove_cv_t<decltype(placeholders::endpoint)>> == 2);

    gyre::error_code seen;
    std::size_t moved = 0;
    const auto handler = std::bind(
        [&](std::size_t n, const gyre::error_code& ec) {
            seen = ec;
            moved = n;
        },
        placeholders::bytes_transferred, placeholders::error);
    handler(gyre::error_code(error::eof), std::size_t{7});
    CHECK(seen == error::eof);
    CHECK(moved == 7);

    int number = 0;
    std::bind([&](int n) { number = n; }, placeholders::signal_number)(gyre::error_code(), 15);
    CHECK(number == 15);
}
