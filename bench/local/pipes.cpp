// SPDX-License-Identifier: BSL-1.0
// The bench that libevent made everybody's: many pairs of sockets are watched, a few bytes travel
// from one to the next. A byte that arrives is read, and written to the next pair.
//
//     travel [pipes=N] [active=N] [ops=N]

#include BENCH_LIBRARY
#include "support/measure.hpp"

#include <cstdint>
#include <deque>
#include <vector>

#include <sys/socket.h>

namespace {

class travel;

struct arrival {
    travel* whole;
    std::uint32_t where;
    void operator()() const;
};

class travel {
public:
    travel(std::uint64_t pipes, std::uint64_t active, std::uint64_t ops)
        : active_(active), to_send_(warm_up_ + ops - active), ops_(ops) {
        for (std::uint32_t i = 0; i < pipes; ++i) {
            int pair[2];
            if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
                std::perror("socketpair");
                std::exit(1);
            }
            readers_.push_back(pair[0]);
            writers_.push_back(pair[1]);
            watchers_.emplace_back(loop_, pair[0], arrival{this, i});
            watchers_.back().start();
        }
    }

    std::string run() {
        for (std::uint64_t i = 0; i < active_; ++i) {
            send(i * writers_.size() / active_);
        }
        loop_.run();
        return watch_.figures();
    }

    void arrived(std::uint32_t where) {
        char byte;
        if (::recv(readers_[where], &byte, 1, 0) != 1) {
            return;
        }
        if (++received_ == warm_up_) {
            watch_.begin();
        } else if (received_ == warm_up_ + ops_) {
            watch_.end(ops_);
            loop_.stop();
        }
        if (to_send_ > 0) {
            --to_send_;
            send(where + 1 == writers_.size() ? 0 : where + 1);
        }
    }

private:
    void send(std::uint64_t where) { ::send(writers_[where], "e", 1, MSG_NOSIGNAL); }

    std::uint64_t active_;
    // Every pair has had its turn before the time is taken.
    std::uint64_t warm_up_ = 20'000;
    std::uint64_t to_send_;
    std::uint64_t ops_;
    std::uint64_t received_ = 0;
    bench::loop loop_{bench::loop_options{}};
    bench::stopwatch watch_;
    std::vector<int> readers_;
    std::vector<int> writers_;
    std::deque<bench::watcher<arrival>> watchers_;
};

void arrival::operator()() const { whole->arrived(where); }

}  // namespace

int main(int argc, char** argv) {
    const bench::arguments asked(argc, argv);
    if (!asked.is("travel")) {
        asked.unknown();
    }
    travel all(asked.number("pipes", 100), asked.number("active", 1), asked.number("ops", 100'000));
    bench::finish(all.run());
}
