// SPDX-License-Identifier: BSL-1.0
//
// The main program of every test suite, and the record of what ran: with GYRE_TEST_RESULTS naming a
// file, one line a case is appended when it starts and one when it ends, so that a case that never
// ended is known by name. `dev` counts these lines.
#define CATCH_CONFIG_RUNNER
#include "support/listener.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace gyre::testing {
namespace {

bool skipped = false;

class results_listener final : public listener_base {
public:
    using listener_base::listener_base;

    void testCaseStarting(Catch::TestCaseInfo const& info) override {
        listener_base::testCaseStarting(info);
        name_ = info.name;
        skipped = false;
        record("run");
    }

    void testCaseEnded(Catch::TestCaseStats const& stats) override {
        bool const failed = stats.totals.testCases.failed > 0;
        record(failed ? "fail" : skipped ? "skip" : "pass");
        listener_base::testCaseEnded(stats);
    }

private:
    // Opened and closed for each line: a descriptor kept open would be none of the case's business.
    void record(char const* what) const {
        char const* path = std::getenv("GYRE_TEST_RESULTS");
        if (path == nullptr) {
            return;
        }
        if (std::FILE* file = std::fopen(path, "a")) {
            std::fprintf(file, "%s\t%s\n", what, name_.c_str());
            std::fclose(file);
        }
    }

    std::string name_;
};

CATCH_REGISTER_LISTENER(results_listener)

}  // namespace

void mark_skipped(std::string_view reason) {
    skipped = true;
    std::printf("skipped: %.*s\n", static_cast<int>(reason.size()), reason.data());
}

}  // namespace gyre::testing

int main(int argc, char* argv[]) { return Catch::Session().run(argc, argv); }
