// SPDX-License-Identifier: BSL-1.0
// Pipes of Windows can't be waited for together with sockets, so what is made here as a pipe is a
// pair of sockets, and a descriptor is a socket that is used by reading and writing.
#include "platform/native_windows.hpp"

#include <gyre/error.hpp>

namespace gyre::inline v0::detail {
namespace {

class windows_descriptor_ops final : public descriptor_ops {
public:
    std::error_code adopt(native_handle_type handle) noexcept override {
        return make_nonblocking(handle);
    }

    std::error_code close(native_handle_type handle) noexcept override {
        return native_socket_ops().close(handle);
    }

    std::error_code make_pipe(native_handle_type& read_end,
                              native_handle_type& write_end) noexcept override {
        native_handle_type reader = invalid_native_handle;
        native_handle_type writer = invalid_native_handle;
        if (const std::error_code error = open_loopback_pair(reader, writer)) {
            return error;
        }
        ::shutdown(reader, SD_SEND);
        read_end = reader;
        write_end = writer;
        return {};
    }

    void perform(io_request& request, io_result& result) noexcept override {
        result = {};
        if (request.kind == io_kind::receive || request.kind == io_kind::send) {
            native_socket_ops().perform(request, result);
        } else if (request.kind != io_kind::wait) {
            result.error = gyre::error::operation_not_supported;
        }
    }
};

constinit windows_descriptor_ops instance;

}  // namespace

descriptor_ops& native_descriptor_ops() noexcept { return instance; }

}  // namespace gyre::inline v0::detail
