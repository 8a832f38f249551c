// SPDX-License-Identifier: BSL-1.0
// Handlers one at a time, whatever thread runs them.
#pragma once

#include <gyre/any_io_executor.hpp>

namespace gyre::inline v0 {

/// An executor whose functions never run at the same time, in the order in which they were given to
/// it; and neither do the handlers of operations on objects that were made with it, or that are
/// bound to it. It goes wherever an any_io_executor does.
///
/// Copies are the same strand. It needs no thread of its own and blocks none: what can't run yet
/// waits in a queue. dispatch() to it calls at once if the thread is inside a function of the
/// strand, or inside the context while nothing else has the turn.
///
/// **Threads.** A value; any thread. **Lifetime.** As any_io_executor; must be destroyed before its
/// context.
template <class Executor = any_io_executor>
class strand : public any_io_executor {
public:
    using inner_executor_type = Executor;

    /// A new strand over the executor's context. Throws std::bad_alloc.
    explicit strand(const Executor& executor) : any_io_executor(new_strand(), executor) {}

    /// What it is over.
    inner_executor_type get_inner_executor() const noexcept { return Executor(this->inner()); }
};

/// A new strand over an executor's context. Throws std::bad_alloc.
inline strand<> make_strand(const any_io_executor& executor) { return strand<>(executor); }
/// As above, for an io_context, a thread_pool or an I/O object.
template <context_with_executor Context>
strand<> make_strand(Context& context) {
    return strand<>(any_io_executor(context.get_executor()));
}

}  // namespace gyre::inline v0
