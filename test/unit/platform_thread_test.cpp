// SPDX-License-Identifier: BSL-1.0
// The native threads, the count of forks, and the pool that blocking calls run in.
#include <gyre/error.hpp>

#include "platform/native_posix.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gyre::inline v0::detail {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr bool children_have_threads = false;
#elif defined(__has_feature)
constexpr bool children_have_threads = !__has_feature(thread_sanitizer);
#else
constexpr bool children_have_threads = true;
#endif

constexpr auto watchdog = std::chrono::seconds(20);

/// A number that threads raise and wait for.
class tally {
public:
    void add(int by = 1) {
        const std::lock_guard lock(mutex_);
        value_ += by;
        changed_.notify_all();
    }
    bool reaches(int wanted) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, watchdog, [&] { return value_ >= wanted; });
    }
    int value() {
        const std::lock_guard lock(mutex_);
        return value_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int value_ = 0;
};

/// What the jobs of one test case share; lives as long as the last of them.
struct shared {
    tally started;
    tally finished;
    tally destroyed;
    tally gate;  // jobs that wait for it run on once it is 1
    std::mutex mutex;
    std::set<pthread_t> threads;
    int running = 0;
    int most_running = 0;
};
using shared_state = std::shared_ptr<shared>;

class job final : public offload_job {
public:
    job(shared_state state, bool waits) : state_(std::move(state)), waits_(waits) {}
    ~job() override { state_->destroyed.add(); }

    void run() noexcept override {
        {
            const std::lock_guard lock(state_->mutex);
            state_->threads.insert(::pthread_self());
            state_->most_running = std::max(state_->most_running, ++state_->running);
        }
        state_->started.add();
        if (waits_) {
            state_->gate.reaches(1);
        }
        const std::lock_guard lock(state_->mutex);
        --state_->running;
        state_->finished.add();
    }

private:
    shared_state state_;
    bool waits_;
};

std::error_code submit(const shared_state& state, bool waits) {
    auto made = std::make_unique<job>(state, waits);
    const std::error_code error = native_platform().offload().submit(made.get());
    if (!error) {
        static_cast<void>(made.release());
    }
    return error;
}

int exit_code_of_child(int (*body)()) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::alarm(20);
        ::_exit(body());
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct thread_report {
    tally done;
    int signals_open = 0;
    pthread_t self{};
};

void report_mask(void* raw) noexcept {
    auto& report = *static_cast<thread_report*>(raw);
    sigset_t mask;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD, SIGPIPE}) {
        report.signals_open += sigismember(&mask, number) == 1 ? 0 : 1;
    }
    report.self = ::pthread_self();
    report.done.add();
}

TEST_CASE("native threads: a detached thread runs its entry with all signals blocked") {
    auto report = std::make_unique<thread_report>();
    sigset_t before;
    sigset_t after;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &before);
    REQUIRE_FALSE(native_platform().threads().start_detached(&report_mask, report.get()));
    ::pthread_sigmask(SIG_BLOCK, nullptr, &after);
    if (!report->done.reaches(1)) {
        static_cast<void>(report.release());  // the thread may come yet
        FAIL("the thread did not run");
    }
    CHECK(report->signals_open == 0);
    CHECK(::pthread_equal(report->self, ::pthread_self()) == 0);
    CHECK(sigismember(&after, SIGTERM) == sigismember(&before, SIGTERM));
}

TEST_CASE("native threads: the timer slack is set and told") {
    thread_ops& threads = native_platform().threads();
    const std::uint64_t before = threads.set_timer_slack(1000);
    if (before == 0) {
        GYRE_SKIP("this system has no timer slack");
    }
    CHECK(threads.set_timer_slack(0) == 1000);
    CHECK(threads.set_timer_slack(before) == 1);
    CHECK(threads.set_timer_slack(before) == before);
}

#if defined(__linux__)
TEST_CASE("native threads: a thread is bound to one of the processors that it may use, in turn") {
    cpu_set_t allowed;
    REQUIRE(::sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    const auto count = static_cast<std::size_t>(CPU_COUNT(&allowed));
    std::vector<cpu_set_t> bound(count + 1);
    for (std::size_t n = 0; n != bound.size(); ++n) {
        std::thread([&bound, n] {
            native_platform().threads().pin(n);
            ::sched_getaffinity(0, sizeof bound[n], &bound[n]);
        }).join();
        CHECK(CPU_COUNT(&bound[n]) == 1);
    }
    CHECK(CPU_EQUAL(&bound[0], &bound[count]));
    CHECK((count == 1 || !CPU_EQUAL(&bound[0], &bound[1])));
}
#endif

TEST_CASE("native threads: the fork count changes with a fork, in the child and in the parent") {
    static std::uint32_t before = 0;
    before = native_platform().threads().fork_count();
    CHECK(exit_code_of_child(
              [] { return native_platform().threads().fork_count() != before ? 7 : 8; }) == 7);
    // The child may still hold what the parent is about to close.
    CHECK(native_platform().threads().fork_count() != before);
}

TEST_CASE("native offload: a job runs in another thread and is deleted after it ran") {
    const auto state = std::make_shared<shared>();
    REQUIRE_FALSE(submit(state, false));
    REQUIRE(state->destroyed.reaches(1));
    CHECK(state->finished.value() == 1);
    CHECK(state->threads.count(::pthread_self()) == 0);
}

TEST_CASE("native offload: four jobs run at once, a bounded number waits, the next is refused") {
    const auto state = std::make_shared<shared>();
    for (std::size_t i = 0; i < offload_threads; ++i) {
        REQUIRE_FALSE(submit(state, true));
    }
    const auto threads = static_cast<int>(offload_threads);
    REQUIRE(state->started.reaches(threads));
    for (std::size_t i = 0; i < offload_queue_capacity; ++i) {
        REQUIRE_FALSE(submit(state, false));
    }
    CHECK(submit(state, false) == std::errc::resource_unavailable_try_again);
    CHECK(state->destroyed.value() == 1);  // the refused one, by its owner
    CHECK(state->started.value() == threads);
    state->gate.add();
    const int total = threads + static_cast<int>(offload_queue_capacity);
    REQUIRE(state->destroyed.reaches(total + 1));
    CHECK(state->finished.value() == total);
    const std::lock_guard lock(state->mutex);
    CHECK(state->most_running == threads);
    CHECK(state->threads.size() <= offload_threads);
}

TEST_CASE("native offload: the job of a submitter that is gone runs all the same") {
    auto state = std::make_shared<shared>();
    std::thread([&] {
        for (int i = 0; i < 6; ++i) {
            submit(state, true);
        }
    }).join();
    state->gate.add();
    REQUIRE(state->destroyed.reaches(6));
    CHECK(state->finished.value() == 6);
}

TEST_CASE("native offload: a child has a pool of its own, whatever its parent's was doing") {
    if (!children_have_threads) {
        GYRE_SKIP("ThreadSanitizer allows no threads in a child");
    }
    const auto state = std::make_shared<shared>();
    for (std::size_t i = 0; i < offload_threads + 3; ++i) {
        REQUIRE_FALSE(submit(state, true));
    }
    REQUIRE(state->started.reaches(static_cast<int>(offload_threads)));
    const int code = exit_code_of_child([] {
        const auto own = std::make_shared<shared>();
        for (int i = 0; i < 6; ++i) {
            if (submit(own, false)) {
                return 1;
            }
        }
        return own->destroyed.reaches(6) && own->finished.value() == 6 ? 0 : 2;
    });
    CHECK(code == 0);
    state->gate.add();
    CHECK(state->destroyed.reaches(static_cast<int>(offload_threads) + 3));
}

}  // namespace
}  // namespace gyre::inline v0::detail
