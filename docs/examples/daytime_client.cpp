// SPDX-License-Identifier: BSL-1.0
// Asks a daytime server (RFC 867) for the time and prints what it says.
//
//     daytime_client HOST SERVICE      names or numbers
//
// It shows a conversation of several steps under one deadline: look the name up, connect to the
// first endpoint that answers, read to the end of the stream, print; if that takes too long a timer
// cancels the lookup and closes the socket, and whatever is pending then reports operation_aborted.

#include <gyre/buffer.hpp>
#include <gyre/io_context.hpp>
#include <gyre/ip/basic_resolver.hpp>
#include <gyre/ip/tcp.hpp>
#include <gyre/read.hpp>
#include <gyre/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <exception>
#include <iostream>
#include <iterator>
#include <string_view>

using gyre::ip::tcp;

namespace {

class client {
public:
    explicit client(gyre::io_context& context)
        : resolver_(context), socket_(context), deadline_(context) {}

    void start(std::string_view host, std::string_view service) {
        deadline_.expires_after(std::chrono::seconds(5));
        deadline_.async_wait([this](gyre::error_code error) {
            if (!error) {
                resolver_.cancel();
                socket_.close(error);
            }
        });
        resolver_.async_resolve(host, service,
                                [this](gyre::error_code error, const found& results) {
                                    if (error) {
                                        finish(error);
                                    } else {
                                        connect(results.begin(), results.end());
                                    }
                                });
    }

    gyre::error_code result() const { return result_; }

private:
    using found = tcp::resolver::results_type;

    // A host may have several addresses, of which some are out of reach. Results are not empty, and
    // the iterators keep them.
    void connect(const found::const_iterator& at, const found::const_iterator& end) {
        gyre::error_code ignored;
        socket_.close(ignored);  // of the attempt before this one
        socket_.async_connect(*at, [this, at, end](gyre::error_code error) {
            if (!error) {
                receive();
            } else if (error == gyre::error::operation_aborted || std::next(at) == end) {
                finish(error);
            } else {
                connect(std::next(at), end);
            }
        });
    }

    // The answer has no mark at its end but the end of the stream.
    void receive() {
        gyre::async_read(socket_, gyre::buffer(text_),
                         [this](gyre::error_code error, std::size_t n) {
                             if (error == gyre::error::eof && n > 0) {
                                 std::cout << std::string_view(text_.data(), n);
                                 error.clear();
                             } else if (!error) {
                                 error = gyre::error::message_size;
                             }
                             finish(error);
                         });
    }

    void finish(gyre::error_code error) {
        result_ = error;
        deadline_.cancel();
    }

    tcp::resolver resolver_;
    tcp::socket socket_;
    gyre::steady_timer deadline_;
    std::array<char, 256> text_;
    gyre::error_code result_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: daytime_client HOST SERVICE\n";
        return 2;
    }
    try {
        gyre::io_context context;
        client asking(context);
        asking.start(argv[1], argv[2]);
        context.run();
        if (asking.result()) {
            std::cerr << "daytime_client: " << asking.result().message() << '\n';
            return 1;
        }
    } catch (const std::exception& e) {
        std::cerr << "daytime_client: " << e.what() << '\n';
        return 1;
    }
}
