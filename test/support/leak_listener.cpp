// SPDX-License-Identifier: BSL-1.0
//
// Fails a test case that ends with other open descriptors than it began with, or with another
// answer from extra_leak_check. A case that must leak (a child process, a deliberate dup) says so
// with the tag [leaks-allowed].
//
// The comparison is made when the outermost section ends, the last moment at which Catch2 still
// counts an assertion for the case; the case's own objects are gone by then.
#include "support/listener.hpp"

#include <map>
#include <string>

#if !defined(_WIN32)
#include <dirent.h>
#include <unistd.h>
#endif

namespace gyre::testing {

std::size_t (*extra_leak_check)() noexcept = nullptr;

namespace {

using descriptors = std::map<std::string, std::string>;

#if defined(_WIN32)

// Windows can't tell a socket from the handles that its own libraries open.
descriptors open_descriptors() { return {}; }

#else

// Number -> what it refers to. Empty where there is no /proc, which checks nothing.
descriptors open_descriptors() {
    descriptors found;
    DIR* dir = ::opendir("/proc/self/fd");
    if (dir == nullptr) {
        return found;
    }
    std::string const own = std::to_string(::dirfd(dir));
    while (dirent const* entry = ::readdir(dir)) {
        std::string const number = entry->d_name;
        if (number == "." || number == ".." || number == own) {
            continue;
        }
        char target[256];
        auto const length = ::readlink(("/proc/self/fd/" + number).c_str(), target, sizeof target);
        found[number] = length > 0 ? std::string(target, static_cast<std::size_t>(length)) : "?";
    }
    ::closedir(dir);
    return found;
}

#endif

std::string difference(descriptors const& before, descriptors const& after) {
    std::string text;
    for (auto const& [number, target] : after) {
        if (!before.contains(number)) {
            text += " left open: " + number + " (" + target + ")";
        }
    }
    for (auto const& [number, target] : before) {
        if (!after.contains(number)) {
            text += " closed: " + number + " (" + target + ")";
        }
    }
    return text;
}

class leak_listener final : public listener_base {
public:
    using listener_base::listener_base;

    void testCaseStarting(Catch::TestCaseInfo const& info) override {
        listener_base::testCaseStarting(info);
        checked_ = info.tagsAsString().find("[leaks-allowed]") == std::string::npos;
        depth_ = 0;
    }

    void sectionStarting(Catch::SectionInfo const& info) override {
        listener_base::sectionStarting(info);
        if (depth_++ == 0 && checked_) {
            before_ = open_descriptors();
            hook_ = extra_leak_check;
            extra_before_ = hook_ != nullptr ? hook_() : 0;
        }
    }

    void sectionEnded(Catch::SectionStats const& stats) override {
        if (--depth_ == 0 && checked_) {
            compare();
        }
        listener_base::sectionEnded(stats);
    }

private:
    void compare() {
        std::string const changed = difference(before_, open_descriptors());
        if (!changed.empty()) {
            FAIL_CHECK("descriptors" << changed);
        }
        if (hook_ != nullptr && hook_ == extra_leak_check) {
            std::size_t const after = hook_();
            if (after != extra_before_) {
                FAIL_CHECK("leaked: " << extra_before_ << " before, " << after << " after");
            }
        }
    }

    bool checked_ = true;
    int depth_ = 0;
    descriptors before_;
    std::size_t (*hook_)() noexcept = nullptr;
    std::size_t extra_before_ = 0;
};

CATCH_REGISTER_LISTENER(leak_listener)

}  // namespace
}  // namespace gyre::testing
