// SPDX-License-Identifier: BSL-1.0
// The scheduler of interleavings.hpp: depth first through the choices of a run, by playing it anew
// with the same choices up to the last one that has another way left.
#include "model/interleavings.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <semaphore>
#include <thread>
#include <utility>
#include <vector>

namespace gyre::testing::model {

namespace {

constexpr time_ns start_time = 1'000'000'000;
constexpr std::size_t steps_max = 100'000;  // of a run: more is one that will never end

struct store {
    void* where;
    std::size_t size;
    std::array<unsigned char, 16> bytes;
};

enum class actor_state { can_go_on, gives_way, sleeps, ended };

struct actor {
    std::string name;
    std::function<void()> body;
    std::thread thread;
    std::binary_semaphore go{0};
    actor_state state = actor_state::can_go_on;
    std::size_t gave_way_at = 0;

    // While it sleeps.
    const std::function<bool()>* ready = nullptr;
    time_ns until = no_deadline;
    bool may_wake_early = false;
    bool woken_early = false;

    std::vector<store> stores;  // not seen by the others yet, oldest first
};

struct choice {
    std::size_t taken;
    std::size_t ways;
};

thread_local actor* self = nullptr;

class stage {
public:
    explicit stage(const bounds& within) : within_(within) {}

    // False when all orders have been played.
    bool next_run() {
        while (!choices_.empty() && choices_.back().taken + 1 == choices_.back().ways) {
            choices_.pop_back();
        }
        const bool first = runs_ == 0;
        if (!first && choices_.empty()) {
            return false;
        }
        if (!first) {
            ++choices_.back().taken;
        }
        ++runs_;
        made_ = 0;
        steps_ = 0;
        preemptions_left_ = within_.preemptions;
        clock_ = start_time;
        schedule_.clear();
        actors_.clear();
        return true;
    }

    void add(std::string_view name, std::function<void()> body) {
        actors_.push_back(std::make_unique<actor>());
        actors_.back()->name = name;
        actors_.back()->body = std::move(body);
    }

    void play_all() {
        for (auto& a : actors_) {
            a->thread = std::thread([this, at = a.get()] {
                at->go.acquire();
                self = at;
                at->body();
                step('e');
                let_stores_go();
                at->state = actor_state::ended;
                if (actor* next = choose(nullptr); next != nullptr) {
                    next->go.release();
                } else {
                    all_ended_.release();
                }
            });
        }
        actor* first = choose(nullptr);
        first->go.release();
        all_ended_.acquire();
        for (auto& a : actors_) {
            a->thread.join();
        }
        longest_ = std::max(longest_, steps_);
    }

    void step(char kind) {
        ++steps_;
        note(kind);
        if (steps_ > steps_max) {
            give_up("never ends");
        }
        hand_over(choose(self));
    }

    void give_way() {
        step('y');
        let_stores_go();
        self->state = actor_state::gives_way;
        self->gave_way_at = steps_;
        hand_over(choose(self));
        self->state = actor_state::can_go_on;
    }

    void sleep(const std::function<bool()>& ready, time_ns until, bool may_wake_early) {
        step('z');
        let_stores_go();
        self->state = actor_state::sleeps;
        self->ready = &ready;
        self->until = until;
        self->may_wake_early = may_wake_early;
        self->woken_early = false;
        hand_over(choose(self));
        self->state = actor_state::can_go_on;
    }

    time_ns clock() const { return clock_; }
    bool buffered() const { return within_.buffered; }

    void fail(std::string_view what) {
        if (failure_.empty()) {
            failure_ = std::string(what) + "; schedule: " + schedule_;
        }
    }

    findings found() const { return {runs_, longest_, failure_}; }

private:
    bool can_go_on(const actor& a) const {
        switch (a.state) {
        case actor_state::can_go_on: return true;
        case actor_state::gives_way: return steps_ > a.gave_way_at;
        case actor_state::sleeps: return a.woken_early || (*a.ready)() || clock_ >= a.until;
        case actor_state::ended: break;
        }
        return false;
    }

    // Who goes on now; null when all have ended. `current` is who has come to a point.
    actor* choose(actor* current) {
        for (;;) {
            const bool goes_on = current != nullptr && can_go_on(*current);
            std::vector<actor*> able;
            if (goes_on) {
                able.push_back(current);
            }
            for (auto& a : actors_) {
                if (a.get() != current && can_go_on(*a)) {
                    able.push_back(a.get());
                }
            }
            if (goes_on && preemptions_left_ == 0) {
                able.resize(1);
            }
            if (!goes_on) {  // else two that give way to each other would keep out a third
                keep_the_willing(able);
            }
            if (!able.empty()) {
                const std::size_t way = able.size() == 1 ? 0 : take_way(able.size());
                if (goes_on && way != 0) {
                    --preemptions_left_;
                }
                return able[way];
            }
            if (all_have_ended()) {
                return nullptr;
            }
            if (!time_passes()) {
                wake_somebody();
            }
        }
    }

    static void keep_the_willing(std::vector<actor*>& able) {
        const auto gives_way = [](const actor* a) { return a->state == actor_state::gives_way; };
        if (!std::all_of(able.begin(), able.end(), gives_way)) {
            std::erase_if(able, gives_way);
        }
    }

    std::size_t take_way(std::size_t ways) {
        if (made_ == choices_.size()) {
            choices_.push_back({0, ways});
        } else if (choices_[made_].ways != ways) {
            give_up("is not the same when it is played again");
        }
        return choices_[made_++].taken;
    }

    bool all_have_ended() const {
        for (const auto& a : actors_) {
            if (a->state != actor_state::ended) {
                return false;
            }
        }
        return true;
    }

    // Nobody can go on: those who gave way do after all, or the clock jumps.
    bool time_passes() {
        bool any = false;
        time_ns earliest = no_deadline;
        for (auto& a : actors_) {
            if (a->state == actor_state::gives_way) {
                a->state = actor_state::can_go_on;
                any = true;
            } else if (a->state == actor_state::sleeps) {
                earliest = std::min(earliest, a->until);
            }
        }
        if (!any && earliest != no_deadline) {
            clock_ = earliest;
            any = true;
        }
        return any;
    }

    void wake_somebody() {
        fail("all sleep for ever");
        for (auto& a : actors_) {
            if (a->state == actor_state::sleeps && a->may_wake_early) {
                a->woken_early = true;
                return;
            }
        }
        give_up("deadlock");
    }

    void hand_over(actor* next) {
        if (next != self) {
            actor* const me = self;
            next->go.release();
            me->go.acquire();
        }
    }

    void note(char kind) {
        if (last_ != self) {
            last_ = self;
            schedule_ += ' ' + self->name + ':';
        }
        schedule_ += kind;
    }

    [[noreturn]] void give_up(const char* why) {
        fail(why);
        std::fprintf(stderr, "%s\n", failure_.c_str());
        std::abort();  // its threads can't be ended
    }

    const bounds within_;
    std::vector<choice> choices_;
    std::size_t made_ = 0;  // of them, in this run
    std::size_t runs_ = 0;
    std::size_t steps_ = 0;
    std::size_t longest_ = 0;
    unsigned preemptions_left_ = 0;
    time_ns clock_ = start_time;
    std::vector<std::unique_ptr<actor>> actors_;
    std::binary_semaphore all_ended_{0};
    const actor* last_ = nullptr;
    std::string schedule_;
    std::string failure_;
};

stage* on = nullptr;

}  // namespace

void play::thread(std::string_view name, std::function<void()> body) {
    on->add(name, std::move(body));
}
void play::go_on() { on->play_all(); }
void play::fail(std::string_view what) { on->fail(what); }

findings explore(const bounds& within, const std::function<void(play&)>& body) {
    stage all(within);
    on = &all;
    play one;
    while (all.found().failure.empty() && all.next_run()) {
        body(one);
    }
    on = nullptr;
    return all.found();
}

void point(char kind) noexcept {
    if (self != nullptr) {
        on->step(kind);
    }
}
void yield() noexcept {
    if (self != nullptr) {
        on->give_way();
    }
}
void sleep(const std::function<bool()>& ready, time_ns until, bool may_wake_early) noexcept {
    if (self != nullptr) {
        on->sleep(ready, until, may_wake_early);
    }
}
time_ns now() noexcept { return on != nullptr ? on->clock() : start_time; }

// ---- stores that the others do not see yet ----------------------------------------------------

bool keeps_store(std::memory_order order) noexcept {
    return self != nullptr && on->buffered() && order != std::memory_order_seq_cst;
}
void keep_store(void* where, const void* value, std::size_t size) noexcept {
    store& s = self->stores.emplace_back(store{where, size, {}});
    std::memcpy(s.bytes.data(), value, size);
}
const void* kept_store(const void* where) noexcept {
    if (self != nullptr) {
        for (auto s = self->stores.rbegin(); s != self->stores.rend(); ++s) {
            if (s->where == where) {
                return s->bytes.data();
            }
        }
    }
    return nullptr;
}
void forget_stores(const void* where) noexcept {
    if (self != nullptr) {
        std::erase_if(self->stores, [where](const store& s) { return s.where == where; });
    }
}
void let_stores_go() noexcept {
    if (self != nullptr) {
        for (const store& s : self->stores) {
            std::memcpy(s.where, s.bytes.data(), s.size);
        }
        self->stores.clear();
    }
}

}  // namespace gyre::testing::model
