# SPDX-License-Identifier: BSL-1.0
"""docs/benchmarks.md and its charts, from the JSON of a run. The same JSON gives the same bytes."""

import dataclasses
import textwrap

import cases
import charts
import rows
from results import table_of

FOLDER = "benchmarks"  # of the charts, beside the page


@dataclasses.dataclass(frozen=True)
class Chart:
    file: str
    title: str
    figure: str
    groups: tuple
    log: bool = False


@dataclasses.dataclass(frozen=True)
class Section:
    title: str
    text: str
    prefixes: tuple  # of the cases it shows
    charts: tuple


def sized(prefix):
    return tuple((f"{size} pending", f"{prefix}-{size}") for size in ("100", "10k", "1M"))


def echoes(size):
    return tuple((f"{count} connection(s)", f"echo-{count}x{size}") for count in (1, 50, 1000))


SECTIONS = (
    Section(
        "Echo",
        "A server sends back what it receives: 64 bytes, 4 KiB, 64 KiB, over 1, 50 and 1000 "
        "connections that take turns. Almost all of it is the kernel's work.",
        ("echo",),
        (
            Chart("echo-cpu", "CPU of the server per echo of 64 bytes, ns", "cpu_ns",
                  echoes("64B")),
            Chart("echo-cpu-64k", "CPU of the server per echo of 64 KiB, ns", "cpu_ns",
                  echoes("64K")),
            Chart("echo-instructions", "Instructions in user space per echo of 64 bytes",
                  "instructions", echoes("64B")),
            Chart("echo-calls", "System calls per echo of 64 bytes", "system_calls",
                  echoes("64B")),
        ),
    ),
    Section(
        "Whole messages",
        "Messages of 64 KiB are read whole and written whole: `async_read` and `async_write` "
        "where there are such, by hand elsewhere.",
        ("composed",),
        (),
    ),
    Section(
        "Short connections",
        "A client connects, has 64 bytes echoed and closes; 50 do so at a time.",
        ("short",),
        (),
    ),
    Section(
        "Two threads",
        "`threads`: two threads are in `run()` of one context and share its connections; what this "
        "costs over one thread is how the work goes from one to the other. `loops`: each has a "
        "context of its own, by `loop_pool`, and the connections go to them in turn.",
        ("threads", "loops"),
        (),
    ),
    Section(
        "Idle connections",
        "Bytes and blocks on the heap for each of 10,000 connections that wait for data, with "
        "a session that holds 64 bytes of its own.",
        ("idle",),
        (Chart("idle", "Bytes on the heap per idle connection", "heap_bytes",
               (("10,000 connections", "idle"),)),),
    ),
    Section(
        "Pipes",
        "libevent's own benchmark: so many pairs of sockets are watched, a byte or a hundred "
        "travel through them. The libraries that speak Asio's language wait by `async_wait`.",
        ("pipes",),
        (
            Chart("pipes", "CPU per hop, ns", "cpu_ns", tuple(
                (f"{pipes} pairs, {active}", f"pipes-{pipes}x{active}")
                for pipes in (100, 1000, 9000) for active in (1, 100))),
        ),
    ),
    Section(
        "Posts",
        "Functions that are given to the loop: each by the one before, a thousand or a "
        "million at once, by other threads, to a loop that sleeps. libuv has no queue of "
        "functions: a vector and an idle handle stand for it. libev and libevent call what "
        "was fed to them before they look at a descriptor again, so a chain starves "
        "everything else there. Between threads all three need a queue under a mutex beside "
        "their own wake-up.",
        ("post",),
        (
            Chart("post", "CPU per function, ns", "cpu_ns",
                  (("chain", "post-chain"), ("1000 at once", "post-at-once"),
                   ("from 1 thread", "post-from-1"), ("from 4 threads", "post-from-4")), True),
        ),
    ),
    Section(
        "Timers",
        "With 100, 10,000 and a million timers pending. `insert-cancel` arms and cancels the "
        "same timers again and again, as a session does with its timeout, `fresh` arms new "
        "ones in a new loop, so that the first touch of memory counts, until so many are "
        "pending, and cancels them all. In the libraries that speak Asio's language to arm is "
        "`expires_after` or `expires_at` and `async_wait`; setting a timer anew ends its "
        "wait, whose handler is called, and that is counted. In the others a callback stays "
        "with its timer. libuv's timers count milliseconds, libevent's default clock ticks "
        "every 4.",
        ("timer",),
        (
            Chart("timer-insert-cancel", "Arm and cancel, CPU ns", "cpu_ns",
                  sized("timer-insert-cancel"), True),
            Chart("timer-fresh", "Arm a new timer, CPU ns", "insert_cpu_ns", sized("timer-fresh"),
                  True),
            Chart("timer-extend", "Set to a later time, CPU ns", "cpu_ns", sized("timer-extend"),
                  True),
            Chart("timer-earlier", "Set to an earlier time, CPU ns", "cpu_ns",
                  sized("timer-earlier"), True),
            Chart("timer-fire", "Fire, CPU ns", "cpu_ns", sized("timer-fire"), True),
        ),
    ),
    Section(
        "Timeouts",
        "Bytes are read from a local socket one by one, without a timeout, and each with one of "
        "30 s that never comes: `cancel_after` in Gyre; in Asio, whose release here has no such "
        "thing, a timer that cancels the socket and is cancelled itself. `timeout-beyond` runs "
        "both in turn in one process, since the system calls around them differ by more from "
        "minute to minute than the timeout costs.",
        ("timeout",),
        (
            Chart("timeout", "CPU per read, ns", "cpu_ns",
                  (("without", "timeout-plain"), ("with a timeout", "timeout-timed"))),
        ),
    ),
    Section(
        "Compiling",
        "The echo program of 64 bytes, each library by its narrowest headers. \"Lines added\" "
        "are those after the preprocessor beyond what the program's own standard headers "
        "leave.",
        ("compile",),
        (
            Chart("compile", "CPU seconds at -O2", "cpu_s", (("echo program", "compile"),)),
        ),
    ),
)  # fmt: skip

METHOD = """\
* The floor is what the work costs with `epoll`, plain queues and a plain timer store (a 4-ary heap
  or a red-black tree, whichever does better), in a loop that can do no more than these programs
  ask. It is no library, and what is below it is noise.
* CPU time is that of the process or thread that is measured, user and system. A server's is the
  difference of two runs of different lengths, so that starting and ending cancel out. Server and
  load, and the two sides where threads post, have different processors.
* The libraries take turns, {rounds} rounds; shown are the median, and the least and the most.
  `/ floor` is a row's median over the floor's; `Gyre /` is Gyre's median over the row's: below 1
  Gyre is cheaper.
* The load knows no library and checks every byte.
* Instructions are counted by callgrind, in user space only, system calls by strace, allocations by
  a preloaded `malloc`; as differences of two runs too. valgrind 3.19 has no `epoll_pwait2`: Gyre
  and the floor take their way around it there. These tools stretch time: the bound on how long a
  turn of Gyre's loop may last is stretched with it, and the calls of a server with two threads are
  counted in four runs, a few kinds at a time, lest they wait for each other where they never do.
* Wake-ups are calls that may wake the loop (`write`, `epoll_ctl`); sleeps, how often the loop's
  thread was put to sleep, and of a server with two threads how often either was.
* All libraries are Debian's packages with their defaults: `io_context()` without a hint, Gyre as a
  shared library like the C ones.
"""


def markdown(head, body):
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in body)])


def budgets(results):
    peers = [library for library in cases.PEERS
             if any(name == library for _, name, _ in results.runs)]
    head = ["what", "floor", *(cases.LIBRARIES[p] for p in peers), "Gyre",
            "budget", "met", "here", "met here"]  # fmt: skip
    body = []
    for row in rows.ROWS:
        shown = [row.cell(results, library) for library in ("floor", *peers, "gyre")]
        body.append([row.what, *shown, row.budget, row.verdict(results), row.here(results),
                     row.verdict(results, here=True) if row.here(results) else ""])
    return markdown(head, body)


def tables(results, section):
    for case in cases.CASES.values():
        if case.name.startswith(section.prefixes) and results.libraries(case.name):
            head, *body = table_of(results, case)
            yield f"**`{case.name}`**: {case.title}\n\n{markdown(head, body)}"


def drawn(results, section, docs):
    for chart in section.charts:
        if any(results.median(case, "gyre", chart.figure) is not None for _, case in chart.groups):
            file = f"{FOLDER}/{chart.file}.svg"
            charts.bars(docs / file, results, chart.title, chart.groups, chart.figure, chart.log)
            yield f"![{chart.title}]({file})"


def about(results):
    facts = results.about["machine"] | results.about["versions"]
    return markdown(["", ""], [[str(key), str(value)] for key, value in facts.items()]).replace(
        "|---|---:|", "|---|---|"
    )


def text(results, docs):
    parts = [
        "# Benchmarks",
        "Gyre beside Asio, Boost.Asio, libuv, libevent, libev and the bare floor, the same work\n"
        "written for each of them; all are measured in turn for each question. This page is\n"
        "written by `./dev bench --page`; how to run the benchmarks is in\n"
        "[CONTRIBUTING](CONTRIBUTING.md).",
        "## Budgets",
        "What the design asks of Gyre, and what was found. `met` holds the figure against the\n"
        "budget as it stands. A budget in nanoseconds was set on another machine: `here` is the\n"
        "same multiple of the floor that was measured on this one, the clock's reading in it\n"
        "counted as 20 ns.",
        budgets(results),
    ]
    for section in SECTIONS:
        found = [*drawn(results, section, docs), *tables(results, section)]
        if found:
            parts += [f"## {section.title}", textwrap.fill(section.text, 100), *found]
    parts += ["## How it is measured", METHOD.format(rounds=results.about["rounds"]).strip(),
              "## The machine and the versions", about(results),
              "The commands were the following; a later one measured its questions anew, and\n"
              "may have seen a later tree than the others.\n\n"
              f"```sh\n{results.about['command']}\n```"]  # fmt: skip
    if results.notes:
        parts += ["## Notes of the run", "\n".join(f"* {note}" for note in results.notes)]
    return "\n\n".join(parts) + "\n"


def draw(results, docs):
    folder = docs / FOLDER
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.svg"):
        old.unlink()
    results.write(docs / "benchmarks" / "results.json")  # so that a later run can add to it
    (docs / "benchmarks.md").write_text(text(results, docs))
    print(f"bench: wrote {docs / 'benchmarks.md'}")
    return 0
