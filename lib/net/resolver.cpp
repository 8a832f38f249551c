// SPDX-License-Identifier: BSL-1.0
// Lookups of resolvers: in which thread they run, and how the answer gets to whoever waits for it.
//
// A lookup is shared by its operation and by the job that runs it, and the job never points to the
// context. What leads there, `where_`, is taken away under the lookup's mutex when the operation
// ends, however it ends: so whoever finds it there, and holds the mutex, has a context that lives.
//
// The answer gets to the owner as a command, the delivery. As a handler may be running without the
// token, that must not look at an operation that has been given up: giving up, which needs the
// token, takes the operation away from it.
#include <gyre/detail/resolver_object.hpp>
#include <gyre/error.hpp>

#include "core/reactor.hpp"
#include "net/name_lookup.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <new>

namespace gyre::inline v0::detail {
namespace {

/// Tells the owner of a reactor that a lookup is over. Lies in a slot from the beginning, so that
/// the thread that tells needs no memory.
class delivery final : public operation {
public:
    static delivery* make(reactor& where) {
        void* memory = where.memory().acquire(slot_class(sizeof(delivery)), slot_kind::command);
        return ::new (memory) delivery(where);
    }
    void free() noexcept {
        this->~delivery();
        release_slot(this);
    }

    resolve_base* waiting = nullptr;  // null if it was given up
    std::error_code result;

private:
    explicit delivery(reactor& where) noexcept
        : operation(functions_of_type, operation_state::finished), where_(where) {}

    static void deliver(operation* base, free_slots* owned);
    static void drop(operation* base) { static_cast<delivery*>(base)->free(); }

    static const operation_functions functions_of_type;

    reactor& where_;
};

/// Behind the notices of all resolvers: each of their waits ends by its own delivery.
class lookups_end final : public notice_events {
public:
    bool available() noexcept override { return false; }
    bool take(notice_wait_base&) noexcept override { return true; }
    void aborted(notice_wait_base& op) noexcept override;
    bool forked() noexcept override { return false; }
    void gone() noexcept override {}
};
constinit lookups_end behind_resolvers;

}  // namespace

class lookup {
public:
    /// Throws std::bad_alloc.
    lookup(reactor& where, resolver_query&& query)
        : names_(where.world().names()),
          query_(std::move(query)),
          where_(&where),
          delivery_(delivery::make(where)) {}

    void retain() noexcept { owners_.fetch_add(1, std::memory_order_relaxed); }
    void release() noexcept {
        if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            delete this;
        }
    }

    /// Starts the operation, and then itself, in a thread if it needs one.
    void start(reactor& where, resolve_base* op) noexcept;

    /// Nobody waits any more. With the token, unless it was delivered.
    void give_up() noexcept {
        const bool on_its_way = take_way_back();
        delivery* const d = std::exchange(delivery_, nullptr);
        if (d != nullptr && on_its_way) {
            d->waiting = nullptr;
        } else if (d != nullptr) {
            d->free();
        }
    }
    /// The owner has the delivery.
    void delivered() noexcept { delivery_ = nullptr; }

    resolved_list take_answer() noexcept { return std::move(answer_); }

private:
    class job final : public offload_job {
    public:
        explicit job(lookup& l) noexcept : lookup_(l) { l.retain(); }
        ~job() override { lookup_.release(); }
        void run() noexcept override { lookup_.run(); }

    private:
        lookup& lookup_;
    };

    ~lookup() = default;

    void run() noexcept {
        if (wanted()) {
            deliver(look_up(names_, query_, answer_));
        }
    }
    bool wanted() noexcept {
        const std::lock_guard lock(mutex_);
        return where_ != nullptr;
    }
    void deliver(const std::error_code& result) noexcept {
        const std::lock_guard lock(mutex_);
        if (where_ != nullptr) {
            delivery_->result = result;
            std::exchange(where_, nullptr)->command(delivery_);
        }
    }
    /// Whether there was none any more.
    bool take_way_back() noexcept {
        const std::lock_guard lock(mutex_);
        return std::exchange(where_, nullptr) == nullptr;
    }
    std::error_code offload(offload_ops& threads) noexcept {
        std::unique_ptr<job> made(new (std::nothrow) job(*this));
        if (made == nullptr) {
            return error::make_error_code(error::no_memory);
        }
        const std::error_code e = threads.submit(made.get());
        if (!e) {
            static_cast<void>(made.release());  // the pool's
        }
        return e;
    }

    name_ops& names_;
    const resolver_query query_;
    std::atomic<unsigned> owners_{1};
    resolved_list answer_;  // the job's until it is delivered

    std::mutex mutex_;
    reactor* where_;  // guarded by mutex_: null when it was delivered or given up
    // Theirs who have where_; after that the owner's. Null when he has got it, or it was given up.
    delivery* delivery_;
};

constexpr operation_functions delivery::functions_of_type{
    &deliver,
    &drop,
    nullptr,
    nullptr,
    "the end of a lookup",
    slot_kind::command,
    static_cast<std::uint8_t>(slot_class(sizeof(delivery))),
    false};

void delivery::deliver(operation* base, free_slots*) {
    auto* self = static_cast<delivery*>(base);
    if (resolve_base* op = self->waiting) {
        op->ticket_.get().delivered();
        self->where_.end_wait(op, self->result);
    }
    self->free();
}

void lookups_end::aborted(notice_wait_base& op) noexcept {
    static_cast<resolve_base&>(op).ticket_.get().give_up();
}

void lookup::start(reactor& where, resolve_base* op) noexcept {
    delivery_->waiting = op;
    retain();  // as soon as the operation is started it may be over
    where.start_wait(op);
    if (is_numeric(query_)) {
        run();
    } else if (const std::error_code e = offload(where.world().offload())) {
        deliver(e);
    }
    release();
}

// ---- what headers call -----------------------------------------------------------------------

resolved_list lookup_ticket::take_answer() noexcept { return lookup_->take_answer(); }
void lookup_ticket::give_up() noexcept {
    lookup_->give_up();
    lookup_->release();
}

std::error_code resolver_object::resolve(const resolver_query& query,
                                         resolved_list& answer) const noexcept {
    return look_up(reactor_->world().names(), query, answer);
}

lookup_ticket resolver_object::ask(resolver_query&& query) const {
    return lookup_ticket(new lookup(*reactor_, std::move(query)));
}

notice* resolver_object::get_notice() {
    if (notice_ == nullptr) {
        notice_ = reactor_->make_notice(behind_resolvers, strand_of(executor_));
    }
    return notice_;
}

void resolver_object::start(resolve_base* op) noexcept { op->ticket_.get().start(*reactor_, op); }

std::size_t resolver_object::cancel() noexcept {
    return notice_ != nullptr ? reactor_->cancel_waits(notice_) : 0;
}

void resolver_object::close() noexcept {
    if (notice_ != nullptr) {
        reactor_->close_notice(notice_);
        notice_ = nullptr;
    }
}

}  // namespace gyre::inline v0::detail
