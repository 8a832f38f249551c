// SPDX-License-Identifier: BSL-1.0
// Drives an echo server, checks every byte that comes back and measures how long it took.
//
//     echo_load ADDRESS PORT [--connections N] [--size BYTES] [--seconds S] [--trips N]
//
// It connects all connections, then lets each of them write and read back in turns. It ends after
// the time, or after the round trips if --trips says how many over all connections, and then makes
// sure that each connection ends with the end of the stream and nothing before it. The exit code is
// 0 only if all connections worked, at least one trip was made and every byte was right.
//
// It shows many objects in one loop, composed reads and writes, and a timer that watches over them.

#include <gyre/buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/read.hpp>
#include <gyre/steady_timer.hpp>
#include <gyre/write.hpp>

#include "command_line.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

using gyre::ip::tcp;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

namespace {

// --- what was asked for -------------------------------------------------------------------------

struct settings {
    tcp::endpoint server;
    std::uint64_t connections = 50;
    std::uint64_t size = 64;    // bytes of a round trip
    std::uint64_t seconds = 2;  // ignored if trips are given
    std::uint64_t trips = 0;    // over all connections; 0: as many as fit into the time
};

struct option {
    std::string_view name;
    std::uint64_t settings::*value;
    std::uint64_t most;
};

constexpr option options[] = {
    {"--connections", &settings::connections, 60'000},
    {"--size", &settings::size, 64 << 20},
    {"--seconds", &settings::seconds, 86'400},
    {"--trips", &settings::trips, std::uint64_t{1} << 60},
};

bool read_options(int argc, char** argv, settings& asked) {
    const auto server = argc > 2 ? example::endpoint_of(argv[1], argv[2]) : std::nullopt;
    if (!server) {
        return false;
    }
    asked.server = *server;
    for (int i = 3; i < argc; i += 2) {
        const auto* found = std::find_if(std::begin(options), std::end(options),
                                         [&](const option& o) { return o.name == argv[i]; });
        if (found == std::end(options) || i + 1 == argc) {
            return false;
        }
        const auto number = example::number_of<std::uint64_t>(argv[i + 1]);
        if (!number || *number == 0 || *number > found->most) {
            return false;
        }
        asked.*(found->value) = *number;
    }
    return true;
}

// --- what came out ------------------------------------------------------------------------------

/// Counts latencies in classes no wider than 1/64 of their value, so that memory stays the same
/// however long it runs.
class histogram {
public:
    void add(nanoseconds latency) {
        const auto ns = static_cast<std::uint64_t>(std::max<nanoseconds::rep>(latency.count(), 1));
        ++counts_[class_of(ns)];
        ++total_;
    }

    /// The latency in microseconds that this share of all trips does not exceed.
    double microseconds(double share) const {
        const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
        std::uint64_t seen = 0;
        std::size_t i = 0;
        while (i + 1 < counts_.size() && seen + counts_[i] <= wanted) {
            seen += counts_[i++];
        }
        return static_cast<double>(least_of(i)) / 1000;
    }

private:
    static constexpr unsigned bits = 6;
    static constexpr std::uint64_t steps = std::uint64_t{1} << bits;

    static std::size_t class_of(std::uint64_t ns) {
        const auto width = static_cast<unsigned>(std::bit_width(ns));
        const unsigned shift = width > bits + 1 ? width - bits - 1 : 0;
        return shift * steps + (ns >> shift);
    }
    static std::uint64_t least_of(std::size_t i) {
        const std::uint64_t shift = i < 2 * steps ? 0 : i / steps - 1;
        return (i - shift * steps) << shift;
    }

    std::array<std::uint64_t, (64 - bits + 1) * steps> counts_{};
    std::uint64_t total_ = 0;
};

struct results {
    std::uint64_t connected = 0;
    std::uint64_t failed = 0;   // connections
    std::uint64_t ended = 0;    // connections, failed ones included
    std::uint64_t started = 0;  // trips
    std::uint64_t trips = 0;    // that came back right
    steady_clock::time_point start;
    steady_clock::time_point last;
    histogram latency;
    std::string first_problem;
};

// --- the connections ----------------------------------------------------------------------------

class load;

class connection {
public:
    connection(load& all, gyre::io_context& context, std::uint64_t number);

    void connect();
    void begin_trip();
    void fail(std::string_view what);

private:
    void fill();
    void write();
    void read();
    void check();
    void expect_end();
    void end();

    load& all_;
    tcp::socket socket_;
    std::vector<std::uint64_t> sent_;
    std::vector<std::uint64_t> received_;
    std::uint64_t random_;
    steady_clock::time_point trip_start_;
    bool ended_ = false;
};

class load {
public:
    load(gyre::io_context& context, const settings& asked)
        : asked(asked), context_(context), watch_(context) {}

    void start() {
        for (std::uint64_t i = 0; i < asked.connections; ++i) {
            connections_.push_back(std::make_unique<connection>(*this, context_, i));
            connections_.back()->connect();
        }
        watch_.expires_after(watch_interval);
        watch();
    }

    /// One more connection is up, or will never be. They all start together.
    void arrived() {
        if (++arrived_ < asked.connections) {
            return;
        }
        out.start = out.last = steady_clock::now();
        for (const auto& c : connections_) {
            c->begin_trip();
        }
    }

    bool more_trips() const {
        return asked.trips != 0 ? out.started < asked.trips
                                : out.last - out.start < std::chrono::seconds(asked.seconds);
    }

    void one_ended() {
        if (++out.ended == asked.connections) {
            wipe_progress();
            watch_.cancel();
        }
    }

    const settings asked;
    results out;

private:
    static constexpr auto watch_interval = 250ms;
    static constexpr int patience = 40;  // intervals without any progress

    void watch() {
        watch_.async_wait([this](gyre::error_code error) {
            if (error) {
                return;
            }
            show_progress();
            const std::uint64_t progress = out.connected + out.trips + out.ended;
            quiet_ = progress == progress_ ? quiet_ + 1 : 0;
            progress_ = progress;
            if (quiet_ == patience) {
                for (const auto& c : connections_) {
                    c->fail("no answer");
                }
                return;
            }
            watch_.expires_at(watch_.expiry() + watch_interval);
            watch();
        });
    }

    void show_progress() const {
        if (on_terminal_) {
            fmt::print(stderr, "\r{} connections, {} round trips", out.connected, out.trips);
        }
    }

    void wipe_progress() const {
        if (on_terminal_) {
            fmt::print(stderr, "\r\x1b[K");
        }
    }

    const bool on_terminal_ = ::isatty(STDERR_FILENO) == 1;
    gyre::io_context& context_;
    gyre::steady_timer watch_;
    std::vector<std::unique_ptr<connection>> connections_;
    std::uint64_t arrived_ = 0;
    std::uint64_t progress_ = 0;
    int quiet_ = 0;
};

constexpr std::size_t words_for(std::uint64_t bytes) { return (bytes + 7) / 8; }

connection::connection(load& all, gyre::io_context& context, std::uint64_t number)
    : all_(all),
      socket_(context),
      sent_(words_for(all.asked.size)),
      received_(words_for(all.asked.size)),
      random_(0x9e3779b97f4a7c15 * (number + 1)) {}

void connection::connect() {
    socket_.async_connect(all_.asked.server, [this](gyre::error_code error) {
        if (!error) {
            socket_.set_option(tcp::no_delay(true), error);
        }
        if (error) {
            fail(error.message());
        } else {
            ++all_.out.connected;
        }
        all_.arrived();
    });
}

void connection::begin_trip() {
    if (ended_) {
        return;
    }
    if (!all_.more_trips()) {
        expect_end();
        return;
    }
    ++all_.out.started;
    fill();
    trip_start_ = steady_clock::now();
    write();
}

// No two trips carry the same bytes, so that an answer to another one is not taken for right. The
// last word is filled up in both vectors, but only as many bytes as asked for travel.
void connection::fill() {
    for (std::uint64_t& word : sent_) {
        random_ ^= random_ << 13;
        random_ ^= random_ >> 7;
        random_ ^= random_ << 17;
        word = random_;
    }
    received_.back() = sent_.back();
}

void connection::write() {
    gyre::async_write(socket_, gyre::buffer(sent_, all_.asked.size),
                      [this](gyre::error_code error, std::size_t) {
                          if (error) {
                              fail(error.message());
                          }
                      });
    read();
}

// Reading goes on while the write does: a message may be larger than what the sockets hold.
void connection::read() {
    gyre::async_read(socket_, gyre::buffer(received_, all_.asked.size),
                     [this](gyre::error_code error, std::size_t) {
                         if (error) {
                             fail(error.message());
                         } else {
                             check();
                         }
                     });
}

void connection::check() {
    const auto now = steady_clock::now();
    if (sent_ != received_) {
        fail("wrong bytes came back");
        return;
    }
    ++all_.out.trips;
    all_.out.latency.add(now - trip_start_);
    all_.out.last = now;
    begin_trip();
}

// All trips are made. Nothing may follow but the server's own end.
void connection::expect_end() {
    gyre::error_code error;
    socket_.shutdown(tcp::socket::shutdown_send, error);
    socket_.async_read_some(gyre::buffer(received_), [this](gyre::error_code error, std::size_t) {
        if (error == gyre::error::eof) {
            end();
        } else {
            fail(error ? error.message() : "more bytes came back than were sent");
        }
    });
}

void connection::fail(std::string_view what) {
    if (ended_) {
        return;
    }
    ++all_.out.failed;
    if (all_.out.first_problem.empty()) {
        all_.out.first_problem = what;
    }
    end();
}

void connection::end() {
    ended_ = true;
    gyre::error_code ignored;
    socket_.close(ignored);
    all_.one_ended();
}

int report(const settings& asked, const results& out) {
    const double seconds = std::chrono::duration<double>(out.last - out.start).count();
    const double rate = seconds > 0 ? static_cast<double>(out.trips) / seconds : 0;
    fmt::print("connections: {} of {}\n", asked.connections - out.failed, asked.connections);
    fmt::print("round trips: {} of {} bytes, {:.0f}/s\n", out.trips, asked.size, rate);
    if (out.trips > 0) {
        fmt::print("latency: p50 {:.1f} us, p99 {:.1f} us, p99.9 {:.1f} us\n",
                   out.latency.microseconds(0.5), out.latency.microseconds(0.99),
                   out.latency.microseconds(0.999));
    }
    if (out.failed > 0) {
        fmt::print(stderr, "echo_load: {} of {} connections failed, the first one: {}\n",
                   out.failed, asked.connections, out.first_problem);
    } else if (out.trips == 0) {
        fmt::print(stderr, "echo_load: no round trip was made\n");
    }
    return out.failed > 0 || out.trips == 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
    settings asked;
    if (!read_options(argc, argv, asked)) {
        fmt::print(stderr, "usage: echo_load ADDRESS PORT [--connections N] [--size BYTES] "
                           "[--seconds S] [--trips N]\n");
        return 2;
    }
    try {
        gyre::io_context context(1);
        load all(context, asked);
        all.start();
        context.run();
        return report(asked, all.out);
    } catch (const std::exception& e) {
        fmt::print(stderr, "echo_load: {}\n", e.what());
        return 1;
    }
}
