// SPDX-License-Identifier: BSL-1.0
// A resolver without its protocol: what all basic_resolver types share.
#pragma once

#include <gyre/any_io_executor.hpp>
#include <gyre/detail/config.hpp>
#include <gyre/detail/initiate.hpp>
#include <gyre/detail/reactor_api.hpp>
#include <gyre/detail/resolved_list.hpp>

#include <cstddef>
#include <string>
#include <system_error>
#include <utility>

namespace gyre::inline v0::detail {

/// What is asked. With an address it is the name that is asked for.
struct resolver_query {
    std::string host;
    std::string service;
    unsigned flags = 0;  ///< of resolver_base
    int family = 0;      ///< the system's numbers; 0 is any
    int type = 0;
    int protocol = 0;
    std::string address = {};  ///< the system's form
};

class lookup;  // lib/net/resolver.cpp

/// Who waits for a lookup: as soon as it is destroyed nobody does, and the lookup, which may be
/// running in another thread, is on its own.
class GYRE_API lookup_ticket {
public:
    explicit lookup_ticket(lookup* l) noexcept : lookup_(l) {}
    lookup_ticket(lookup_ticket&& other) noexcept
        : lookup_(std::exchange(other.lookup_, nullptr)) {}
    lookup_ticket& operator=(lookup_ticket&&) = delete;
    ~lookup_ticket() {
        if (lookup_ != nullptr) {
            give_up();
        }
    }

    lookup& get() const noexcept { return *lookup_; }
    /// After the lookup was delivered.
    resolved_list take_answer() noexcept;

private:
    void give_up() noexcept;

    lookup* lookup_;
};

/// Waits for a lookup.
class resolve_base : public notice_wait_base {
public:
    static constexpr slot_kind kind_in_slot = slot_kind::resolve;
    resolve_base(const functions& f, notice* n, lookup_ticket& ticket) noexcept
        : notice_wait_base(f, n), ticket_(std::move(ticket)) {}

    lookup_ticket ticket_;

protected:
    ~resolve_base() = default;
};

/// `Results` is made of a resolved_list.
template <class Results>
class resolve_for final : public resolve_base {
public:
    using resolve_base::resolve_base;

    struct outcome {
        std::error_code error;
        resolved_list answer;
        template <class Handler>
        void operator()(Handler& handler) {
            std::move(handler)(error, Results(std::move(answer)));
        }
    };
    outcome take() noexcept {
        const std::error_code e = error();
        return {e, e ? resolved_list() : ticket_.take_answer()};
    }
};

class GYRE_API resolver_object {
public:
    explicit resolver_object(const any_io_executor& executor)
        : executor_(executor), reactor_(&reactor_of(executor)) {}
    /// The other one keeps its executor and has no lookups.
    resolver_object(resolver_object&& other) noexcept
        // NOLINTNEXTLINE(performance-move-constructor-init): the other one keeps its executor
        : executor_(other.executor_),
          reactor_(other.reactor_),
          notice_(std::exchange(other.notice_, nullptr)) {}
    resolver_object& operator=(resolver_object&& other) noexcept {
        if (this != &other) {
            close();
            executor_ = other.executor_;
            reactor_ = other.reactor_;
            notice_ = std::exchange(other.notice_, nullptr);
        }
        return *this;
    }
    ~resolver_object() { close(); }

    const any_io_executor& get_executor() const noexcept { return executor_; }
    reactor& where() const noexcept { return *reactor_; }

    /// Looks up in this thread. `answer` is untouched on failure.
    std::error_code resolve(const resolver_query& query, resolved_list& answer) const noexcept;

    /// Prepares a lookup. Throws std::bad_alloc.
    lookup_ticket ask(resolver_query&& query) const;
    /// What operations wait at. Throws std::bad_alloc.
    notice* get_notice();
    /// Starts the lookup that the operation waits for.
    void start(resolve_base* op) noexcept;

    std::size_t cancel() noexcept;

private:
    void close() noexcept;

    any_io_executor executor_;
    reactor* reactor_;
    notice* notice_ = nullptr;  // taken at the first lookup
};

}  // namespace gyre::inline v0::detail
