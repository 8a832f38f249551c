// SPDX-License-Identifier: BSL-1.0
// What the epoll poller says of a handle that was closed behind its back, whatever its number has
// become since: the kernel has a different answer for each.
#include <gyre/poller.hpp>

#include "support/catch.hpp"
#include "support/pair.hpp"
#include "support/poller_rig.hpp"

#include <fcntl.h>

using namespace gyre;
using namespace gyre::testing;

#if defined(__linux__)

namespace {

enum class becomes { nothing, a_directory, another_socket };

}  // namespace

TEST_CASE("epoll: a handle that was closed all the same is not there, whatever has its number",
          "[L25]") {
    poller_rig rig(*find_poller("epoll"));
    const becomes what = GENERATE(becomes::nothing, becomes::a_directory, becomes::another_socket);
    fd_pair pair = unix_pair();
    put_byte(pair.b.get());
    rig.add(pair.a.get(), 1, interest::read);
    const int number = pair.a.get();
    pair.a.reset();
    fd_pair other;
    unique_fd directory;
    if (what == becomes::a_directory) {  // which can't be waited for, as no file can
        directory.reset(::open("/", O_RDONLY));
        REQUIRE(directory.get() == number);
    } else if (what == becomes::another_socket) {
        other = unix_pair();
        REQUIRE(other.a.get() == number);
    }
    CHECK(rig->modify(number, 1, interest::read) == std::errc::no_such_file_or_directory);
    CHECK(rig->remove(number, remove_reason::releasing) == std::errc::no_such_file_or_directory);
    CHECK_FALSE(rig->remove(number, remove_reason::closing));
    CHECK(rig.quiet());
}

#endif
