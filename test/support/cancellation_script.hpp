// SPDX-License-Identifier: BSL-1.0
// Plays a script of starts, arrivals, cancellations, deadlines and steps of the loop to the library
// over a scripted world, and tells the model of the contract what was done and seen.
#pragma once

#include <gyre/cancel_after.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/read.hpp>
#include <gyre/steady_timer.hpp>
#include <gyre/write.hpp>

#include "support/cancellation_model.hpp"
#include "support/scripted_world.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gyre::testing {

enum class act : std::uint8_t {
    start,
    arrive,
    make_room,
    cancel,
    signal,
    tick,
    close,
    destroy,
    step
};

struct action {
    act what;
    std::uint8_t which = 0;  ///< the operation or the object
};

inline std::string to_string(const action& a) {
    static const char* const names[] = {"start", "arrive", "make_room", "cancel", "signal",
                                        "tick",  "close",  "destroy",   "step"};
    return names[static_cast<std::size_t>(a.what)] + std::string(" ") + std::to_string(a.which);
}

/// The objects of a script and the operations that it may start, in that order.
struct scenario {
    std::vector<object_kind> objects;
    std::vector<op_spec> operations;
};

class cancellation_script {
public:
    cancellation_script(const scenario& s, bool one_shot)
        : world_(one_shot),
          model_(s.operations),
          context_(std::make_unique<io_context>(limits())),
          uses_(s.operations.size()) {
        model_.tick(world_.now());
        for (const object_kind kind : s.objects) {
            objects_.push_back(std::make_shared<object>(*context_, world_, kind));
            units_.push_back({});
            model_.set_expiry(objects_.size() - 1, world_.now() + timer_ticks * tick);
        }
        observe();
    }
    cancellation_script(const cancellation_script&) = delete;
    cancellation_script& operator=(const cancellation_script&) = delete;
    ~cancellation_script() {
        if (context_) {
            destroy_context();
        }
    }

    const std::string& complaint() const { return model_.complaint(); }
    bool failed() const { return !complaint().empty() || !wrong_.empty(); }
    std::string what_failed() const { return complaint() + wrong_; }

    /// Whether the action is legal and may change something.
    bool can(const action& a) const {
        const std::size_t i = a.which;
        switch (a.what) {
        case act::start: return i == started_ && i < model_.size() && usable(model_.at(i).spec);
        case act::arrive: return is_open(i) && units_[i].in < wanted(i, waits_to_read);
        case act::make_room: return is_open(i) && units_[i].out < wanted(i, waits_to_write);
        case act::cancel:
        case act::close:
            return (a.what == act::cancel || objects_[i]->kind != object_kind::timer) &&
                   is_open(i) && anything_live(i);
        case act::destroy: return is_open(i) && anything_live(i);
        case act::signal: return i < started_;
        case act::tick: return anything_timed();
        case act::step: return !idle_;
        }
        return false;
    }

    void play(const action& a) {
        idle_ = false;
        switch (a.what) {
        case act::start: start(a.which); break;
        case act::arrive: arrive(a.which); break;
        case act::make_room: make_room(a.which); break;
        case act::cancel: model_.cancelled(a.which, objects_[a.which]->cancel()); break;
        case act::signal:
            uses_[a.which].signal.emit(cancellation_type::all);
            model_.signalled(a.which);
            break;
        case act::tick:
            world_.advance(tick);
            model_.tick(world_.now());
            break;
        case act::close:
            objects_[a.which]->close();
            model_.closed(a.which);
            break;
        case act::destroy:
            objects_[a.which]->destroy();
            model_.closed(a.which);
            break;
        case act::step: step(); break;
        }
        if (a.what != act::start) {
            check_untouched();
        }
    }

    /// Ends the script: runs what is ready, closes all, runs that, and looks whether anything is
    /// missing or left.
    void drain() {
        run_idle();
        for (std::size_t i = 0; i < objects_.size(); ++i) {
            objects_[i]->destroy();
            model_.closed(i);
        }
        run_idle();
        model_.ended();
        destroy_context();
    }

    /// Ends the script in the middle: the context is destroyed, and by that all that was pending.
    void destroy_context() {
        objects_.clear();  // handlers share them, so that those that have any die with the context
        const std::size_t called = called_;
        context_.reset();
        note(called == called_, "no handler is called by the context's end");
        note(handlers_ == 0, "no handler is left");
        note(world_.open_handles() == 0, "no handle is left open");
        note(world_.misuses() == 0, "no call is made that makes no sense");
    }

    /// What the future depends on: the model's state, and what the world shows of the library's.
    std::string state() const {
        std::string key;
        model_.append_state(key);
        for (std::size_t i = 0; i < objects_.size(); ++i) {
            const bool in = wanted(i, waits_to_read) != 0;
            const bool out = wanted(i, waits_to_write) != 0;
            key += static_cast<char>(is_open(i) + 2 * in + 4 * out);
            if (!is_open(i) || !objects_[i]->handle) {
                continue;
            }
            const scripted_handle& h = world_.at(*objects_[i]->handle);
            key += static_cast<char>(h.registered + 2 * h.armed + 4 * static_cast<int>(h.want));
            key += static_cast<char>(h.connected + 2 * h.reports);
            if (in) {
                key += static_cast<char>(units_[i].in * 16 + h.arrived - h.taken + 4 * h.callers -
                                         4 * h.accepted);
            }
            if (out) {
                key += static_cast<char>(units_[i].out * 16 + h.room);
            }
        }
        return key;
    }

private:
    static constexpr time_ns tick = 1'000'000;
    static constexpr std::int64_t timer_ticks = 2;

    struct object {
        object(io_context& ctx, scripted_world& w, object_kind k) : kind(k), world(w) {
            switch (k) {
            case object_kind::stream:
            case object_kind::connecting:
                socket.emplace(ctx, ip::tcp::v4());
                handle = socket->native_handle();
                break;
            case object_kind::listener:
                acceptor.emplace(ctx, ip::tcp::v4());
                handle = acceptor->native_handle();
                break;
            case object_kind::timer:
                timer.emplace(ctx, std::chrono::nanoseconds(timer_ticks * tick));
            }
        }
        bool exists() const { return socket || acceptor || timer; }
        bool is_open() const {
            return (socket && socket->is_open()) || (acceptor && acceptor->is_open()) || timer;
        }
        std::size_t cancel() {
            return socket ? socket->cancel() : acceptor ? acceptor->cancel() : timer->cancel();
        }
        void close() { socket ? socket->close() : acceptor->close(); }
        void destroy() {
            socket.reset();
            acceptor.reset();
            timer.reset();
        }
        object_facts facts() const {
            if (!handle) {
                return {};
            }
            const scripted_handle& h = world.at(*handle);
            return {.read_ready = any(h.ready() & interest::read),
                    .write_ready = any(h.ready() & interest::write),
                    .taken = h.taken,
                    .sent = h.sent.size(),
                    .accepted = h.accepted,
                    .room = h.connected ? h.room : 0};
        }

        object_kind kind;
        scripted_world& world;
        std::optional<native_handle_type> handle;
        std::optional<ip::tcp::socket> socket;
        std::optional<ip::tcp::acceptor> acceptor;
        std::optional<steady_timer> timer;
    };

    struct use {
        cancellation_signal signal;
        unsigned char memory[4] = {};
    };
    struct units {
        int in = 0;
        int out = 0;
    };

    // Counts itself, shares its object, and names its operation's signal.
    class handler {
    public:
        using cancellation_slot_type = cancellation_slot;
        handler(cancellation_script& s, std::size_t op)
            : script_(&s), op_(op), shared_(s.objects_[s.model_.at(op).spec.object]) {
            ++s.handlers_;
        }
        handler(handler&& other) noexcept
            : script_(std::exchange(other.script_, nullptr)),
              op_(other.op_),
              shared_(std::move(other.shared_)) {}
        handler& operator=(handler&&) = delete;
        ~handler() {
            if (script_ != nullptr) {
                --script_->handlers_;
            }
        }
        cancellation_slot get_cancellation_slot() const noexcept {
            return script_->uses_[op_].signal.slot();
        }
        void operator()(error_code ec, std::size_t bytes = 0) {
            ++script_->called_;
            script_->calls_.push_back({static_cast<int>(op_), ec, bytes});
        }
        void operator()(error_code ec, const ip::tcp::socket& peer) {
            script_->note(!ec == peer.is_open(), "an accepted socket comes with success");
            (*this)(ec);
        }

    private:
        cancellation_script* script_;
        std::size_t op_;
        std::shared_ptr<object> shared_;
    };

    io_context_options limits() {
        io_context_options o = world_.options();
        o.ring_capacity = 2;
        o.events_per_wait = 8;
        return o;
    }

    bool is_open(std::size_t i) const { return objects_[i]->is_open(); }
    bool usable(const op_spec& s) const { return is_open(s.object); }
    bool live(std::size_t i) const {
        return model_.at(i).state != cancellation_model::phase::unstarted &&
               model_.at(i).state != cancellation_model::phase::over;
    }
    bool anything_live(std::size_t object) const {
        for (std::size_t i = 0; i < started_; ++i) {
            if (model_.at(i).spec.object == object && live(i)) {
                return true;
            }
        }
        return false;
    }
    bool anything_timed() const {
        for (std::size_t i = 0; i < started_; ++i) {
            if (model_.awaits_time(i)) {
                return true;
            }
        }
        return false;
    }
    // How many bytes or connections are worth sending, now that some operations may be over.
    int wanted(std::size_t object, bool (*which)(op_kind)) const {
        int units = 0;
        bool over = true;
        for (std::size_t i = 0; i < model_.size(); ++i) {
            if (model_.at(i).spec.object == object && which(model_.at(i).spec.kind)) {
                units += is_composed(model_.at(i).spec.kind) ? 2 : 1;
                over = over && i < started_ && !live(i);
            }
        }
        return over ? 0 : std::min(units, 2);
    }

    void note(bool holds, const char* rule) {
        if (!holds && wrong_.empty()) {
            wrong_ = rule;
        }
    }

    void observe() {
        for (std::size_t i = 0; i < objects_.size(); ++i) {
            model_.observe(i, objects_[i]->facts());
            known_.resize(objects_.size());
            known_[i] = objects_[i]->facts();
        }
    }
    // Only starting and steps of the loop may move anything.
    void check_untouched() {
        for (std::size_t i = 0; i < objects_.size(); ++i) {
            const object_facts now = objects_[i]->facts();
            note(now.taken == known_[i].taken && now.sent == known_[i].sent &&
                     now.accepted == known_[i].accepted,
                 "ending an operation moves nothing");
        }
        observe();
        note(calls_.empty(), "no handler is called outside the loop");
    }

    void arrive(std::size_t i) {
        scripted_handle& h = world_.at(*objects_[i]->handle);
        ++units_[i].in;
        ++(objects_[i]->kind == object_kind::listener ? h.callers : h.arrived);
    }
    void make_room(std::size_t i) {
        scripted_handle& h = world_.at(*objects_[i]->handle);
        ++units_[i].out;
        ++h.room;
        h.connected = true;
    }

    void start(std::size_t i) {
        const op_spec& s = model_.at(i).spec;
        ++started_;
        for (std::size_t n = 0; n < sizeof uses_[i].memory; ++n) {
            uses_[i].memory[n] = static_cast<unsigned char>(is_write(s.kind) ? 16 * i + n : 0xee);
        }
        if (s.limited) {
            initiate(i, cancel_after(std::chrono::nanoseconds(tick), handler(*this, i)));
        } else {
            initiate(i, handler(*this, i));
        }
        note(calls_.empty(), "no handler is called by the initiating function");
        model_.started(i, objects_[s.object]->facts(), world_.now() + tick);
        observe();
    }
    template <class Token>
    void initiate(std::size_t i, Token&& token) {
        const op_kind kind = model_.at(i).spec.kind;
        object& on = *objects_[model_.at(i).spec.object];
        const mutable_buffer b = buffer(uses_[i].memory, size_of(kind));
        const auto enough = transfer_at_least(target_of(kind));
        switch (kind) {
        case op_kind::read_some: on.socket->async_read_some(b, std::move(token)); break;
        case op_kind::read: async_read(*on.socket, b, std::move(token)); break;
        case op_kind::read_steps: async_read(*on.socket, b, enough, std::move(token)); break;
        case op_kind::write_some:
            on.socket->async_write_some(const_buffer(b), std::move(token));
            break;
        case op_kind::write: async_write(*on.socket, const_buffer(b), std::move(token)); break;
        case op_kind::write_steps:
            async_write(*on.socket, const_buffer(b), enough, std::move(token));
            break;
        case op_kind::accept: on.acceptor->async_accept(std::move(token)); break;
        case op_kind::connect:
            on.socket->async_connect({ip::address_v4::loopback(), 1}, std::move(token));
            break;
        case op_kind::wait_read:
            on.socket ? on.socket->async_wait(socket_base::wait_read, std::move(token))
                      : on.acceptor->async_wait(socket_base::wait_read, std::move(token));
            break;
        case op_kind::wait_write:
            on.socket->async_wait(socket_base::wait_write, std::move(token));
            break;
        case op_kind::timer: on.timer->async_wait(std::move(token)); break;
        }
    }

    void step() {
        if (context_->stopped()) {
            context_->restart();
        }
        const std::size_t count = context_->poll_one();
        idle_ = count == 0;
        std::vector<object_facts> now;
        for (const auto& o : objects_) {
            now.push_back(o->facts());
        }
        model_.stepped(count, calls_, now);
        for (const call& c : calls_) {
            check_bytes(static_cast<std::size_t>(c.op), c.bytes);
        }
        calls_.clear();
        observe();
    }
    void run_idle() {
        for (int i = 0; i < 200 && (i == 0 || !idle_); ++i) {
            step();
        }
        note(idle_, "the loop comes to rest");
    }
    void check_bytes(std::size_t i, std::size_t bytes) {
        const cancellation_model::operation& o = model_.at(i);
        const object& on = *objects_[o.spec.object];
        for (std::size_t n = 0; n < bytes && on.handle; ++n) {
            const unsigned char should = is_read(o.spec.kind)
                                             ? static_cast<unsigned char>(o.first + n)
                                             : world_.at(*on.handle).sent[o.first + n];
            note(uses_[i].memory[n] == should, "bytes keep their order");
        }
    }

    scripted_world world_;
    cancellation_model model_;
    std::unique_ptr<io_context> context_;
    std::vector<std::shared_ptr<object>> objects_;
    std::vector<units> units_;
    std::vector<use> uses_;
    std::vector<object_facts> known_;
    std::vector<call> calls_;
    std::size_t handlers_ = 0;
    std::size_t called_ = 0;
    std::size_t started_ = 0;
    bool idle_ = false;
    std::string wrong_;
};

}  // namespace gyre::testing
