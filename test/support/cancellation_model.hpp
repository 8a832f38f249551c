// SPDX-License-Identifier: BSL-1.0
// The contract of cancellations and deadlines as a model, written from docs/reference alone
// (cancellation, cancel_after, read_write, tcp, steady_timer). It must not know how the library
// does anything: it is told what a script did and what was seen, and says what was wrong with it.
#pragma once

#include <gyre/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gyre::testing {

enum class op_kind : std::uint8_t {
    read_some,
    read,        ///< of a whole buffer
    read_steps,  ///< with a condition
    write_some,
    write,
    write_steps,
    accept,
    connect,
    wait_read,
    wait_write,
    timer,
};

enum class object_kind : std::uint8_t { stream, listener, connecting, timer };

struct op_spec {
    op_kind kind;
    std::uint8_t object;
    bool limited;  ///< by a deadline of one tick
};

constexpr bool is_read(op_kind k) { return k <= op_kind::read_steps; }
constexpr bool is_write(op_kind k) { return k >= op_kind::write_some && k <= op_kind::write_steps; }
constexpr bool moves(op_kind k) { return k <= op_kind::accept; }
constexpr bool in_steps(op_kind k) { return k == op_kind::read_steps || k == op_kind::write_steps; }
constexpr bool is_composed(op_kind k) {
    return in_steps(k) || k == op_kind::read || k == op_kind::write;
}
constexpr bool waits_to_read(op_kind k) {
    return is_read(k) || k == op_kind::accept || k == op_kind::wait_read;
}
constexpr bool waits_to_write(op_kind k) {
    return is_write(k) || k == op_kind::connect || k == op_kind::wait_write;
}
/// Bytes that an operation offers or has room for, and those that end it.
constexpr std::size_t size_of(op_kind k) { return in_steps(k) ? 3 : 2; }
constexpr std::size_t target_of(op_kind k) { return is_composed(k) ? 2 : 1; }

/// What the world shows of an object.
struct object_facts {
    bool read_ready = false;
    bool write_ready = false;  ///< and, of one that connects: it is connected
    std::size_t taken = 0;     ///< bytes received by the library
    std::size_t sent = 0;      ///< bytes sent by it
    std::size_t accepted = 0;  ///< connections
    std::size_t room = 0;      ///< for bytes to send
};

/// What one step of the loop called.
struct call {
    int op = -1;  ///< none
    error_code error;
    std::size_t bytes = 0;
};

class cancellation_model {
public:
    enum class phase : std::uint8_t {
        unstarted,
        pending,
        aborted,    ///< it has to report that
        undecided,  ///< its deadline has come and it was cancelled: whichever the loop saw first
        late,       ///< its deadline has ended it: it has to report that
        over,
    };

    struct operation {
        op_spec spec;
        phase state = phase::unstarted;
        std::size_t moved = 0;
        std::size_t first = 0;  ///< offset of its first byte in what the object received
        std::int64_t deadline = 0;
        bool asked = false;       ///< the loop ran since the deadline came
        bool seen_ready = false;  ///< its object was ready for it at some time since the start
        std::uint8_t order = 0;
    };

    explicit cancellation_model(std::vector<op_spec> specs) {
        for (const op_spec& s : specs) {
            operations_.push_back({.spec = s});
        }
    }

    const operation& at(std::size_t i) const { return operations_[i]; }
    std::size_t size() const { return operations_.size(); }
    /// What was wrong first; empty if nothing was.
    const std::string& complaint() const { return complaint_; }
    /// Counted cancellations whose operation has not told yet whether it was meant.
    int unresolved() const { return unresolved_; }

    /// The state of the world after each action, and the time.
    void observe(std::size_t object, const object_facts& now) {
        facts_[object] = now;
        for (operation& o : operations_) {
            if (live(o) && o.spec.object == object) {
                o.seen_ready = !moves(o.spec.kind) && (o.seen_ready || is_ready(o));
            }
        }
    }
    void tick(std::int64_t now) { now_ = now; }
    void set_expiry(std::size_t object, std::int64_t at) { expiry_[object] = at; }

    /// The initiating function of operation `i` returned; `now` is what it left of its object.
    void started(std::size_t i, const object_facts& now, std::int64_t deadline) {
        operation& o = operations_[i];
        o.state = phase::pending;
        o.deadline = deadline;
        o.order = next_order_++;
        const object_facts before = facts_[o.spec.object];
        o.first = before.sent;
        o.moved = now.sent - before.sent;
        // Whether it is tried at once, or only when the poller has told of room, is left open.
        expect(o.moved == 0 || (is_write(o.spec.kind) && !somebody_before(o) &&
                                o.moved == std::min(size_of(o.spec.kind), before.room)),
               "only a write that is first is tried when it is started");
        if (o.moved != 0) {
            for (operation& p : operations_) {  // whose deadline the loop has seen, so it shows
                if (&p != &o && same_queue(p, o) && can_be_cancelled(p) && p.asked) {
                    p.state = phase::late;
                }
            }
        }
        expect(now.taken == before.taken && now.accepted == before.accepted,
               "starting takes nothing");
        observe(o.spec.object, now);
    }

    /// cancel() of an object counted that many.
    void cancelled(std::size_t object, std::size_t counted) {
        std::vector<operation*> maybe;
        std::size_t certain = 0;
        for (operation& o : operations_) {
            if (o.spec.object != object || !can_be_cancelled(o)) {
                continue;
            }
            if (o.asked) {
                maybe.push_back(&o);
            } else {
                o.state = phase::aborted;
                ++certain;
            }
        }
        expect(counted >= certain && counted <= certain + maybe.size(),
               "cancel() counts what is pending and nothing else");
        const std::size_t of_maybe = counted - certain;
        for (operation* o : maybe) {
            if (of_maybe == maybe.size()) {
                o->state = phase::aborted;
            } else if (of_maybe != 0) {
                o->state = phase::undecided;
            }
        }
        unresolved_ += of_maybe == maybe.size() ? 0 : static_cast<int>(of_maybe);
    }

    void signalled(std::size_t i) { abort(operations_[i]); }

    /// Closed or destroyed.
    void closed(std::size_t object) {
        for (operation& o : operations_) {
            if (o.spec.object == object) {
                abort(o);
            }
        }
    }

    /// One step of the loop called that and returned `count`; `now` is what it left of the objects.
    void stepped(std::size_t count, const std::vector<call>& calls,
                 const std::vector<object_facts>& now) {
        expect(calls.size() <= 1 && count <= 1, "one step calls one handler");
        expect(calls.size() <= count, "what was called is counted");
        const call what = calls.empty() ? call{} : calls.front();
        for (std::size_t object = 0; object < now.size(); ++object) {
            attribute(object, now[object], what);
            observe(object, now[object]);
        }
        if (what.op >= 0) {
            completed(operations_[static_cast<std::size_t>(what.op)], what);
        }
        for (const operation& o : operations_) {
            expect(o.state != phase::pending || !is_read(o.spec.kind) ||
                       o.moved < target_of(o.spec.kind),
                   "what was read is delivered at once");
        }
        if (count == 0) {
            idle();
        }
        for (operation& o : operations_) {
            o.asked = o.asked || (o.state == phase::pending && deadline_came(o));
        }
    }

    /// All is over.
    void ended() {
        for (const operation& o : operations_) {
            expect(!live(o), "each handler is called");
        }
        expect(unresolved_ == 0, "what was counted reports operation_aborted");
    }

    /// Equal states have equal futures, as far as the contract goes.
    void append_state(std::string& key) const {
        for (const operation& o : operations_) {
            key += static_cast<char>(o.state);
            if (live(o)) {
                key += static_cast<char>(o.moved * 4 + o.asked * 2 + o.seen_ready);
                key += static_cast<char>(o.spec.limited ? remaining(o.deadline) : 9);
                key += static_cast<char>(
                    o.spec.kind == op_kind::timer ? remaining(expiry_[o.spec.object]) : 9);
            }
        }
        key += static_cast<char>(unresolved_);
    }
    /// Whether the time has an effect on the operation that it has not had.
    bool awaits_time(std::size_t i) const {
        const operation& o = operations_[i];
        return live(o) &&
               ((o.spec.limited && remaining(o.deadline) > 0) ||
                (o.spec.kind == op_kind::timer && remaining(expiry_[o.spec.object]) > 0));
    }

private:
    static bool live(const operation& o) {
        return o.state != phase::unstarted && o.state != phase::over;
    }
    // Handed to the system: nothing ends it but its own handler.
    static bool is_finished(const operation& o) {
        return is_write(o.spec.kind) && o.moved >= target_of(o.spec.kind);
    }
    static bool can_be_cancelled(const operation& o) {
        return o.state == phase::pending && !is_finished(o);
    }
    bool deadline_came(const operation& o) const { return o.spec.limited && o.deadline <= now_; }
    bool is_ready(const operation& o) const {
        const object_facts& f = facts_[o.spec.object];
        return o.spec.kind == op_kind::timer ? expiry_[o.spec.object] <= now_
               : waits_to_read(o.spec.kind)  ? f.read_ready
                                             : f.write_ready;
    }
    static bool same_queue(const operation& a, const operation& b) {
        return a.spec.object == b.spec.object &&
               waits_to_read(a.spec.kind) == waits_to_read(b.spec.kind) &&
               waits_to_write(a.spec.kind) == waits_to_write(b.spec.kind);
    }
    // One whose deadline has come may have been ended since, without its handler having been
    // called.
    bool somebody_before(const operation& o) const {
        for (const operation& p : operations_) {
            if (&p != &o && same_queue(p, o) && can_be_cancelled(p) && !p.asked &&
                p.order < o.order && !(in_steps(p.spec.kind) && p.moved > 0)) {
                return true;
            }
        }
        return false;
    }
    std::int64_t remaining(std::int64_t until) const {
        return std::max<std::int64_t>(0, (until - now_) / 1'000'000);
    }

    void abort(operation& o) {
        if (can_be_cancelled(o)) {
            if (o.asked) {
                o.state = phase::undecided;
                unresolved_free_ += 1;
            } else {
                o.state = phase::aborted;
            }
        }
    }

    // What a step moved belongs to the oldest operation that may move it.
    void attribute(std::size_t object, const object_facts& now, const call& what) {
        const object_facts& before = facts_[object];
        if (now.taken != before.taken) {
            move(object, true, before.taken, now.taken - before.taken);
        }
        if (now.sent != before.sent) {
            move(object, false, before.sent, now.sent - before.sent);
        }
        const bool accepts = what.op >= 0 && !what.error &&
                             at(static_cast<std::size_t>(what.op)).spec.object == object &&
                             at(static_cast<std::size_t>(what.op)).spec.kind == op_kind::accept;
        expect(now.accepted == before.accepted + (accepts ? 1 : 0),
               "a connection is accepted right before its handler is called");
    }
    void move(std::size_t object, bool reading, std::size_t offset, std::size_t bytes) {
        operation* mover = nullptr;
        for (operation& o : operations_) {
            if (o.spec.object == object && can_be_cancelled(o) &&
                (reading ? is_read(o.spec.kind) : is_write(o.spec.kind)) &&
                (mover == nullptr || o.order < mover->order)) {
                mover = &o;
            }
        }
        expect(mover != nullptr, "nothing is moved for an operation that has ended");
        if (mover != nullptr) {
            mover->first = mover->moved == 0 ? offset : mover->first;
            mover->moved += bytes;
        }
    }

    void completed(operation& o, const call& what) {
        expect(live(o), "a handler is called once");
        expect(what.bytes == o.moved, "the handler is told the bytes that were moved");
        if (what.error == error::operation_aborted) {
            expect(o.state == phase::aborted || o.state == phase::undecided,
                   "only what was cancelled is aborted");
            if (o.state == phase::undecided) {
                resolve(true);
            }
        } else if (what.error == error::timed_out) {
            expect(o.state == phase::undecided || o.state == phase::late ||
                       (o.state == phase::pending && deadline_came(o) && !is_finished(o)),
                   "only a deadline that came first times out");
            if (o.state == phase::undecided) {
                resolve(false);
            }
        } else {
            expect(!what.error, "no other error");
            expect(o.state == phase::pending, "what was cancelled reports operation_aborted");
            succeeded(o);
        }
        o.state = phase::over;
    }
    void succeeded(const operation& o) {
        if (is_read(o.spec.kind) || is_write(o.spec.kind)) {
            expect(o.moved >= target_of(o.spec.kind), "a success has moved what was asked for");
        } else if (o.spec.kind != op_kind::accept) {
            expect(o.seen_ready, "nothing is ready before its time");
        }
        for (const operation& p : operations_) {
            expect(p.order >= o.order || p.state != phase::pending || deadline_came(p) ||
                       !same_queue(o, p) || in_steps(p.spec.kind) || in_steps(o.spec.kind) ||
                       is_finished(p),
                   "first in, first out");
        }
    }
    // An undecided operation has told. Those of signals and closes were not counted.
    void resolve(bool aborted) {
        if (aborted && unresolved_ > 0) {
            --unresolved_;
        } else if (unresolved_free_ > 0) {
            --unresolved_free_;
        }
    }

    // The loop found nothing to do.
    void idle() {
        for (const operation& o : operations_) {
            expect(!live(o) || o.state == phase::pending, "what was cancelled is told");
            expect(!live(o) || !is_finished(o), "what is finished is told");
            expect(!live(o) || !deadline_came(o), "what is late is ended");
            expect(!live(o) || !is_ready(o), "what is ready is done");
        }
    }

    void expect(bool holds, const char* rule) {
        if (!holds && complaint_.empty()) {
            complaint_ = rule;
        }
    }

    std::vector<operation> operations_;
    std::array<object_facts, 4> facts_;
    std::array<std::int64_t, 4> expiry_{};
    std::int64_t now_ = 0;
    std::uint8_t next_order_ = 0;
    int unresolved_ = 0;
    int unresolved_free_ = 0;
    std::string complaint_;
};

}  // namespace gyre::testing
