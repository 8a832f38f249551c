// SPDX-License-Identifier: BSL-1.0
// Reading until something is found: what read_until() and async_read_until() share.
#pragma once

#include <gyre/completion_condition.hpp>
#include <gyre/detail/delimiter.hpp>
#include <gyre/detail/dynamic_access.hpp>
#include <gyre/detail/stop_reason.hpp>
#include <gyre/error.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace gyre::inline v0::detail {

template <class Stream, class B, class Delimiter>
std::size_t read_until(Stream& stream, dynamic_access<B> buffer, Delimiter delimiter,
                       error_code& ec) {
    ec.clear();
    for (std::size_t from = 0;;) {
        const search_result seen = delimiter(buffer.data(), from);
        if (seen.found) {
            return seen.position;
        }
        if (buffer.space() == 0) {
            ec = error::not_found;
            return 0;
        }
        from = seen.position;
        const auto room = buffer.prepare(default_transfer_size);
        auto guard = buffer.guard_prepared();
        const std::size_t n = stream.read_some(room, ec);
        guard.keep();
        buffer.commit(n);
        if (ec || n == 0) {
            ec = ec ? ec : error::make_error_code(error::not_found);
            return 0;
        }
    }
}

/// The asynchronous form; itself the handler of each of its steps.
template <class Stream, class B, class Delimiter, class Handler>
class read_until_step {
public:
    using next_handler_type = Handler;

    template <class H>
    read_until_step(Stream& stream, dynamic_access<B>&& buffer, Delimiter&& delimiter, H&& handler)
        : stream_(&stream),
          buffer_(std::move(buffer)),
          delimiter_(std::move(delimiter)),
          handler_(std::forward<H>(handler)) {}

    const Handler& next_handler() const noexcept { return handler_; }

    /// The first step. If what is sought is there, or there is no room for it, a step that reads
    /// nothing brings the handler to where it has to be called.
    void start() {
        search();
        step();
    }

    void operator()(const error_code& ec, std::size_t bytes) {
        buffer_.commit(bytes);
        if (stopped_ != stop_reason::none) {
            finish(error_of(stopped_));
            return;
        }
        if (!ec && bytes != 0) {
            search();
            if (!over()) {
                step();
                return;
            }
        }
        finish(ec || seen_.found ? ec : error::make_error_code(error::not_found));
    }

    /// As far as can be told without looking at the bytes.
    bool goes_on(const error_code& ec, std::size_t bytes) const noexcept {
        return !ec && bytes != 0;
    }

    /// It was ended between two steps, when nothing was pending.
    void stop(stop_reason reason) noexcept { stopped_ = reason; }

private:
    bool over() const noexcept { return seen_.found || buffer_.space() == 0; }
    void search() { seen_ = delimiter_(buffer_.data(), seen_.position); }

    void step() {
        Stream& stream = *stream_;
        const auto room = buffer_.prepare(over() ? 0 : default_transfer_size);
        auto guard = buffer_.guard_prepared();
        stream.async_read_some(room, std::move(*this));
        guard.keep();
    }

    void finish(const error_code& ec) {
        std::move(handler_)(ec, ec ? std::size_t{0} : seen_.position);
    }

    Stream* stream_;
    dynamic_access<B> buffer_;
    Delimiter delimiter_;
    Handler handler_;
    search_result seen_{false, 0};
    stop_reason stopped_ = stop_reason::none;
};

/// What is given to async_initiate().
template <class Stream>
struct initiate_read_until {
    Stream* stream;

    template <class Handler, class B, class Delimiter>
    void operator()(Handler&& handler, dynamic_access<B> buffer, Delimiter delimiter) const {
        read_until_step<Stream, B, Delimiter, std::decay_t<Handler>>(
            *stream, std::move(buffer), std::move(delimiter), std::forward<Handler>(handler))
            .start();
    }
};

}  // namespace gyre::inline v0::detail
