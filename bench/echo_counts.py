#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What an echo round trip costs the server, by each library: the same program, the same load.

    echo_counts.py --load ECHO_LOAD --gyre SERVER [--asio SERVER] [--only WHAT...]

WHAT: instructions (valgrind's callgrind, user space), allocations (valgrind's memcheck), calls
(strace), cpu (user and system time as the kernel accounts it). Each is measured by runs of two
lengths, so that starting and ending cancel out; `epoll_ctl` alone is counted over a whole run. What
the machine has no tool for is left out. One JSON line a figure on standard output; the table, for
people, goes to standard error.

valgrind 3.19 answers ENOSYS to epoll_pwait2: what is counted there is the way around it.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

SIZE = 64
TIME_LIMIT = 300  # seconds, for one run
REPETITIONS = 5  # of what is not exact

# what -> (tool it needs, round trips of the short and of the long run)
TRIPS = {
    "instructions": ("valgrind", 2_000, 12_000),
    "allocations": ("valgrind", 2_000, 12_000),
    "calls": ("strace", 2_000, 12_000),
    "cpu": (None, 5_000, 55_000),
}


class Run:
    """One life of a server under a tool, with its load; what it cost is read from the tool."""

    def __init__(self, load, server, connections, trips, prefix=()):
        with tempfile.TemporaryFile("w+") as said:
            process = subprocess.Popen(
                [*prefix, server, str(connections)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, text=True,
            )  # fmt: skip
            try:
                port = process.stdout.readline().rsplit(":", 1)[-1].strip()
                if not port.isdigit():
                    raise RuntimeError(f"{server} did not listen")
                subprocess.run(
                    [load, "127.0.0.1", port, "--connections", str(connections),
                     "--size", str(SIZE), "--trips", str(trips)],
                    check=True, stdout=subprocess.DEVNULL, timeout=TIME_LIMIT,
                )  # fmt: skip
                with watchdog(process):
                    _, status, self.usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            finally:
                if process.returncode is None:
                    process.kill()
                    process.wait()
                process.stdout.close()
            said.seek(0)
            self.said = said.read()
        if process.returncode != 0:
            raise RuntimeError(f"{' '.join(process.args)}: {process.returncode}\n{self.said}")


@contextlib.contextmanager
def watchdog(process):
    """Kills the server if it does not end with its last connection."""
    old = signal.signal(signal.SIGALRM, lambda *_: process.kill())
    signal.alarm(TIME_LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)


def instructions(load, server, connections, trips):
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    said = Run(load, server, connections, trips, tool).said
    return {"user_instructions": int(re.search(r"Collected : (\d+)", said)[1])}


def allocations(load, server, connections, trips):
    tool = ["valgrind", "--tool=memcheck", "--leak-check=no"]
    said = Run(load, server, connections, trips, tool).said
    heap = re.search(r"total heap usage: ([\d,]+) allocs.* ([\d,]+) bytes", said)
    return {"allocations": int(heap[1].replace(",", ""))}


def calls(load, server, connections, trips):
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "strace"
        Run(load, server, connections, trips, ["strace", "-c", "-f", "-o", str(table)])
        counts = {}
        # % time, seconds, usecs/call, calls, errors (or nothing), name
        for line in table.read_text().splitlines():
            fields = line.split()
            if len(fields) in (5, 6) and fields[3].isdigit() and fields[-1] != "total":
                counts[fields[-1]] = int(fields[3])
    return {"system_calls": sum(counts.values()), **{f"calls.{n}": c for n, c in counts.items()}}


def cpu(load, server, connections, trips):
    usage = Run(load, server, connections, trips).usage
    return {"cpu_user_us": usage.ru_utime * 1e6, "cpu_system_us": usage.ru_stime * 1e6}


MEASURES = {f.__name__: f for f in (instructions, allocations, calls, cpu)}


def per_trip(what, load, server, connections):
    """Figures of one round trip, and counts over the whole of the longer run."""
    _, few, many = TRIPS[what]
    short = MEASURES[what](load, server, connections, few)
    long = MEASURES[what](load, server, connections, many)
    figures = {
        name: (long[name] - short.get(name, 0)) / (many - few)
        for name in long
        if not name.startswith("calls.")
    }
    for name in sorted(n for n in long if n.startswith("calls.")):
        each = (long[name] - short.get(name, 0)) / (many - few)
        if each >= 0.005:
            figures[name] = each
    if what == "calls":
        figures["epoll_ctl_in_all"] = long.get("calls.epoll_ctl", 0)
        figures["system_calls_in_all_over_trips"] = long["system_calls"] / many
    return figures


def median_of(rows):
    return {name: sorted(row[name] for row in rows)[len(rows) // 2] for name in rows[0]}


def measure(what, load, servers, connections):
    """The libraries take turns, so that a change of the machine's mood meets all of them."""
    rows = {library: [] for library in servers}
    for _ in range(REPETITIONS if what == "cpu" else 1):
        for library, server in servers.items():
            rows[library].append(per_trip(what, load, server, connections))
    return {library: median_of(found) for library, found in rows.items()}


def table(results):
    libraries = sorted({library for _, _, library, _ in results}, reverse=True)
    libraries.sort(key=lambda name: name != "gyre")
    cells = {}
    for connections, name, library, value in results:
        cells.setdefault((connections, name), {})[library] = value
    head = f"{'connections':>11}  {'per round trip':<32}"
    lines = [head + "".join(f"{name:>10}" for name in libraries)]
    for (connections, name), row in cells.items():
        shown = (f"{row[x]:10.3f}" if x in row else " " * 10 for x in libraries)
        lines.append(f"{connections:>11}  {name:<32}" + "".join(shown))
    return "\n".join(lines)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--load", required=True)
    options.add_argument("--gyre", required=True)
    options.add_argument("--asio")
    options.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    options.add_argument("--connections", nargs="+", type=int, default=[1, 50])
    asked = options.parse_args()
    servers = {"gyre": asked.gyre}
    if asked.asio:
        servers["asio"] = asked.asio

    results = []
    for what in asked.only:
        tool = TRIPS[what][0]
        if tool and not shutil.which(tool):
            print(f"echo_counts: no {tool}, so no {what}", file=sys.stderr)
            continue
        for connections in asked.connections:
            found = measure(what, asked.load, servers, connections)
            for library, figures in found.items():
                for name, value in figures.items():
                    results.append((connections, name, library, value))
                    line = {"name": f"echo_{name}", "library": library,
                            "connections": connections, "value": round(value, 3)}  # fmt: skip
                    print(json.dumps(line), flush=True)
    print(table(results), file=sys.stderr)


if __name__ == "__main__":
    main()
