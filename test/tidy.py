#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The project's own rules, checked by reading the sources. No compiler, no packages.

    tidy.py ROOT          checks the tree, prints path:line: what, exits 1 if anything was found
    tidy.py --self-test   feeds each rule something bad and something good

A rule is a function in FILE_RULES (path, lines) or TREE_RULES (tree). Exceptions stand in the
tables right below, each with its reason: widen them there, never in a rule.
"""

import re
import sys
from pathlib import Path

LINE_MAX, FUNCTION_MAX, FILE_MAX, FILE_SOFT = 100, 70, 700, 500
IFS_PER_1000_LINES = 3
SPDX = "SPDX-License-Identifier: BSL-1.0"
CODE = (".cpp", ".hpp", ".cpp.in", ".hpp.in")

# Who may use whom: lib/<folder> -> the lib/ folders it may include besides itself.
LIB_MAY_USE = {
    "slab": set(),
    "timer": set(),
    "poll": set(),
    "platform": {"poll"},
    "core": {"slab", "timer", "poll", "platform"},
    "net": {"slab", "timer", "poll", "platform", "core"},
    "sys": {"slab", "timer", "poll", "platform", "core"},
    "sim": {"slab", "timer", "poll", "platform", "core"},
    "tls": {"slab", "timer", "poll", "platform", "core", "net", "sys"},
}

# The layer of a public header, by name under include/gyre/; what is not named here is "core".
# base knows neither loop nor executor; composed is everything built from initiating functions.
BASE = {
    "assertion", "buffer", "buffers_iterator", "completion_condition", "dynamic_buffer_concepts",
    "error", "native_handle", "placeholders", "platform", "poller", "stream_concepts", "version",
    "wait_base",
}
NET = {
    "basic_datagram_socket", "basic_seq_packet_socket", "basic_socket", "basic_socket_acceptor",
    "basic_stream_socket", "datagram", "generic", "local", "socket_base",
}
SYS = {"connect_pipe", "posix", "readable_pipe", "signal_set", "writable_pipe"}
COMPOSED = {
    "connect", "dynamic_buffer", "gyre", "read", "read_at", "read_until", "streambuf", "write",
    "write_at",
}
MAY_USE = {
    "base": {"base", "detail"},
    "detail": {"base", "detail", "core"},
    "core": {"base", "detail", "core"},
    "net": {"base", "detail", "core", "net"},
    "sys": {"base", "detail", "core", "sys"},
    "composed": {"base", "detail", "core", "net", "sys", "composed"},
}
# lib/<folder> -> the public layers it may include.
LIB_MAY_SEE = {
    "slab": {"base", "detail"},
    "timer": {"base", "detail"},
    "poll": {"base", "detail"},
    "platform": {"base", "detail"},
    "core": {"base", "detail", "core"},
    "net": {"base", "detail", "core", "net"},
    "sys": {"base", "detail", "core", "sys"},
    "sim": {"base", "detail", "core", "net", "sys"},
    "tls": {"base", "detail", "core", "net", "sys", "composed"},
}
# File -> the folder whose rules it follows instead of its own.
FOLLOWS = {
    # The users' timer stands above the loop; it lives beside the queue that serves it.
    "lib/timer/steady_timer.cpp": "core",
}

HEAVY_HEADERS = {"iostream", "functional", "future", "regex"}
# (header under include/, what it may include all the same)
HEAVY_ALLOWED = {
    ("include/gyre/use_future.hpp", "future"),  # the adaptor is about it
    ("include/gyre/placeholders.hpp", "functional"),  # std::bind's own placeholders
}

# Where code may ask the operating system; everything else goes through the platform.
OS_FOLDERS = ("lib/poll/", "lib/platform/")
OS_SUFFIXES = ("_posix.cpp", "_linux.cpp", "_bsd.cpp", "_windows.cpp")

# Core, net, sys and the public headers ask the platform for the time and for threads.
WORLD = re.compile(
    r"\b(?:steady_clock|system_clock|high_resolution_clock)::now\b|\bclock_gettime\b"
    r"|\bstd::j?thread\b(?!::id)|\bstd::async\b|\bpthread_create\b|\bthis_thread::sleep_"
    r"|[.>]wait_(?:for|until)\b"
)
WORLD_PLACES = ("include/", "lib/core/", "lib/net/", "lib/sys/")
WORLD_ALLOWED = {
    "lib/core/token.hpp",  # threads in line for the token: a simulated world has one thread
    "lib/core/loop_pool.cpp",  # whoever drains it waits for real threads
}

# A public header is described by docs/reference/<its name>.md or by the page named here.
DESCRIBED_BY = {
    "any_io_executor": "executor",
    "append": "tokens",
    "as_tuple": "tokens",
    "associated_allocator": "associated",
    "associated_cancellation_slot": "associated",
    "associated_executor": "associated",
    "basic_datagram_socket": "udp",
    "basic_seq_packet_socket": "local",
    "basic_socket": "tcp",
    "basic_socket_acceptor": "tcp",
    "basic_stream_socket": "tcp",
    "basic_waitable_timer": "steady_timer",
    "bind_allocator": "associated",
    "bind_cancellation_slot": "cancellation",
    "bind_executor": "executor",
    "buffers_iterator": "buffer",
    "cancellation_signal": "cancellation",
    "clock": "io_context",
    "completion_condition": "read_write",
    "connect_pipe": "pipe",
    "consign": "tokens",
    "datagram": "udp",
    "deadline_hook": "embedding",
    "deferred": "tokens",
    "detached": "tokens",
    "dynamic_buffer_concepts": "dynamic_buffer",
    "executor_work_guard": "executor",
    "generic/basic_endpoint": "generic",
    "generic/datagram_protocol": "generic",
    "generic/seq_packet_protocol": "generic",
    "generic/stream_protocol": "generic",
    "inline_executor": "executor",
    "ip/address_v4": "address",
    "ip/address_v6": "address",
    "ip/bad_address_cast": "address",
    "ip/basic_endpoint": "tcp",
    "ip/basic_resolver": "resolver",
    "ip/basic_resolver_results": "resolver",
    "ip/ip_option": "udp",
    "ip/multicast": "udp",
    "ip/unicast": "udp",
    "ip/v6_only": "udp",
    "local/basic_endpoint": "local",
    "local/connect_pair": "local",
    "local/datagram_protocol": "local",
    "local/seq_packet_protocol": "local",
    "local/stream_protocol": "local",
    "native_handle": "poller",
    "placeholders": "error",
    "posix/descriptor": "stream_descriptor",
    "posix/descriptor_base": "stream_descriptor",
    "prepend": "tokens",
    "read": "read_write",
    "readable_pipe": "pipe",
    "redirect_error": "tokens",
    "socket_base": "tcp",
    "strand": "executor",
    "system_timer": "steady_timer",
    "use_future": "tokens",
    "wait_base": "tcp",
    "waiting_thread": "embedding",
    "writable_pipe": "pipe",
    "write": "read_write",
    "write_at": "read_at",
}
# Headers whose page is still owed: a warning. Names leave this table, none enter it.
PAGE_OWED = set()
NO_PAGE_NEEDED = {"gyre", "fwd", "version"}


# --- reading ----------------------------------------------------------------------------------


def strip(lines):
    """The lines without comments, string and character contents, and preprocessor directives."""
    out, in_comment, in_directive = [], False, False
    for line in lines:
        bare, i = [], 0
        if not in_comment and (in_directive or line.lstrip().startswith("#")):
            in_directive = line.endswith("\\")
            out.append("")
            continue
        while i < len(line):
            two = line[i : i + 2]
            if in_comment:
                end = line.find("*/", i)
                in_comment, i = end < 0, len(line) if end < 0 else end + 2
            elif two == "//":
                break
            elif two == "/*":
                in_comment, i = True, i + 2
            elif line[i] == '"' or (line[i] == "'" and not (i and line[i - 1].isalnum())):
                quote, i = line[i], i + 1
                while i < len(line) and line[i] != quote:
                    i += 2 if line[i] == "\\" else 1
                bare.append(quote * 2)
                i += 1
            else:
                bare.append(line[i])
                i += 1
        out.append("".join(bare))
    return out


def includes(lines):
    for number, line in enumerate(lines, 1):
        found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if found:
            yield number, found[1], found[2]


def public_layer(name):
    """The layer of gyre/<name>."""
    first = name.removesuffix(".hpp").split("/")[0]
    for layer, members in (("base", BASE), ("sys", SYS), ("composed", COMPOSED)):
        if first in members:
            return layer
    if first in NET or first == "ip":
        return "net"
    return "detail" if first == "detail" else "core"


# --- rules for one file -----------------------------------------------------------------------


def layers(path, lines):
    if path.startswith("include/gyre/"):
        own = public_layer(path.removeprefix("include/gyre/"))
        folders, visible = set(), MAY_USE[own]
    elif path.startswith("lib/") and path.count("/") > 1:
        own = FOLLOWS.get(path, path.split("/")[1])
        if own not in LIB_MAY_USE:
            yield 1, f"lib/{own} has no place in LIB_MAY_USE"
            return
        folders, visible = LIB_MAY_USE[own] | {own, path.split("/")[1]}, LIB_MAY_SEE[own]
    else:
        return
    for number, kind, name in includes(lines):
        if kind == "<" and name.startswith("gyre/"):
            layer = public_layer(name.removeprefix("gyre/"))
            if layer not in visible:
                yield number, f"{own} may not use <{name}> ({layer})"
        elif kind == '"' and name.split("/")[0] not in folders:
            yield number, f'{own} may not use "{name}"'


def include_form(path, lines):
    for number, kind, name in includes(lines):
        if kind == '"' and name.startswith("gyre/"):
            yield number, "public headers are included with angle brackets"
        elif kind == '"' and "/" not in name and not path.startswith(("bench/", "docs/")):
            yield number, f'"{name}" is not a path from lib/ or test/'


def forbidden_headers(path, lines):
    for number, kind, name in includes(lines):
        if kind != "<":
            continue
        system = name.endswith(".h")
        if path.startswith("include/"):
            third = name.startswith(("boost/", "fmt/")) or system
            if (third or name in HEAVY_HEADERS) and (path, name) not in HEAVY_ALLOWED:
                yield number, f"<{name}> may not reach a user"
        elif path.startswith("lib/") and system:
            if not path.startswith(OS_FOLDERS) and not path.endswith(OS_SUFFIXES):
                yield number, f"<{name}> belongs into lib/poll, lib/platform or a per-OS file"


def outside_world(path, lines):
    if not path.startswith(WORLD_PLACES) or path.endswith(OS_SUFFIXES) or path in WORLD_ALLOWED:
        return
    for number, line in enumerate(strip(lines), 1):
        found = WORLD.search(line)
        if found:
            yield number, f"{found[0]}: ask the platform"


def sleeping_tests(path, lines):
    """No sleep stands in for synchronisation: where one is left, its line says what for."""
    for number, line in enumerate(lines, 1):
        if path.startswith("test/") and re.search(r"\bthis_thread::sleep_\w+\(.*;(?!\s*//)", line):
            yield number, "why does this sleep? Say it on this line, or wait for what is awaited"


def system_in_function(path, lines):
    """What differs between systems is a file or a function, outside the files of one system."""
    if not path.startswith("lib/") or path.startswith(OS_FOLDERS) or path.endswith(OS_SUFFIXES):
        return
    inside = {n for start, count in functions(lines) for n in range(start, start + count)}
    for number, line in enumerate(lines, 1):
        if number in inside and re.match(r"\s*#\s*(el)?if", line):
            yield number, "#if inside a function"


def lengths(path, lines):
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_MAX:
            yield number, f"{len(line)} columns, at most {LINE_MAX}"
    if len(lines) > FILE_MAX:
        yield 1, f"{len(lines)} lines, at most {FILE_MAX}"
    if path.endswith(CODE):
        for number, count in functions(lines):
            if count > FUNCTION_MAX:
                yield number, f"function of {count} lines, at most {FUNCTION_MAX}"


NOT_A_FUNCTION = re.compile(
    r"\b(?:namespace|class|struct|union|enum|concept)\b|\bextern\s*\"|=\s*$"
)


def functions(lines):
    """(line of the opening brace, lines up to the closing one) of each outermost function body."""
    head, depth, start, start_depth = "", 0, 0, -1
    for number, line in enumerate(strip(lines), 1):
        for char in line:
            if char == "{":
                text = re.sub(r"<[^<>]*>|\[\[.*?\]\]", "", head)
                is_body = ")" in text and not NOT_A_FUNCTION.search(text)
                if start_depth < 0 and is_body:
                    start, start_depth = number, depth
                depth, head = depth + 1, ""
            elif char == "}":
                depth, head = depth - 1, ""
                if depth == start_depth:
                    yield start, number - start + 1
                    start_depth = -1
            elif char == ";":
                head = ""
            else:
                head += char
        head += " "


def opening(path, lines):
    first = lines[1:2] if lines[:1] and lines[0].startswith("#!") else lines[:1]
    if not first or SPDX not in first[0]:
        yield 1, f"does not open with {SPDX}"
    if path.endswith((".hpp", ".hpp.in")) and "#pragma once" not in lines:
        yield 1, "no #pragma once"
    if path.endswith(CODE) and not any(re.match(r"// \S", x) for x in lines[1:3]):
        yield 1, "no comment that says what the file is for"


UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HACK)\b")


def unfinished(path, lines):
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line):
            yield number, "unfinished work is an issue, not a comment"


def blanks(path, lines):
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            yield number, "blanks at the end of the line"
        if "\t" in line and not path.endswith(".md"):
            yield number, "tab"


def one_title(path, lines):
    titles, fenced = [], False
    for number, line in enumerate(lines, 1):
        if line.startswith("```"):
            fenced = not fenced
        elif line.startswith("# ") and not fenced:
            titles.append(number)
    if titles[:1] != [1] or len(titles) > 1:
        yield (titles[1:] or [1])[0], "a page has one title, and it is the first line"


FILE_RULES = {
    CODE: (layers, include_form, forbidden_headers, outside_world, sleeping_tests,
           system_in_function, lengths, opening, unfinished, blanks),
    (".py", ".sh", "meson.build", "meson_options.txt", "/dev", "/run"):
        (lengths, opening, blanks),
    (".md",): (one_title, unfinished, blanks),
}  # fmt: skip


# --- rules for the whole tree -----------------------------------------------------------------


def if_budget(tree):
    total, ifs = 0, []
    for path, lines in tree.items():
        if path.startswith("lib/") and path.endswith(CODE):
            total += len(lines)
            ifs += [(path, n) for n, x in enumerate(lines, 1) if re.match(r"\s*#\s*(el)?if", x)]
    budget = max(1, total * IFS_PER_1000_LINES // 1000)
    if len(ifs) > budget:
        places = " ".join(f"{path}:{number}" for path, number in ifs)
        yield "lib", 1, f"{len(ifs)} #if in {total} lines, at most {budget}: {places}"


def listed(tree):
    """A source that no build file names is compiled by nobody."""
    for path in tree:
        folder, _, name = path.partition("/")
        if folder == "lib" and name.endswith(".cpp"):
            owner, entry = "lib/meson.build", f"'{name}'"
        elif path.startswith("include/gyre/") and name.endswith(".hpp"):
            owner, entry = "include/gyre/meson.build", f"'{path.removeprefix('include/gyre/')}'"
        elif path.startswith("test/") and name.endswith("_test.cpp"):
            stem = name.split("/", 1)[1].removesuffix("_test.cpp")
            owner, entry = "test/meson.build", f"'{stem}'"
        elif path.startswith("docs/examples/") and name.endswith(".cpp"):
            owner, entry = "docs/examples/meson.build", f"'{Path(path).stem}'"
        elif path.startswith("docs/reference/"):
            owner, entry = "test/meson.build", f"'{Path(path).stem}'"
        else:
            continue
        if not any(entry in line for line in tree.get(owner, [])):
            yield path, 1, f"not listed in {owner}"


def has_page(tree):
    for path in tree:
        if not re.match(r"include/gyre/(?!detail/).*\.hpp$", path):
            continue
        name = path.removeprefix("include/gyre/").removesuffix(".hpp")
        page = DESCRIBED_BY.get(name, Path(name).name)
        if name in NO_PAGE_NEEDED | PAGE_OWED:
            continue
        if f"docs/reference/{page}.md" not in tree:
            yield path, 1, f"no docs/reference/{page}.md"


def depth(tree):
    for path in tree:
        allowed = {"lib": 2, "include": 4, "test": 3, "bench": 2, "docs": 2}.get(path.split("/")[0])
        if allowed is not None and path.count("/") > allowed:
            yield path, 1, "a folder too deep"


def lessons(tree):
    """Each row of docs/lessons.md has a case with its tag, and each such tag a row."""
    page, rows, tags = "docs/lessons.md", {}, {}
    for number, line in enumerate(tree.get(page, []), 1):
        if row := re.match(r"\| ([DL]\d+b?) \|", line):
            rows[row[1]] = (page, number)
    for path, lines in tree.items():
        if path.startswith("test/") and path.endswith(CODE):
            for number, line in enumerate(lines, 1):
                for tag in re.findall(r"\[([DL]\d+b?)\]", line):
                    tags.setdefault(tag, (path, number))
    for tag in sorted(rows.keys() - tags.keys()):
        yield *rows[tag], f"no case has the tag [{tag}]"
    for tag in sorted(tags.keys() - rows.keys()):
        yield *tags[tag], f"{page} has no row for [{tag}]"


TREE_RULES = (if_budget, listed, has_page, depth, lessons)


def warnings(tree):
    for path, lines in tree.items():
        if path.endswith(CODE) and FILE_SOFT < len(lines) <= FILE_MAX:
            yield path, 1, f"{len(lines)} lines; a file is 100-300, more than {FILE_SOFT} is a lot"
    for name in sorted(PAGE_OWED):
        page = DESCRIBED_BY.get(name, Path(name).name)
        if f"docs/reference/{page}.md" in tree:
            yield f"include/gyre/{name}.hpp", 1, "has its page now: take it out of PAGE_OWED"
        else:
            yield f"include/gyre/{name}.hpp", 1, f"docs/reference/{page}.md is owed"


# --- running ----------------------------------------------------------------------------------

PLACES = ("include", "lib", "test", "bench", "docs", "README.md", "dev", ".ci", "meson.build",
          "meson_options.txt")  # fmt: skip


def read_tree(root):
    tree = {}
    for place in PLACES:
        top = root / place
        for file in sorted(top.rglob("*")) if top.is_dir() else [top]:
            path = file.relative_to(root).as_posix()
            known = path.endswith((*CODE, ".py", ".sh", ".md", "meson.build", "meson_options.txt"))
            if file.is_file() and (known or path in ("dev", ".ci/run")):
                tree[path] = file.read_text().splitlines()
    return tree


def check(tree):
    for path, lines in tree.items():
        for endings, rules in FILE_RULES.items():
            if ("/" + path).endswith(endings):
                for rule in rules:
                    for number, text in rule(path, lines):
                        yield path, number, text
    for rule in TREE_RULES:
        yield from rule(tree)


def long_function(count, head="void f(int x)"):
    return [head + " {", *["    g();"] * (count - 2), "}"]


# (rule, path, lines, whether it must fire)
SNIPPETS = [
    (layers, "lib/slab/slab.cpp", ['#include "timer/op_ring.hpp"'], True),
    (layers, "lib/slab/slab.cpp", ['#include "slab/slab.hpp"'], False),
    (layers, "lib/poll/epoll.cpp", ["#include <gyre/io_context.hpp>"], True),
    (layers, "lib/poll/epoll.cpp", ["#include <gyre/poller.hpp>"], False),
    (layers, "lib/timer/op_ring.cpp", ['#include "core/reactor.hpp"'], True),
    (layers, "lib/timer/steady_timer.cpp", ['#include "core/reactor.hpp"'], False),
    (layers, "lib/core/reactor.cpp", ['#include "net/socket.hpp"'], True),
    (layers, "lib/core/reactor.cpp", ["#include <gyre/ip/tcp.hpp>"], True),
    (layers, "lib/platform/native_posix.cpp", ['#include "core/reactor.hpp"'], True),
    (layers, "lib/net/tcp.cpp", ['#include "sys/pipe.hpp"'], True),
    (layers, "lib/net/tcp.cpp", ['#include "core/reactor.hpp"'], False),
    (layers, "lib/new/x.cpp", [""], True),
    (layers, "include/gyre/poller.hpp", ["#include <gyre/io_context.hpp>"], True),
    (layers, "include/gyre/io_context.hpp", ["#include <gyre/ip/tcp.hpp>"], True),
    (layers, "include/gyre/ip/tcp.hpp", ["#include <gyre/io_context.hpp>"], False),
    (include_form, "lib/net/tcp.cpp", ['#include "gyre/error.hpp"'], True),
    (include_form, "lib/net/tcp.cpp", ['#include "tcp.hpp"'], True),
    (include_form, "lib/net/tcp.cpp", ['#include "net/tcp.hpp"', "#include <vector>"], False),
    (forbidden_headers, "include/gyre/a.hpp", ["#include <boost/intrusive/set.hpp>"], True),
    (forbidden_headers, "include/gyre/a.hpp", ["#include <fmt/format.h>"], True),
    (forbidden_headers, "include/gyre/a.hpp", ["#include <sys/socket.h>"], True),
    (forbidden_headers, "include/gyre/a.hpp", ["#include <functional>"], True),
    (forbidden_headers, "include/gyre/use_future.hpp", ["#include <future>"], False),
    (forbidden_headers, "include/gyre/a.hpp", ["#include <chrono>"], False),
    (forbidden_headers, "lib/core/a.cpp", ["#include <unistd.h>"], True),
    (forbidden_headers, "lib/net/socket.cpp", ["#include <netinet/in.h>"], True),
    (forbidden_headers, "lib/net/socket_posix.cpp", ["#include <netinet/in.h>"], False),
    (forbidden_headers, "lib/poll/epoll.cpp", ["#include <sys/epoll.h>"], False),
    (outside_world, "lib/core/a.cpp", ["auto t = std::chrono::steady_clock::now();"], True),
    (outside_world, "lib/core/a.cpp", ["std::thread t(f);"], True),
    (outside_world, "lib/sys/a.cpp", ["clock_gettime(CLOCK_MONOTONIC, &t);"], True),
    (outside_world, "lib/core/a.cpp", ["std::thread::id owner_; // steady_clock::now()"], False),
    (outside_world, "lib/platform/a.cpp", ["std::thread t(f);"], False),
    (outside_world, "lib/net/a.cpp", ["changed_.wait_until(lock, end);"], True),
    (outside_world, "lib/core/token.hpp", ["freed_.wait_until(lock, at);"], False),
    (sleeping_tests, "test/unit/a_test.cpp", ["    std::this_thread::sleep_for(1ms);"], True),
    (sleeping_tests, "test/unit/a_test.cpp", ["std::this_thread::sleep_for(1ms);  // idle"], False),
    (sleeping_tests, "bench/a.cpp", ["std::this_thread::sleep_for(1ms);"], False),
    (system_in_function, "lib/core/a.cpp", ["void f() {", "#if A", "#endif", "}"], True),
    (system_in_function, "lib/core/a.cpp", ["#if A", "void f() {", "}", "#endif"], False),
    (system_in_function, "lib/poll/a.cpp", ["void f() {", "#if A", "#endif", "}"], False),
    (lengths, "lib/a/b.cpp", ["x" * 101], True),
    (lengths, "lib/a/b.cpp", ["x" * 100], False),
    (lengths, "lib/a/b.cpp", [""] * 701, True),
    (lengths, "lib/a/b.cpp", long_function(71), True),
    (lengths, "lib/a/b.cpp", long_function(71, "a::a(int x) noexcept : x_{x}, y_(0)"), True),
    (lengths, "lib/a/b.cpp", long_function(71, "auto f() -> std::vector<int>"), True),
    (lengths, "lib/a/b.cpp", long_function(70), False),
    (lengths, "lib/a/b.cpp", long_function(200, "class x final : public y"), False),
    (lengths, "lib/a/b.cpp", long_function(200, "namespace gyre::inline v0"), False),
    (opening, "lib/a/b.cpp", ["#include <x>"], True),
    (opening, "lib/a/b.cpp", ["// " + SPDX, "//", "// For tests."], False),
    (opening, "lib/a/b.cpp", ["// " + SPDX, "", "int x;"], True),
    (opening, "lib/a/b.hpp", ["// " + SPDX, "//", "// For tests."], True),
    (opening, "dev", ["#!/bin/sh", "# " + SPDX], False),
    (unfinished, "lib/a/b.cpp", ["// TO" + "DO: finish"], True),
    (unfinished, "lib/a/b.cpp", ["// done"], False),
    (blanks, "lib/a/b.cpp", ["x "], True),
    (blanks, "lib/a/b.cpp", ["\tx"], True),
    (one_title, "docs/a.md", ["# A", "text", "# B"], True),
    (one_title, "docs/a.md", ["text"], True),
    (one_title, "docs/a.md", ["# A", "```", "# comment", "```", "## B"], False),
]

TREE_SNIPPETS = [
    (if_budget, {"lib/a.cpp": ["#if A", "#endif"] * 4 + [""] * 992}, True),
    (if_budget, {"lib/a.cpp": ["#if A", "#endif"] * 3 + [""] * 994}, False),
    (listed, {"lib/a/b.cpp": [], "lib/meson.build": ["    'a/c.cpp',"]}, True),
    (listed, {"lib/a/b.cpp": [], "lib/meson.build": ["    'a/b.cpp',"]}, False),
    (listed, {"include/gyre/b.hpp": [], "include/gyre/meson.build": []}, True),
    (listed, {"test/unit/b_test.cpp": [], "test/meson.build": ["'b',"]}, False),
    (listed, {"test/unit/b_test.cpp": [], "test/meson.build": ["'c',"]}, True),
    (has_page, {"include/gyre/thing.hpp": []}, True),
    (has_page, {"include/gyre/thing.hpp": [], "docs/reference/thing.md": []}, False),
    (has_page, {"include/gyre/detail/thing.hpp": []}, False),
    (listed, {"docs/reference/thing.md": [], "test/meson.build": []}, True),
    (depth, {"lib/core/linux/a.cpp": []}, True),
    (depth, {"lib/core/a.cpp": [], "include/gyre/ip/tcp.hpp": []}, False),
    (lessons, {"docs/lessons.md": ["| D1 | a | b |"], "test/a.cpp": ["[D2]"]}, True),
    (lessons, {"docs/lessons.md": ["| L1 | a | b |"], "test/a.cpp": []}, True),
    (lessons, {"docs/lessons.md": ["| L1 | a | b |"], "test/a.cpp": ['"[L1]"']}, False),
]


def self_test():
    wrong = 0
    for rule, *arguments, fires in SNIPPETS + TREE_SNIPPETS:
        if bool(list(rule(*arguments))) != fires:
            wrong += 1
            print(f"{rule.__name__} {'did not fire' if fires else 'fired'} on {arguments}"[:300])
    rules = {rule for group in FILE_RULES.values() for rule in group} | set(TREE_RULES)
    for rule in rules - {row[0] for row in SNIPPETS + TREE_SNIPPETS if row[-1]}:
        wrong += 1
        print(f"{rule.__name__} is never seen to fire")
    print(f"self-test: {len(SNIPPETS) + len(TREE_SNIPPETS)} snippets, {wrong} wrong")
    return wrong > 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    tree = read_tree(Path(sys.argv[1]))
    for path, number, text in warnings(tree):
        print(f"{path}:{number}: warning: {text}")
    found = sorted(set(check(tree)))
    for path, number, text in found:
        print(f"{path}:{number}: {text}")
    print(f"tidy: {len(tree)} files, {len(found)} findings")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
