// SPDX-License-Identifier: BSL-1.0
// The reactor's dispatch hook: who sets it, and what it is told of an operation.
#include <gyre/dispatch_hook.hpp>

#include "core/reactor.hpp"

namespace gyre::inline v0::detail {

dispatch_info reactor::describe(operation* op) noexcept {
    dispatch_info info{};
    info.queued_ns = ready_.queued();
    if (op->kind() == slot_kind::strand) {
        op = strand_state::behind(op);
    }
    info.kind = op->kind();
    const std::uint32_t number =
        posted_copy::is_copy(op) ? posted_copy::number_of(op) : slab_.number_of(op);
    info.id = std::uint64_t{number} << 32 | id_of(op).generation;
    info.handler = op->handler_name();
    if (info.kind == slot_kind::post) {
        return info;
    }
    info.error = op->error();
    info.bytes = op->bytes;
    if (info.kind == slot_kind::timer_wait) {
        info.object = static_cast<timer_wait_base*>(op)->deadline_;
    } else if (waits_for_notice(info.kind)) {
        info.object = static_cast<notice_wait_base*>(op)->notice_;
    } else {
        info.object = static_cast<io_operation*>(op)->source_;
    }
    return info;
}

void reactor::set_dispatch_hook(const dispatch_hook& hook) {
    const bool hooked = hook.before != nullptr || hook.after != nullptr;
    if (hooked) {
        ready_.watch_by(clock_);
    } else {
        ready_.watch_no_more();
    }
    hook_ = hook;
    attention_.watch(hooked);
}

}  // namespace gyre::inline v0::detail
