// SPDX-License-Identifier: BSL-1.0
// A variable of the environment for the length of a test. Knows nothing of who reads it.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

namespace gyre::testing {

/// Sets an environment variable, and puts back what was there at the end.
class environment {
public:
    environment(const char* name, const char* value) : name_(name) {
        if (const char* old = std::getenv(name)) {
            old_ = old;
        }
        set(value);
    }
    environment(const environment&) = delete;
    environment& operator=(const environment&) = delete;
    ~environment() { set(old_ ? old_->c_str() : nullptr); }

private:
#if defined(_WIN32)
    void set(const char* value) { ::_putenv_s(name_, value != nullptr ? value : ""); }
#else
    void set(const char* value) {
        value != nullptr ? ::setenv(name_, value, 1) : ::unsetenv(name_);
    }
#endif

    const char* name_;
    std::optional<std::string> old_;
};

}  // namespace gyre::testing
