// SPDX-License-Identifier: BSL-1.0
// A set of signals: between the process's registry, which counts deliveries, and a reactor's
// notice, at which operations wait.
#include <gyre/signal_set.hpp>

#include <gyre/detail/throw_error.hpp>

#include "core/reactor.hpp"
#include "sys/signal_flags.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

namespace gyre::inline v0 {
namespace detail {

/// Belongs to the notice from when that was made, and goes with it.
class signal_state final : public notice_events, public signal_listener {
public:
    explicit signal_state(reactor& where) noexcept
        : where_(where), registry_(where.world().signals()) {}

    /// Gives this to a new notice. Throws std::bad_alloc.
    notice* make_notice(std::uint32_t strand) {
        return notice_ = where_.make_notice(*this, strand);
    }

    std::error_code add(int number, int flags) noexcept;
    std::error_code remove(int number) noexcept;
    void clear() noexcept;

private:
    struct watched {
        int number;
        std::uint64_t count;  // deliveries that no wait has taken
    };

    // signal_listener: inside a signal handler.
    void notify() noexcept override { where_.tell(notice_); }

    // notice_events: the owner.
    bool available() noexcept override;
    bool take(notice_wait_base& op) noexcept override;
    void aborted(notice_wait_base&) noexcept override {}
    bool forked() noexcept override;
    void gone() noexcept override { delete this; }

    std::vector<watched>::iterator find(int number) noexcept {
        return std::find_if(watched_.begin(), watched_.end(),
                            [number](const watched& w) { return w.number == number; });
    }
    void collect() noexcept;

    reactor& where_;
    signal_ops& registry_;
    notice* notice_ = nullptr;

    // The owner of the reactor takes what has come, while another thread may add and remove. No
    // signal handler locks it.
    std::mutex mutex_;
    std::vector<watched> watched_;
    std::size_t turn_ = 0;  // whose turn it is, if several have come
};

std::error_code signal_state::add(int number, int flags) noexcept {
    const std::lock_guard lock(mutex_);
    try {
        watched_.reserve(watched_.size() + 1);
    } catch (const std::bad_alloc&) {
        return error::make_error_code(error::no_memory);
    }
    const std::error_code e = registry_.add(*this, number, flags);
    if (!e && find(number) == watched_.end()) {
        watched_.push_back({number, 0});
    }
    return e;
}

// The registry counts for who adds himself in the child; flags are those that were given before.
bool signal_state::forked() noexcept {
    const std::lock_guard lock(mutex_);
    for (watched& w : watched_) {
        static_cast<void>(registry_.add(*this, w.number, any_signal_flags));
        w.count = 0;
    }
    return true;
}

std::error_code signal_state::remove(int number) noexcept {
    const std::lock_guard lock(mutex_);
    const std::error_code e = registry_.remove(*this, number);
    const auto found = find(number);
    if (found != watched_.end()) {
        watched_.erase(found);
    }
    return e;
}

void signal_state::clear() noexcept {
    const std::lock_guard lock(mutex_);
    for (const watched& w : watched_) {
        static_cast<void>(registry_.remove(*this, w.number));
    }
    watched_.clear();
}

void signal_state::collect() noexcept {
    for (watched& w : watched_) {
        w.count += registry_.take(*this, w.number);
    }
}

bool signal_state::available() noexcept {
    const std::lock_guard lock(mutex_);
    collect();
    return std::any_of(watched_.begin(), watched_.end(),
                       [](const watched& w) { return w.count != 0; });
}

// One that comes all the time must not hide another that came once.
bool signal_state::take(notice_wait_base& op) noexcept {
    const std::lock_guard lock(mutex_);
    collect();
    for (std::size_t n = 0; n != watched_.size(); ++n) {
        watched& w = watched_[(turn_ + n) % watched_.size()];
        if (w.count != 0) {
            --w.count;
            turn_ = (turn_ + n + 1) % watched_.size();
            static_cast<signal_wait_base&>(op).signal_number_ = w.number;
            return true;
        }
    }
    return false;
}

}  // namespace detail

signal_set::signal_set(const executor_type& executor)
    : executor_(executor), reactor_(&detail::reactor_of(executor)) {
    auto made = std::make_unique<detail::signal_state>(*reactor_);
    notice_ = made->make_notice(detail::strand_of(executor_));
    state_ = made.release();
}

// Each is complete once the one above it has returned: what throws later is cleaned up after by the
// destructor.
signal_set::signal_set(const executor_type& executor, int signal_1) : signal_set(executor) {
    add(signal_1);
}

signal_set::signal_set(const executor_type& executor, int signal_1, int signal_2)
    : signal_set(executor, signal_1) {
    add(signal_2);
}

signal_set::signal_set(const executor_type& executor, int signal_1, int signal_2, int signal_3)
    : signal_set(executor, signal_1, signal_2) {
    add(signal_3);
}

// The registry first: when it has let go, no signal handler knows the notice any more.
signal_set::~signal_set() {
    state_->clear();
    reactor_->close_notice(notice_);
}

void signal_set::add(int signal_number, flags_t f, error_code& ec) {
    int flags = 0;
    ec = detail::to_system(f, flags) ? state_->add(signal_number, flags)
                                     : error::make_error_code(error::invalid_argument);
}

void signal_set::add(int signal_number, flags_t f) {
    error_code ec;
    add(signal_number, f, ec);
    detail::throw_error(ec, "add");
}

void signal_set::remove(int signal_number, error_code& ec) { ec = state_->remove(signal_number); }

void signal_set::remove(int signal_number) {
    error_code ec;
    remove(signal_number, ec);
    detail::throw_error(ec, "remove");
}

void signal_set::clear(error_code& ec) {
    state_->clear();
    ec.clear();
}

void signal_set::clear() { state_->clear(); }

std::size_t signal_set::cancel(error_code& ec) {
    ec.clear();
    return cancel();
}

std::size_t signal_set::cancel() { return reactor_->cancel_waits(notice_); }

void signal_set::start(detail::signal_wait_base* op) noexcept { reactor_->start_wait(op); }

}  // namespace gyre::inline v0
