// SPDX-License-Identifier: BSL-1.0
// A record of what a handler was given, for handlers of every kind of operation. Knows no
// operation.
#pragma once

#include <gyre/error.hpp>

#include "support/hang_guard.hpp"

#include <atomic>
#include <cstddef>
#include <ostream>

namespace gyre::testing {

inline const error_code success;
inline const error_code aborted = error::operation_aborted;

/// What a handler was given, and how often it was called.
struct result {
    int calls = 0;
    error_code error{};
    std::size_t bytes = 0;

    /// A handler; the record must live until it is called.
    auto keep() {
        return [this](error_code e, std::size_t n = 0) {
            ++calls;
            error = e;
            bytes = n;
        };
    }

    friend bool operator==(const result&, const result&) = default;
    friend std::ostream& operator<<(std::ostream& out, const result& r) {
        return out << r.calls << " calls, " << r.error << ' ' << r.bytes << " bytes";
    }
};

/// The record of a handler called once.
inline result once(error_code error = {}, std::size_t bytes = 0) { return {1, error, bytes}; }
inline const result never{};

/// A record of a handler that another thread calls.
class shared_result {
public:
    auto keep() {
        return [this](error_code e, std::size_t n = 0) {
            last_ = {last_.calls + 1, e, n};
            calls_ = last_.calls;
        };
    }

    /// How often it was called so far.
    int calls() const { return calls_; }
    /// Waits for the call; a hang_guard has to stand by.
    const result& get() const {
        await([this] { return calls_ != 0; });
        return last_;
    }

private:
    result last_;
    std::atomic<int> calls_{0};
};

}  // namespace gyre::testing
