// SPDX-License-Identifier: BSL-1.0
// kqueue() and kevent() over epoll, as much of them as a poller needs, so that the kqueue poller
// runs the contract suite on Linux. Written from the manuals, and strict where the systems differ:
//  - closing a descriptor takes its filters along, however many duplicates live (the linker wraps
//    close()), and a kqueue is not inherited by a fork();
//  - changes beyond the room for their receipts are not made; with room to spare after the receipts
//    the call goes on to wait;
//  - adding a filter that is there changes its user data, and nothing of how it reports;
//  - the filter for urgent data says nothing of the end, and the one for writing calls this end's
//    own shutdown an end;
//  - a filter for writing to a kqueue is refused;
//  - KQUEUE_DOUBLE_NO_USER in the environment: a header with EVFILT_USER, and a kernel without.
#include <sys/event.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <mutex>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names, see ld(1), --wrap
extern "C" int __real_close(int handle);
extern "C" int __wrap_close(int handle);
// NOLINTEND(bugprone-reserved-identifier)

namespace {

constexpr std::size_t most_handles = 65536;
constexpr std::size_t batch = 256;

using flag_field = decltype(kevent::flags);

bool has_flag(const struct kevent& k, int flag) {
    return (k.flags & static_cast<flag_field>(flag)) != 0;
}
void set_flag(struct kevent& k, int flag) {
    k.flags = static_cast<flag_field>(k.flags | static_cast<flag_field>(flag));
}
bool is_of(const struct kevent& k, int filter) {
    return k.filter == static_cast<decltype(k.filter)>(filter);
}

bool is_socket(int handle) {
    int type = 0;
    socklen_t size = sizeof type;
    return ::getsockopt(handle, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
}

/// Whether this end said that it writes no more. Linux tells only of TCP.
bool has_shut_down(int handle) {
    tcp_info info{};
    socklen_t size = sizeof info;
    return ::getsockopt(handle, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
           (info.tcpi_state == TCP_FIN_WAIT1 || info.tcpi_state == TCP_FIN_WAIT2 ||
            info.tcpi_state == TCP_CLOSING || info.tcpi_state == TCP_LAST_ACK);
}

enum class kind { reading, writing, urgent };

/// The filters of one kind of one kqueue, in an epoll set of their own.
class filter_set {
public:
    explicit filter_set(kind what) : kind_(what) {}
    filter_set(const filter_set&) = delete;
    filter_set& operator=(const filter_set&) = delete;
    ~filter_set() {
        if (set_ >= 0) {
            __real_close(set_);
        }
    }

    int handle() const { return set_; }

    /// Makes it part of the outer set; false and errno.
    bool open(int outer) {
        outer_ = outer;
        set_ = ::epoll_create1(EPOLL_CLOEXEC);
        epoll_event event{EPOLLIN, {}};
        return set_ >= 0 && ::epoll_ctl(outer, EPOLL_CTL_ADD, set_, &event) == 0;
    }

    /// 0, or an error number.
    int apply(const struct kevent& change) {
        const int handle = static_cast<int>(change.ident);
        if (::fcntl(handle, F_GETFD) < 0) {
            return EBADF;
        }
        if (has_flag(change, EV_DELETE)) {
            return forget(handle) ? 0 : ENOENT;
        }
        const auto found = filters_.find(handle);
        if (found == filters_.end() && !has_flag(change, EV_ADD)) {
            return ENOENT;
        }
        if (found != filters_.end()) {
            found->second.udata = change.udata;
            return 0;
        }
        epoll_event event{};
        event.data.fd = handle;
        event.events = wanted() | (has_flag(change, EV_CLEAR) ? EPOLLET : 0U);
        int error = ::epoll_ctl(set_, EPOLL_CTL_ADD, handle, &event) == 0 ? 0 : errno;
        if (error == EINVAL) {
            // Linux limits how often one description is in sets that are in sets. Whoever has so
            // many can't have the kqueue waited for.
            ::epoll_ctl(outer_, EPOLL_CTL_DEL, set_, nullptr);
            error = ::epoll_ctl(set_, EPOLL_CTL_ADD, handle, &event) == 0 ? 0 : errno;
        }
        if (error != 0) {
            return error;
        }
        filters_.emplace(handle, change);
        return 0;
    }

    /// False if there was none. Before the descriptor is closed.
    bool forget(int handle) {
        if (filters_.erase(handle) == 0) {
            return false;
        }
        ::epoll_ctl(set_, EPOLL_CTL_DEL, handle, nullptr);
        return true;
    }

    /// As many events as there are and fit.
    std::size_t collect(struct kevent* events, std::size_t room) {
        std::array<epoll_event, batch> ready;
        const auto places = static_cast<int>(std::min(room, batch));
        const int count = places > 0 ? ::epoll_wait(set_, ready.data(), places, 0) : 0;
        std::size_t reported = 0;
        for (int i = 0; i < count; ++i) {
            const epoll_event& each = ready[static_cast<std::size_t>(i)];
            if (kind_ == kind::urgent && (each.events & EPOLLPRI) == 0) {
                // Its end: epoll can't be told to say nothing of it.
                ::epoll_ctl(set_, EPOLL_CTL_DEL, each.data.fd, nullptr);
            } else {
                events[reported++] = event_of(each);
            }
        }
        return reported;
    }

private:
    std::uint32_t wanted() const {
        switch (kind_) {
        case kind::reading: return EPOLLIN | EPOLLRDHUP;
        case kind::writing: return EPOLLOUT;
        case kind::urgent: break;
        }
        return EPOLLPRI;
    }

    struct kevent event_of(const epoll_event& ready) {
        const int handle = ready.data.fd;
        struct kevent made = filters_.at(handle);
        made.fflags = kind_ == kind::urgent ? made.fflags : 0;
        if (kind_ == kind::reading) {
            int bytes = 0;
            ::ioctl(handle, FIONREAD, &bytes);
            made.data = bytes;
        }
        const bool over = (ready.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        if (over || (kind_ == kind::writing && has_shut_down(handle))) {
            set_flag(made, EV_EOF);
        }
        if ((ready.events & EPOLLERR) != 0 && is_socket(handle)) {
            made.fflags = ECONNRESET;  // which one can't be asked without taking it
        }
        if (has_flag(made, EV_ONESHOT)) {
            forget(handle);
        }
        return made;
    }

    kind kind_;
    int outer_ = -1;
    int set_ = -1;
    std::map<int, struct kevent> filters_;
};

/// A kqueue. Its descriptor is an epoll set with those of its filters in it, so that it can be
/// waited for.
class queue_state {
public:
    queue_state() = default;
    queue_state(const queue_state&) = delete;
    queue_state& operator=(const queue_state&) = delete;
    ~queue_state() {
        if (const int user = user_.load(); user >= 0) {
            __real_close(user);
        }
    }

    bool open(int outer) {
        outer_ = outer;
        return sets_[0].open(outer) && sets_[1].open(outer) && sets_[2].open(outer);
    }

    void forget(int handle) {
        for (filter_set& set : sets_) {
            set.forget(handle);
        }
    }

    int apply(const struct kevent& change, bool to_a_queue) {
#if defined(EVFILT_USER)
        if (is_of(change, EVFILT_USER)) {
            return std::getenv("KQUEUE_DOUBLE_NO_USER") != nullptr ? EINVAL : apply_user(change);
        }
#endif
#if defined(EVFILT_EXCEPT)
        if (is_of(change, EVFILT_EXCEPT)) {
            return sets_[2].apply(change);
        }
#endif
        if (is_of(change, EVFILT_READ)) {
            return sets_[0].apply(change);
        }
        if (is_of(change, EVFILT_WRITE) && !to_a_queue) {
            return sets_[1].apply(change);
        }
        return EINVAL;
    }

    /// Async-signal-safe. 0, or an error number.
    int trigger() const {
        const int user = user_.load();
        const std::uint64_t one = 1;
        return user >= 0 && ::write(user, &one, sizeof one) > 0 ? 0 : ENOENT;
    }

    /// As ppoll(2) returns.
    int sleep(const std::timespec* timeout) const {
        std::array<pollfd, 4> reasons{{{sets_[0].handle(), POLLIN, 0},
                                       {sets_[1].handle(), POLLIN, 0},
                                       {sets_[2].handle(), POLLIN, 0},
                                       {user_.load(), POLLIN, 0}}};
        return ::ppoll(reasons.data(), reasons.size(), timeout, nullptr);
    }

    /// The kinds of filters take turns in being first.
    std::size_t collect(struct kevent* events, std::size_t room) {
        std::size_t count = collect_user(events, room);
        ++turn_;
        for (std::size_t i = 0; i < sets_.size(); ++i) {
            count += sets_[(turn_ + i) % sets_.size()].collect(events + count, room - count);
        }
        return count;
    }

private:
    int apply_user(const struct kevent& change) {
        if (has_flag(change, EV_ADD) && user_.load() < 0) {
            const int user = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
            epoll_event event{EPOLLIN, {}};
            if (user < 0 || ::epoll_ctl(outer_, EPOLL_CTL_ADD, user, &event) != 0) {
                return errno;
            }
            filter_ = change;
            user_ = user;
        }
        return (change.fflags & NOTE_TRIGGER) != 0 ? trigger() : user_.load() < 0 ? ENOENT : 0;
    }

    std::size_t collect_user(struct kevent* events, std::size_t room) {
        const int user = user_.load();
        pollfd now{user, POLLIN, 0};
        if (room == 0 || user < 0 || ::poll(&now, 1, 0) <= 0) {
            return 0;
        }
        std::uint64_t count = 0;
        if (has_flag(filter_, EV_CLEAR) && ::read(user, &count, sizeof count) < 0) {
            return 0;
        }
        events[0] = filter_;
        return 1;
    }

    int outer_ = -1;
    std::array<filter_set, 3> sets_{filter_set(kind::reading), filter_set(kind::writing),
                                    filter_set(kind::urgent)};
    std::size_t turn_ = 0;
    std::atomic<int> user_{-1};
    struct kevent filter_ {};
};

/// Changes of this descriptor's filters for writing are refused while it is not negative.
std::atomic<int> refused{-1};

/// The longest sleep of a wait; 0 for no bound.
std::atomic<long> longest_sleep{0};

/// Guards all but trigger().
std::mutex lock;
std::array<std::atomic<queue_state*>, most_handles> by_handle{};
std::vector<int> queues;

queue_state* find(std::uintptr_t handle) {
    return handle < most_handles ? by_handle[handle].load() : nullptr;
}

/// Ends a kqueue but for its descriptor.
void end(int queue) {
    delete by_handle[static_cast<std::size_t>(queue)].exchange(nullptr);
    queues.erase(std::find(queues.begin(), queues.end(), queue));
}

void end_all_in_child() {
    while (!queues.empty()) {
        const int queue = queues.back();
        end(queue);
        __real_close(queue);
    }
    lock.unlock();
}

int make(int flags) {
    [[maybe_unused]] static const int once =
        ::pthread_atfork([] { lock.lock(); }, [] { lock.unlock(); }, &end_all_in_child);
    const int outer = ::epoll_create1(flags);
    if (outer < 0) {
        return -1;
    }
    auto* const made = new queue_state;
    if (!made->open(outer)) {
        const int why = errno;
        delete made;
        __real_close(outer);
        errno = why;
        return -1;
    }
    const std::scoped_lock guard(lock);
    by_handle[static_cast<std::size_t>(outer)] = made;
    queues.push_back(outer);
    return outer;
}

/// Makes the changes; as many receipts as were written, or -1 and errno.
int make_changes(queue_state& queue, const struct kevent* changes, kqueue_double_count count,
                 struct kevent* receipts, kqueue_double_count room) {
    const std::scoped_lock guard(lock);
    kqueue_double_count written = 0;
    for (kqueue_double_count i = 0; i < count; ++i) {
        const bool refuse = is_of(changes[i], EVFILT_WRITE) && has_flag(changes[i], EV_ADD) &&
                            static_cast<int>(changes[i].ident) == refused.load();
        const int error =
            refuse ? ENOMEM : queue.apply(changes[i], find(changes[i].ident) != nullptr);
        if (error == 0 && !has_flag(changes[i], EV_RECEIPT)) {
            continue;
        }
        if (written == room) {
            errno = error;
            return error != 0 ? -1 : static_cast<int>(written);
        }
        receipts[written] = changes[i];
        set_flag(receipts[written], EV_ERROR);
        receipts[written].data = error;
        ++written;
    }
    return static_cast<int>(written);
}

}  // namespace

extern "C" {

void kqueue_double_refuse_writing(int handle) { refused = handle; }
void kqueue_double_sleep_at_most(long nanoseconds) { longest_sleep = nanoseconds; }

int kqueue() { return make(0); }
int kqueue1(int flags) { return make((flags & O_CLOEXEC) != 0 ? EPOLL_CLOEXEC : 0); }

int kevent(int queue, const struct kevent* changes, kqueue_double_count change_count,
           struct kevent* events, kqueue_double_count event_count, const std::timespec* timeout) {
    queue_state* const found = find(static_cast<std::uintptr_t>(queue));
    if (found == nullptr) {
        errno = EBADF;
        return -1;
    }
#if defined(EVFILT_USER)
    if (change_count == 1 && event_count == 0 && is_of(changes[0], EVFILT_USER) &&
        (changes[0].fflags & NOTE_TRIGGER) != 0) {
        errno = found->trigger();
        return errno == 0 ? 0 : -1;
    }
#endif
    const int receipts = make_changes(*found, changes, change_count, events, event_count);
    const auto room = static_cast<int>(event_count) - receipts;
    if (receipts < 0 || room == 0) {
        return receipts;
    }
    using clock = std::chrono::steady_clock;
    using std::chrono::nanoseconds;
    auto given = timeout == nullptr
                     ? nanoseconds(0)
                     : nanoseconds(timeout->tv_nsec) + std::chrono::seconds(timeout->tv_sec);
    if (longest_sleep != 0) {
        given = std::min(given, nanoseconds(longest_sleep));
    }
    const clock::time_point deadline = clock::now() + given;
    for (;;) {
        {
            const std::scoped_lock guard(lock);
            const std::size_t count =
                found->collect(events + receipts, static_cast<std::size_t>(room));
            if (count > 0) {
                return receipts + static_cast<int>(count);
            }
        }
        const auto left = std::max(nanoseconds(0), nanoseconds(deadline - clock::now()));
        const std::timespec limit{left / std::chrono::seconds(1),
                                  (left % std::chrono::seconds(1)).count()};
        const int woken = found->sleep(timeout == nullptr ? nullptr : &limit);
        if (woken <= 0) {
            return woken < 0 ? -1 : receipts;
        }
    }
}

int __wrap_close(int handle) {  // NOLINT(bugprone-reserved-identifier)
    {
        const std::scoped_lock guard(lock);
        for (const int queue : queues) {
            find(static_cast<std::uintptr_t>(queue))->forget(handle);
        }
        if (handle >= 0 && find(static_cast<std::uintptr_t>(handle)) != nullptr) {
            end(handle);
        }
    }
    return __real_close(handle);
}

}  // extern "C"
