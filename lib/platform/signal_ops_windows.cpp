// SPDX-License-Identifier: BSL-1.0
// The process's registry of signals. What Windows has of them: the events of the console, which
// come in a thread of their own (SetConsoleCtrlHandler), and those that the program raises itself,
// which come in the thread that does (signal() of the C library).
#include "platform/native.hpp"

#include <gyre/error.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include <windows.h>

namespace gyre::inline v0::detail {
namespace {

using handler = void (*)(int);

struct entry {
    signal_listener* listener;
    std::uint64_t count;
};

struct signal_state {
    int number;
    std::vector<entry> listeners;
    handler found = SIG_DFL;
};

/// Never destroyed: events come, and static objects of the user leave, after our destructors.
struct registry {
    std::mutex mutex;
    std::array<signal_state, 3> states{{{SIGINT, {}}, {SIGBREAK, {}}, {SIGTERM, {}}}};
    bool hears_console = false;
};
registry& the_registry() noexcept {
    alignas(registry) static unsigned char memory[sizeof(registry)];
    static registry* const made = new (memory) registry;
    return *made;
}

signal_state* state_of(registry& all, int number) noexcept {
    const auto found = std::find_if(all.states.begin(), all.states.end(),
                                    [&](const signal_state& s) { return s.number == number; });
    return found != all.states.end() ? &*found : nullptr;
}

/// True if anybody listens.
bool deliver(int number) noexcept {
    registry& all = the_registry();
    const std::lock_guard lock(all.mutex);
    signal_state& state = *state_of(all, number);
    for (entry& each : state.listeners) {
        ++each.count;
        each.listener->notify();
    }
    return !state.listeners.empty();
}

extern "C" void gyre_signal_handler(int number) {
    std::signal(number, &gyre_signal_handler);  // the C library takes it out before it calls it
    deliver(number);
}

extern "C" BOOL WINAPI gyre_console_handler(DWORD event) {
    switch (event) {
    case CTRL_C_EVENT: return deliver(SIGINT) ? TRUE : FALSE;
    case CTRL_BREAK_EVENT: return deliver(SIGBREAK) ? TRUE : FALSE;
    default: break;
    }
    if (!deliver(SIGTERM)) {
        return FALSE;
    }
    // The process ends when this returns, or some seconds later: the program's time to end by
    // itself.
    ::Sleep(INFINITE);
    return TRUE;
}

class windows_signal_ops final : public signal_ops {
public:
    std::error_code add(signal_listener& listener, int signal_number, int flags) noexcept override {
        registry& all = the_registry();
        const std::lock_guard lock(all.mutex);
        signal_state* const state = state_of(all, signal_number);
        if (state == nullptr || flags != any_signal_flags) {
            return gyre::error::invalid_argument;
        }
        if (find(*state, listener) != state->listeners.end()) {
            return {};
        }
        const bool is_first = state->listeners.empty();
        try {
            state->listeners.push_back({&listener, 0});
        } catch (const std::bad_alloc&) {
            return gyre::error::no_memory;
        }
        if (is_first) {
            state->found = std::signal(signal_number, &gyre_signal_handler);
            // Behind the C library's own, which is asked after this one then.
            if (!all.hears_console) {
                all.hears_console = ::SetConsoleCtrlHandler(&gyre_console_handler, TRUE) != 0;
            }
        }
        return {};
    }

    std::error_code remove(signal_listener& listener, int signal_number) noexcept override {
        registry& all = the_registry();
        const std::lock_guard lock(all.mutex);
        signal_state* const state = state_of(all, signal_number);
        if (state == nullptr) {
            return gyre::error::invalid_argument;
        }
        const auto found = find(*state, listener);
        if (found == state->listeners.end()) {
            return {};
        }
        state->listeners.erase(found);
        if (state->listeners.empty()) {
            std::signal(signal_number, state->found);
        }
        return {};
    }

    std::uint64_t take(signal_listener& listener, int signal_number) noexcept override {
        registry& all = the_registry();
        const std::lock_guard lock(all.mutex);
        signal_state* const state = state_of(all, signal_number);
        if (state == nullptr) {
            return 0;
        }
        const auto found = find(*state, listener);
        return found != state->listeners.end() ? std::exchange(found->count, 0) : 0;
    }

private:
    static std::vector<entry>::iterator find(signal_state& state,
                                             const signal_listener& listener) noexcept {
        return std::find_if(state.listeners.begin(), state.listeners.end(),
                            [&](const entry& e) { return e.listener == &listener; });
    }
};

constinit windows_signal_ops instance;

}  // namespace

signal_ops& native_signal_ops() noexcept { return instance; }

}  // namespace gyre::inline v0::detail
