// SPDX-License-Identifier: BSL-1.0
// Serves the files of a folder over HTTP/1.1: GET and HEAD, connections that are kept.
//
//     http_server ADDRESS PORT ROOT    port 0: one that the system chooses
//
// It shows a protocol of lines and bodies: read_until with a limit, whose surplus is the beginning
// of the body or of the next request; an idle time after which a connection is closed; and an
// answer that arrives although the request was refused half-way. Symbolic links are followed: what
// is in ROOT is the operator's choice. SIGTERM or Ctrl-C ends the program.

#include <gyre/buffer.hpp>
#include <gyre/dynamic_buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/read_until.hpp>
#include <gyre/steady_timer.hpp>
#include <gyre/write.hpp>

#include "command_line.hpp"
#include "http_head.hpp"

#include <fmt/chrono.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace http = example::http;
using gyre::ip::tcp;

namespace {

constexpr std::size_t head_max = 8192;
constexpr std::uint64_t body_max = 65'536;        // of a request: read and thrown away
constexpr std::uint64_t unread_max = 256 * 1024;  // taken from a peer that does not listen
constexpr std::chrono::seconds idle_max{10};

std::string_view reason_of(int status) {
    switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 413: return "Content Too Large";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 505: return "HTTP Version Not Supported";
    default: return "Internal Server Error";
    }
}

std::string_view type_of(std::string_view file) {
    static constexpr std::pair<std::string_view, std::string_view> types[] = {
        {".html", "text/html; charset=utf-8"},
        {".txt", "text/plain; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".json", "application/json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
    };
    for (const auto& [ending, type] : types) {
        if (file.ends_with(ending)) {
            return type;
        }
    }
    return "application/octet-stream";
}

/// One connection. Each handler that is pending owns it.
class session : public std::enable_shared_from_this<session> {
public:
    session(tcp::socket socket, const std::filesystem::path& root)
        : socket_(std::move(socket)), idle_(socket_.get_executor()), root_(root) {}

    void read_head() {
        only_head_ = false;
        await_peer();
        gyre::async_read_until(socket_, gyre::dynamic_buffer(received_, head_max), "\r\n\r\n",
                               [me = shared_from_this()](gyre::error_code error, std::size_t size) {
                                   me->on_head(error, size);
                               });
    }

private:
    void on_head(gyre::error_code error, std::size_t size) {
        if (error == gyre::error::not_found) {
            refuse(431);
        } else if (error) {
            finish();  // also the usual end: the peer asks for nothing more
        } else {
            http::request request;
            const std::string_view head = std::string_view(received_).substr(0, size);
            const int status = http::parse_request(head, request);
            const auto file = http::file_of(request.target);
            only_head_ = request.method == "HEAD";
            keep_ = request.keep_alive;
            if (status != 200) {
                refuse(status);
            } else if (!only_head_ && request.method != "GET") {
                refuse(405);
            } else if (request.body > body_max) {
                refuse(413);
            } else if (!file) {
                refuse(400);
            } else {
                // A peer that waits to be told to go on gets the answer instead of its body's end.
                keep_ = keep_ && !(request.expects && request.body != 0);
                const std::uint64_t body = keep_ ? request.body : 0;
                received_.erase(0, size);
                skip_body(body, *file);
            }
        }
    }

    // Part of the body may have come with the head.
    void skip_body(std::uint64_t left, const std::string& file) {
        const std::size_t here = std::min<std::uint64_t>(left, received_.size());
        received_.erase(0, here);
        left -= here;
        if (left == 0) {
            answer(file);
            return;
        }
        await_peer();
        socket_.async_read_some(
            gyre::buffer(chunk_,
                         static_cast<std::size_t>(std::min<std::uint64_t>(left, chunk_.size()))),
            [me = shared_from_this(), left, file](gyre::error_code error, std::size_t size) {
                if (error) {
                    me->finish();
                } else {
                    me->skip_body(left - size, file);
                }
            });
    }

    void answer(const std::string& file) {
        std::error_code error;
        const std::filesystem::path path = root_ / file;
        if (!file.empty() && std::filesystem::is_regular_file(path, error)) {
            file_.open(path, std::ios::binary);
            left_ = std::filesystem::file_size(path, error);
        }
        if (!file_.is_open() || error) {
            answer_error(404);
            return;
        }
        write_head(200, type_of(file), left_);
        left_ = only_head_ ? 0 : left_;
        send(gyre::buffer(head_));
    }

    /// Answers, and reads nothing more on this connection.
    void refuse(int status) {
        keep_ = false;
        answer_error(status);
    }

    void answer_error(int status) {
        const std::string text = fmt::format("{} {}\n", status, reason_of(status));
        write_head(status, "text/plain; charset=utf-8", text.size());
        head_ += only_head_ ? "" : text;
        left_ = 0;
        send(gyre::buffer(head_));
    }

    void write_head(int status, std::string_view type, std::uint64_t length) {
        const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
        head_ = fmt::format("HTTP/1.1 {} {}\r\n"
                            "Date: {:%a, %d %b %Y %H:%M:%S} GMT\r\n"
                            "Content-Type: {}\r\n"
                            "Content-Length: {}\r\n"
                            "Connection: {}\r\n",
                            status, reason_of(status), fmt::gmtime(now), type, length,
                            keep_ ? "keep-alive" : "close");
        head_ += status == 405 ? "Allow: GET, HEAD\r\n\r\n" : "\r\n";
    }

    void send(gyre::const_buffer piece) {
        await_peer();
        gyre::async_write(socket_, piece,
                          [me = shared_from_this()](gyre::error_code error, std::size_t) {
                              if (error) {
                                  me->finish();
                              } else {
                                  me->send_next();
                              }
                          });
    }

    void send_next() {
        if (left_ == 0) {
            file_.close();
            keep_ ? read_head() : take_leave();
            return;
        }
        const auto wanted = std::min<std::uint64_t>(left_, chunk_.size());
        file_.read(chunk_.data(), static_cast<std::streamsize>(wanted));
        const auto size = static_cast<std::size_t>(file_.gcount());
        if (size == 0) {
            finish();  // the file became shorter: only the end of the stream can still say so
            return;
        }
        left_ -= size;
        send(gyre::buffer(chunk_, size));
    }

    // What the peer still sends has to be taken: closing a socket with unread bytes resets the
    // connection, and the peer may never see the answer.
    void take_leave() {
        gyre::error_code error;
        socket_.shutdown(tcp::socket::shutdown_send, error);
        left_ = unread_max;
        await_peer();
        discard();
    }

    void discard() {
        socket_.async_read_some(
            gyre::buffer(chunk_),
            [me = shared_from_this()](gyre::error_code error, std::size_t size) {
                if (error || size >= me->left_) {
                    me->finish();
                } else {
                    me->left_ -= size;
                    me->discard();
                }
            });
    }

    /// From here on the peer has some time to do its part.
    void await_peer() {
        idle_.expires_after(idle_max);
        idle_.async_wait([me = shared_from_this()](gyre::error_code error) {
            if (!error) {
                me->finish();
            }
        });
    }

    /// Ends what is pending, and with the last handler this object.
    void finish() {
        gyre::error_code error;
        idle_.cancel();
        socket_.close(error);
    }

    tcp::socket socket_;
    gyre::steady_timer idle_;
    const std::filesystem::path& root_;
    std::string received_;
    std::string head_;
    std::array<char, 16'384> chunk_;
    std::ifstream file_;
    std::uint64_t left_ = 0;  // bytes to be sent of the file, or to be taken at the end
    bool only_head_ = false;
    bool keep_ = false;
};

void accept(tcp::acceptor& acceptor, const std::filesystem::path& root) {
    acceptor.async_accept([&](gyre::error_code error, tcp::socket socket) {
        if (error) {
            std::cerr << "http_server: accept: " << error.message() << '\n';
        } else {
            socket.set_option(tcp::no_delay(true), error);
            std::make_shared<session>(std::move(socket), root)->read_head();
        }
        accept(acceptor, root);
    });
}

}  // namespace

int main(int argc, char** argv) {
    const auto endpoint = argc == 4 ? example::endpoint_of(argv[1], argv[2]) : std::nullopt;
    if (!endpoint) {
        std::cerr << "usage: http_server ADDRESS PORT ROOT\n";
        return 2;
    }
    try {
        const std::filesystem::path root = std::filesystem::canonical(argv[3]);
        gyre::io_context context(1);
        tcp::acceptor acceptor(context, *endpoint);
        accept(acceptor, root);
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        context.run();
    } catch (const std::exception& e) {
        std::cerr << "http_server: " << e.what() << '\n';
        return 1;
    }
}
