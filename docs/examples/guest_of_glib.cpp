// SPDX-License-Identifier: BSL-1.0
// A context inside the main loop of GLib.
//
//     guest_of_glib
//
// It shows a context as a source of events, which is what GLib calls its guests: the source says
// how long the loop may sleep, and poll() is what it does when it is its turn.

#include <gyre/io_context.hpp>

#include "guest_work.hpp"

#include <glib.h>

#include <exception>
#include <iostream>

namespace {

struct guest {
    GSource source;  // first: GLib allocates and knows no more than that
    gyre::io_context* context;
    GMainLoop* loop;
    gpointer watched;
    int turns;

    static guest& of(GSource* source) { return *reinterpret_cast<guest*>(source); }

    // GLib's ready time is of the same clock, in microseconds.
    static gboolean prepare(GSource* source, gint* timeout) {
        const gyre::time_ns next = of(source).context->next_deadline();
        *timeout = -1;
        g_source_set_ready_time(source, next == gyre::no_deadline   ? -1
                                        : next == gyre::immediately ? 0
                                                                    : (next + 999) / 1000);
        return next == gyre::immediately;
    }

    static gboolean check(GSource* source) {
        return g_source_query_unix_fd(source, of(source).watched) != 0;
    }

    static gboolean dispatch(GSource* source, GSourceFunc, gpointer) {
        guest& self = of(source);
        ++self.turns;
        self.context->poll();
        if (self.context->stopped()) {
            g_main_loop_quit(self.loop);
        }
        return G_SOURCE_CONTINUE;
    }
};

GSourceFuncs functions{guest::prepare, guest::check, guest::dispatch, nullptr, nullptr, nullptr};

}  // namespace

int main() {
    try {
        gyre::io_context context;
        const example::guest_work work(context);
        const gyre::native_handle_type handle = context.native_handle();
        GMainLoop* loop = g_main_loop_new(nullptr, FALSE);
        GSource* source = g_source_new(&functions, sizeof(guest));
        guest& inside = guest::of(source);
        inside.context = &context;
        inside.loop = loop;
        inside.turns = 0;
        inside.watched = g_source_add_unix_fd(source, handle, G_IO_IN);
        g_source_attach(source, g_main_loop_get_context(loop));
        g_main_loop_run(loop);
        std::cout << "turns: " << inside.turns << '\n';
        g_source_destroy(source);
        g_source_unref(source);
        g_main_loop_unref(loop);
    } catch (const std::exception& e) {
        std::cerr << "guest_of_glib: " << e.what() << '\n';
        return 1;
    }
}
