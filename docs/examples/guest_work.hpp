// SPDX-License-Identifier: BSL-1.0
// What the contexts do that are guests of another loop: a bit of everything, until it is done.
#pragma once

#include <gyre/buffer.hpp>
#include <gyre/executor_work_guard.hpp>
#include <gyre/io_context.hpp>
#include <gyre/local/connect_pair.hpp>
#include <gyre/local/stream_protocol.hpp>
#include <gyre/post.hpp>
#include <gyre/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <iostream>
#include <optional>
#include <thread>

namespace example {

/// A timer ticks, a byte travels between two sockets, another thread posts. Each of them three
/// times; then the context has no work left.
class guest_work {
public:
    static constexpr int times = 3;

    explicit guest_work(gyre::io_context& context)
        : context_(context),
          work_(gyre::make_work_guard(context)),
          timer_(context),
          here_(context),
          there_(context) {
        gyre::local::connect_pair(here_, there_);
        tick();
        travel();
        other_ = std::thread([this] {
            for (int i = 0; i < times; ++i) {
                std::this_thread::sleep_for(std::chrono::milliseconds(3));
                gyre::post(context_, [this] { count(posts_, "post"); });
            }
        });
    }
    guest_work(const guest_work&) = delete;
    guest_work& operator=(const guest_work&) = delete;
    ~guest_work() { other_.join(); }

private:
    using local = gyre::local::stream_protocol;

    void tick() {
        timer_.expires_after(std::chrono::milliseconds(5));
        timer_.async_wait([this](gyre::error_code) {
            if (count(ticks_, "tick")) {
                tick();
            }
        });
    }

    void travel() {
        there_.async_read_some(gyre::buffer(byte_), [this](gyre::error_code, std::size_t) {
            if (count(bytes_, "byte")) {
                travel();
            }
        });
        here_.async_write_some(gyre::buffer("x", 1), [](gyre::error_code, std::size_t) {});
    }

    // False when that was the last of its kind.
    bool count(int& counter, const char* what) {
        std::cout << what << ' ' << ++counter << '\n';
        if (ticks_ + bytes_ + posts_ == 3 * times) {
            work_.reset();
        }
        return counter != times;
    }

    gyre::io_context& context_;
    std::optional<gyre::executor_work_guard<>> work_;
    gyre::steady_timer timer_;
    local::socket here_;
    local::socket there_;
    std::array<char, 1> byte_{};
    int ticks_ = 0;
    int bytes_ = 0;
    int posts_ = 0;
    std::thread other_;
};

}  // namespace example
