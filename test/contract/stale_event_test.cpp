// SPDX-License-Identifier: BSL-1.0
// A poller that goes on reporting what is closed: epoll does, while a duplicate of the description
// lives in another process. Nobody is to be told for it, and the set is built anew.
#include <gyre/io_context.hpp>
#include <gyre/io_context_options.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/poller.hpp>

#include "support/catch.hpp"
#include "support/result.hpp"
#include "support/tcp_pair.hpp"

#include <cstdint>
#include <memory>
#include <new>
#include <optional>

using namespace gyre;
using namespace gyre::testing;

namespace {

/// What the poller below has seen, and what it is to report.
struct script {
    std::uint64_t last_key = 0;  ///< of the last registration or change
    std::optional<std::uint64_t> reported;
    int resets = 0;
};
script current;

/// The system's own; adds an event of the script's key to each wait, until it is reset.
class haunted_poller final : public poller {
public:
    explicit haunted_poller(poller* inner) noexcept : inner_(inner) {}

    const char* name() const noexcept override { return "haunted"; }
    poller_features features() const noexcept override { return inner_->features(); }
    std::error_code add(native_handle_type handle, std::uint64_t key,
                        interest want) noexcept override {
        current.last_key = key;
        return inner_->add(handle, key, want);
    }
    std::error_code modify(native_handle_type handle, std::uint64_t key,
                           interest want) noexcept override {
        current.last_key = key;
        return inner_->modify(handle, key, want);
    }
    std::error_code remove(native_handle_type handle, remove_reason why) noexcept override {
        return inner_->remove(handle, why);
    }
    std::error_code wait(event_buffer& events, time_ns deadline) noexcept override {
        if (!current.reported) {
            return inner_->wait(events, deadline);
        }
        events.push(*current.reported, readiness::readable | readiness::writable);
        return events.room() > 0 ? inner_->wait(events, immediately) : std::error_code();
    }
    void notify() noexcept override { inner_->notify(); }
    std::error_code reset() noexcept override {
        ++current.resets;
        current.reported.reset();
        return inner_->reset();
    }

private:
    std::unique_ptr<poller> inner_;
};

io_context_options haunted() {
    current = {};
    static constexpr poller_factory factory{
        "haunted", [](std::error_code& error) noexcept -> poller* {
            poller* inner = default_poller()->make(error);
            return inner != nullptr ? new (std::nothrow) haunted_poller(inner) : nullptr;
        }};
    io_context_options made;
    made.poller = &factory;
    return made;
}

/// The key of a socket that was waited with, and closed.
std::uint64_t key_of_closed(io_context& ctx) {
    adopted gone = adopt(ctx);
    result r;
    gone.socket.async_wait(tcp::socket::wait_read, r.keep());
    ctx.poll();
    gone.socket.close();
    ctx.poll();
    ctx.restart();
    CHECK(r == once(gyre::error::operation_aborted));
    return current.last_key;
}

}  // namespace

TEST_CASE("stale event: of who was in its slot before, tells nobody who waits with a socket") {
    io_context ctx(haunted());
    adopted a = adopt(ctx);
    result r;
    a.socket.async_wait(tcp::socket::wait_read, r.keep());
    ctx.poll();
    current.reported = current.last_key ^ 1;  // of another generation
    for (int i = 0; i < 5; ++i) {
        ctx.poll();
    }
    CHECK(r == never);
    current.reported.reset();
    put(a.peer.get(), "x");
    run(ctx);
    CHECK(r == once());
    CHECK(current.resets == 0);
}

TEST_CASE("stale event: one that comes again and again has the set built anew", "[L26]") {
    io_context ctx(haunted());
    adopted other = adopt(ctx);
    result r;
    other.socket.async_wait(tcp::socket::wait_read, r.keep());
    const std::uint64_t stale = key_of_closed(ctx);
    CHECK(ctx.poll() == 0);
    current.reported = stale;
    for (int i = 0; i < 100 && current.resets == 0; ++i) {
        ctx.poll();
    }
    CHECK(current.resets == 1);
    CHECK(r == never);
    put(other.peer.get(), "x");  // whose registration was taken along
    run(ctx);
    CHECK(r == once());
}
