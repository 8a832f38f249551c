// SPDX-License-Identifier: BSL-1.0
// What each case of the pollers' contract suite begins with: one poller of the table, or, with
// GYRE_POLLER set, only the one of that name. Knows of pollers nothing but their public header.
#pragma once

#include <gyre/poller.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

namespace gyre::testing {

inline time_ns now() {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
}

inline constexpr time_ns microsecond = 1000;
inline constexpr time_ns millisecond = 1000 * microsecond;
inline constexpr time_ns second = 1000 * millisecond;

/// The deadline of a wait that has to end by something else.
inline time_ns watchdog() { return now() + 20 * second; }

inline std::vector<const poller_factory*> pollers_under_test() {
    const char* wish = std::getenv("GYRE_POLLER");
    std::vector<const poller_factory*> chosen;
    for (const poller_factory& entry : pollers()) {
        if (wish == nullptr || *wish == '\0' || find_poller(wish) == &entry) {
            chosen.push_back(&entry);
        }
    }
    return chosen;
}

inline std::unique_ptr<poller> make_poller(const poller_factory& factory) {
    std::error_code error;
    std::unique_ptr<poller> made(factory.make(error));
    REQUIRE_FALSE(error);
    REQUIRE(made != nullptr);
    return made;
}

/// A poller with its event buffer.
class poller_rig {
public:
    explicit poller_rig(const poller_factory& factory)
        : factory_(factory), poller_(make_poller(factory)) {}

    poller& operator*() const { return *poller_; }
    poller* operator->() const { return poller_.get(); }
    const poller_factory& factory() const { return factory_; }
    /// Whether an event says what became ready at some time since the wait before, and may be over:
    /// the contract calls it a hint, but most pollers look again.
    bool reports_what_was() const { return std::string_view(poller_->name()) == "io_uring"; }
    /// Whether an end of both directions is told from the end of the peer's.
    bool tells_hangups() const {
        return !has(poller_->features(), poller_features::no_local_shutdown);
    }
    bool one_shot() const { return has(poller_->features(), poller_features::one_shot); }

    /// One wait(), which must not fail.
    std::vector<poll_event> wait(time_ns deadline, std::size_t room = 64) {
        std::vector<poll_event> storage(room);
        event_buffer events(storage);
        const std::error_code error = poller_->wait(events, deadline);
        CHECK(error == std::error_code());
        return {events.begin(), events.end()};
    }

    /// As many wait()s as it takes to get an event.
    std::vector<poll_event> next(std::size_t room = 64) {
        const time_ns end = watchdog();
        std::vector<poll_event> events;
        while (events.empty() && now() < end) {
            events = wait(end, room);
        }
        REQUIRE_FALSE(events.empty());
        return events;
    }

    /// The only event that comes, which must be of this key.
    readiness next_of(std::uint64_t key) {
        const std::vector<poll_event> events = next();
        REQUIRE(events.size() == 1);
        CHECK(events[0].key == key);
        return events[0].what;
    }

    /// Whether nothing is reported, and nothing comes for a while either.
    bool quiet() { return wait(immediately).empty() && wait(now() + 5 * millisecond).empty(); }

    void add(int handle, std::uint64_t key, interest want) {
        REQUIRE(poller_->add(handle, key, want) == std::error_code());
    }
    void modify(int handle, std::uint64_t key, interest want) {
        REQUIRE(poller_->modify(handle, key, want) == std::error_code());
    }
    void remove(int handle, remove_reason why = remove_reason::releasing) {
        REQUIRE(poller_->remove(handle, why) == std::error_code());
    }

private:
    const poller_factory& factory_;
    std::unique_ptr<poller> poller_;
};

}  // namespace gyre::testing

/// Runs the rest of the case once for every poller under test, as the variable `rig`.
#define GYRE_FOR_EACH_POLLER(rig)                                                                  \
    const ::gyre::poller_factory* const rig##_factory =                                            \
        GENERATE(from_range(::gyre::testing::pollers_under_test()));                               \
    INFO("poller " << rig##_factory->name);                                                        \
    ::gyre::testing::poller_rig rig(*rig##_factory)
