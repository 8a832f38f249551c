// SPDX-License-Identifier: BSL-1.0
//
// The contract of cancellations, against a model of it, over a scripted world: every order of what
// can happen to up to three operations on two objects, and random orders of up to eight. Between
// any two actions the loop may make a step or none, so that each action meets operations that
// wait, are ready, are finished or are between two steps.

#include "support/cancellation_script.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <random>
#include <string>
#include <unordered_set>
#include <vector>

using namespace gyre::testing;

namespace {

using script = std::vector<action>;

std::string told(const scenario& s, const script& actions) {
    std::string text = "operations:";
    for (const op_spec& o : s.operations) {
        text += ' ' + std::to_string(static_cast<int>(o.kind)) + (o.limited ? " limited" : "") +
                " on " + std::to_string(o.object) + ',';
    }
    for (const action& a : actions) {
        text += ' ' + to_string(a) + ';';
    }
    return text;
}

std::vector<action> all_actions(const scenario& s) {
    std::vector<action> all{{act::tick}, {act::step}};
    for (std::uint8_t i = 0; i < s.operations.size(); ++i) {
        all.push_back({act::start, i});
        all.push_back({act::signal, i});
    }
    for (std::uint8_t i = 0; i < s.objects.size(); ++i) {
        for (const act a : {act::arrive, act::make_room, act::cancel, act::close, act::destroy}) {
            all.push_back({a, i});
        }
    }
    return all;
}

/// Every order of a scenario's actions, but no state twice.
class exhaustive {
public:
    exhaustive(const scenario& s, bool one_shot)
        : scenario_(s), actions_(all_actions(s)), one_shot_(one_shot) {}

    /// What went wrong in one of the shortest scripts in which anything does, or nothing.
    std::string run() {
        std::deque<script> paths{{}};
        for (; !paths.empty() && failure_.empty(); paths.pop_front()) {
            visit(paths.front(), paths);
        }
        return failure_;
    }
    std::size_t states() const { return seen_.size(); }
    std::size_t runs() const { return runs_; }

private:
    // Plays the path, and notes what can follow if it leads to a new state.
    void visit(const script& path, std::deque<script>& paths) {
        cancellation_script s(scenario_, one_shot_);
        play(s, path);
        if (!s.failed() && seen_.insert(s.state()).second) {
            for (const action& a : actions_) {
                if (s.can(a)) {
                    paths.push_back(path);
                    paths.back().push_back(a);
                }
            }
            cancellation_script other(scenario_, one_shot_);
            play(other, path);
            other.destroy_context();
            fail_if(other, path);
        }
        s.drain();
        fail_if(s, path);
    }
    void play(cancellation_script& s, const script& path) {
        ++runs_;
        for (const action& a : path) {
            s.play(a);
        }
    }
    void fail_if(const cancellation_script& s, const script& path) {
        if (s.failed() && failure_.empty()) {
            failure_ = s.what_failed() + ": " + told(scenario_, path);
        }
    }

    const scenario& scenario_;
    std::vector<action> actions_;
    bool one_shot_;
    std::unordered_set<std::string> seen_;
    std::size_t runs_ = 0;
    std::string failure_;
};

bool legal(object_kind on, op_kind op) {
    switch (on) {
    case object_kind::stream:
        return op != op_kind::accept && op < op_kind::timer && op != op_kind::connect;
    case object_kind::listener: return op == op_kind::accept || op == op_kind::wait_read;
    case object_kind::connecting: return op == op_kind::connect || op == op_kind::wait_write;
    case object_kind::timer: return op == op_kind::timer;
    }
    return false;
}

// Beside what was started before on the same object: two that move bytes in one direction may not
// mix if one is composed, and connecting comes first, once.
bool legal_behind(const op_spec& before, const op_spec& o, object_kind on) {
    const bool same =
        (is_read(before.kind) && is_read(o.kind)) || (is_write(before.kind) && is_write(o.kind));
    return before.object != o.object ||
           ((!same || (!is_composed(before.kind) && !is_composed(o.kind))) &&
            (on != object_kind::connecting ||
             (before.kind == op_kind::connect && o.kind != op_kind::connect)));
}

bool is_legal(const scenario& s) {
    for (std::size_t i = 0; i < s.operations.size(); ++i) {
        const op_spec& o = s.operations[i];
        if (!legal(s.objects[o.object], o.kind)) {
            return false;
        }
        for (std::size_t before = 0; before < i; ++before) {
            if (!legal_behind(s.operations[before], o, s.objects[o.object])) {
                return false;
            }
        }
    }
    return true;
}

// Each scenario once: the order of starts is chosen only within one direction of one object, for
// the moment of each start is chosen anyway.
bool is_canonical(const scenario& s) {
    for (std::size_t i = 1; i < s.operations.size(); ++i) {
        const op_spec& a = s.operations[i - 1];
        const op_spec& b = s.operations[i];
        const bool one_queue =
            a.object == b.object && waits_to_read(a.kind) == waits_to_read(b.kind);
        if (b.object < a.object || (a.object == b.object && !one_queue && b.kind < a.kind)) {
            return false;
        }
    }
    const auto on_first = std::count_if(s.operations.begin(), s.operations.end(),
                                        [](const op_spec& o) { return o.object == 0; });
    return static_cast<std::size_t>(on_first) * 2 >= s.operations.size();
}

constexpr object_kind object_kinds[] = {object_kind::stream, object_kind::listener,
                                        object_kind::connecting, object_kind::timer};
constexpr unsigned op_kinds = static_cast<unsigned>(op_kind::timer) + 1;

/// All scenarios of `count` operations on up to two objects. An operation whose deadline does not
/// come is like one without: so `limited` for all of them is enough.
std::vector<scenario> scenarios(unsigned count, bool limited) {
    std::vector<scenario> all;
    unsigned codes = 1;
    for (unsigned i = 0; i < count; ++i) {
        codes *= op_kinds * 2;
    }
    for (const object_kind first : object_kinds) {
        for (const object_kind second : object_kinds) {
            for (unsigned code = 0; code < codes; ++code) {
                scenario s{{first, second}, {}};
                for (unsigned i = 0, rest = code; i < count; ++i, rest /= op_kinds * 2) {
                    s.operations.push_back({static_cast<op_kind>(rest % op_kinds),
                                            static_cast<std::uint8_t>(rest / op_kinds % 2),
                                            limited});
                }
                const bool both = !s.operations.empty() && s.operations.back().object == 1;
                if ((both || second == object_kind::stream) && is_legal(s) && is_canonical(s)) {
                    s.objects.resize(both ? 2 : 1);
                    all.push_back(std::move(s));
                }
            }
        }
    }
    return all;
}

/// Proves every `stride`-th of them.
void prove(const std::vector<scenario>& all, bool one_shot, std::size_t stride) {
    std::size_t states = 0;
    std::size_t runs = 0;
    for (std::size_t i = 0; i < all.size(); i += stride) {
        exhaustive search(all[i], one_shot);
        const std::string failure = search.run();
        states += search.states();
        runs += search.runs();
        REQUIRE(failure == "");
    }
    WARN((all.size() + stride - 1) / stride << " of " << all.size() << " scenarios, " << states
                                            << " states, " << runs << " runs");
    CHECK(states > all.size() / stride * 4);
}

std::size_t number(const char* variable, std::size_t otherwise) {
    const char* text = std::getenv(variable);
    return text != nullptr && *text != 0 ? std::strtoull(text, nullptr, 10) : otherwise;
}

scenario random_scenario(std::mt19937_64& random) {
    const auto pick = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    scenario s;
    for (std::size_t n = 1 + pick(4); n != 0; --n) {
        s.objects.push_back(object_kinds[pick(4)]);
    }
    const std::size_t count = 1 + pick(8);
    for (int tries = 0; s.operations.size() < count && tries < 100; ++tries) {
        s.operations.push_back({static_cast<op_kind>(pick(op_kinds)),
                                static_cast<std::uint8_t>(pick(s.objects.size())), pick(2) == 0});
        if (!is_legal(s)) {
            s.operations.pop_back();
        }
    }
    return s;
}

// Empty, or what was wrong with the order of that seed.
std::string play_random(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const scenario s = random_scenario(random);
    const std::vector<action> actions = all_actions(s);
    cancellation_script run(s, random() % 2 == 0);
    script played;
    // Cancellations are rarer than what makes operations get somewhere, each seed in its own way.
    const std::uint64_t hindrance = 1 + random() % 8;
    for (std::uint64_t left = 10 + random() % 60; left != 0 && !run.failed(); --left) {
        const action a = random() % 4 == 0 ? action{act::step} : actions[random() % actions.size()];
        const bool ends = a.what >= act::cancel && a.what <= act::destroy;
        if ((!ends || random() % hindrance == 0) && run.can(a)) {
            played.push_back(a);
            run.play(a);
        }
    }
    if (!run.failed()) {
        random() % 4 == 0 ? run.destroy_context() : run.drain();
    }
    return run.failed() ? run.what_failed() + ": " + told(s, played) : std::string();
}

}  // namespace

TEST_CASE("cancellation: every order of two operations on two objects keeps the contract") {
    const bool one_shot = GENERATE(false, true);
    const bool limited = GENERATE(false, true);
    prove(scenarios(1, limited), one_shot, 1);
    prove(scenarios(2, limited), one_shot, 1);
}

// All of them with GYRE_STRESS=full.
TEST_CASE("cancellation: every order of three operations on two objects keeps the contract") {
    prove(scenarios(3, true), false, number("GYRE_MODEL_STRIDE", full_stress() ? 1 : 16));
}

// GYRE_MODEL_ORDERS=1000000 for as many; GYRE_MODEL_SEED for another first seed.
TEST_CASE("cancellation: random orders of up to eight operations keep the contract", "[D13]") {
    const std::uint64_t seed = number("GYRE_MODEL_SEED", std::random_device()());
    const std::size_t orders = number("GYRE_MODEL_ORDERS", 10'000);
    WARN(orders << " orders from seed " << seed);
    for (std::size_t i = 0; i < orders; ++i) {
        const std::string failure = play_random(seed + i);
        INFO("GYRE_MODEL_ORDERS=1 GYRE_MODEL_SEED=" << seed + i);
        REQUIRE(failure == "");
    }
}
