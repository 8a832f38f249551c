// SPDX-License-Identifier: BSL-1.0
// The table of pollers and the choice from it. The only place that knows which ones there are.
#include <gyre/poller.hpp>

#include "poll/factories.hpp"

#include <cstdlib>

namespace gyre::inline v0 {
namespace {

constexpr poller_factory table[] = {
#if GYRE_HAS_AFD
    {"afd", &detail::make_afd_poller},
#endif
#if GYRE_HAS_EPOLL
    {"epoll", &detail::make_epoll_poller},
#endif
#if GYRE_HAS_KQUEUE
    {"kqueue", &detail::make_kqueue_poller},
#endif
#if GYRE_HAS_IO_URING
    {"io_uring", &detail::make_io_uring_poller},
#endif
#if GYRE_HAS_POLL
    {"poll", &detail::make_posix_poll_poller},
    {"poll-oneshot", &detail::make_posix_poll_oneshot_poller},
#endif
};

constexpr const poller_factory* find(std::string_view name) noexcept {
    for (const poller_factory& entry : table) {
        if (name == entry.name) {
            return &entry;
        }
    }
    return nullptr;
}

constexpr std::string_view built_in_choice = GYRE_DEFAULT_POLLER;
static_assert(built_in_choice.empty() || find(built_in_choice) != nullptr,
              "the default poller chosen for this build is not compiled into it");

}  // namespace

std::span<const poller_factory> pollers() noexcept { return table; }

const poller_factory* find_poller(std::string_view name) noexcept { return find(name); }

const poller_factory* default_poller() noexcept {
    const char* wish = std::getenv("GYRE_POLLER");
    if (wish != nullptr && *wish != '\0') {
        return find(wish);
    }
    return built_in_choice.empty() ? &table[0] : find(built_in_choice);
}

}  // namespace gyre::inline v0
