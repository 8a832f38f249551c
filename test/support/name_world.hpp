// SPDX-License-Identifier: BSL-1.0
// A world whose names the test answers. Its lookups run in the system's pool, or are held until the
// test runs them, or are refused. Everything else is the system's.
#pragma once

#include <gyre/error.hpp>
#include <gyre/io_context_options.hpp>

#include "platform/platform.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

namespace gyre::testing {

/// Answers any host with 192.0.2.1 and 192.0.2.2, and ports given in numbers. A host that begins
/// with "slow" waits for open_gate(), one that begins with "bad" fails with the error that was set.
class name_world final : public detail::platform,
                         private detail::name_ops,
                         private detail::offload_ops {
public:
    enum class jobs {
        run,     ///< in the system's pool
        held,    ///< until run_job() or drop_jobs()
        refused  ///< as with a full queue
    };

    explicit name_world(jobs what = jobs::run) : mode_(what) {}
    name_world(const name_world&) = delete;
    name_world& operator=(const name_world&) = delete;
    /// Waits until the system's pool knows nothing of this world any more.
    ~name_world() {
        open_gate();
        drop_jobs();
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return jobs_alive_ == 0; });
    }

    io_context_options options() {
        io_context_options o;
        o.world = this;
        return o;
    }

    void set_mode(jobs what) {
        locked([&] { mode_ = what; });
    }
    void set_error(std::error_code e) {
        locked([&] { error_ = e; });
    }
    void open_gate() {
        locked([&] { open_ = true; });
    }

    /// Calls of resolve() and reverse() that began, and jobs that exist.
    std::size_t calls() {
        return locked([&] { return calls_; });
    }
    std::size_t jobs_alive() {
        return locked([&] { return jobs_alive_; });
    }
    std::size_t submitted() {
        return locked([&] { return submitted_; });
    }
    detail::name_query last_query() {
        return locked([&] { return last_; });
    }
    /// Whether the number is reached before the watchdog's time.
    bool await_calls(std::size_t number) {
        return await([&] { return calls_ >= number; });
    }
    bool await_no_jobs() {
        return await([&] { return jobs_alive_ == 0; });
    }

    /// Runs the oldest job that is held, in this thread.
    void run_job() {
        std::unique_ptr<detail::offload_job> next;
        locked([&] {
            next = std::move(held_.front());
            held_.pop_front();
        });
        next->run();
    }
    std::size_t held() {
        return locked([&] { return held_.size(); });
    }
    void drop_jobs() {
        std::deque<std::unique_ptr<detail::offload_job>> dropped;
        locked([&] { dropped.swap(held_); });
    }

    detail::socket_ops& sockets() noexcept override { return native_.sockets(); }
    detail::descriptor_ops& descriptors() noexcept override { return native_.descriptors(); }
    detail::name_ops& names() noexcept override { return *this; }
    detail::signal_ops& signals() noexcept override { return native_.signals(); }
    detail::clock_ops& clock() noexcept override { return native_.clock(); }
    detail::random_ops& random() noexcept override { return native_.random(); }
    detail::offload_ops& offload() noexcept override { return *this; }
    detail::thread_ops& threads() noexcept override { return native_.threads(); }
    poller* make_poller(const poller_factory* wish, std::error_code& error) noexcept override {
        return native_.make_poller(wish, error);
    }
    std::error_code wait_one(native_handle_type handle, interest direction,
                             time_ns deadline) noexcept override {
        return native_.wait_one(handle, direction, deadline);
    }

private:
    /// Around a job: counts it until it is deleted.
    class counted_job final : public detail::offload_job {
    public:
        counted_job(name_world& world, detail::offload_job* inner) : world_(world), inner_(inner) {
            world_.locked([this] { ++world_.jobs_alive_; });
        }
        ~counted_job() override {
            inner_.reset();
            world_.locked([this] { --world_.jobs_alive_; });
        }
        void run() noexcept override { inner_->run(); }
        void let_go() { static_cast<void>(inner_.release()); }

    private:
        name_world& world_;
        std::unique_ptr<detail::offload_job> inner_;
    };

    template <class F>
    std::invoke_result_t<F> locked(F f) {
        const std::lock_guard lock(mutex_);
        changed_.notify_all();
        return f();
    }
    template <class Condition>
    bool await(Condition condition) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(20), condition);
    }

    /// Counts a call, and waits if it is a slow one; then the answer.
    std::error_code begin(const std::string& host) {
        std::unique_lock lock(mutex_);
        ++calls_;
        changed_.notify_all();
        if (host.starts_with("slow")) {
            changed_.wait(lock, [this] { return open_; });
        }
        return host.starts_with("bad") ? error_ : std::error_code();
    }

    /// What f() returns, if there is memory for it.
    template <class F>
    static std::error_code with_memory(F f) noexcept {
        try {
            return f();
        } catch (const std::bad_alloc&) {
            return error::make_error_code(error::no_memory);
        }
    }

    std::error_code resolve(const detail::name_query& query,
                            std::vector<detail::name_answer>& answers) noexcept override {
        return with_memory([&] { return answer(query, answers); });
    }
    std::error_code answer(const detail::name_query& query,
                           std::vector<detail::name_answer>& answers) {
        locked([&] { last_ = query; });
        if (const std::error_code e = begin(query.host)) {
            return e;
        }
        for (const std::uint32_t last : {1U, 2U}) {
            sockaddr_in a{};
            a.sin_family = AF_INET;
            a.sin_addr.s_addr = htonl(0xC0000200U + last);
            a.sin_port = htons(static_cast<std::uint16_t>(std::atoi(query.service.c_str())));
            detail::name_answer answer{AF_INET, query.type, query.protocol, {}, {}};
            answer.address.resize(sizeof a);
            std::memcpy(answer.address.data(), &a, sizeof a);
            answers.push_back(std::move(answer));
        }
        return {};
    }
    std::error_code reverse(const void*, std::size_t, int, std::string& host,
                            std::string& service) noexcept override {
        return with_memory([&] {
            host = "host.example";
            service = "service";
            return begin("reverse");
        });
    }

    std::error_code submit(detail::offload_job* job) noexcept override {
        return with_memory([&] { return take(job); });
    }
    std::error_code take(detail::offload_job* job) {
        const jobs mode = locked([&] {
            ++submitted_;
            return mode_;
        });
        if (mode == jobs::refused) {
            return error::make_error_code(error::try_again);
        }
        auto counted = std::make_unique<counted_job>(*this, job);
        if (mode == jobs::held) {
            try {
                locked([&] { held_.push_back(std::move(counted)); });
            } catch (...) {
                counted->let_go();  // still the caller's
                throw;
            }
            return {};
        }
        const std::error_code e = native_.offload().submit(counted.get());
        if (e) {
            counted->let_go();
        } else {
            static_cast<void>(counted.release());
        }
        return e;
    }

    detail::platform& native_ = detail::native_platform();
    std::mutex mutex_;
    std::condition_variable changed_;
    jobs mode_;
    bool open_ = false;
    std::error_code error_ = error::make_error_code(error::host_not_found);
    std::size_t calls_ = 0;
    std::size_t submitted_ = 0;
    std::size_t jobs_alive_ = 0;
    detail::name_query last_;
    std::deque<std::unique_ptr<detail::offload_job>> held_;
};

}  // namespace gyre::testing
